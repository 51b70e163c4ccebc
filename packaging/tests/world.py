"""What tests of images and packages stand on: where things are, a Postgres, free ports, and waiting for an answer."""

import contextlib
import glob
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SHIPPED = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")) / "shipped"
# Whether the programs are those of scripts/programs, and not some that were at hand.
AS_SHIPPED = (TOP / os.environ.get("HOMEPOT_PROGRAMS", SHIPPED / "programs")).resolve() == SHIPPED / "programs"


def run(*command, **options):
    """What a command printed. When it fails, the error tells what it said."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def needs(*programs):
    """Ends with one plain line where these tests can't be made."""
    if os.geteuid() != 0:
        raise SystemExit("NOT TESTED: these tests need root, as which you are not. Try again with sudo.")
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise SystemExit(f"NOT TESTED: these tests need {', '.join(missing)}: apt-get install {' '.join(missing)}")


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def until(what, look, seconds=120):
    """What `look` answers as soon as that is something; the last reason against it is told when the time is over."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := look():
                return found
            reason = "nothing yet"
        except (AssertionError, OSError) as error:
            reason = error
        assert time.monotonic() < end, f"{what}: {reason}"
        time.sleep(0.2)


def get(url):
    """The status and the text of an answer, whatever it is."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def lists(path):
    """A list of components, by the types of their addresses: `cargo`, `deb`, `npm` and so on."""
    found = {}
    for component in json.loads(Path(path).read_text())["components"]:
        kind = component["purl"].removeprefix("pkg:").partition("/")[0]
        found.setdefault(kind, set()).add(component["name"])
    return found


def new_token():
    return "hpo_" + secrets.token_urlsafe(32)


def postgres_programs():
    for directory in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True) + os.get_exec_path():
        if (Path(directory) / "initdb").exists():
            return Path(directory)
    raise SystemExit("NOT TESTED: these tests need Postgres: apt-get install postgresql")


class Postgres:
    """A Postgres on this machine for the length of a test; `url` is its address."""

    def __init__(self):
        programs = postgres_programs()
        # It refuses to run as root.
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        self.directory = tempfile.mkdtemp(prefix="homepot-postgres-")
        shutil.chown(self.directory, user)
        [port] = free_ports(1)
        as_user = ["setpriv", f"--reuid={user}", "--clear-groups"]
        data = f"{self.directory}/data"
        run(*as_user, programs / "initdb", "--pgdata", data, "--username=homepot", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", cwd="/")
        command = [*as_user, programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", self.directory, "-F"]
        with open(f"{self.directory}/log", "wb") as log:
            self.process = subprocess.Popen([str(part) for part in command], cwd="/", stdout=log, stderr=log)
        self.url = f"postgres://homepot@127.0.0.1:{port}/postgres"
        until("Postgres", lambda: socket.create_connection(("127.0.0.1", port), 1))

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory)
