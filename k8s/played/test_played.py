"""The rendered manifests at work: what a cluster does to pods, links and certificates, under load, and nothing is lost by it.

The tests are steps of one story, in the order of their names: a fleet and an operator are at work from the first to the last.
"""

import base64
import copy
import datetime
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

import yaml

import ops
from arrangement import Arrangement
from cluster import BEFORE, NOW, until
from manifests import one
from network import Host
from outside import ANOTHER, DEVICES, OPERATORS, Operator, Relay, Work, expired
from pods import Pod
from suite import Suite

SERVERS = ["homepot-registry", "homepot-telemetry", "homepot-command", "homepot-link", "homepot-gateway"]
SERVICES = SERVERS[:4]
# Longer than servers take until they look at their files again.
READ_AGAIN = 25
COUNT = int(os.environ.get("HOMEPOT_CLUSTER_DEVICES", "100"))
# So many hold a stream while certificates change.
STREAMS = 1000


def now():
    return datetime.datetime.now(datetime.UTC)


def moment(text):
    return datetime.datetime.fromisoformat(text)


def memory_percent():
    """Of this machine."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    found = {words[0]: int(words[1]) for words in lines}
    return 100 * (1 - found["MemAvailable:"] / found["MemTotal:"])


def disk_percent():
    usage = os.statvfs("/")
    used = usage.f_blocks - usage.f_bfree
    return 100 * used / (used + usage.f_bavail)


def say(text):
    print(f"    {text}", flush=True)


class Played(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        begun, before = time.monotonic(), os.environ.get("HOMEPOT_PROGRAMS_BEFORE")
        world = Arrangement(Path(os.environ["HOMEPOT_PROGRAMS"]), before and Path(before))
        cls.addClassCleanup(world.close)
        cls.world, cls.cluster, cls.postgres, cls.balancers, cls.operator = world, world.cluster, world.postgres, world.balancers, world.operator
        cls.authority, cls.successor, cls.outside = world.authority, world.successor, world.outside
        # Devices of the release before too, where there is one: they are behind the servers at times, and ahead at others.
        cls.fleets = [world.fleet(COUNT, release, "--interval", "2s") for release in cls.cluster.programs]
        cls.count = COUNT * len(cls.fleets)
        until("all devices hold a stream", lambda: cls.attached() == cls.count, 120)
        listed = cls.operator.must("GET", "/api/v2/devices?page_size=50")["devices"]
        cls.work = Work(cls.operator, [device["device_id"] for device in listed])
        cls.work.start()
        say(f"{len(cls.cluster.running())} pods, {cls.count} devices and an operator are at work after {time.monotonic() - begun:.0f} s")

    @classmethod
    def attached(cls):
        return cls.cluster.metric("homepot-link", "homepot_sessions")

    @classmethod
    def join(cls, name, count, *words):
        """More devices, which stay to the end."""
        cls.fleets.append(cls.world.fleet(count, NOW, *words, name=name))
        cls.count += count
        until("they hold a stream", lambda: cls.attached() == cls.count, 300)

    def setUp(self):
        self.before = (self.work.read, len(self.work.acknowledged))
        self.work.repeated.clear()

    def tearDown(self):
        """After each step all is as it was: each device holds a stream, and nothing failed for the operator meanwhile."""
        if getattr(getattr(self, self._testMethodName), "is_last", False):
            return
        self.cluster.settle()
        until("all devices hold a stream again", lambda: self.attached() == self.count, 120)
        read, queued = self.work.read - self.before[0], len(self.work.acknowledged) - self.before[1]
        say(f"{read} lists read, {queued} commands queued, {len(self.work.repeated)} calls sent again {set(self.work.repeated) or ''}")
        failed, self.work.failed[:] = list(self.work.failed), []
        self.assertEqual(failed[:5], [], f"{len(failed)} failed")

    def stays(self, what, seconds, holds):
        """That it holds the whole time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertTrue(holds(), what)
            time.sleep(0.5)

    def ended(self):
        return self.cluster.metric("homepot-link", "homepot_sessions_ended_total")

    def test_10_pods_have_no_rights(self):
        for pod in self.cluster.running():
            with self.subTest(pod=pod.name):
                status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pod.process}/status").read_text().splitlines() if ":\t" in line)
                self.assertEqual(status["Uid"].split(), ["65532"] * 4)
                self.assertEqual({status[capabilities] for capabilities in ("CapEff", "CapPrm", "CapBnd")}, {"0000000000000000"})
                self.assertEqual(status["NoNewPrivs"], "1")
                root = next(line for line in Path(f"/proc/{pod.process}/mountinfo").read_text().splitlines() if line.split()[4] == "/")
                self.assertTrue(root.split()[5].startswith("ro"), root)

    def test_15_services_answer_nobody_who_shows_no_certificate_of_a_gateway(self):
        laid = {}
        for name in ("homepot-gateway-client-tls", "homepot-services-tls"):
            laid[name] = self.cluster.directory / name
            self.cluster.lay_files(laid[name], name)
        for role in ("registry", "telemetry", "command", "link"):
            [pod, *_] = self.cluster.running(f"homepot-{role}")
            with self.subTest(role=role):
                # Devices have none.
                self.assertEqual(self.operator.greets(pod), role == "link", "without a certificate")
                self.assertTrue(self.operator.greets(pod, laid["homepot-gateway-client-tls"]), "with that of a gateway")
                self.assertFalse(self.operator.greets(pod, laid["homepot-services-tls"]), "with one for servers")
        # A gateway's pod in all but the certificate reaches no service, and a link alone answers nothing of this.
        gateway = copy.deepcopy(one(self.cluster.objects, "Deployment", "homepot-gateway"))
        [container] = gateway["spec"]["template"]["spec"]["containers"]
        container["env"] = [variable for variable in container["env"] if "CLIENT" not in variable["name"]]
        container["env"].append({"name": "HOMEPOT_LOG", "value": "info,homepot_server=debug"})
        pod = Pod(self.cluster, gateway)
        until("it is refused", lambda: "CertificateRequired" in pod.log(), 60)
        caller = Operator(self.operator.ca, self.operator.token, pod.address, 8000)
        caller.trust.check_hostname = False
        self.stays("it reaches no service", 3, lambda: caller.call("GET", "/api/v2/sites")[0] == 503)
        pod.end()

    def test_20_both_links_and_both_gateways_have_their_share(self):
        links = self.cluster.running("homepot-link")
        self.assertEqual(len(links), 2)
        shares = [ops.metric(pod.address, "homepot_sessions") for pod in links]
        self.assertGreater(min(shares), self.count / 4)

    def test_25_the_agent_on_a_node_reports_the_node(self):
        self.operator.must("POST", "/api/v2/sites", {"site_id": "site-001", "name": "Nodes"})
        made = self.operator.must("POST", "/api/v2/enrollment-tokens", {"site_id": "site-001"})
        authority = base64.b64decode(self.cluster.secrets["homepot-devices-tls"]["data"]["ca.crt"])
        data = {"enrollment-token": made["secret"].encode(), "ca.crt": authority}
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        self.cluster.take(yaml.safe_dump({"kind": "Secret", "metadata": {"name": "homepot-agent"}, "data": encoded}))
        daemons = one(self.cluster.objects, "DaemonSet", "homepot-agent")
        for when in ("at first", "with another pod, whose token was used before"):
            with self.subTest(when=when):
                pod = Pod(self.cluster, daemons)
                sample = until("it has reported", lambda since=now(): self.measured(self.cluster.node.name, since), 60)
                self.assertAlmostEqual(sample["memory_percent"], memory_percent(), delta=10)
                self.assertAlmostEqual(sample["disk_percent"], disk_percent(), delta=2)
                self.assertTrue(pod.end(), "it ended by itself")

    def measured(self, device, since):
        """Its newest sample, if it was stored after that."""
        found = self.operator.must("GET", "/api/v2/samples/latest?site_id=site-001").get("samples", [])
        return next((one["sample"] for one in found if one["device_id"] == device and moment(one["received_at"]) > since), None)

    def test_30_every_pod_is_killed(self):
        for pod in [pod for workload in SERVERS for pod in self.cluster.running(workload)]:
            restarted = pod.restarted
            pod.kill()
            until(f"{pod.name} was restarted", lambda pod=pod, restarted=restarted: pod.restarted > restarted and pod.ready, 60)

    def test_40_every_role_is_rolled(self):
        """From the release before to this one where there are programs of it, back, and on again in the other order."""
        rounds = [(NOW, reversed(SERVERS))]
        if BEFORE in self.cluster.programs:
            rounds += [(BEFORE, reversed(SERVERS)), (NOW, SERVERS)]
        for release, order in rounds:
            self.cluster.release = release
            for workload in order:
                for pod in self.cluster.running(workload):
                    _, by_itself = self.cluster.replace(pod)
                    self.assertTrue(by_itself, f"{pod.name} had to be killed at its end")
        self.assertEqual(self.work.repeated, [], "nobody notices an upgrade")

    def test_45_the_balancers_change_places(self):
        """From here on Envoy stands before devices, and HAProxy before operators."""
        self.balancers.swap()

    def test_50_links_are_cut(self):
        link, other = self.cluster.running("homepot-link")
        gateway = self.cluster.running("homepot-gateway")[0]
        registry = self.cluster.running("homepot-registry")[0]
        database = self.postgres.host.address
        for what, host, trouble in [
            ("a link can't send to Postgres", link.host, lambda host: host.drop("OUTPUT", "-d", database)),
            ("a link hears nothing of Postgres", other.host, lambda host: host.drop("INPUT", "-s", database)),
            ("a gateway hears nothing of the registry", gateway.host, lambda host: host.drop("INPUT", "-s", registry.address)),
            ("a link has a bad line", link.host, lambda host: host.slow("256kbit")),
        ]:
            with self.subTest(what=what):
                trouble(host)
                time.sleep(8)
                host.heal()
                self.cluster.settle()

    def test_52_a_long_line_delays_holds_and_drops_what_devices_send(self):
        with Relay(self.balancers.at_devices.host.address, 0.2) as relay:
            self.cluster.dns.answer(DEVICES, [relay.host.address])
            begun = time.monotonic()
            self.operator.certificate(relay.host)
            self.assertGreater(time.monotonic() - begun, 0.4, "a handshake goes there and back")
            self.join("far", 20, "--interval", "2s")
            for word in ("hold up", "pass", "hold down", "pass", "hold up", "hold down", "cut", "pass"):
                relay.do(word)
                # Longer than devices take to measure, and to miss an answer.
                time.sleep(8 if word.startswith("hold") else 0)
            until("all devices hold a stream again", lambda: self.attached() == self.count, 120)
        self.balancers.place(self.balancers.at_devices, self.balancers.at_operators)

    def test_55_all_of_it_by_ipv6(self):
        """The names of Services and balancers have IPv6 addresses only, and pods that come to know them so."""
        self.cluster.six = True
        self.cluster.endpoints()
        self.balancers.place(self.balancers.at_devices, self.balancers.at_operators, six=True)
        for workload in SERVERS:
            for pod in self.cluster.running(workload):
                self.cluster.replace(pod)
        until("all devices hold a stream", lambda: self.attached() == self.count, 120)
        self.join("six", 10, "--interval", "2s")
        hosts = [pod.host for pod in self.cluster.running("homepot-link")]
        streams = sum(len(host.inside("ss", "-Htn6", "src", f"[{host.six}]:50051").splitlines()) for host in hosts)
        self.assertGreaterEqual(streams, self.count)
        self.cluster.six = False
        self.cluster.endpoints()
        self.balancers.place(self.balancers.at_devices, self.balancers.at_operators)

    def test_60_certificates_are_replaced(self):
        self.certify("--authority", self.authority)

    def test_62_another_authority_takes_over(self):
        """As k8s/README.md says it."""
        self.certify("--authority", self.authority, "--trust", self.successor / "tls.crt")
        # A gateway reads its authorities again before a service shows a certificate of the other one.
        time.sleep(READ_AGAIN)
        self.certify("--authority", self.successor, "--trust", self.authority / "tls.crt")
        time.sleep(READ_AGAIN)
        self.certify("--authority", self.successor)
        self.assertEqual(self.work.repeated, [], "no call failed by it")

    def certify(self, *words):
        """Lays new certificates, and waits until every service shows its own. No stream may end by it."""
        if self.count < STREAMS:
            self.join("crowd", STREAMS - self.count, "--interval", "30s")
        pods = [pod for workload in SERVICES for pod in self.cluster.running(workload)]
        before, ended = [self.operator.certificate(pod) for pod in pods], self.ended()
        self.cluster.make_secrets("certificates", "--devices", DEVICES, "--operators", OPERATORS, *(str(word) for word in words))
        for pod, old in zip(pods, before):
            until(f"{pod.name} shows its new certificate", lambda pod=pod, old=old: self.operator.certificate(pod) != old, 90)
        self.assertEqual(self.ended(), ended, "no stream ended by it")

    def test_65_a_certificate_that_has_ended_is_not_taken(self):
        link = self.cluster.running("homepot-link")[0]
        before, kept = self.operator.certificate(link), self.cluster.secrets["homepot-devices-tls"]
        self.cluster.take(expired(kept))
        until("the files are told to be unusable", lambda: self.cluster.metric("homepot-link", "homepot_files_unusable") == 2, 90)
        self.assertEqual(self.operator.certificate(link), before)
        self.cluster.take(yaml.safe_dump(kept))
        until("the files are good again", lambda: self.cluster.metric("homepot-link", "homepot_files_unusable") == 0, 90)

    def test_66_the_password_of_the_database_is_replaced(self):
        """As k8s/README.md says it: first in the Secret, then in Postgres."""
        ended = self.ended()

        def unusable():
            return sum(self.cluster.metric(service, "homepot_files_unusable") for service in SERVICES)

        self.cluster.take(self.outside.secret("homepot-database", self.postgres.url("homepot_server", password=ANOTHER)))
        pods = [pod for service in SERVICES for pod in self.cluster.running(service)]
        until("all have tried it in vain", lambda: unusable() == len(pods), 90)
        self.postgres.sql("postgres", f"ALTER ROLE homepot_server PASSWORD '{ANOTHER}'")
        until("all have taken it", lambda: unusable() == 0, 90)
        for pod in pods:
            until(f"{pod.name} uses it alone", lambda pod=pod: "old address is closed" in pod.log(), 90)
        # Another user, and the one of before may come no more.
        self.postgres.sql("postgres", f"CREATE ROLE homepot_server_2 LOGIN PASSWORD '{ANOTHER}' IN ROLE homepot_server")
        self.cluster.take(self.outside.secret("homepot-database", self.postgres.url("homepot_server_2", password=ANOTHER)))
        connected = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'homepot_server'"
        until("nobody uses the old user", lambda: self.postgres.sql("postgres", connected) == "0", 90)
        self.postgres.sql("postgres", "ALTER ROLE homepot_server NOLOGIN")
        self.assertEqual(self.ended(), ended, "no stream ended by it")
        self.assertEqual(self.work.repeated, [], "no call failed by it")

    def test_67_wrong_keys_through_the_same_balancer_keep_nobody_out(self):
        cafe = Host("cafe", "10.70.0.9")
        flood = cafe.start(sys.executable, "wrong_keys.py", f"{DEVICES}:50051", self.balancers.ca, 1500, stdout=subprocess.PIPE, text=True)
        # Its devices come back by the same balancer meanwhile.
        pod = self.cluster.running("homepot-link")[0]
        restarted = pod.restarted
        pod.kill()
        until(f"{pod.name} was restarted", lambda: pod.restarted > restarted)
        until("all devices are back", lambda: self.attached() == self.count, 90)
        self.assertIsNone(flood.poll(), "the flood was still going on when they were back")
        said = flood.communicate(timeout=120)[0]
        say(f"wrong keys ended so: {said.split()}")
        self.assertIn("RESOURCE_EXHAUSTED", said)

    def test_70_postgres_is_away_for_30_seconds(self):
        ended = self.ended()
        # Nobody can answer meanwhile.
        self.work.pause()
        self.postgres.stop(signal.SIGQUIT)
        # Links stay ready as well, so that balancers leave their streams alone.
        links = self.cluster.running("homepot-link")
        self.stays("no stream ends", 30, lambda: self.attached() == self.count and all(pod.ready for pod in links))
        self.postgres.start()
        self.cluster.settle()
        self.work.resume()
        self.assertEqual(self.ended(), ended, "no stream ended by it")

    def test_90_nothing_was_lost_and_nothing_was_done_twice(self):
        self.work.stop()
        doubled = {key: ids for key, ids in self.work.acknowledged.items() if len(ids) != 1}
        self.assertEqual(doubled, {})
        acknowledged = {one for ids in self.work.acknowledged.values() for one in ids}
        unfinished = "state IN ('queued', 'sent', 'acknowledged', 'running')"
        until("all commands have their outcome", lambda: self.postgres.sql("homepot", f"SELECT count(*) FROM commands WHERE {unfinished}") == "0", 120)
        stored = set(self.postgres.sql("homepot", "SELECT command_id FROM ledger").splitlines())
        self.assertEqual(acknowledged - stored, set())
        self.assertEqual(self.postgres.sql("homepot", "SELECT count(*) - count(DISTINCT idempotency_key) FROM ledger"), "0")
        measured = 0
        for fleet in self.fleets:
            summary = fleet.end(signal.SIGINT)
            say(f"{fleet.name}: {summary}")
            measured += summary["samples"]["measured"]
            self.assertEqual(summary["samples"]["measured"], summary["samples"]["acknowledged"])
        stored = "SELECT count(*) FROM samples WHERE device IN (SELECT device FROM devices WHERE source = 'simulated')"
        self.assertEqual(int(self.postgres.sql("homepot", stored)), measured)

    def test_95_the_end_to_end_tests_pass(self):
        """Those of Rust, with a new database each. The fleets are gone, and so is what they did."""
        self.work.stop()
        for fleet in self.fleets:
            fleet.process.kill()
        chosen = os.environ.get("HOMEPOT_CLUSTER_TESTS", "").split()
        ran, own, wrong = Suite(self.world, self.cluster.programs[NOW]).run(*chosen)
        say(f"{len(ran)} end-to-end tests ran here, {len(own)} need a system of their own")
        # In full: what unittest says of two values that differ is cut short.
        if wrong:
            self.fail(f"{len(wrong)} failed: {', '.join(wrong)}" + "".join(f"\n\n{name}:{text}" for name, text in wrong.items()))
        self.assertGreater(len(ran), 0 if chosen else 100)

    # The fleets have ended: no step's end to wait for.
    test_90_nothing_was_lost_and_nothing_was_done_twice.is_last = True
    test_95_the_end_to_end_tests_pass.is_last = True


if __name__ == "__main__":
    unittest.main()
