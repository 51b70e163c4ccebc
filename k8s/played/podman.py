"""Podman with a store, settings and an image of its own, apart from those of whoever uses podman on this machine."""

import json
import os
import subprocess

from network import run

CONTAINERS = """\
[containers]
# The usual ones are taken from the machine, and can be higher than what a container may ask for.
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
# crun refuses machines that have both kinds of control groups.
runtime = "runc"
"""


class Podman:
    def __init__(self, directory):
        (directory / "containers.conf").write_text(CONTAINERS)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(directory / "containers.conf")}
        # Its own settings of the machine are not read either.
        self.environment["CONTAINERS_STORAGE_CONF"] = str(directory / "storage.conf")
        (directory / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{directory}/storage"\nrunroot = "{directory}/run"\n'
        )

    def __call__(self, *words, host=None, **options):
        command = ["podman", *words]
        if host:
            command = host.command(*command)
        return run(*command, env=self.environment, **options)

    def logs(self, container):
        """What it wrote, to whichever of its outputs."""
        command = ["podman", "logs", container]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=self.environment).stdout

    def process(self, container):
        """Its process id, as this machine has it; none where it does not run."""
        state = json.loads(self("container", "inspect", "--format", "{{json .State}}", container))
        return state["Pid"] or None
