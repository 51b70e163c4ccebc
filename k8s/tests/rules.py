"""Rules that the rendered manifests keep to. Where kube-linter or kube-score have the same check, it has their name.

A rule takes all objects of one overlay and yields what is wrong. `breaks.py` breaks an object for each of them. Here are those about
what a pod may do and what it is told; `rules_cluster.py` has those about pods among themselves.
"""

import re

from manifests import containers, environment, name, of_kind, pod, role, where, workloads
from settings import known

RULES = {}

# Where a rule does not hold, and why that is right.
EXCEPTIONS = {
    ("run-as-non-root", "DaemonSet homepot-agent"): "its key lies in a directory of the node that is root's",
    ("host-namespaces", "DaemonSet homepot-agent"): "traffic of the node is counted in the node's network",
    ("host-paths", "DaemonSet homepot-agent"): "its key outlives the pod; it reports the node's disk",
    ("no-probes", "DaemonSet homepot-agent"): "it has no port, and restarts by its exit code",
    ("networkpolicy-targets-pod", "DaemonSet homepot-agent"): "policies don't reach the node's network",
    ("restricted-namespace", "Namespace homepot-agent"): "host paths and the node's network are beyond `baseline`",
    ("run-as-group", "StatefulSet homepot-postgres"): "the image has a user of its own",
}


def rule(called):
    def keep(check):
        def checked(among):
            found = list(check(among))
            return [
                text
                for text in found
                if not any(rule == called and (text.startswith(whose + ":") or text.startswith(whose + ",")) for rule, whose in EXCEPTIONS)
            ]

        checked.unexcused = check
        RULES[called] = checked
        return checked

    return keep


# What each container may do.


@rule("latest-tag")
def latest_tag(among):
    for at, container, _ in containers(among):
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if not re.fullmatch(r"\d+(\.\d+)+([-+][\w.]+)?", tag):
            yield f"{at}: the image {container['image']} has no release as its tag"


def of_container(called, wrong, text):
    @rule(called)
    def check(among):
        for at, container, workload in containers(among):
            if wrong(container.get("securityContext") or {}, container, pod(workload)):
                yield f"{at}: {text}"

    return check


of_container(
    "no-read-only-root-fs",
    lambda security, *_: security.get("readOnlyRootFilesystem") is not True,
    "its root file system can be written",
)
of_container(
    "privilege-escalation-container",
    lambda security, *_: security.get("allowPrivilegeEscalation") is not False,
    "a program in it may get more rights than it has",
)
of_container("privileged-container", lambda security, *_: security.get("privileged"), "it is privileged")
of_container(
    "drop-all-capabilities",
    lambda security, *_: (security.get("capabilities") or {}) != {"drop": ["ALL"]},
    "it keeps or adds capabilities",
)
of_container(
    "run-as-non-root",
    lambda security, _, its_pod: (
        not (its_pod.get("securityContext") or {}).get("runAsNonRoot")
        or (its_pod["securityContext"].get("runAsUser") or 0) == 0
        or security.get("runAsUser") == 0
    ),
    "it may run as root",
)
of_container(
    "run-as-group",
    lambda _, __, its_pod: {its_pod["securityContext"].get(key) for key in ("runAsUser", "runAsGroup", "fsGroup")} - {None, 0, 65532},
    "it runs as another user or group than 65532",
)
of_container(
    "seccomp-profile",
    lambda security, _, its_pod: (
        (its_pod.get("securityContext") or {}).get("seccompProfile") != {"type": "RuntimeDefault"} or "seccompProfile" in security
    ),
    "it has not the runtime's seccomp profile",
)
of_container(
    "termination-message",
    lambda _, container, __: (
        container["name"].startswith("homepot") and container.get("terminationMessagePolicy") != "FallbackToLogsOnError"
    ),
    "`kubectl describe` would not say why it ended",
)


@rule("resources")
def resources(among):
    for at, container, _ in containers(among):
        given = container.get("resources") or {}
        for kind in ("requests", "limits"):
            for what in ("cpu", "memory", "ephemeral-storage"):
                if what not in (given.get(kind) or {}):
                    yield f"{at}: it has no {what} in its {kind}"


@rule("host-namespaces")
def host_namespaces(among):
    for workload in workloads(among):
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if pod(workload).get(key):
                yield f"{where(workload)}: {key}"


@rule("host-pid")
def host_pid(among):
    for workload in workloads(among):
        if pod(workload).get("hostPID") or pod(workload).get("hostIPC"):
            yield f"{where(workload)}: it sees the node's processes"


@rule("host-paths")
def host_paths(among):
    for workload in workloads(among):
        for volume in pod(workload).get("volumes", []):
            if "hostPath" in volume:
                yield f"{where(workload)}: the volume {volume['name']} is a directory of the node"


@rule("writable-host-mount")
def writable_host_mount(among):
    for at, container, workload in containers(among):
        of_node = {v["name"]: v["hostPath"]["path"] for v in pod(workload).get("volumes", []) if "hostPath" in v}
        for mount in container.get("volumeMounts", []):
            path = of_node.get(mount["name"])
            if path and path != "/var/lib/homepot-agent" and not mount.get("readOnly"):
                yield f"{at}: it may write to {path} of the node"


@rule("no-service-account-token")
def no_service_account_token(among):
    accounts = {name(account): account for account in of_kind(among, "ServiceAccount")}
    for workload in workloads(among):
        account = accounts.get(pod(workload).get("serviceAccountName"))
        if account is None:
            yield f"{where(workload)}: it has no service account of its own"
        elif account.get("automountServiceAccountToken") is not False:
            yield f"{where(workload)}: its service account hands out tokens"
        if pod(workload).get("automountServiceAccountToken") is not False:
            yield f"{where(workload)}: a token of its service account is mounted"


@rule("service-links")
def service_links(among):
    for workload in workloads(among):
        if pod(workload).get("enableServiceLinks") is not False:
            yield f"{where(workload)}: Services set variables among the names of settings"


@rule("restricted-namespace")
def restricted_namespace(among):
    for namespace in of_kind(among, "Namespace"):
        if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{where(namespace)}: it takes pods that may do more than `restricted` allows"


@rule("namespaced")
def namespaced(among):
    """Nothing lands in whatever namespace kubectl happens to be set to."""
    spaces = {name(namespace) for namespace in of_kind(among, "Namespace")}
    for found in among:
        if found["kind"] != "Namespace" and found["metadata"].get("namespace") not in spaces:
            yield f"{where(found)}: it is in none of the namespaces here"


# Settings and secrets.


@rule("settings-exist")
def settings_exist(among):
    for at, container, _ in containers(among):
        for variable in environment(container, among):
            if variable.startswith(("HOMEPOT_", "OTEL_")) and variable not in known():
                yield f"{at}: {variable} is no setting"


@rule("settings-not-blank")
def settings_not_blank(among):
    for at, container, _ in containers(among):
        for variable, value in environment(container, among).items():
            if value is not None and not value.strip():
                yield f"{at}: {variable} is blank, which HOMEPOT refuses"


@rule("read-secret-from-env-var")
def secret_from_variable(among):
    for at, container, _ in containers(among):
        for variable in container.get("env", []):
            if "secretKeyRef" in (variable.get("valueFrom") or {}):
                yield f"{at}: {variable['name']} is a secret in a variable"
        if any("secretRef" in source for source in container.get("envFrom", [])):
            yield f"{at}: its variables come from a Secret"


@rule("no-secret-in-manifests")
def no_secret(among):
    for secret in of_kind(among, "Secret"):
        yield f"{where(secret)}: a secret in a manifest is known to all who can read the repository"


@rule("files-are-mounted")
def files_are_mounted(among):
    """A setting that names a file names one that is mounted, and one by one: which key of which Secret."""
    for at, container, workload in containers(among):
        volumes = {volume["name"]: volume for volume in pod(workload).get("volumes", [])}
        files = set()
        for mount in container.get("volumeMounts", []):
            volume = volumes.get(mount["name"], {})
            items = (volume.get("secret") or {}).get("items")
            if "subPath" in mount:
                files.add(mount["mountPath"])
            elif items:
                files.update(f"{mount['mountPath']}/{item['path']}" for item in items)
            else:
                files.add(mount["mountPath"] + "/")
        for variable, value in environment(container, among).items():
            is_file = variable.startswith(("HOMEPOT_", "PG")) and (value or "").startswith("/")
            directory = (value or "").rpartition("/")[0] + "/"
            if is_file and not variable.endswith(("_DIR", "_ROOT")) and not {value, directory} & files:
                yield f"{at}: {variable} names {value}, which nothing mounts"


@rule("state-is-below-its-volume")
def state_below_its_volume(among):
    """The kubelet makes directories of nodes with mode 0755, and the agent keeps no key in one that others can read."""
    for at, container, _ in containers(among):
        directory = environment(container, among).get("HOMEPOT_AGENT_STATE_DIR")
        mounts = [mount["mountPath"] for mount in container.get("volumeMounts", []) if not mount.get("readOnly")]
        if directory and not any(directory.startswith(mount + "/") for mount in mounts):
            yield f"{at}: its state lies in {directory}, which is not below one of {mounts}"


@rule("secrets-are-closed")
def secrets_are_closed(among):
    for workload in workloads(among):
        for volume in pod(workload).get("volumes", []):
            if "secret" in volume and volume["secret"].get("defaultMode", 0o644) & 0o337:
                yield f"{where(workload)}: every user of the pod can read the volume {volume['name']}"


@rule("secrets-follow-changes")
def secrets_follow_changes(among):
    """The kubelet replaces a directory when its Secret changes, and never a single file."""
    for at, container, workload in containers(among):
        if where(workload) == "DaemonSet homepot-agent":
            continue
        for mount in container.get("volumeMounts", []):
            if "subPath" in mount:
                yield f"{at}: {mount['mountPath']} stays as it was when its Secret changes"


@rule("job-without-changing-config")
def job_without_changing_config(among):
    for job in of_kind(among, "Job"):
        for container in pod(job)["containers"]:
            if container.get("envFrom"):
                yield f"{where(job)}: each change of a setting would change it, which Kubernetes refuses"


@rule("listeners-ipv6")
def listeners_ipv6(among):
    for at, container, _ in containers(among):
        variables = environment(container, among)
        if container.get("command") == ["homepot", "serve"]:
            for variable in ("HOMEPOT_GRPC_ADDR", "HOMEPOT_REST_ADDR", "HOMEPOT_OPS_ADDR"):
                if not variables.get(variable, "").startswith("[::]:"):
                    yield f"{at}: {variable} is deaf in an IPv6 cluster"


@rule("container-ports-match")
def container_ports_match(among):
    """Ports that are declared are those that the settings make the server listen on."""
    for at, container, _ in containers(among):
        if container.get("command") != ["homepot", "serve"]:
            continue
        variables = environment(container, among)
        listens = {"ops": "HOMEPOT_OPS_ADDR"}
        listens["rest" if variables.get("HOMEPOT_ROLES") == "gateway" else "grpc"] = (
            "HOMEPOT_REST_ADDR" if variables.get("HOMEPOT_ROLES") == "gateway" else "HOMEPOT_GRPC_ADDR"
        )
        wanted = {called: int(variables[variable].rpartition(":")[2]) for called, variable in listens.items()}
        found = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        if wanted != found:
            yield f"{at}: it listens on {wanted} and declares {found}"


@rule("one-role-each")
def one_role_each(among):
    for at, container, workload in containers(among):
        runs = environment(container, among).get("HOMEPOT_ROLES")
        if container.get("command") == ["homepot", "serve"] and runs != role(workload):
            yield f"{at}: it is called {role(workload)} and runs {runs}"


@rule("tls-everywhere")
def tls_everywhere(among):
    for at, container, _ in containers(among):
        variables = environment(container, among)
        if "HOMEPOT_INSECURE_PLAINTEXT" in variables or "HOMEPOT_ALLOW_PLAINTEXT" in variables:
            yield f"{at}: keys cross the cluster's network in clear text"
        for variable, value in variables.items():
            if variable.startswith("HOMEPOT_") and (value or "").startswith("http://"):
                yield f"{at}: {variable} is a plaintext address"


@rule("callers-show-certificates")
def callers_show_certificates(among):
    """Where services know gateways by a certificate, all do, gateways have one, and nobody asks devices for any."""
    servers = [(at, environment(c, among)) for at, c, _ in containers(among) if c.get("command") == ["homepot", "serve"]]
    gateways = [(at, variables) for at, variables in servers if variables["HOMEPOT_ROLES"] == "gateway"]
    services = [(at, variables) for at, variables in servers if variables["HOMEPOT_ROLES"] != "gateway"]
    if not any("HOMEPOT_GRPC_CLIENT_CA" in variables for _, variables in services):
        return
    for at, variables in services:
        if "HOMEPOT_GRPC_CLIENT_CA" not in variables:
            yield f"{at}: it believes any pod what that says of its clients"
        if variables["HOMEPOT_ROLES"] == "link" and variables.get("HOMEPOT_GRPC_CLIENT_AUTH") == "required":
            yield f"{at}: devices have no certificate to show"
    for at, variables in gateways:
        if not {"HOMEPOT_GRPC_CLIENT_CERT", "HOMEPOT_GRPC_CLIENT_KEY"} <= set(variables):
            yield f"{at}: services don't believe it what it says of its clients"


@rule("gateway-addresses")
def gateway_addresses(among):
    """A gateway calls headless Services that are there, on ports that they have."""
    services = {name(service): service["spec"] for service in of_kind(among, "Service")}
    for at, container, _ in containers(among):
        for variable, value in environment(container, among).items():
            if not re.fullmatch(r"HOMEPOT_(REGISTRY|TELEMETRY|COMMAND|LINK|GRPC)_URL", variable):
                continue
            host, _, port = value.removeprefix("https://").partition(":")
            service = services.get(host)
            if service is None:
                yield f"{at}: {variable} names {host}, which is no Service"
            elif service.get("clusterIP") != "None":
                yield f"{at}: {variable} names {host}, whose one address pins all calls to one pod"
            elif int(port) not in [known["port"] for known in service["ports"]]:
                yield f"{at}: {variable} names port {port}, which {host} has not"
