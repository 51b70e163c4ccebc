"""The images as scripts/image left them: what is in them, and that they run as a cluster runs them."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from world import AS_SHIPPED, SHIPPED, TOP, Postgres, free_ports, get, lists, needs, new_token, run, until

PROGRAMS = ["homepot", "homepot-agent", "homepot-sim"]
VERSION = run("bash", "-c", ". scripts/env; . scripts/shipping; echo $version", cwd=TOP).strip()
LARGEST = 60_000_000
USER = 65532


def podman(*arguments):
    # Containers are started without systemd, and by the runtime that knows every arrangement of control groups.
    engine = ["podman", "--cgroup-manager", "cgroupfs"]
    if shutil.which("runc"):
        engine += ["--runtime", "runc"]
    return [*engine, *(str(argument) for argument in arguments)]


def limits():
    """podman asks for more files and processes than a machine may be allowed to give: what this one has is enough."""
    for name, kind, most in (("nofile", resource.RLIMIT_NOFILE, 65536), ("nproc", resource.RLIMIT_NPROC, 4096)):
        hard = resource.getrlimit(kind)[1]
        wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
        yield f"--ulimit={name}={wanted}:{wanted}"


def image(program):
    return f"localhost/{program}:{VERSION}"


def inspect(program):
    return json.loads(run(*podman("image", "inspect", image(program))))[0]


class Container:
    """A container as strict as the manifests of k8s/ ask for."""

    def __init__(self, program, *options, command=()):
        strict = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host"]
        # No systemd runs the check of health every few seconds; a test asks when it wants to know.
        strict += ["--health-interval=disable", *limits()]
        self.id = run(*podman("run", "--detach", *strict, *options, image(program), *command)).strip()

    def execute(self, *command):
        return subprocess.run(podman("exec", self.id, *command), capture_output=True, text=True, check=False)

    def logs(self):
        done = subprocess.run(podman("logs", self.id), capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def stop(self):
        """Its exit code, after it was asked to end."""
        run(*podman("stop", "--time", "30", self.id))
        return int(run(*podman("inspect", "--format", "{{.State.ExitCode}}", self.id)))

    def remove(self):
        run(*podman("rm", "--force", "--volumes", self.id))


class Contents(unittest.TestCase):
    def test_each_image_has_one_program_and_the_libraries_that_it_loads(self):
        for program in PROGRAMS:
            with self.subTest(program), tarfile.open(SHIPPED / "roots" / f"{program}.tar") as root:
                members = {member.name.removeprefix("."): member for member in root}
                executable = {name for name, member in members.items() if member.isfile() and member.mode & 0o111}
                others = {name for name in executable if ".so" not in name}
                self.assertEqual(others, {f"/usr/bin/{program}"})
                self.assertFalse([name for name, member in members.items() if member.mode & 0o6000], "nothing is setuid")
                open_to_all = {name for name, member in members.items() if member.mode & 0o002 and not member.issym()}
                self.assertEqual(open_to_all, {"/tmp"})
                own = {name for name, member in members.items() if member.uid != 0}
                self.assertEqual(own, {f"/var/lib/{program}"})
                self.assertEqual({member.mtime for member in members.values()}, {members["/usr/bin/" + program].mtime})

    def test_an_image_says_what_it_is_and_runs_as_nobody_that_a_system_knows(self):
        for program in PROGRAMS:
            with self.subTest(program):
                told = inspect(program)
                self.assertEqual(told["Config"]["User"], f"{USER}:{USER}")
                labels = {name.removeprefix("org.opencontainers.image."): text for name, text in told["Labels"].items()}
                self.assertEqual((labels["title"], labels["version"]), (program, VERSION))
                for name in ("description", "revision", "created", "licenses"):
                    self.assertTrue(labels[name], name)
                health = told.get("Healthcheck") or {}
                expected = {"homepot": ["CMD", "/usr/bin/homepot", "health"], "homepot-agent": ["CMD", "/usr/bin/homepot-agent", "status"]}
                self.assertEqual(health.get("Test"), expected.get(program))

    def test_an_image_is_small(self):
        for program in PROGRAMS:
            size = inspect(program)["Size"]
            print(f"{program}: {size / 1e6:.1f} MB{'' if AS_SHIPPED else ', not as it is shipped'}")
            if AS_SHIPPED:
                self.assertLess(size, LARGEST, program)

    def test_its_list_of_components_has_crates_libraries_and_packages(self):
        for program in PROGRAMS:
            with self.subTest(program):
                path = SHIPPED / "roots" / program / f"usr/share/sbom/{program}.cdx.json"
                found = lists(path)
                records = {file.name for file in (SHIPPED / "roots" / program / "var/lib/dpkg/status.d").iterdir()}
                self.assertEqual(found["deb"], records)
                self.assertLessEqual({"libc6", "libgcc-s1", "ca-certificates"}, records)
                self.assertIn("tokio", found["cargo"])
                self.assertNotIn("proptest", found["cargo"], "what tests use is not shipped")
                built_in = found.get("generic", set()) | found.get("github", set())
                self.assertEqual(built_in, {"libpq", "jemalloc"} if program == "homepot" else set())
                self.assertEqual("preact" in found.get("npm", set()), program == "homepot")
                self.assertNotIn(str(TOP), path.read_text(), "no path of the machine that built it")

    def test_the_same_programs_give_the_same_images(self):
        """Layers and configuration. The digest of an image in Docker's format is another each time: buildah writes the name of the
        container into it that it worked in."""

        def made():
            tars = [hashlib.sha256((SHIPPED / "roots" / f"{program}.tar").read_bytes()).hexdigest() for program in PROGRAMS]
            return tars, [(told["RootFS"], told["Config"], told["Created"]) for told in map(inspect, PROGRAMS)]

        before = made()
        environment = {**os.environ, "HOMEPOT_PROGRAMS": os.environ.get("HOMEPOT_PROGRAMS", str(SHIPPED / "programs"))}
        run("scripts/image", cwd=TOP, env=environment)
        self.assertEqual(made(), before)


class Runs(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="homepot-image-"))
        self.directory.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.directory)

    def secret(self, name, text):
        """A file with a secret, mounted at /run/secrets: `--volume` and its value."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o400)
        os.chown(path, USER, USER)
        return ["--volume", f"{path}:/run/secrets/{name}:ro"]

    def start(self, program, *options, command=()):
        container = Container(program, *options, command=command)
        self.addCleanup(container.remove)
        return container

    def test_the_server_serves_without_a_writable_file_and_an_agent_enrols_at_it(self):
        postgres = Postgres()
        self.addCleanup(postgres.stop)
        grpc, rest, ops = free_ports(3)
        settings = {
            "HOMEPOT_GRPC_ADDR": f"127.0.0.1:{grpc}",
            "HOMEPOT_REST_ADDR": f"127.0.0.1:{rest}",
            "HOMEPOT_OPS_ADDR": f"127.0.0.1:{ops}",
            "HOMEPOT_DATABASE_URL_FILE": "/run/secrets/database-url",
            "HOMEPOT_SECRET_FILE": "/run/secrets/secret",
            "HOMEPOT_ADMIN_TOKEN_FILE": "/run/secrets/admin-token",
            "HOMEPOT_TOKEN_FILE": "/run/secrets/admin-token",
            "HOMEPOT_GRPC_URL": f"http://127.0.0.1:{grpc}",
        }
        # What only the shell reads is a setting of gateways too, so the server gets it at the call.
        serve = {name: text for name, text in settings.items() if name not in ("HOMEPOT_TOKEN_FILE", "HOMEPOT_GRPC_URL")}
        files = self.secret("database-url", postgres.url) + self.secret("secret", os.urandom(32).hex()) + self.secret("admin-token", new_token())
        server = self.start("homepot", *files, *(f"--env={name}={text}" for name, text in serve.items()))
        try:
            until("/livez", lambda: get(f"http://127.0.0.1:{ops}/livez")[0] == 200)
            until("/readyz", lambda: get(f"http://127.0.0.1:{ops}/readyz")[0] == 200)
        except AssertionError as error:
            self.fail(f"{error}\n{server.logs()}")
        run(*podman("healthcheck", "run", server.id))
        self.assertEqual(get(f"http://127.0.0.1:{rest}/")[0], 200, "the page, or how to build it")

        for shell in ("sh", "bash", "/bin/sh", "busybox"):
            self.assertNotEqual(server.execute(shell, "-c", "true").returncode, 0, shell)
        process = run(*podman("inspect", "--format", "{{.State.Pid}}", server.id)).strip()
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":\t" in line)
        self.assertEqual(status["Uid"].split(), [str(USER)] * 4)
        self.assertEqual((status["CapEff"], status["CapBnd"], status["NoNewPrivs"]), ("0" * 16, "0" * 16, "1"))

        def ctl(*arguments):
            variables = (f"--env={name}={settings[name]}" for name in ("HOMEPOT_TOKEN_FILE", "HOMEPOT_GRPC_URL"))
            return run(*podman("exec", *variables, server.id, "homepot", "ctl", *arguments))

        ctl("sites", "create", "shop-1", "--name", "Shop 1")
        token = json.loads(ctl("tokens", "create", "--site", "shop-1", "-o", "json"))["secret"]
        agent = self.start(
            "homepot-agent",
            *self.secret("enrollment-token", token),
            "--volume=/var/lib/homepot-agent",
            "--env=HOMEPOT_AGENT_ENROLLMENT_TOKEN_FILE=/run/secrets/enrollment-token",
            f"--env=HOMEPOT_AGENT_SERVER=http://127.0.0.1:{grpc}",
            "--env=HOMEPOT_AGENT_SITE=shop-1",
            "--env=HOMEPOT_AGENT_DEVICE_ID=till-7",
        )
        try:
            until("the agent", lambda: agent.execute("homepot-agent", "status").returncode == 0)
        except AssertionError as error:
            self.fail(f"{error}\n{agent.logs()}")
        run(*podman("healthcheck", "run", agent.id))
        self.assertIn("till-7", ctl("devices", "list"))
        self.assertNotEqual(agent.execute("sh", "-c", "true").returncode, 0)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(server.stop(), 0)

    def test_the_server_lives_while_its_database_is_away_and_is_not_ready(self):
        grpc, rest, ops, nowhere = free_ports(4)
        server = self.start(
            "homepot",
            *self.secret("database-url", f"postgres://homepot@127.0.0.1:{nowhere}/postgres"),
            *self.secret("secret", os.urandom(32).hex()),
            "--env=HOMEPOT_DATABASE_URL_FILE=/run/secrets/database-url",
            "--env=HOMEPOT_SECRET_FILE=/run/secrets/secret",
            "--env=HOMEPOT_MIGRATIONS=wait",
            f"--env=HOMEPOT_GRPC_ADDR=127.0.0.1:{grpc}",
            f"--env=HOMEPOT_REST_ADDR=127.0.0.1:{rest}",
            f"--env=HOMEPOT_OPS_ADDR=127.0.0.1:{ops}",
        )
        until("/livez", lambda: get(f"http://127.0.0.1:{ops}/livez")[0] == 200)
        self.assertEqual(get(f"http://127.0.0.1:{ops}/readyz")[0], 503)
        self.assertNotEqual(server.execute("homepot", "health").returncode, 0)

    def test_the_simulator_shows_a_life(self):
        shown = run(*podman("run", "--rm", "--read-only", "--cap-drop=all", "--network=none", *limits(), image("homepot-sim"), "scenarios"))
        self.assertIn("healthy", shown)


if __name__ == "__main__":
    needs("podman", "buildah")
    unittest.main(verbosity=2)
