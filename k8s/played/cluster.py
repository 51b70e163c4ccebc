"""What a cluster does with the rendered manifests: Jobs, Deployments and their rollouts, Secrets, and names of Services."""

import base64
import os
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path

import yaml

import ops
from manifests import K8S, name, objects, of_kind, one, selects, workloads
from network import DOMAIN, Node, begin, run
from pods import Pod, Volume
from podman import Podman

OVERLAY = "played/overlay"
AGENT = "components/agent"
PROGRAMS = ["homepot", "homepot-agent"]
# Tags of images: of this commit, and of the one that a rollout begins with.
NOW, BEFORE = "now", "before"


def until(what, holds, seconds=60):
    """Waits for something of another process, and says what was missing. The answer is what `holds` returned."""
    end = time.monotonic() + seconds
    while True:
        if found := holds():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for this in vain: {what}")
        time.sleep(0.1)


class Cluster:
    def __init__(self, programs, before=None):
        """`before`: the programs of another release, with which it begins."""
        self.programs = {NOW: programs} | ({BEFORE: before} if before else {})
        # What new pods are made of.
        self.release = BEFORE if before else NOW
        self.directory = Path(tempfile.mkdtemp(prefix="homepot-cluster-"))
        self.dns = begin(self.directory)
        self.podman = Podman(self.directory)
        self.node = Node()
        self.objects = objects(OVERLAY) + objects(AGENT)
        self.secrets = {}
        # Of programs outside of pods that have a Secret's files.
        self.volumes = []
        self.pods = []
        # Whether Services answer IPv6 addresses, and none of IPv4.
        self.six = False
        # The logs of all pods are in it.
        self.keep = "HOMEPOT_KEEP" in os.environ
        self.lock = threading.RLock()

    def images(self):
        for tag, programs in self.programs.items():
            for called in PROGRAMS:
                self.image(programs / called, f"localhost/{called}:{tag}")

    def image(self, program, tagged):
        """An image of a program, with the libraries that it asks for and nothing else."""
        root = self.directory / "image"
        stripped = root / "usr/bin" / program.name
        stripped.parent.mkdir(parents=True)
        run("strip", "-o", stripped, program)
        for library in re.findall(r"(/\S+) \(0x", run("ldd", program)):
            into = root / library[1:]
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, into)
        archive = self.directory / "image.tar"
        run("tar", "--directory", root, "--owner=0", "--group=0", "--create", "--file", archive, ".")
        self.podman("import", "--change", "ENV PATH=/usr/bin", archive, tagged)
        archive.unlink()
        shutil.rmtree(root)

    def take(self, text):
        """Keeps Secrets, as `kubectl apply` does, and lays them anew in the pods that have them."""
        for secret in yaml.safe_load_all(text):
            if secret:
                self.secrets[name(secret)] = secret
        for volume in [*self.volumes, *(volume for pod in self.running() for volume in pod.volumes.values())]:
            volume.lay(self.secrets[volume.source["secretName"]])

    def make_secrets(self, *words, keep=True):
        made = run(K8S / "secrets", *words)
        if keep:
            self.take(made)

    def keep_authority(self):
        """The authority of the certificates as files, with which new ones can be signed."""
        self.lay_files(self.directory / "homepot-authority", "homepot-authority")
        return self.directory / "homepot-authority"

    def lay_files(self, directory, secret):
        """A Secret as files for a program outside: each by its key."""
        directory.mkdir(mode=0o700, exist_ok=True)
        for key, value in self.secrets[secret]["data"].items():
            (directory / key).write_bytes(base64.b64decode(value))
            (directory / key).chmod(0o600)

    def follow(self, directory, secret):
        """Lays a Secret's files for a program outside, and lays them anew when the Secret is replaced."""
        self.volumes.append(Volume(directory, {"secretName": secret}, os.getgid()))
        self.volumes[-1].lay(self.secrets[secret])

    def running(self, workload=None):
        with self.lock:
            return [pod for pod in self.pods if workload in (None, pod.workload)]

    def run_job(self, called):
        """Runs it to its end, always with this commit's programs. Its log is the answer."""
        release, self.release = self.release, NOW
        pod = Pod(self, one(self.objects, "Job", called))
        until(f"{called} ends", lambda: pod.code is not None, 120)
        self.release = release
        log, code = pod.log(), pod.code
        pod.end()
        if code != 0:
            raise AssertionError(f"{called} ended with {code}: {log}")
        return log

    def wanted(self, deployment):
        """How many pods: as it says, or the least that its scaling allows."""
        if count := deployment["spec"].get("replicas"):
            return count
        scaling = [s for s in of_kind(self.objects, "HorizontalPodAutoscaler") if s["spec"]["scaleTargetRef"]["name"] == name(deployment)]
        return scaling[0]["spec"]["minReplicas"]

    def begin(self, deployment):
        pod = Pod(self, deployment)
        with self.lock:
            self.pods.append(pod)
        return pod

    def start(self):
        """Starts all Deployments at once, as `kubectl apply` does."""
        for deployment in of_kind(self.objects, "Deployment"):
            for _ in range(self.wanted(deployment)):
                self.begin(deployment)

    def settle(self, seconds=120):
        """Waits until all pods are ready."""
        for pod in self.running():
            try:
                until(f"{pod.name} is ready", lambda pod=pod: pod.ready, seconds)
            except AssertionError as error:
                raise AssertionError(f"{error}. It says: {ops.reason(pod.address)} {pod.said}") from error

    def replace(self, pod):
        """One step of a rollout with maxSurge 1 and maxUnavailable 0: the new one is ready for long enough before the old one ends."""
        deployment = one(self.objects, "Deployment", pod.workload)
        least = deployment["spec"]["minReadySeconds"]
        new = self.begin(deployment)
        until(f"{new.name} is available", lambda: new.ready and time.monotonic() - new.ready_since >= least, 120)
        ended = self.end(pod)
        return new, ended

    def end(self, pod):
        with self.lock:
            self.pods.remove(pod)
        return pod.end()

    def endpoints(self):
        """Tells the DNS which pods are ready, for every Service."""
        with self.lock:
            for service in of_kind(self.objects, "Service"):
                found = [pod.host.six if self.six else pod.address for pod in self.pods if pod.ready and not pod.ended and self.has(service, pod)]
                self.dns.answer(f"{name(service)}.{DOMAIN}", found)

    def has(self, service, pod):
        template = next(one for one in workloads(self.objects) if name(one) == pod.workload)["spec"]["template"]
        return selects({"matchLabels": service["spec"]["selector"]}, template["metadata"]["labels"])

    def metric(self, workload, called):
        """The sum of a metric over all series and pods of a workload."""
        return sum(ops.metric(pod.address, called) for pod in self.running(workload))

    def close(self):
        for pod in self.running():
            pod.ended = True
        for pod in self.running():
            (self.directory / f"{pod.name}.log").write_text(pod.log())
        self.podman("pod", "rm", "--force", "--all", "--time", "0")
        if not self.keep:
            self.podman("rmi", "--all", "--force")
            shutil.rmtree(self.directory, ignore_errors=True)
