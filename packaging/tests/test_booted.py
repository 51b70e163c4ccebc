"""The packages under a systemd that runs: what it starts, starts again, restarts for an upgrade, and stops."""

import json
import shutil
import subprocess
import unittest

from root import PACKAGES, Booted, CannotBoot, first_and_later
from world import Postgres, free_ports, get, needs, until

SERVER, AGENT = "homepot.service", "homepot-agent.service"


class UnderSystemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.first, cls.later = first_and_later()
        cls.addClassCleanup(shutil.rmtree, cls.later)

    def setUp(self):
        # It waits for its clients, which end with the system.
        self.postgres = Postgres()
        self.addCleanup(self.postgres.stop)
        self.root = Booted()
        self.addCleanup(self.root.remove)
        try:
            until("systemd", self.root.is_up)
        except CannotBoot as error:
            self.skipTest(f"NOT TESTED: no systemd runs here. {error}")

    def state(self, unit):
        """What `systemctl is-active` says; its exit code is the same in other words."""
        done = subprocess.run(self.root.inside("systemctl", "is-active", unit), capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def is_active(self, unit):
        return self.state(unit) == "active"

    def until(self, what, look):
        """As `until`; a failure tells the journal."""
        try:
            return until(what, look)
        except AssertionError as error:
            self.fail(f"{error}\n{self.root.journal(SERVER)}\n{self.root.journal(AGENT)}")

    def test_a_life_under_systemd(self):
        root = self.root
        root.install(*self.first.values())
        for unit in (SERVER, AGENT):
            self.assertEqual(root.run("systemctl", "is-enabled", unit).strip(), "enabled")
        # An agent that is told nothing ends, and is left alone.
        root.run("systemctl", "start", AGENT)
        self.until("the end of an agent that knows no server", lambda: self.state(AGENT) == "failed")
        self.assertEqual((root.show(AGENT, "ExecMainStatus"), root.show(AGENT, "NRestarts")), ("2", "0"))

        grpc, rest, ops = free_ports(3)
        settings = (
            f"HOMEPOT_GRPC_ADDR=127.0.0.1:{grpc}\nHOMEPOT_REST_ADDR=127.0.0.1:{rest}\nHOMEPOT_OPS_ADDR=127.0.0.1:{ops}\n"
            f"HOMEPOT_DATABASE_URL={self.postgres.url}\n"
        )
        root.write("/etc/homepot/server.env", settings, 0o600)
        root.run("systemctl", "restart", SERVER)

        def serves():
            return self.is_active(SERVER) and get(f"http://127.0.0.1:{ops}/readyz")[0] == 200

        self.until("the server", serves)

        def ctl(*arguments):
            environment = ["env", f"HOMEPOT_GRPC_URL=http://127.0.0.1:{grpc}", "HOMEPOT_DATA_DIR=/var/lib/homepot"]
            return root.run("setpriv", "--reuid=homepot", "--clear-groups", *environment, "homepot", "ctl", *arguments)

        ctl("sites", "create", "shop-1", "--name", "Shop 1")
        token = json.loads(ctl("tokens", "create", "--site", "shop-1", "-o", "json"))["secret"]
        root.write("/etc/homepot/agent.d/site.toml", f'server = "http://127.0.0.1:{grpc}"\nsite = "shop-1"\ndevice_id = "till-7"\n', 0o644)
        root.write("/etc/homepot/enrollment/token", f"{token}\n", 0o600)
        root.run("systemctl", "restart", AGENT)

        def attached():
            return self.is_active(AGENT) and root.run("homepot-agent", "status")

        self.until("the agent", attached)
        self.assertFalse(root.file("/etc/homepot/enrollment/token").exists(), "the sandbox lets it remove the token")

        # What is killed is started again.
        for unit, works in ((SERVER, serves), (AGENT, attached)):
            before, pid = int(root.show(unit, "NRestarts")), root.show(unit, "MainPID")
            root.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)
            self.until(f"{unit} in another life", lambda: int(root.show(unit, "NRestarts")) > before and root.show(unit, "MainPID") != pid)
            self.until(unit, works)

        # It reads certificates and addresses anew, and runs on.
        pid = root.show(SERVER, "MainPID")
        root.run("systemctl", "reload", SERVER)
        self.assertTrue(serves())
        self.assertEqual(root.show(SERVER, "MainPID"), pid)

        # An upgrade restarts both.
        pids = [root.show(unit, "MainPID") for unit in (SERVER, AGENT)]
        root.install(*self.later.glob("*.deb"))
        self.until("the server after the upgrade", serves)
        self.until("the agent after the upgrade", attached)
        for unit, pid in zip((SERVER, AGENT), pids):
            self.assertNotIn(root.show(unit, "MainPID"), (pid, "0"), unit)

        # Both end as they are asked to, in time and without a failure.
        for unit in (AGENT, SERVER):
            root.run("systemctl", "stop", unit)
            self.assertEqual((self.state(unit), root.show(unit, "Result"), root.show(unit, "ExecMainStatus")), ("inactive", "success", "0"), unit)
            root.run("systemctl", "start", unit)
        self.until("the server", serves)
        journals = root.journal(SERVER) + root.journal(AGENT)
        self.assertIn("Deactivated successfully", journals)
        admin = root.file("/var/lib/homepot/admin-token").read_text().strip()
        for secret in (token, admin):
            self.assertNotIn(secret, journals, "the journal holds no secret")

        # Nothing of them runs after they are gone.
        root.run("apt-get", "purge", "--yes", "--quiet", *PACKAGES)
        root.run("systemctl", "daemon-reload")
        for unit in (SERVER, AGENT):
            self.assertIn(self.state(unit), ("inactive", "failed", "unknown"))
            self.assertEqual(root.show(unit, "LoadState"), "not-found")
        self.assertNotIn("/usr/bin/homepot", root.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))


if __name__ == "__main__":
    needs("mmdebstrap", "dpkg-deb", "nsenter", "unshare")
    unittest.main(verbosity=2)
