"""A pod as the kubelet runs it: its volumes, its container by podman in a network of its own, its probes, its restarts and its end."""

import base64
import copy
import itertools
import os
import signal
import subprocess
import threading
import time

import yaml

import ops
from network import Host

numbers = itertools.count(10)


class Volume:
    """A Secret's files as the kubelet lays them: behind a link that is swapped, so that all of them change at once."""

    def __init__(self, directory, source, group):
        self.directory, self.source, self.group = directory, source, group
        self.laid = 0
        directory.mkdir(parents=True)
        # Only this group comes in, and it writes nothing: `fsGroup`.
        os.chown(directory, 0, group)
        directory.chmod(0o750)

    def lay(self, secret):
        self.laid += 1
        into = self.directory / f"..{self.laid}"
        into.mkdir()
        os.chown(into, 0, self.group)
        into.chmod(0o750)
        for item in self.source.get("items") or [{"key": key, "path": key} for key in secret["data"]]:
            file = into / item["path"]
            file.write_bytes(base64.b64decode(secret["data"][item["key"]]))
            os.chown(file, 0, self.group)
            file.chmod(self.source.get("defaultMode", 0o644))
            link = self.directory / item["path"]
            if not link.is_symlink():
                link.symlink_to(f"..data/{item['path']}")
        swapped = self.directory / "..data.new"
        swapped.symlink_to(into.name)
        swapped.rename(self.directory / "..data")


class Pod:
    """Of a workload's template. It runs from when it is made until `end`."""

    def __init__(self, cluster, workload):
        self.cluster, self.workload = cluster, workload["metadata"]["name"]
        number = next(numbers)
        self.name = f"{self.workload}-{number}"
        spec = copy.deepcopy(workload["spec"]["template"]["spec"])
        self.host = cluster.node if spec.get("hostNetwork") else Host(self.name, f"10.244.1.{number}")
        self.address = self.host.address
        self.spec = spec["containers"][0]
        self.probed = "readinessProbe" in self.spec
        self.grace = spec.get("terminationGracePeriodSeconds", 30)
        self.restarts = spec.get("restartPolicy", "Always") == "Always"
        self.ready, self.ready_since, self.ended, self.code = False, None, False, None
        self.restarted, self.said = 0, ""
        self.volumes = {}
        self.lay(spec)
        # Podman has no answer to these, or another one: probes and restarts are done here.
        for name in ("topologySpreadConstraints", "serviceAccountName", "hostNetwork", "dnsPolicy", "tolerations"):
            spec.pop(name, None)
        for name in ("startupProbe", "livenessProbe", "readinessProbe", "ports"):
            self.spec.pop(name, None)
        self.spec["image"] = f"localhost/{self.spec['name']}:{cluster.release}"
        self.spec["imagePullPolicy"] = "Never"
        spec["restartPolicy"] = "Never"
        self.play(spec)
        self.container = f"{self.name}-{self.spec['name']}"
        self.process = cluster.podman.process(self.container)
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def lay(self, spec):
        """Gives each volume a directory of this machine, as the kubelet does."""
        group = spec["securityContext"].get("fsGroup", 0)
        for volume in spec.get("volumes", []):
            if source := volume.pop("secret", None):
                laid = Volume(self.cluster.directory / "volumes" / self.name / volume["name"], source, group)
                laid.lay(self.cluster.secrets[source["secretName"]])
                self.volumes[volume["name"]] = laid
                volume["hostPath"] = {"path": str(laid.directory), "type": "Directory"}
            elif (path := volume.get("hostPath")) and path["type"] == "DirectoryOrCreate":
                made = self.cluster.directory / "node" / path["path"][1:]
                made.mkdir(parents=True, exist_ok=True)
                path["path"] = str(made)
        # A single file of a Secret: it is never replaced, and podman has no word for it.
        for mount in self.spec.get("volumeMounts", []):
            if file := mount.pop("subPath", None):
                path = (self.volumes[mount["name"]].directory / file).resolve()
                mount["name"] = f"{mount['name']}-{file}".replace(".", "-")
                spec["volumes"].append({"name": mount["name"], "hostPath": {"path": str(path), "type": "File"}})
            mount.pop("mountPropagation", None)
        for variable in self.spec.get("env", []):
            if variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath") == "spec.nodeName":
                variable["value"] = variable.pop("valueFrom") and self.cluster.node.name

    def play(self, spec):
        file = self.cluster.directory / f"{self.name}.yaml"
        file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.name}, "spec": spec}))
        used = {source["configMapRef"]["name"] for source in self.spec.get("envFrom", [])}
        configs = []
        for config in self.cluster.objects:
            if config["kind"] == "ConfigMap" and config["metadata"]["name"] in used:
                configs += ["--configmap", file.with_name(f"{config['metadata']['name']}.yaml")]
                configs[-1].write_text(yaml.safe_dump(config))
        self.cluster.podman("kube", "play", "--network", "host", *configs, file, host=self.host)

    def alive(self):
        return self.process is not None and os.path.exists(f"/proc/{self.process}")

    def watch(self):
        """Restarts what ended, and asks once a second whether it is ready."""
        while not self.ended:
            if not self.alive():
                self.set_ready(False)
                if not self.restarts or self.ended:
                    self.code = int(self.cluster.podman("wait", self.container))
                    return
                self.restarted += 1
                try:
                    self.cluster.podman("start", self.container, host=self.host)
                    self.process = self.cluster.podman.process(self.container)
                except RuntimeError as error:
                    # Podman may not have seen yet that it ended. It is tried again; `said` tells who waits in vain.
                    self.said = str(error)
            self.set_ready(ops.ready(self.address) if self.probed else True)
            time.sleep(1)

    def set_ready(self, ready):
        if ready == self.ready:
            return
        self.ready, self.ready_since = ready, time.monotonic() if ready else None
        self.cluster.endpoints()

    def kill(self):
        """As the kernel does where memory is short."""
        os.kill(self.process, signal.SIGKILL)

    def log(self):
        # Programs log to their error output, and podman keeps the two apart.
        return self.cluster.podman("logs", self.container, stderr=subprocess.STDOUT)

    def end(self, grace=None):
        """Out of the endpoints, then SIGTERM, then SIGKILL after the pod's own grace. True where it ended by itself."""
        self.ended = True
        self.set_ready(False)
        self.cluster.endpoints()
        begun = time.monotonic()
        given = self.grace if grace is None else grace
        self.cluster.podman("stop", "--time", given, self.container)
        took = time.monotonic() - begun
        (self.cluster.directory / f"{self.name}.log").write_text(self.log())
        self.cluster.podman("pod", "rm", "--force", self.name)
        self.thread.join(5)
        if self.host is not self.cluster.node:
            self.host.remove()
        return took < given
