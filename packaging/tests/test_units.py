"""What can be said of units, packages and the release without building anything; .ci/run has it."""

import re
import subprocess
import tomllib
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
UNITS = sorted((TOP / "systemd").iterdir())
# How exposed a service may be, by systemd's own count: 0 is least, 10 is most.
MOST = 2.0


def exposure(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, check=False)
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout).group(1))


def entries(unit, key):
    return [line.partition("=")[2] for line in unit.read_text().splitlines() if line.startswith(f"{key}=")]


class Units(unittest.TestCase):
    def test_each_service_is_as_little_exposed_as_it_is_said(self):
        self.assertEqual([unit.name for unit in UNITS], ["homepot-agent.service", "homepot-sim@.service", "homepot.service"])
        for unit in UNITS:
            with self.subTest(unit.name):
                self.assertLessEqual(exposure(unit), MOST)

    def test_a_unit_finds_its_program_wherever_it_was_installed(self):
        for unit in UNITS:
            [command] = entries(unit, "ExecStart")
            self.assertRegex(command, r"^homepot(-agent|-sim)? ", "a path would be that of one way to install it")

    def test_the_agent_may_write_its_state_and_remove_its_token_and_nothing_else(self):
        agent = TOP / "systemd/homepot-agent.service"
        self.assertEqual(entries(agent, "ProtectSystem"), ["strict"])
        self.assertEqual(entries(agent, "ReadWritePaths"), ["-/etc/homepot/enrollment"])


class Packages(unittest.TestCase):
    """What a package says about its files, in the Cargo.toml of its program."""

    PLACES = {name: TOP / name for name in ("services/server", "agent", "simulator")}

    def metadata(self, place):
        return tomllib.loads((place / "Cargo.toml").read_text())["package"]["metadata"]["deb"]

    def test_what_may_hold_a_secret_is_for_root_alone(self):
        for name, place in self.PLACES.items():
            for _, path, mode in self.metadata(place)["assets"]:
                expected = "600" if path.endswith(".env") else "755" if path == "usr/bin/" else "644"
                self.assertEqual(mode, expected, f"{name}: {path}")

    def test_each_file_of_the_project_is_there_and_each_unit_is_in_a_package(self):
        shipped = set()
        for name, place in self.PLACES.items():
            for source, path, _ in self.metadata(place)["assets"]:
                if not source.startswith("target/release/"):
                    self.assertTrue((place / source).is_file(), f"{name}: {source}")
                if path == "usr/lib/systemd/system/":
                    shipped.add(Path(source).name)
        self.assertEqual(shipped, {unit.name for unit in UNITS})

    def test_a_user_of_a_unit_is_made_by_its_package(self):
        made = {line.split()[1] for file in (TOP / "packaging").glob("*/homepot-*.conf") for line in file.read_text().splitlines()}
        self.assertEqual(made, {user for unit in UNITS for user in entries(unit, "User")})

    def test_settings_in_the_shipped_files_are_examples_that_change_nothing(self):
        for path in ("packaging/server/server.env", "packaging/agent/agent.toml"):
            for line in (TOP / path).read_text().splitlines():
                self.assertRegex(line, r"^(#.*)?$", path)


class Images(unittest.TestCase):
    def test_an_image_is_of_the_release_that_the_manifests_ask_for(self):
        version = tomllib.loads((TOP / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        for path in ("k8s/base/kustomization.yaml", "k8s/components/agent/kustomization.yaml"):
            self.assertEqual(re.findall(r"newTag: (\S+)", (TOP / path).read_text()), [version], path)

    def test_the_containerfile_has_the_images_and_the_user_that_the_manifests_name(self):
        text = (TOP / "Containerfile").read_text()
        self.assertEqual(re.findall(r"^FROM scratch AS (\S+)$", text, re.M), ["homepot", "homepot-agent", "homepot-sim"])
        self.assertEqual(set(re.findall(r"^USER (\S+)$", text, re.M)), {"65532:65532"})
        self.assertIn("runAsUser: 65532", (TOP / "k8s/base/pod.yaml").read_text())


if __name__ == "__main__":
    unittest.main()
