"""The end-to-end tests of Rust against the played cluster: those that any system is good enough for.

Each such test asks for a system that knows nothing but its first admin (`AnySystem` of tests/src). It gets this cluster, with a new
database and all pods started anew. A test that needs a system of its own says so when it asks for that, and is only counted here.
"""

import contextlib
import http.server
import json
import os
import re
import shutil
import subprocess
import threading

from cluster import until
from network import NODE, Host
from outside import DEVICES, GRPC, OPERATORS

PORT = 8090
# What tests call from: each from addresses of its own, because servers count failures by address.
NETWORK = "10.77.0.0"
OWN = "needs a system of its own"


class Suite:
    def __init__(self, world, programs):
        self.world, self.cluster, self.postgres = world, world.cluster, world.postgres
        self.directory = self.cluster.directory / "suite"
        self.directory.mkdir()
        self.host = Host("tester", "10.77.0.1")
        self.host.own(f"{NETWORK}/16")
        # Beside them the tests find the programs, and build none.
        for program in programs.iterdir():
            if program.is_file() and os.access(program, os.X_OK) and program.name != "e2e":
                (self.directory / program.name).symlink_to(program)
        self.tests = self.directory / "e2e"
        shutil.copy(newest(programs), self.tests)
        self.asked = self.directory / "asked"
        self.asked.touch()
        self.make_template()

    def make_template(self):
        """The database as the migration leaves it, which each test gets a copy of."""
        self.drop_database()
        self.create_database("template0")
        self.cluster.run_job("homepot-migrate")
        self.postgres.sql("postgres", "ALTER DATABASE homepot ALLOW_CONNECTIONS false")
        self.postgres.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'homepot'")
        self.postgres.sql("postgres", "ALTER DATABASE homepot RENAME TO migrated")

    def drop_database(self):
        self.postgres.sql("postgres", "DROP DATABASE IF EXISTS homepot WITH (FORCE)")

    def create_database(self, template):
        self.postgres.sql("postgres", f"CREATE DATABASE homepot OWNER homepot ENCODING 'UTF8' TEMPLATE {template}")

    def renew(self):
        """No pod may remember what was, so all are killed, while there is no database. They come back by themselves."""
        self.drop_database()
        before = {pod: pod.restarted for pod in self.cluster.running()}
        for pod in before:
            # It may be dead already, as the database was gone.
            with contextlib.suppress(ProcessLookupError):
                pod.kill()
        self.create_database("migrated")
        for pod, restarted in before.items():
            until(f"{pod.name} was restarted", lambda pod=pod, restarted=restarted: pod.restarted > restarted and pod.ready, 120)

    def description(self):
        settings = next(found for found in self.cluster.objects if found["kind"] == "ConfigMap" and "HOMEPOT_MIGRATIONS" in found["data"])["data"]
        token = self.cluster.directory / "homepot-admin"
        self.cluster.lay_files(token, "homepot-admin")
        return {
            "grpc": f"{GRPC}:443", "devices": f"{DEVICES}:50051", "rest": f"{OPERATORS}:443", "authorities": str(self.world.balancers.ca),
            "admin_token_file": str(token / "token"), "postgres": str(self.postgres.directory), "settings": settings,
            "renew": f"{NODE}:{PORT}", "network": NETWORK, "asked": str(self.asked),
        }

    def run(self, *words):
        """Runs them; the answer is the names of those that ran here, of those that need a system of their own, and what went wrong."""
        described = self.directory / "system.json"
        described.write_text(json.dumps(self.description()))
        suite = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                try:
                    suite.renew()
                    status, said = 200, b""
                except Exception as error:  # noqa: BLE001 the test that asked tells it
                    status, said = 500, str(error).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer((NODE, PORT), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with (self.directory / "log").open("w+") as log:
            environment = {**os.environ, "HOMEPOT_E2E_SYSTEM": str(described), "RUST_BACKTRACE": "0"}
            process = self.host.start(self.tests, "--test-threads", 1, *words, stdout=log, stderr=subprocess.STDOUT, env=environment)
            process.wait()
            log.seek(0)
            said = log.read()
        server.shutdown()
        return self.judge(said)

    def judge(self, said):
        if "test result: " not in said:
            raise AssertionError(f"the tests did not end: {said[-2000:]}")
        if set(re.findall(r"^test (\S+) \.\.\. FAILED$", said, flags=re.MULTILINE)) - set(re.findall(r"^---- (\S+) stdout", said, flags=re.MULTILINE)):
            raise AssertionError(f"a test failed without a word: {said[-2000:]}")
        # What each test that failed had to say.
        pieces = re.split(r"^---- (\S+) stdout ----$", said, flags=re.MULTILINE)
        failed = dict(zip(pieces[1::2], pieces[2::2], strict=True))
        own = {name for name, text in failed.items() if OWN in text}
        asked = set(self.asked.read_text().split())
        wrong = {name: text for name, text in failed.items() if name in asked - own}
        return asked - own, own, wrong


def newest(programs):
    """The built tests: beside the programs, or where cargo leaves them."""
    found = [file for file in (programs / "e2e", *(programs / "deps").glob("e2e-*")) if file.is_file() and os.access(file, os.X_OK)]
    if not found:
        raise FileNotFoundError(f"there are no end-to-end tests in {programs}")
    return max(found, key=lambda file: file.stat().st_mtime)
