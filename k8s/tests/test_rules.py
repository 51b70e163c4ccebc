"""Every rule holds for every overlay, and finds what it is there for."""

import json
import os
import tempfile
import unittest
from pathlib import Path

import rules
import rules_cluster  # noqa: F401  It adds its own to rules.RULES.
from breaks import BREAKS
from manifests import K8S, RENDERED, WHOLE, containers, environment, name, objects, one, text


class Rules(unittest.TestCase):
    def test_every_overlay_keeps_to_every_rule(self):
        for place in WHOLE:
            for called, rule in rules.RULES.items():
                with self.subTest(place=place, rule=called):
                    self.assertEqual(rule(objects(place)), [])

    def test_every_rule_finds_what_breaks_it(self):
        self.assertEqual(set(BREAKS), set(rules.RULES), "each rule has an object that breaks it")
        for called, ways in BREAKS.items():
            for number, (place, how) in enumerate(ways):
                with self.subTest(rule=called, way=number):
                    broken = objects(place)
                    how(broken)
                    self.assertNotEqual(rules.RULES[called](broken), [])

    def test_no_exception_is_left_over(self):
        for called, whose in rules.EXCEPTIONS:
            found = [text for place in WHOLE for text in rules.RULES[called].unexcused(objects(place))]
            with self.subTest(rule=called, whose=whose):
                self.assertTrue(any(text.startswith(whose) for text in found))


class Overlays(unittest.TestCase):
    def test_every_component_and_overlay_is_rendered(self):
        used = set(RENDERED)
        for place in RENDERED:
            page = (K8S / place / "kustomization.yaml").read_text()
            used.update(
                f"components/{component.name}"
                for component in (K8S / "components").iterdir()
                if f"../../components/{component.name}\n" in page
            )
        there = {path.parent.relative_to(K8S).as_posix() for path in K8S.glob("*/**/kustomization.yaml")}
        # An overlay of a test, which nobody applies.
        self.assertEqual(used, there - {"played/overlay"})

    def test_in_production_services_answer_gateways_alone(self):
        found = {}
        for _, container, workload in containers(objects("overlays/production")):
            found[name(workload)] = environment(container, objects("overlays/production")).get("HOMEPOT_GRPC_CLIENT_AUTH")
        required = {called for called, value in found.items() if value == "required"}
        self.assertEqual(required, {"homepot-registry", "homepot-telemetry", "homepot-command"})

    def test_the_release_is_that_of_the_programs(self):
        manifest = (K8S.parent / "Cargo.toml").read_text()
        version = manifest.partition('version = "')[2].partition('"')[0]
        for place in RENDERED:
            self.assertIn(f":{version}\n", text(place), place)

    def test_an_image_of_any_registry_and_by_its_digest_keeps_the_release_in_the_name_of_the_migration(self):
        digest = "sha256:" + 64 * "a"
        for image, shown in (
            ({"newName": "registry.example:5000/team/homepot"}, "registry.example:5000/team/homepot:0.1.0"),
            ({"newName": "registry.example/pot", "digest": digest}, f"registry.example/pot@{digest}"),
        ):
            with tempfile.TemporaryDirectory() as directory:
                base = os.path.relpath(K8S / "overlays/production", os.path.realpath(directory))
                overlay = {"resources": [base], "images": [{"name": "registry.example/homepot", **image}]}
                (Path(directory) / "kustomization.yaml").write_text(json.dumps(overlay))
                among = objects(os.path.realpath(directory))
            job = one(among, "Job", "homepot-migrate")
            self.assertEqual(name(job), "homepot-migrate-0.1.0")
            self.assertEqual({container["image"] for _, container, _ in containers(among)}, {shown})


if __name__ == "__main__":
    unittest.main()
