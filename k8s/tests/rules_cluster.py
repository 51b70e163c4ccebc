"""Rules about pods among themselves: how they start and end, how many there are, of which release, and who finds whom."""

from manifests import containers, environment, labels, name, of_kind, pod, seconds, selects, where, workloads
from rules import rule

# Probes, rollouts, ends.


@rule("no-probes")
def probes(among):
    for at, container, workload in containers(among):
        if workload["kind"] == "Job":
            continue
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe not in container:
                yield f"{at}: it has no {probe}"


@rule("liveness-without-database")
def liveness_without_database(among):
    """kube-score has it as pod-probes-identical: who is not ready is not dead."""
    for at, container, _ in containers(among):
        if container.get("command") != ["homepot", "serve"]:
            continue
        for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
            asked = (container.get(probe) or {}).get("httpGet") or {}
            if asked.get("path") != path or asked.get("port") != "ops":
                yield f"{at}: its {probe} does not ask for {path} on the port ops"


def drain(container, among):
    variables = environment(container, among)
    return seconds(variables["HOMEPOT_DRAIN_GRACE"]), seconds(variables["HOMEPOT_DRAIN_DEADLINE"])


@rule("drain-fits")
def drain_fits(among):
    """The kubelet does not kill a server that is still sending its devices away."""
    for at, container, workload in containers(among):
        if container.get("command") == ["homepot", "serve"]:
            needed = sum(drain(container, among)) + 5
            if pod(workload).get("terminationGracePeriodSeconds", 30) < needed:
                yield f"{at}: it is killed before {needed:.0f} s, which its end may take"


@rule("ready-for-a-drain")
def ready_for_a_drain(among):
    """The next pod goes when the devices of the one before are back. One replica alone has nowhere to send them."""
    for at, container, workload in containers(among):
        if container.get("command") != ["homepot", "serve"] or workload["spec"].get("replicas") == 1:
            continue
        if workload["spec"].get("minReadySeconds", 0) < drain(container, among)[1]:
            yield f"{at}: the next pod is replaced before the devices of the one before are back"


@rule("rollout-keeps-capacity")
def rollout_keeps_capacity(among):
    for deployment in of_kind(among, "Deployment"):
        rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate", {})
        if rolling.get("maxUnavailable") != 0 or rolling.get("maxSurge") != 1:
            yield f"{where(deployment)}: a rollout takes more than one pod at a time, or one before its successor is ready"


@rule("has-disruption-budget")
def disruption_budget(among):
    budgets = of_kind(among, "PodDisruptionBudget")
    for workload in of_kind(among, "Deployment", "StatefulSet"):
        its = [b for b in budgets if selects(b["spec"]["selector"], labels(workload))]
        if len(its) != 1:
            yield f"{where(workload)}: it has {len(its)} disruption budgets"


@rule("pdb-unhealthy-pod-eviction-policy")
def eviction(among):
    for budget in of_kind(among, "PodDisruptionBudget"):
        if budget["spec"].get("maxUnavailable") != 1 or budget["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{where(budget)}: it can keep a node from being emptied for ever"


@rule("spread")
def spread(among):
    """kube-linter's no-anti-affinity, by topology spread."""
    for deployment in of_kind(among, "Deployment"):
        found = {c["topologyKey"]: c for c in pod(deployment).get("topologySpreadConstraints", [])}
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone"):
            constraint = found.get(key)
            if constraint is None:
                yield f"{where(deployment)}: its pods may all be in one {key.partition('/')[2]}"
            elif not selects(constraint["labelSelector"], labels(deployment)):
                yield f"{where(deployment)}: what it spreads over {key} are not its own pods"
            elif "app.kubernetes.io/component" not in constraint.get("matchLabelKeys", []):
                yield f"{where(deployment)}: pods of other roles count as its own"


@rule("one-scaler")
def one_scaler(among):
    targets = {}
    for scaler in of_kind(among, "HorizontalPodAutoscaler", "ScaledObject"):
        targets.setdefault(scaler["spec"]["scaleTargetRef"]["name"], []).append(scaler)
    for target, scalers in targets.items():
        if len(scalers) > 1:
            yield f"Deployment {target}: {len(scalers)} scalers fight for it"
        if not any(name(deployment) == target for deployment in of_kind(among, "Deployment")):
            yield f"{where(scalers[0])}: it scales {target}, which is not there"
    for deployment in of_kind(among, "Deployment"):
        if name(deployment) in targets and "replicas" in deployment["spec"]:
            yield f"{where(deployment)}: each time it is applied it undoes what its scaler decided"
        if name(deployment) not in targets and "replicas" not in deployment["spec"]:
            yield f"{where(deployment)}: nothing says how many there are"


def scaling(scaler):
    """Least and most replicas, and the behaviour."""
    spec = scaler["spec"]
    if scaler["kind"] == "ScaledObject":
        behaviour = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
        return spec.get("minReplicaCount", 0), spec["maxReplicaCount"], behaviour
    return spec.get("minReplicas", 1), spec["maxReplicas"], spec.get("behavior", {})


@rule("scale-down-one-at-a-time")
def scale_down(among):
    for scaler in of_kind(among, "HorizontalPodAutoscaler", "ScaledObject"):
        least, _, behaviour = scaling(scaler)
        policies = behaviour.get("scaleDown", {}).get("policies", [])
        if least < 2:
            yield f"{where(scaler)}: it goes down to {least}"
        if [(policy["type"], policy["value"]) for policy in policies] != [("Pods", 1)]:
            yield f"{where(scaler)}: it may take several pods away at once"


@rule("link-scales-with-devices")
def link_scales_with_devices(among):
    """Processors say too late that a pod is full of devices: they mostly wait."""
    for scaler in of_kind(among, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["spec"]["scaleTargetRef"]["name"] == "homepot-link":
            by = [metric["resource"]["name"] for metric in scaler["spec"].get("metrics", [])]
            by += [trigger["type"] for trigger in scaler["spec"].get("triggers", [])]
            if not {"memory", "prometheus"} & set(by):
                yield f"{where(scaler)}: it looks at {by} alone"


def connections(among):
    """How many connections to Postgres all processes that may run at once have: (threads + 3) each."""
    scalers = {s["spec"]["scaleTargetRef"]["name"]: scaling(s)[1] for s in of_kind(among, "HorizontalPodAutoscaler", "ScaledObject")}
    wanted = 0
    for _, container, workload in containers(among):
        variables = environment(container, among)
        if "HOMEPOT_DATABASE_URL_FILE" in variables:
            threads = int(variables.get("HOMEPOT_DATABASE_THREADS", 12))
            surge = 1 if workload["kind"] == "Deployment" else 0
            wanted += (scalers.get(name(workload), workload["spec"].get("replicas", 1)) + surge) * (threads + 3)
    return wanted


@rule("connections-fit")
def connections_fit(among):
    limits = [int(c["spec"]["postgresql"]["parameters"]["max_connections"]) for c in of_kind(among, "Cluster")]
    for _, container, _ in containers(among):
        limits += [int(arg.partition("=")[2]) for arg in container.get("args", []) if arg.startswith("max_connections=")]
    # Three are kept for superusers.
    for limit in limits:
        if connections(among) > limit - 3:
            yield f"max_connections: {connections(among)} may be wanted, and Postgres has {limit - 3} of {limit}"


# The release.


@rule("job-of-the-release")
def job_of_the_release(among):
    for job in of_kind(among, "Job"):
        tag = pod(job)["containers"][0]["image"].rpartition(":")[2]
        if not name(job).endswith("-" + tag):
            yield f"{where(job)}: its image is of the release {tag}; a Job can't be changed, so each release has one"
        if "ttlSecondsAfterFinished" not in job["spec"]:
            yield f"{where(job)}: it stays for ever"


@rule("one-release")
def one_release(among):
    tags = {c["image"].rpartition(":")[2] for _, c, _ in containers(among) if "homepot" in c["image"]}
    told = {w["metadata"]["labels"].get("app.kubernetes.io/version") for w in of_kind(among, "Deployment", "Job")}
    if len(tags) > 1 or told - tags:
        yield f"images: they are of {sorted(tags)}, and the labels say {sorted(map(str, told))}"


# Who reaches whom, by names.


@rule("dangling-service")
def dangling_service(among):
    for service in of_kind(among, "Service"):
        selected = [w for w in workloads(among) if selects({"matchLabels": service["spec"]["selector"]}, labels(w))]
        if len(selected) != 1:
            yield f"{where(service)}: it selects {[where(w) for w in selected]}"
            continue
        ports = {port["name"] for container in pod(selected[0])["containers"] for port in container.get("ports", [])}
        for port in service["spec"]["ports"]:
            if port.get("targetPort") not in ports:
                yield f"{where(service)}: {where(selected[0])} has no port {port.get('targetPort')}"


@rule("ops-port-is-private")
def ops_port_is_private(among):
    for service in of_kind(among, "Service"):
        if any(port.get("targetPort") in ("ops", 9464) for port in service["spec"]["ports"]):
            yield f"{where(service)}: it hands on the ops port, which asks for no credentials"


@rule("client-addresses")
def client_addresses(among):
    for service in of_kind(among, "Service"):
        if service["spec"].get("type") == "NodePort":
            yield f"{where(service)}: it opens a port on every node"
        balanced = service["spec"].get("type") == "LoadBalancer"
        if balanced and service["spec"].get("externalTrafficPolicy") != "Local":
            yield f"{where(service)}: all clients are one address to the server"


@rule("selector-matches")
def selector_matches(among):
    seen = {}
    for workload in of_kind(among, "Deployment", "StatefulSet", "DaemonSet"):
        if not selects(workload["spec"]["selector"], labels(workload)):
            yield f"{where(workload)}: it does not select its own pods"
        seen.setdefault(str(sorted(workload["spec"]["selector"]["matchLabels"].items())), []).append(where(workload))
    for several in seen.values():
        if len(several) > 1:
            yield f"{several[0]}: it selects the same pods as {several[1]}"


@rule("networkpolicy-targets-pod")
def network_policy(among):
    """Each pod has a policy for what comes in and one for what goes out."""
    policies = of_kind(among, "NetworkPolicy")
    for workload in workloads(among):
        for direction in ("Ingress", "Egress"):
            if not any(
                direction in policy["spec"]["policyTypes"]
                and selects(policy["spec"]["podSelector"], labels(workload))
                and policy["metadata"].get("namespace") == workload["metadata"].get("namespace")
                for policy in policies
            ):
                yield f"{where(workload)}: no policy bounds its {direction.lower()}"


@rule("dangling-networkpolicy")
def dangling_policy(among):
    # Pods of the operator's making have no workload here.
    made = [{"cnpg.io/cluster": name(cluster)} for cluster in of_kind(among, "Cluster")]
    pods = [labels(workload) for workload in workloads(among)] + made
    for policy in of_kind(among, "NetworkPolicy"):
        if not any(selects(policy["spec"]["podSelector"], having) for having in pods):
            yield f"{where(policy)}: it is about no pod"
