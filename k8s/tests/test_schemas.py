"""Every object is one that Kubernetes, or the operator that it is for, takes: no field is misspelled or of a wrong type."""

import functools
import json
import os
import subprocess
import unittest
from pathlib import Path

import kubernetes_validate
import kubernetes_validate.utils

from manifests import RENDERED, objects, where

# It would read the definitions of a whole release from the disk for each object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

# The oldest that k8s/README.md names, and two of those that are maintained.
RELEASES = ("1.32", "1.35", "1.37")
# Where the schemas of custom resources lie; scripts/bootstrap puts them there.
MODELS = Path(os.environ["HOMEPOT_VENV"]) / "kubernetes"
PACKAGES = {
    "cert-manager.io": "cert-manager",
    "external-secrets.io": "external-secrets",
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "monitoring.coreos.com": "prometheus-operator",
}
# Nobody publishes these as a package. They were compared by hand with the definitions of CloudNativePG 1.30 and Envoy Gateway 1.9.
WITHOUT_SCHEMA = {"postgresql.cnpg.io", "gateway.envoyproxy.io"}


def group(of):
    return of["apiVersion"].rpartition("/")[0]


def custom(among):
    return [found for found in among if group(found) in PACKAGES]


def faults(among):
    """What is wrong with objects of Kubernetes itself, in any of the releases."""
    found = []
    for one in among:
        if group(one) in PACKAGES or group(one) in WITHOUT_SCHEMA:
            continue
        for release in RELEASES:
            try:
                kubernetes_validate.validate(one, release, strict=True)
            except kubernetes_validate.ValidationError as error:
                found.append(f"{where(one)}, {release}: {error.message}")
    return found


def custom_faults(among):
    """What is wrong with custom resources."""
    request = [{"package": PACKAGES[group(one)], "object": one} for one in among]
    program = Path(__file__).parent / "models/check.mjs"
    done = subprocess.run(["node", program, MODELS], input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class Schemas(unittest.TestCase):
    def test_kubernetes_takes_every_object(self):
        for place in RENDERED:
            with self.subTest(place=place):
                self.assertEqual(faults(objects(place)), [])

    def test_kubernetes_refuses_a_misspelled_field_and_a_wrong_type(self):
        for key, value in (("replicsa", 2), ("replicas", "two")):
            among = [one for one in objects("base") if one["kind"] == "Deployment"][:1]
            among[0]["spec"][key] = value
            self.assertEqual(len(faults(among)), len(RELEASES))

    def test_operators_take_every_custom_resource(self):
        among = [one for place in RENDERED for one in custom(objects(place))]
        self.assertEqual({group(one) for one in among}, set(PACKAGES))
        self.assertEqual(custom_faults(among), [])

    def test_operators_refuse_a_misspelled_field_and_a_wrong_type(self):
        def misspell(one):
            one["spec"]["misspelled"] = 2

        def mistype(one):
            one["spec"] = "text"

        among = []
        for wrong in (misspell, mistype):
            for one in custom(objects("overlays/complete")):
                one["metadata"]["name"] += f"-{wrong.__name__}"
                wrong(one)
                among.append(one)
        told = custom_faults(among)
        for one in among:
            with self.subTest(one=where(one)):
                self.assertTrue(any(text.startswith(where(one) + ":") for text in told), told)


if __name__ == "__main__":
    unittest.main()
