"""Who reaches whom, as the network policies have it."""

import unittest

from manifests import labels, objects, of_kind, one, pod, selects, workloads

# Somebody in another namespace, by that namespace's name and the labels of the pod; `None`: not in the cluster.
WORLD = None
DNS = ("kube-system", {"k8s-app": "kube-dns"})
PROMETHEUS = ("monitoring", {"app.kubernetes.io/name": "prometheus"})
STRANGER = ("default", {"app": "stranger"})
PROXY = ("envoy-gateway-system", {"app": "envoy"})
COLLECTOR = ("observability", {"app": "otel-collector"})
OURS = "homepot"
SERVICES = ("registry", "telemetry", "command")


def of_role(role):
    return (OURS, {"app.kubernetes.io/name": "homepot", "app.kubernetes.io/component": role})


def takes(peer, who):
    """Whether one peer of a rule is `who`."""
    if "ipBlock" in peer:
        # Blocks that are meant for single addresses; of the world there is none.
        return False
    if who is WORLD:
        return False
    namespace, having = who
    spaces = peer.get("namespaceSelector")
    right_space = namespace == OURS if spaces is None else selects(spaces, {"kubernetes.io/metadata.name": namespace})
    return right_space and selects(peer.get("podSelector") or {}, having)


def allows(among, direction, whose, who, port):
    """Whether policies let traffic of pods `whose` pass to or from `who` on a port, by its number or name."""
    kind, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    policies = [p["spec"] for p in of_kind(among, "NetworkPolicy")]
    bound = [p for p in policies if direction in p["policyTypes"] and selects(p["podSelector"], whose[1])]
    if not bound:
        return True
    for policy in bound:
        for rule in policy.get(kind) or []:
            right_port = "ports" not in rule or any(known["port"] in port for known in rule["ports"])
            if right_port and (peers not in rule or any(takes(peer, who) for peer in rule[peers])):
                return True
    return False


def passes(among, source, target, port):
    """Both ends have to agree. A port is a set of its number and its name."""
    out = source is WORLD or source[0] != OURS or allows(among, "Egress", source, target, port)
    into = target is WORLD or target[0] != OURS or allows(among, "Ingress", target, source, port)
    return out and into


GRPC, REST, OPS, POSTGRES, REDIS, DOMAIN = {50051, "grpc"}, {8000, "rest"}, {9464, "ops"}, {5432, "postgres"}, {6379}, {53}
DATABASE_DEV = (OURS, {"app.kubernetes.io/name": "homepot-postgres"})
DATABASE_CNPG = (OURS, {"cnpg.io/cluster": "homepot-db"})


def always():
    """What holds in every overlay: source, target, port, whether it passes."""
    yield WORLD, of_role("link"), GRPC, True
    yield WORLD, of_role("gateway"), REST, True
    yield of_role("gateway"), of_role("link"), GRPC, True
    for role in (*SERVICES, "link", "gateway"):
        yield of_role(role), DNS, DOMAIN, True
        yield WORLD, of_role(role), OPS, False
        yield STRANGER, of_role(role), OPS, False
        yield of_role(role), WORLD, {443}, False
        yield of_role(role), STRANGER, {8080}, False
        # Not even the address at which clouds hand out credentials of the node.
        yield of_role(role), WORLD, {80}, False
    for role in SERVICES:
        yield of_role("gateway"), of_role(role), GRPC, True
        yield WORLD, of_role(role), GRPC, False
        yield STRANGER, of_role(role), GRPC, False
        yield of_role("link"), of_role(role), GRPC, False
    # A pod that somebody puts into the namespace and that no policy names.
    yield (OURS, {"app": "stray"}), WORLD, {443}, False
    yield WORLD, (OURS, {"app": "stray"}), {80}, False
    yield of_role("migrate"), of_role("registry"), GRPC, False
    yield of_role("migrate"), DNS, DOMAIN, True


def database(where):
    for role in (*SERVICES, "link", "migrate"):
        yield of_role(role), where, POSTGRES, True
    yield of_role("gateway"), where, POSTGRES, False
    if where is not WORLD:
        yield WORLD, where, POSTGRES, False
        yield STRANGER, where, POSTGRES, False
        yield where, WORLD, {80}, False


EXPECTED = {
    "overlays/dev": [
        *always(),
        *database(DATABASE_DEV),
        (DATABASE_DEV, WORLD, {443}, False),
        (PROMETHEUS, of_role("link"), OPS, False),
    ],
    "overlays/production": [
        *always(),
        *database(WORLD),
        *((of_role(role), WORLD, REDIS, True) for role in (*SERVICES, "link")),
        (of_role("gateway"), WORLD, REDIS, False),
        (of_role("migrate"), WORLD, REDIS, False),
        (PROXY, of_role("registry"), GRPC, False),
    ],
    "overlays/complete": [
        *always(),
        *database(DATABASE_CNPG),
        (DATABASE_CNPG, DATABASE_CNPG, POSTGRES, True),
        (DATABASE_CNPG, DATABASE_CNPG, {8000}, True),
        (("cnpg-system", {}), DATABASE_CNPG, {8000}, True),
        (of_role("link"), DATABASE_CNPG, {8000}, False),
        *((PROXY, of_role(role), GRPC, True) for role in SERVICES),
        *((PROMETHEUS, of_role(role), OPS, True) for role in (*SERVICES, "link", "gateway")),
        (("monitoring", {"app": "grafana"}), of_role("link"), OPS, False),
        *((of_role(role), COLLECTOR, {4317}, True) for role in (*SERVICES, "link", "gateway")),
        (of_role("migrate"), COLLECTOR, {4317}, False),
        (of_role("gateway"), STRANGER, {4317}, False),
        (("monitoring", {"app.kubernetes.io/name": "prometheus"}), of_role("registry"), GRPC, False),
    ],
}


class Network(unittest.TestCase):
    def test_everybody_reaches_those_they_need_and_nobody_else(self):
        for place, expected in EXPECTED.items():
            among = objects(place)
            for source, target, port, passes_through in expected:
                with self.subTest(place=place, source=source, target=target, port=port):
                    self.assertEqual(passes(among, source, target, port), passes_through)

    def test_a_policy_that_is_taken_away_shows(self):
        for place, expected in EXPECTED.items():
            for gone in of_kind(objects(place), "NetworkPolicy"):
                among = objects(place)
                among.remove(one(among, "NetworkPolicy", gone["metadata"]["name"]))
                with self.subTest(place=place, policy=gone["metadata"]["name"]):
                    changed = [row for row in expected if passes(among, *row[:3]) != row[3]]
                    self.assertNotEqual(changed, [])

    def test_the_roles_and_labels_here_are_those_of_the_pods(self):
        among = objects("overlays/dev")
        there = {labels(workload).get("app.kubernetes.io/component") for workload in workloads(among)}
        self.assertEqual(there, {*SERVICES, "link", "gateway", "migrate", None})
        ports = {port["name"]: port["containerPort"] for w in workloads(among) for c in pod(w)["containers"] for port in c.get("ports", [])}
        self.assertEqual(ports, {"grpc": 50051, "rest": 8000, "ops": 9464, "postgres": 5432})


if __name__ == "__main__":
    unittest.main()
