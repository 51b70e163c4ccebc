"""k8s/secrets and k8s/once make what the manifests ask for, and overlays/dev/up makes all of it before it applies anything."""

import base64
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from manifests import K8S, WHOLE, objects, pod, text, workloads
from test_schemas import faults

DEVICES, OPERATORS = "devices.pot.example", "pot.example"
NAMES = ["--devices", DEVICES, "--operators", OPERATORS]
# Who else makes Secrets: cert-manager and CloudNativePG in the cluster, and people, by commands of k8s/README.md.
BY_HAND = {"homepot-database", "homepot-database-owner", "homepot-redis", "homepot-agent"}
BY_OPERATORS = {"homepot-db-app", "homepot-db-ca"}


def secrets(*arguments):
    done = subprocess.run([K8S / "secrets", *arguments], capture_output=True, text=True, check=True)
    made = [found for found in yaml.safe_load_all(done.stdout) if found]
    return {one["metadata"]["name"]: {key: base64.b64decode(value) for key, value in one["data"].items()} for one in made}


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


def wanted(place):
    """Each Secret that pods of an overlay mount, with the keys that are named."""
    found = {}
    for workload in workloads(objects(place)):
        for volume in pod(workload).get("volumes", []):
            if "secret" in volume:
                keys = {item["key"] for item in volume["secret"].get("items", [])}
                found.setdefault(volume["secret"]["secretName"], set()).update(keys)
    return found


class Secrets(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def write(self, secret):
        into = self.directory / "secret"
        into.mkdir(exist_ok=True)
        for key, value in secret.items():
            (into / key).write_bytes(value)
        return into

    def test_secrets_have_the_form_that_the_server_takes(self):
        made = secrets("all", *NAMES)
        self.assertRegex(made["homepot-admin"]["token"].decode().strip(), r"^hpo_[A-Za-z0-9_-]{43}$")
        self.assertRegex(made["homepot-secret"]["secret"].decode().strip(), r"^[0-9a-f]{64}$")
        again = secrets("all", *NAMES)
        self.assertEqual(set(made), set(again))
        for name, secret in made.items():
            self.assertNotEqual(secret, again[name], f"{name} is the same twice")

    def test_certificates_vouch_for_the_names_that_are_called(self):
        made = secrets("certificates", *NAMES)
        expected = {
            "homepot-services-tls": ["homepot-registry", "homepot-telemetry", "homepot-command"],
            "homepot-devices-tls": [DEVICES, "homepot-link"],
            "homepot-gateway-tls": [OPERATORS, "homepot-gateway"],
        }
        self.assertEqual(set(made), {*expected, "homepot-gateway-client-tls", "homepot-authority"})
        for name, hosts in expected.items():
            into = self.write(made[name])
            for host in hosts:
                checked = openssl("verify", "-CAfile", into / "ca.crt", "-purpose", "sslserver", "-verify_hostname", host, into / "tls.crt")
                self.assertIn("OK", checked)
            public = openssl("x509", "-in", into / "tls.crt", "-noout", "-pubkey")
            self.assertEqual(public, openssl("pkey", "-in", into / "tls.key", "-pubout"))
            with self.assertRaises(subprocess.CalledProcessError):
                openssl("verify", "-CAfile", into / "ca.crt", "-verify_hostname", "homepot-postgres", into / "tls.crt")

    def test_a_gateway_shows_what_is_for_clients_alone_and_servers_what_is_not(self):
        made = secrets("certificates", *NAMES)
        for name in ("homepot-services-tls", "homepot-devices-tls", "homepot-gateway-tls", "homepot-gateway-client-tls"):
            into = self.write(made[name])
            for purpose in ("sslclient", "sslserver"):
                checked = ["openssl", "verify", "-CAfile", into / "ca.crt", "-purpose", purpose, into / "tls.crt"]
                is_fit = subprocess.run(checked, capture_output=True, check=False).returncode == 0
                self.assertEqual(is_fit, (purpose == "sslclient") == (name == "homepot-gateway-client-tls"), f"{name}: {purpose}")

    def test_certificates_are_renewed_by_the_authority_that_there_is(self):
        authority = self.write(secrets("certificates", *NAMES)["homepot-authority"])
        renewed = secrets("certificates", *NAMES, "--authority", str(authority))
        self.assertNotIn("homepot-authority", renewed)
        self.assertEqual(renewed["homepot-devices-tls"]["ca.crt"], (authority / "tls.crt").read_bytes())

    def test_an_authority_is_made_once_and_trusted_beside_another(self):
        old, new = self.directory / "old", self.directory / "new"
        for directory in (old, new):
            made = secrets("authority", "--authority", str(directory))
            self.assertEqual(made, secrets("authority", "--authority", str(directory)))
        both = secrets("certificates", *NAMES, "--authority", str(old), "--trust", str(new / "tls.crt"))
        for secret in both.values():
            self.assertEqual(secret["ca.crt"], (old / "tls.crt").read_bytes() + (new / "tls.crt").read_bytes())
            (self.directory / "shown").write_bytes(secret["tls.crt"])
            openssl("verify", "-CAfile", old / "tls.crt", self.directory / "shown")

    def test_a_call_that_lacks_something_says_how_it_is_called(self):
        for arguments in ([], ["nothing"], ["certificates"], ["all", "--devices"], ["all", *NAMES, "--what", "x"]):
            done = subprocess.run([K8S / "secrets", *arguments], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn("k8s/secrets all", done.stderr)

    def test_every_secret_that_is_mounted_is_made_by_somebody(self):
        names = {*secrets("all", *NAMES), *secrets("dev-database")}
        page = (K8S / "README.md").read_text()
        for name in BY_HAND:
            self.assertRegex(page, rf"create secret generic {name}\b")
        for place in WHOLE:
            certificates = {one["spec"]["secretName"] for one in objects(place) if one["kind"] == "Certificate"}
            by_operators = BY_OPERATORS | certificates if place.endswith("complete") else set()
            for name in wanted(place):
                with self.subTest(place=place, secret=name):
                    self.assertIn(name, names | BY_HAND | by_operators)

    def test_the_dev_overlay_needs_nothing_but_what_up_makes(self):
        made = {**secrets("dev-database"), **secrets("all", *NAMES)}
        for name, keys in wanted("overlays/dev").items():
            self.assertLessEqual(keys, set(made[name]), name)
        # `up` takes the last one for a sign that all are there.
        self.assertEqual(list(made)[-1], "homepot-secret")
        script = (K8S / "overlays/dev/up").read_text()
        self.assertIn("get secret homepot-secret", script)
        self.assertLess(script.index("k8s/secrets dev-database"), script.index("k8s/secrets all"))
        self.assertIn(made["homepot-postgres"]["password"], made["homepot-database"]["url"])
        self.assertEqual(made["homepot-database"], made["homepot-database-owner"])

    def test_operators_in_the_cluster_make_the_same_secrets_with_the_same_names(self):
        made = secrets("all", *NAMES)
        cluster = objects("overlays/complete")
        for certificate in (one for one in cluster if one["kind"] == "Certificate"):
            name = certificate["spec"]["secretName"]
            if name not in made:
                # What browsers see, and what the proxy of a Gateway shows: there are such only with operators in the cluster.
                self.assertIn(name, ("homepot-public-tls", "homepot-proxy-client-tls"))
            elif "client auth" in certificate["spec"].get("usages", []):
                openssl("verify", "-CAfile", self.write(made[name]) / "ca.crt", "-purpose", "sslclient", self.directory / "secret/tls.crt")
            elif name != "homepot-authority":
                shown = openssl("x509", "-in", self.write(made[name]) / "tls.crt", "-noout", "-ext", "subjectAltName")
                self.assertEqual(set(certificate["spec"]["dnsNames"]), set(re.findall(r"DNS:([\w.-]+)", shown)), name)
        for external in (one for one in cluster if one["kind"] == "ExternalSecret"):
            keys = {entry["secretKey"] for entry in external["spec"]["data"]}
            self.assertEqual(keys, set(made[external["spec"]["target"]["name"]]))


class Once(unittest.TestCase):
    def once(self, place, command):
        script = [K8S / "once", command]
        return subprocess.run(script, input=text(place), capture_output=True, text=True, check=False)

    def test_a_command_runs_with_the_database_of_the_migration(self):
        for place in ("overlays/dev", "overlays/production", "overlays/complete"):
            [job] = yaml.safe_load_all(self.once(place, "restored").stdout)
            [migration] = [one for one in objects(place) if one["kind"] == "Job"]
            self.assertEqual(job["metadata"].pop("generateName"), "homepot-restored-")
            self.assertEqual(pod(job)["containers"][0]["command"], ["homepot", "restored"])
            pod(job)["containers"][0]["command"] = ["homepot", "migrate"]
            job["metadata"]["name"] = migration["metadata"]["name"]
            self.assertEqual(job, migration)
            self.assertEqual(faults([job]), [])

    def test_without_a_migration_it_says_so(self):
        done = self.once("components/agent", "restored")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no migration", done.stderr)


if __name__ == "__main__":
    unittest.main()
