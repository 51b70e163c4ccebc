"""What k8s/README.md says is there, under the names that it says."""

import re
import subprocess
import unittest

from manifests import K8S, TOP, WHOLE, name, objects, of_kind
from rules_cluster import connections

PAGE = (K8S / "README.md").read_text()
COMMANDS = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
KINDS = {"deployment": "Deployment", "service": "Service", "job": "Job", "statefulset": "StatefulSet", "cluster": "Cluster"}


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def headings(page):
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}


class Readme(unittest.TestCase):
    def test_links_lead_somewhere(self):
        links = re.findall(r"\]\(([^)]+)\)", PAGE)
        self.assertGreater(len(links), 10)
        for link in links:
            path, _, anchor = link.partition("#")
            with self.subTest(link=link):
                file = (K8S / path).resolve() if path else K8S / "README.md"
                self.assertTrue(file.exists())
                if anchor:
                    self.assertIn(anchor, headings(file.read_text()))

    def test_commands_are_whole_and_name_what_there_is(self):
        self.assertGreater(len(COMMANDS), 10)
        every = [one for place in WHOLE for one in objects(place)]
        for command in COMMANDS:
            with self.subTest(command=command):
                checked = subprocess.run(["bash", "-n"], input=command, text=True, capture_output=True, check=False)
                self.assertEqual(checked.stderr, "")
        for path in re.findall(r"\bk8s/[\w./-]+\w", PAGE):
            if not path.startswith("k8s/overlays/mine"):
                self.assertTrue((TOP / path).exists(), path)
        for kind, called in re.findall(r"\b(deployment|service|job|statefulset|cluster)[ /](homepot-[\w-]+)", PAGE):
            self.assertIn(called, [name(one) for one in of_kind(every, KINDS[kind])], f"{kind} {called}")

    def test_the_table_of_directories_has_all_components(self):
        for component in (K8S / "components").iterdir():
            self.assertTrue(f"`{component.name}`" in PAGE or f"`components/{component.name}`" in PAGE, component.name)

    def test_the_sum_of_connections_is_that_of_the_manifests(self):
        told = {int(number) for number in re.findall(r"migration 15 = (\d+)$", PAGE, re.MULTILINE)}
        self.assertEqual(told, {connections(objects(place)) for place in ("overlays/production", "overlays/complete")})


if __name__ == "__main__":
    unittest.main()
