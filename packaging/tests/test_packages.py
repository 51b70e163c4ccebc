"""The packages, in an empty system: installed, started as their units say, upgraded, removed, purged."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import unittest

from root import PACKAGES, Root, first_and_later
from world import Postgres, free_ports, get, lists, needs, until


class Unit:
    """What systemd would do with a unit, as far as it can be done without it: the program, as its user, with its variables."""

    def __init__(self, root, name, instance=""):
        self.root = root
        self.entries = {}
        for line in root.file(f"/usr/lib/systemd/system/{name}").read_text().splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.entries.setdefault(key, []).append(value.replace("%i", instance))

    def one(self, key, default=None):
        return self.entries.get(key, [default])[-1]

    def start(self):
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"}
        for assignment in self.entries.get("Environment", []):
            name, _, value = assignment.partition("=")
            variables[name] = value
        for path in self.entries.get("EnvironmentFile", []):
            file = self.root.file(path.removeprefix("-"))
            for line in file.read_text().splitlines() if file.exists() else []:
                if line and not line.startswith("#"):
                    name, _, value = line.partition("=")
                    variables[name] = value
        words = []
        for word in shlex.split(self.one("ExecStart")):
            words += variables.get(word[1:], "").split() if word.startswith("$") else [word]
        user = self.one("User", "root")
        entry = next(line for line in self.root.file("/etc/passwd").read_text().splitlines() if line.startswith(f"{user}:"))
        uid, gid = entry.split(":")[2:4]
        state = self.root.file(f"/var/lib/{self.one('StateDirectory')}")
        state.mkdir(exist_ok=True)
        state.chmod(int(self.one("StateDirectoryMode"), 8))
        os.chown(state, int(uid), int(gid))
        assert self.one("CapabilityBoundingSet") == "" and self.one("NoNewPrivileges") == "yes"
        lowered = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
        self.log = tempfile.TemporaryFile()
        return subprocess.Popen(self.root.inside(*lowered, *words), env=variables, stdout=self.log, stderr=self.log)

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.first, cls.later = first_and_later()
        cls.addClassCleanup(shutil.rmtree, cls.later)

    def setUp(self):
        # The small one of those that can make users from sysusers.d.
        self.root = Root("systemd-standalone-sysusers")
        self.addCleanup(self.root.remove)

    def start(self, name, instance=""):
        unit = Unit(self.root, name, instance)
        process = unit.start()

        def end():
            process.terminate()
            process.wait()
            unit.log.close()

        self.addCleanup(end)
        return unit, process

    def end(self, unit, process, code=0):
        process.terminate()
        self.assertEqual(process.wait(timeout=60), code, unit.said())

    def mode(self, path):
        return self.root.file(path).stat().st_mode & 0o777

    def users(self):
        return {line.split(":")[0] for line in self.root.file("/etc/passwd").read_text().splitlines()}

    def test_a_life_of_the_packages(self):
        root = self.root
        said = root.install(*self.first.values())
        self.assertIn("/etc/homepot/enrollment/token", said, "how the agent is told where to enrol")
        self.assertLessEqual({"homepot", "homepot-sim"}, self.users())
        self.assertEqual(self.mode("/etc/homepot/server.env"), 0o600)
        self.assertEqual(self.mode("/etc/homepot/enrollment"), 0o700)
        wants = root.file("/etc/systemd/system/multi-user.target.wants")
        self.assertEqual({link.name for link in wants.iterdir()} & {"homepot.service", "homepot-agent.service"}, {"homepot.service", "homepot-agent.service"})
        for package, program in zip(PACKAGES, ("homepot", "homepot-agent", "homepot-sim")):
            self.assertIn("tokio", lists(root.file(f"/usr/share/sbom/{package}.cdx.json"))["cargo"])
            self.assertRegex(root.run(program, "--version"), r"\d")

        # The server, with what its file of settings says.
        postgres = Postgres()
        self.addCleanup(postgres.stop)
        grpc, rest, ops = free_ports(3)
        settings = (
            f"# Ours.\nHOMEPOT_GRPC_ADDR=127.0.0.1:{grpc}\nHOMEPOT_REST_ADDR=127.0.0.1:{rest}\nHOMEPOT_OPS_ADDR=127.0.0.1:{ops}\n"
            f"HOMEPOT_DATABASE_URL={postgres.url}\n"
        )
        root.write("/etc/homepot/server.env", settings, 0o600)

        def serve():
            unit, process = self.start("homepot.service")
            try:
                until("/readyz", lambda: get(f"http://127.0.0.1:{ops}/readyz")[0] == 200)
            except AssertionError as error:
                self.fail(f"{error}\n{unit.said()}")
            return unit, process

        server = serve()
        token_file = "/var/lib/homepot/admin-token"
        self.assertEqual((self.mode("/var/lib/homepot"), self.mode(token_file)), (0o700, 0o600))

        def ctl(*arguments):
            environment = ["env", f"HOMEPOT_GRPC_URL=http://127.0.0.1:{grpc}", "HOMEPOT_DATA_DIR=/var/lib/homepot"]
            return root.run("setpriv", "--reuid=homepot", "--clear-groups", *environment, "homepot", "ctl", *arguments)

        # An agent that is told nothing ends with the code after which systemd leaves it alone.
        idle, process = self.start("homepot-agent.service")
        self.assertEqual(process.wait(timeout=60), 2, idle.said())
        self.assertIn("2", idle.one("RestartPreventExitStatus").split())

        # It enrols by files that are dropped, and the token goes.
        ctl("sites", "create", "shop-1", "--name", "Shop 1")
        token = json.loads(ctl("tokens", "create", "--site", "shop-1", "-o", "json"))["secret"]
        dropped = f'server = "http://127.0.0.1:{grpc}"\nsite = "shop-1"\ndevice_id = "till-7"\n'
        root.write("/etc/homepot/agent.d/site.toml", dropped, 0o644)
        root.write("/etc/homepot/enrollment/token", f"{token}\n", 0o600)
        agent = self.start("homepot-agent.service")

        def attached():
            return root.run("homepot-agent", "status")

        try:
            until("the agent", attached)
        except AssertionError as error:
            self.fail(f"{error}\n{agent[0].said()}")
        self.assertFalse(root.file("/etc/homepot/enrollment/token").exists())
        self.assertIn("ReadWritePaths", agent[0].entries, "the unit lets it remove the token")
        self.assertIn("till-7", ctl("devices", "list"))
        self.assertNotIn(token, agent[0].said())
        self.end(*agent)

        # The simulator, with the first admin's token.
        admin = root.file(token_file).read_text().strip()
        fleet = (
            f"SIMULATE=fleet --name shop --devices 2 --sites 1 --scenario healthy --interval 1s --samples 2\n"
            f"HOMEPOT_TOKEN={admin}\nHOMEPOT_GRPC_URL=http://127.0.0.1:{grpc}\nHOMEPOT_REST_URL=http://127.0.0.1:{rest}\n"
        )
        root.write("/etc/homepot/sim/shop.env", fleet, 0o600)
        simulator, process = self.start("homepot-sim@.service", "shop")
        self.assertEqual(process.wait(timeout=120), 0, simulator.said())
        self.end(*server)

        # An upgrade keeps settings and data, and asks nothing.
        root.install(*self.later.glob("*.deb"))
        self.assertIn("+later", root.run("dpkg-query", "--show", "homepot-agent"))
        self.assertEqual(root.file("/etc/homepot/server.env").read_text(), settings)
        self.assertEqual(root.file("/etc/homepot/agent.d/site.toml").read_text(), dropped)
        server = serve()
        self.assertEqual(root.file(token_file).read_text().strip(), admin)
        agent = self.start("homepot-agent.service")
        until("the agent, with the key that it has", attached)
        self.end(*agent)
        self.end(*server)

        # Removed: programs go, settings and data stay.
        root.run("apt-get", "remove", "--yes", "--quiet", *PACKAGES)
        for gone in ("/usr/bin/homepot", "/usr/bin/homepot-agent", "/usr/bin/homepot-sim", "/usr/lib/systemd/system/homepot.service"):
            self.assertFalse(root.file(gone).exists(), gone)
        kept = ["/var/lib/homepot/admin-token", "/var/lib/homepot-agent/.device_api_key", "/var/lib/homepot-sim"]
        for path in [*kept, "/etc/homepot/server.env", "/etc/homepot/agent.d/site.toml", "/etc/homepot/sim/shop.env"]:
            self.assertTrue(root.file(path).exists(), path)

        # Purged: settings go, and it is said where data stays.
        said = root.run("apt-get", "purge", "--yes", "--quiet", *PACKAGES)
        self.assertFalse(root.file("/etc/homepot").exists())
        for path in kept:
            self.assertTrue(root.file(path).exists(), path)
        for directory in ("/var/lib/homepot", "/var/lib/homepot-agent", "/var/lib/homepot-sim"):
            self.assertIn(f"rm -r {directory}", said)
        self.assertFalse(list(root.file("/etc/systemd/system").rglob("homepot*")), "nothing stays enabled")


if __name__ == "__main__":
    needs("mmdebstrap", "dpkg-deb", "setpriv", "unshare")
    unittest.main(verbosity=2)
