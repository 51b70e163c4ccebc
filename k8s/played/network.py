"""Hosts on one machine: network namespaces on a bridge, with names that a DNS server of ours answers.

All of it lies inside the namespaces that scripts/cluster-test made, and is gone with them.
"""

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

NODE = "10.244.0.1"
DOMAIN = "homepot.svc.cluster.local"


def run(*command, **options):
    """Runs a program to its end; what it said on its error output is in the exception."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(word) for word in command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def six(address):
    """The IPv6 address beside an IPv4 address: 10.244.0.0/16 becomes fd00:10:244::/56."""
    _, second, third, fourth = address.split(".")
    return f"fd00:10:{second}:{int(third):x}::{int(fourth):x}"


class Host:
    """A host with an IPv4 and an IPv6 address. `link` is its interface on the bridge, at the node's end."""

    def __init__(self, name, address):
        self.name, self.address, self.six = name, address, six(address)
        octets = address.split(".")
        self.link = f"h{octets[1]}-{octets[2]}-{octets[3]}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", self.link, "master", "bridge", "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", f"{address}/8", "dev", "eth0")
        # `nodad`: usable at once. Nobody else has it.
        self.inside("ip", "address", "add", f"{self.six}/32", "dev", "eth0", "nodad")
        self.inside("ip", "link", "set", "eth0", "up")

    def command(self, *words):
        return ["nsenter", f"--net=/run/netns/{self.name}", *(str(word) for word in words)]

    def inside(self, *words, **options):
        return run(*self.command(*words), **options)

    def start(self, *words, **options):
        return subprocess.Popen(self.command(*words), **options)

    def drop(self, *rule):
        """Lets packets vanish, as a cable does that is pulled; `rule` is as iptables has it, such as `OUTPUT -d 10.60.0.2`."""
        self.inside("iptables", "--wait", "-A", *rule, "-j", "DROP")

    def slow(self, rate):
        """A bad line: what is sent beyond that rate, such as `128kbit`, waits up to two seconds and is then lost."""
        self.inside("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "4kb", "latency", "2s")

    def heal(self):
        self.inside("iptables", "--wait", "-F")
        if " tbf " in self.inside("tc", "qdisc", "show", "dev", "eth0"):
            self.inside("tc", "qdisc", "delete", "dev", "eth0", "root")

    def own(self, network):
        """Makes every address of an IPv4 network one of its own."""
        self.inside("ip", "route", "add", "local", network, "dev", "lo")

    def remove(self):
        run("ip", "netns", "delete", self.name)


class Node:
    """Where this program itself is: the machine that the pods run on."""

    name, address = "node-1", NODE

    def command(self, *words):
        return [str(word) for word in words]


class Dns:
    """Names with all their addresses. An answer is never kept, as it is for a headless Service of a few seconds."""

    def __init__(self, directory):
        self.file = directory / "hosts"
        self.names = {}
        self.lock = threading.Lock()
        self.file.write_text("")
        # The user that dnsmasq becomes reads it anew at each signal.
        directory.chmod(0o755)
        resolv = directory / "resolv.conf"
        resolv.write_text(f"nameserver {NODE}\nsearch {DOMAIN}\n")
        run("mount", "--bind", resolv, "/etc/resolv.conf")
        self.process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", f"--addn-hosts={self.file}", f"--listen-address={NODE}",
             "--bind-interfaces", "--local=/#/", "--pid-file=", "--conf-file=/dev/null"],
        )

    def answer(self, name, addresses):
        with self.lock:
            if self.names.get(name) == sorted(addresses):
                return
            self.names[name] = sorted(addresses)
            lines = [f"{address} {one}" for one, found in self.names.items() for address in found]
            written = self.file.with_suffix(".new")
            written.write_text("".join(f"{line}\n" for line in lines))
            written.replace(self.file)
            self.process.send_signal(signal.SIGHUP)


def begin(directory: Path):
    """Makes the bridge, which is the node, and its DNS."""
    wanted = ["ip", "nsenter", "iptables", "dnsmasq", "podman", "runc", "haproxy"]
    missing = [program for program in wanted if not shutil.which(program)]
    if missing:
        raise RuntimeError(f"these programs are missing: {', '.join(missing)}")
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "bridge", "type", "bridge")
    run("ip", "address", "add", f"{NODE}/8", "dev", "bridge")
    run("ip", "address", "add", f"{six(NODE)}/32", "dev", "bridge", "nodad")
    run("ip", "link", "set", "bridge", "up")
    return Dns(directory)
