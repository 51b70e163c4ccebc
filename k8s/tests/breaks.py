"""For each rule, objects that it must find fault with: good ones, broken in one place."""

import copy

from manifests import name, of_kind, one, pod

# By rule: the overlay that is broken, and how.
BREAKS = {}


def breaks(called, place="overlays/production"):
    def keep(how):
        BREAKS.setdefault(called, []).append((place, how))
        return how

    return keep


def link(among):
    return one(among, "Deployment", "homepot-link")


def first(among, called="homepot-link"):
    return pod(one(among, "Deployment", called))["containers"][0]


def change(called, what, place="overlays/production"):
    """Breaks the container of the link."""
    breaks(called, place)(lambda among: what(first(among)))


def change_pod(called, what):
    breaks(called)(lambda among: what(pod(link(among))))


for image in ("homepot", "homepot:latest", "registry:5000/homepot", "homepot:stable"):
    change("latest-tag", lambda c, image=image: c.update(image=image))
change("no-read-only-root-fs", lambda c: c["securityContext"].pop("readOnlyRootFilesystem"))
change("privilege-escalation-container", lambda c: c["securityContext"].update(allowPrivilegeEscalation=True))
change("privileged-container", lambda c: c["securityContext"].update(privileged=True))
change("drop-all-capabilities", lambda c: c["securityContext"].pop("capabilities"))
change("drop-all-capabilities", lambda c: c["securityContext"]["capabilities"].update(add=["NET_BIND_SERVICE"]))
change("run-as-non-root", lambda c: c["securityContext"].update(runAsUser=0))
change_pod("run-as-non-root", lambda p: p["securityContext"].pop("runAsUser"))
change_pod("run-as-non-root", lambda p: p["securityContext"].pop("runAsNonRoot"))
change_pod("run-as-group", lambda p: p["securityContext"].update(fsGroup=1000))
change_pod("seccomp-profile", lambda p: p["securityContext"].pop("seccompProfile"))
change("seccomp-profile", lambda c: c["securityContext"].update(seccompProfile={"type": "Unconfined"}))
change("termination-message", lambda c: c.pop("terminationMessagePolicy"))
for kind in ("requests", "limits"):
    for what in ("cpu", "memory", "ephemeral-storage"):
        change("resources", lambda c, kind=kind, what=what: c["resources"][kind].pop(what))
change_pod("host-namespaces", lambda p: p.update(hostNetwork=True))
change_pod("host-pid", lambda p: p.update(hostPID=True))
change_pod("host-paths", lambda p: p["volumes"].append({"name": "x", "hostPath": {"path": "/etc"}}))


@breaks("writable-host-mount", "components/agent")
def the_agent_writes_to_the_node(among):
    mounts = pod(one(among, "DaemonSet", "homepot-agent"))["containers"][0]["volumeMounts"]
    next(mount for mount in mounts if mount["name"] == "host").pop("readOnly")


@breaks("host-pid", "components/agent")
def the_agent_sees_processes(among):
    pod(one(among, "DaemonSet", "homepot-agent"))["hostPID"] = True


for directory in ("/var/lib/homepot-agent", "/var/lib/homepot"):
    breaks("state-is-below-its-volume", "components/agent")(
        lambda among, directory=directory: next(c for c in of_kind(among, "ConfigMap"))["data"].update(HOMEPOT_AGENT_STATE_DIR=directory)
    )
change_pod("no-service-account-token", lambda p: p.pop("automountServiceAccountToken"))
change_pod("no-service-account-token", lambda p: p.pop("serviceAccountName"))
breaks("no-service-account-token")(lambda among: one(among, "ServiceAccount", "homepot").pop("automountServiceAccountToken"))
change_pod("service-links", lambda p: p.pop("enableServiceLinks"))
breaks("restricted-namespace")(
    lambda among: one(among, "Namespace", "homepot")["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce": "baseline"})
)
breaks("namespaced")(lambda among: link(among)["metadata"].pop("namespace"))


def variable(called, **given):
    def set_variables(container):
        kept = [v for v in container.get("env", []) if v["name"] not in given]
        container["env"] = kept + [{"name": key, "value": value} for key, value in given.items()]

    change(called, set_variables)


variable("settings-exist", HOMEPOT_DRAIN_DEADLNE="60s")
variable("settings-not-blank", HOMEPOT_LOG="")
change(
    "read-secret-from-env-var",
    lambda c: c["env"].append({"name": "X", "valueFrom": {"secretKeyRef": {"name": "homepot-secret", "key": "secret"}}}),
)
change("read-secret-from-env-var", lambda c: c["envFrom"].append({"secretRef": {"name": "homepot-secret"}}))
breaks("no-secret-in-manifests")(
    lambda among: among.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "homepot"}})
)
variable("files-are-mounted", HOMEPOT_DATABASE_URL_FILE="/etc/homepot/databas/url")
breaks("files-are-mounted")(
    # The key that the setting names is not among those that are mounted.
    lambda among: next(v for v in pod(one(among, "Deployment", "homepot-gateway"))["volumes"] if v["name"] == "authority")["secret"][
        "items"
    ][0].update(path="ca.pem")
)
change_pod("secrets-are-closed", lambda p: p["volumes"][0]["secret"].pop("defaultMode"))
change("secrets-follow-changes", lambda c: c["volumeMounts"][0].update(subPath="tls.crt"))
breaks("job-without-changing-config")(
    lambda among: pod(one(among, "Job", "homepot-migrate"))["containers"][0].update(
        envFrom=[{"configMapRef": {"name": "homepot-settings-abc"}}]
    )
)
variable("listeners-ipv6", HOMEPOT_GRPC_ADDR="0.0.0.0:50051")
variable("container-ports-match", HOMEPOT_GRPC_ADDR="[::]:50052")
change("container-ports-match", lambda c: c["ports"].pop())
variable("one-role-each", HOMEPOT_ROLES="registry,link")
variable("tls-everywhere", HOMEPOT_INSECURE_PLAINTEXT="behind-proxy")
variable("tls-everywhere", HOMEPOT_COMMAND_URL="http://homepot-command:50051")
variable("gateway-addresses", HOMEPOT_COMMAND_URL="https://homepot-comand:50051")
variable("gateway-addresses", HOMEPOT_COMMAND_URL="https://homepot-command:50052")
variable("gateway-addresses", HOMEPOT_LINK_URL="https://homepot-devices:50051")

for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
    change("no-probes", lambda c, probe=probe: c.pop(probe))
change("liveness-without-database", lambda c: c["livenessProbe"]["httpGet"].update(path="/readyz"))
change("liveness-without-database", lambda c: c["readinessProbe"]["httpGet"].update(path="/livez"))
change_pod("drain-fits", lambda p: p.update(terminationGracePeriodSeconds=75))
variable("drain-fits", HOMEPOT_DRAIN_DEADLINE="2m")
breaks("ready-for-a-drain")(lambda among: link(among)["spec"].update(minReadySeconds=59))
breaks("rollout-keeps-capacity")(lambda among: link(among)["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1))
breaks("rollout-keeps-capacity")(lambda among: link(among)["spec"]["strategy"]["rollingUpdate"].update(maxSurge="50%"))


def remove(called, kind, which, place="overlays/production"):
    breaks(called, place)(lambda among: among.remove(one(among, kind, which)))


remove("has-disruption-budget", "PodDisruptionBudget", "homepot-command")


@breaks("has-disruption-budget")
def two_budgets(among):
    another = copy.deepcopy(one(among, "PodDisruptionBudget", "homepot-link"))
    another["metadata"]["name"] = "another"
    among.append(another)


def budget(among):
    return one(among, "PodDisruptionBudget", "homepot-link")["spec"]


breaks("pdb-unhealthy-pod-eviction-policy")(lambda among: budget(among).pop("unhealthyPodEvictionPolicy"))
breaks("pdb-unhealthy-pod-eviction-policy")(lambda among: budget(among).update(maxUnavailable=0))
change_pod("spread", lambda p: p["topologySpreadConstraints"].pop())
change_pod("spread", lambda p: p["topologySpreadConstraints"][0].pop("matchLabelKeys"))
change_pod("spread", lambda p: p["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(a="b"))


@breaks("one-scaler")
def scaled_twice(among):
    scaled = {"scaleTargetRef": {"name": "homepot-link"}}
    among.append({"kind": "ScaledObject", "metadata": {"name": "x", "namespace": "homepot"}, "spec": scaled})


breaks("one-scaler")(lambda among: link(among)["spec"].update(replicas=2))
breaks("one-scaler")(lambda among: one(among, "Deployment", "homepot-command")["spec"].pop("replicas"))
breaks("one-scaler")(
    lambda among: one(among, "HorizontalPodAutoscaler", "homepot-link")["spec"]["scaleTargetRef"].update(name="homepot-lnk")
)
for how in (
    lambda among: one(among, "HorizontalPodAutoscaler", "homepot-link")["spec"].update(minReplicas=1),
    lambda among: one(among, "HorizontalPodAutoscaler", "homepot-link")["spec"].pop("behavior"),
    lambda among: one(among, "HorizontalPodAutoscaler", "homepot-link")["spec"]["behavior"]["scaleDown"]["policies"].append(
        {"type": "Percent", "value": 50, "periodSeconds": 60}
    ),
):
    breaks("scale-down-one-at-a-time")(how)
breaks("scale-down-one-at-a-time", "overlays/complete")(
    lambda among: one(among, "ScaledObject", "homepot-link")["spec"]["advanced"].clear()
)
breaks("link-scales-with-devices")(lambda among: one(among, "HorizontalPodAutoscaler", "homepot-link")["spec"]["metrics"].pop())
breaks("link-scales-with-devices", "overlays/complete")(lambda among: one(among, "ScaledObject", "homepot-link")["spec"]["triggers"].pop(0))
breaks("connections-fit", "overlays/complete")(lambda among: one(among, "ScaledObject", "homepot-link")["spec"].update(maxReplicaCount=8))
breaks("connections-fit", "overlays/complete")(
    lambda among: one(among, "Cluster", "homepot-db")["spec"]["postgresql"]["parameters"].update(max_connections="180")
)
breaks("connections-fit", "overlays/dev")(lambda among: one(among, "Deployment", "homepot-telemetry")["spec"].update(replicas=20))


def job(among):
    return one(among, "Job", "homepot-migrate")


breaks("job-of-the-release")(lambda among: pod(job(among))["containers"][0].update(image="registry.example/homepot:0.2.0"))
breaks("job-of-the-release")(lambda among: job(among)["spec"].pop("ttlSecondsAfterFinished"))
change("one-release", lambda c: c.update(image="registry.example/homepot:0.2.0"))
breaks("one-release")(lambda among: link(among)["metadata"]["labels"].update({"app.kubernetes.io/version": "0.0.9"}))


def devices(among):
    return one(among, "Service", "homepot-devices")["spec"]


breaks("dangling-service")(lambda among: devices(among)["selector"].update({"app.kubernetes.io/component": "lnk"}))
breaks("dangling-service")(lambda among: devices(among)["selector"].pop("app.kubernetes.io/component"))
breaks("dangling-service")(lambda among: devices(among)["ports"][0].update(targetPort="rest"))
breaks("ops-port-is-private")(lambda among: devices(among)["ports"][0].update(targetPort="ops"))
breaks("client-addresses")(lambda among: devices(among).pop("externalTrafficPolicy"))
breaks("client-addresses")(lambda among: devices(among).update(type="NodePort"))
breaks("selector-matches")(lambda among: link(among)["spec"]["selector"]["matchLabels"].update({"app.kubernetes.io/component": "lnk"}))


@breaks("selector-matches")
def two_deployments_for_the_same_pods(among):
    another = copy.deepcopy(link(among))
    another["metadata"]["name"] = "another"
    among.append(another)


@breaks("networkpolicy-targets-pod")
def no_default(among):
    for policy in of_kind(among, "NetworkPolicy"):
        if name(policy) in ("homepot-deny-all", "homepot-dns"):
            among.remove(policy)


breaks("networkpolicy-targets-pod")(
    lambda among: [policy["metadata"].update(namespace="default") for policy in of_kind(among, "NetworkPolicy")]
)
breaks("dangling-networkpolicy")(
    lambda among: one(among, "NetworkPolicy", "homepot-link")["spec"]["podSelector"]["matchLabels"].update(a="b")
)


def lacks(variable):
    def how(container):
        container["env"] = [found for found in container["env"] if found["name"] != variable]

    return how


change("callers-show-certificates", lacks("HOMEPOT_GRPC_CLIENT_CA"))
change("callers-show-certificates", lambda c: c["env"].append({"name": "HOMEPOT_GRPC_CLIENT_AUTH", "value": "required"}))
breaks("callers-show-certificates")(lambda among: lacks("HOMEPOT_GRPC_CLIENT_KEY")(first(among, "homepot-gateway")))
