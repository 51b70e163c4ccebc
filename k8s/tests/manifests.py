"""The manifests as a cluster would get them, and what the tests ask of them again and again."""

import functools
import pickle
import subprocess
import sys
from pathlib import Path

import yaml

K8S = Path(__file__).resolve().parent.parent
TOP = K8S.parent
# What somebody applies. Each component is in one of them; a test holds that.
RENDERED = ["base", "overlays/dev", "overlays/production", "overlays/complete", "components/agent"]
# Those that have a database, so that they are whole.
WHOLE = RENDERED[1:]
POD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@functools.cache
def text(place):
    """What `kubectl kustomize` makes of a directory of k8s/, or of another by its whole path."""
    kubectl = Path(sys.prefix) / "bin/kubectl"
    done = subprocess.run([kubectl, "kustomize", K8S / place], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"k8s/{place} can't be rendered: {done.stderr}")
    # A use of something that kustomize is about to drop is told here only.
    if done.stderr:
        raise AssertionError(f"k8s/{place} renders with warnings: {done.stderr}")
    return done.stdout


@functools.cache
def pickled(place):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return pickle.dumps([found for found in yaml.load_all(text(place), loader) if found])


def objects(place):
    """Its objects, anew for each caller, who may break them."""
    return pickle.loads(pickled(place))


def name(of):
    return of["metadata"]["name"]


def where(of):
    return f"{of['kind']} {name(of)}"


def of_kind(among, *kinds):
    return [found for found in among if found["kind"] in kinds]


def one(among, kind, called):
    """The object of that kind and name; a Job's name may have the release after it."""
    found = [o for o in of_kind(among, kind) if name(o) == called or kind == "Job" and name(o).startswith(called)]
    if len(found) != 1:
        raise AssertionError(f"there are {len(found)} {kind}s {called}")
    return found[0]


def workloads(among):
    return of_kind(among, *POD_KINDS)


def template(workload):
    return workload["spec"]["template"]


def pod(workload):
    return template(workload)["spec"]


def labels(workload):
    return template(workload)["metadata"]["labels"]


def role(workload):
    return labels(workload).get("app.kubernetes.io/component")


def containers(among):
    """Each container with its workload and where it is found."""
    for workload in workloads(among):
        for container in pod(workload).get("initContainers", []) + pod(workload)["containers"]:
            yield f"{where(workload)}, container {container['name']}", container, workload


def environment(container, among):
    """All variables of a container with their values; None: not known before it runs."""
    variables = {}
    for source in container.get("envFrom", []):
        config = one(among, "ConfigMap", source["configMapRef"]["name"])
        variables.update(config["data"])
    for variable in container.get("env", []):
        variables[variable["name"]] = variable.get("value")
    return variables


def selects(selector, having):
    """Whether a selector of labels, by `matchLabels` and `matchExpressions`, takes these labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if having.get(key) != value:
            return False
    for wanted in selector.get("matchExpressions") or []:
        present, values = having.get(wanted["key"]), wanted.get("values", [])
        holds = {
            "In": present in values,
            "NotIn": present not in values,
            "Exists": present is not None,
            "DoesNotExist": present is None,
        }
        if not holds[wanted["operator"]]:
            return False
    return True


def seconds(text):
    """A time as HOMEPOT's settings have it."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    digits = text.rstrip("msdh")
    return int(digits) * units[text[len(digits) :]]
