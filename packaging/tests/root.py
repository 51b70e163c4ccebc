"""An empty system below /tmp, and the packages that go into it."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from world import SHIPPED, run, until

PACKAGES = ["homepot-server", "homepot-agent", "homepot-simulator"]


def packages(directory):
    return {package: next(Path(directory).glob(f"{package}_*.deb")) for package in PACKAGES}


def first_and_later():
    """The packages, and the directory with the same once more, as later ones: files of the project are the same, so that only what dpkg
    does is looked at."""
    first, later = packages(SHIPPED / "packages"), Path(tempfile.mkdtemp(prefix="homepot-packages-"))
    for package, file in first.items():
        unpacked = later / package
        run("dpkg-deb", "--raw-extract", file, unpacked)
        control = unpacked / "DEBIAN/control"
        control.write_text(re.sub(r"^Version: (.*)$", r"Version: \1+later", control.read_text(), flags=re.M))
        run("dpkg-deb", "--root-owner-group", "-Znone", "--build", unpacked, later / f"{package}_later.deb")
    return first, later


class Root:
    """A system of this machine's release with little more in it than its package manager, and what it is asked to `include`."""

    def __init__(self, include):
        self.path = Path(tempfile.mkdtemp(prefix="homepot-root-"))
        self.path.chmod(0o755)
        system = dict(re.findall(r'^(\w+)="?(.*?)"?$', Path("/etc/os-release").read_text(), re.M))
        # Ubuntu has some of it beside what it supports itself.
        parts = [f"--include={include}", f"--components={'main,universe' if system['ID'] == 'ubuntu' else 'main'}"]
        run("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", *parts, system["VERSION_CODENAME"], self.path)

    def inside(self, *command):
        """Runs a command in it, with a /proc of its own."""
        mount = f'mount -t proc proc "{self.path}/proc" && exec chroot "{self.path}" "$@"'
        return ["unshare", "--mount", "sh", "-c", mount, "inside", *map(str, command)]

    def run(self, *command):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
        return run(*self.inside(*command), env=environment)

    def file(self, path):
        return self.path / path.lstrip("/")

    def write(self, path, text, mode):
        file = self.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def install(self, *files):
        names = []
        for file in files:
            # Not /tmp, which a system that runs has anew.
            shutil.copy(file, self.file("/var/cache"))
            names.append(f"/var/cache/{file.name}")
        return self.run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names)

    def remove(self):
        shutil.rmtree(self.path)


# What a container manager does for systemd, as its documentation of the container interface has it.
BOOT = r"""
echo $$ >"$2/cgroup.procs"
exec unshare --mount --uts --ipc --pid --cgroup --fork --kill-child --propagation private sh -ec '
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs -o mode=1777 tmpfs tmp
    mount -t tmpfs -o mode=755 tmpfs dev
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    mknod -m 666 dev/null c 1 3
    mknod -m 666 dev/zero c 1 5
    mknod -m 666 dev/full c 1 7
    mknod -m 666 dev/random c 1 8
    mknod -m 666 dev/urandom c 1 9
    mknod -m 666 dev/tty c 5 0
    pivot_root . mnt
    umount --lazy mnt
    exec env -i container=homepot-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target
' boot "$1"
"""


class CannotBoot(Exception):
    """Systemd does not come up on this machine."""


class Booted(Root):
    """One that runs: systemd is the first process of namespaces of its own. Its network is this machine's."""

    def __init__(self):
        super().__init__("systemd,systemd-sysv,dbus")
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        unified = [point for _, point, kind, *_ in mounts if kind == "cgroup2"]
        if not unified:
            raise CannotBoot("this machine has no cgroups of version 2")
        self.cgroup = Path(unified[0]) / self.path.name
        self.cgroup.mkdir()
        self.said = tempfile.TemporaryFile()
        command = ["sh", "-ec", BOOT, "boot", str(self.path), str(self.cgroup)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)

    def inside(self, *command):
        """Runs a command as a process of the running system."""
        if not hasattr(self, "process"):
            return super().inside(*command)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        spaces = ["--mount", "--uts", "--ipc", "--pid", "--cgroup"]
        return ["nsenter", "--target", *children[:1], *spaces, "--", *map(str, command)]

    def is_up(self):
        """What systemd says of the whole; `degraded` where a unit has failed."""
        if self.process.poll() is not None:
            self.said.seek(0)
            raise CannotBoot(f"systemd ended with {self.process.returncode}: {self.said.read().decode()}")
        done = subprocess.run(self.inside("systemctl", "is-system-running"), capture_output=True, text=True, check=False)
        state = done.stdout.strip()
        return state if state in ("running", "degraded") else None

    def show(self, unit, entry):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={entry}", unit).strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")

    def remove(self):
        # Its end is that of all processes in it.
        self.process.kill()
        self.process.wait()
        self.said.close()
        until("the end of what ran there", self.leave_cgroup)
        super().remove()

    def leave_cgroup(self):
        # One is busy until the last of its processes is gone.
        for directory in sorted(self.cgroup.rglob("*/"), reverse=True):
            directory.rmdir()
        self.cgroup.rmdir()
        return True
