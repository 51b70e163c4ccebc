"""The whole arrangement: the cluster, what stands around it, and an operator who has signed in."""

import base64

import ops
from cluster import NOW, Cluster, until
from balancers import Balancers
from outside import DEVICES, OPERATORS, Authority, Fleet, Operator, Postgres, Redis


class Arrangement:
    def __init__(self, programs, before=None):
        self.cluster = cluster = Cluster(programs, before)
        cluster.images()
        self.outside = outside = Authority(cluster.directory / "outside")
        self.postgres = Postgres(outside, cluster.dns)
        redis = Redis(outside, cluster.dns, cluster.directory)
        cluster.make_secrets("all", "--devices", DEVICES, "--operators", OPERATORS)
        for secret, user in (("homepot-database", "homepot_server"), ("homepot-database-owner", "homepot")):
            cluster.take(outside.secret(secret, self.postgres.url(user)))
        cluster.take(outside.secret("homepot-redis", redis.url))
        # Those who stand outside trust the authority that will take over from the beginning on, as they would be told to.
        self.authority, self.successor = cluster.keep_authority(), cluster.directory / "successor"
        cluster.make_secrets("authority", "--authority", str(self.successor), keep=False)
        self.balancers = Balancers(cluster, outside, [self.authority / "tls.crt", self.successor / "tls.crt"])
        # The servers first, as `kubectl apply` may have it: they wait for their schema, and are not ready.
        cluster.start()
        until("a server waits for the schema", lambda: any("schema" in ops.reason(pod.address) for pod in cluster.running("homepot-registry")))
        cluster.run_job("homepot-migrate")
        cluster.settle()
        token = base64.b64decode(cluster.secrets["homepot-admin"]["data"]["token"]).decode().strip()
        self.operator = Operator(self.balancers.ca, token)
        until("a balancer has found the gateways", lambda: self.operator.call("GET", "/api/v2/sites")[0] == 200)
        self.operator.must("POST", "/api/v2/sites", {"site_id": "shop", "name": "Shop"})

    def fleet(self, count, release=NOW, *words, name=None):
        """Simulated devices at the site; `words` are further arguments of homepot-sim."""
        wanted = {"site_id": "shop", "max_uses": count, "source": "DEVICE_SOURCE_SIMULATED"}
        made = self.operator.must("POST", "/api/v2/enrollment-tokens", wanted)
        return Fleet(self.cluster, self.balancers.ca, made["secret"], count, release, words, name)

    def close(self):
        self.cluster.close()
        self.postgres.remove()
