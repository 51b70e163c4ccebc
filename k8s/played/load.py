"""Load through the whole arrangement, and through one process with the same Postgres, fleet and machine: `scripts/cluster-test load`.

Prints a table: what each program took of a core, and of memory, while all devices report.
"""

import os
import signal
import time
from pathlib import Path

import ops
from arrangement import Arrangement
from cluster import until
from network import Host
from outside import DEVICES, Fleet, Operator

COUNT = int(os.environ.get("HOMEPOT_CLUSTER_DEVICES", "10000"))
SECONDS = int(os.environ.get("HOMEPOT_CLUSTER_SECONDS", "60"))
# Each still has a stream of its own. A balancer has two sockets for each connection, and a process 20,000 descriptors here.
SHARED = ("--devices-per-connection", "2", "--ramp", "200")


def processes(root):
    """A process and all that it started."""
    found, waiting = [], [root]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            waiting += [int(child) for child in task.read_text().split()]
    return found


def core_seconds(roots):
    total = 0
    for one in (one for root in roots for one in processes(root)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def mib(roots):
    total = 0
    for one in (one for root in roots for one in processes(root)):
        line = next(line for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
        total += int(line.split()[1])
    return total / 1024


def measure(title, programs, stored, fleet):
    """`programs`: process ids by name. `stored`: how many samples are stored so far."""
    before, samples, begun = {name: core_seconds(ids) for name, ids in programs.items()}, stored(), time.monotonic()
    time.sleep(SECONDS)
    took = time.monotonic() - begun
    used = {name: core_seconds(ids) - before[name] for name, ids in programs.items()}
    rate = (stored() - samples) / took
    memory = {name: mib(ids) for name, ids in programs.items()}
    summary = fleet.end(signal.SIGINT)
    latency = summary["acknowledgement_ms"]
    print(f"\n{title}: {COUNT} devices, {rate:.0f} samples/s stored, acknowledged p50 {latency['p50']} ms, p99 {latency['p99']} ms")
    print(f"{'program':<12}{'processes':>10}{'% of a core':>13}{'MiB':>8}")
    for name, ids in programs.items():
        print(f"{name:<12}{len(ids):>10}{100 * used[name] / took:>13.1f}{memory[name]:>8.0f}")
    ours = [name for name in programs if name not in ("postgres", "balancers", "fleet")]
    total = sum(used[name] for name in ours)
    print(f"{'HOMEPOT':<12}{'':>10}{100 * total / took:>13.1f}{sum(memory[name] for name in ours):>8.0f}")
    print(f"{1e6 * total / took / rate:.0f} core-seconds of HOMEPOT a million samples", flush=True)


def main():
    world = Arrangement(Path(os.environ["HOMEPOT_PROGRAMS"]))
    try:
        cluster = world.cluster
        fleet = world.fleet(COUNT, "now", *SHARED)
        until("all devices hold a stream", lambda: cluster.metric("homepot-link", "homepot_sessions") == COUNT, 600)
        roles = {}
        for pod in cluster.running():
            roles.setdefault(pod.workload.removeprefix("homepot-"), []).append(pod.process)
        around = {"postgres": [world.postgres.process.pid], "balancers": [world.balancers.haproxy.process.pid, world.balancers.envoy.process.pid]}
        stored = lambda: cluster.metric("homepot-link", "homepot_samples_stored_total")  # noqa: E731
        measure("A role at a time", roles | around | {"fleet": [fleet.process.pid]}, stored, fleet)
        for pod in cluster.running():
            cluster.end(pod)
        single(world)
    finally:
        world.close()


def single(world):
    """The same with one process of all roles and no balancer, in a database of its own."""
    cluster = world.cluster
    world.postgres.sql("postgres", "CREATE DATABASE single OWNER homepot ENCODING 'UTF8' TEMPLATE template0")
    host = Host("single", "10.70.1.1")
    cluster.dns.answer(DEVICES, [host.address])
    directory = cluster.directory / "single"
    for secret in ("homepot-devices-tls", "homepot-admin", "homepot-secret"):
        cluster.lay_files(directory, secret)
    (directory / "url").write_text(world.postgres.url(database="single"))
    environment = {
        **os.environ,
        "HOMEPOT_DATABASE_URL_FILE": str(directory / "url"),
        "PGSSLROOTCERT": str(cluster.directory / "authority/ca.crt"),
        "HOMEPOT_TLS_CERT": str(directory / "tls.crt"),
        "HOMEPOT_TLS_KEY": str(directory / "tls.key"),
        "HOMEPOT_ADMIN_TOKEN_FILE": str(directory / "token"),
        "HOMEPOT_SECRET_FILE": str(directory / "secret"),
        "HOMEPOT_GRPC_ADDR": "0.0.0.0:50051",
        "HOMEPOT_REST_ADDR": "0.0.0.0:8000",
        "HOMEPOT_OPS_ADDR": "0.0.0.0:9464",
        "HOMEPOT_LOG_FORMAT": "json",
        "HOMEPOT_DATABASE_THREADS": "8",
    }
    with (directory / "log").open("w") as log:
        server = host.start(cluster.programs["now"] / "homepot", "serve", "--data-dir", directory / "data", env=environment, stdout=log, stderr=log)
    until("the server is ready", lambda: ops.ready(host.address), 120)
    operator = Operator(world.balancers.ca, world.operator.token, DEVICES, 8000)
    operator.must("POST", "/api/v2/sites", {"site_id": "shop", "name": "Shop"})
    wanted = {"site_id": "shop", "max_uses": COUNT, "source": "DEVICE_SOURCE_SIMULATED"}
    made = operator.must("POST", "/api/v2/enrollment-tokens", wanted)
    fleet = Fleet(cluster, world.balancers.ca, made["secret"], COUNT, "now", SHARED, "shop-of-one")
    until("all devices hold a stream", lambda: ops.metric(host.address, "homepot_sessions") == COUNT, 600)
    programs = {"server": [server.pid], "postgres": [world.postgres.process.pid], "fleet": [fleet.process.pid]}
    measure("One process", programs, lambda: ops.metric(host.address, "homepot_samples_stored_total"), fleet)
    server.terminate()
    server.wait(60)


if __name__ == "__main__":
    main()
