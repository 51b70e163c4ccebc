"""What stands around the cluster: Postgres and Redis with TLS, the balancers in front, devices and operators."""

import base64
import http.client
import itertools
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import yaml

from cluster import NOW, until
from network import Host, run

DEVICES, OPERATORS, GRPC = "devices.pot.example", "pot.example", "grpc.pot.example"
HERE = Path(__file__).resolve().parent
PASSWORD, ANOTHER = "a-password-of-the-test", "another-password-of-the-test"


class Authority:
    """An authority that vouches for Postgres, Redis and what operators see, apart from HOMEPOT's own."""

    def __init__(self, directory):
        self.directory, self.certificate = directory, directory / "ca.crt"
        directory.mkdir()
        run("openssl", "req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=outside",
            "-days", "2", "-addext", "keyUsage=critical,keyCertSign", "-keyout", directory / "ca.key", "-out", self.certificate)

    def certify(self, *names):
        name = names[0]
        key, request, certificate = (self.directory / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.directory / f"{name}.ext"
        alternatives = ",".join(f"DNS:{name}" for name in names)
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n")
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.directory / "ca.key",
            "-days", "1", "-CAcreateserial", "-extfile", extensions, "-out", certificate)
        return certificate, key

    def secret(self, name, url):
        data = {"url": base64.b64encode(url.encode()).decode(), "ca.crt": base64.b64encode(self.certificate.read_bytes()).decode()}
        return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})


def expired(secret):
    """The same Secret, with a certificate that ended yesterday."""
    with tempfile.TemporaryDirectory() as directory:
        certificate = Path(directory) / "tls.crt"
        key = Path(directory) / "tls.key"
        key.write_bytes(base64.b64decode(secret["data"]["tls.key"]))
        # `req -x509` takes no dates; `x509` takes them as days, and none that is over. `ca` is the one that does.
        for file, text in [("index", ""), ("serial", "01"), ("ca.cnf", CA_SETTINGS.format(directory=directory))]:
            (Path(directory) / file).write_text(text)
        run("openssl", "req", "-new", "-key", key, "-subj", f"/CN={DEVICES}", "-out", f"{directory}/request")
        run("openssl", "ca", "-batch", "-notext", "-config", f"{directory}/ca.cnf", "-selfsign", "-keyfile", key, "-in", f"{directory}/request",
            "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-out", certificate)
        data = {**secret["data"], "tls.crt": base64.b64encode(certificate.read_bytes()).decode()}
    return yaml.safe_dump({**secret, "data": data})


CA_SETTINGS = """\
[ca]
default_ca = own
[own]
database = {directory}/index
serial = {directory}/serial
new_certs_dir = {directory}
default_md = sha256
policy = any
[any]
commonName = supplied
"""


class Postgres:
    """It refuses root, so it runs as the user that Debian makes for it, or as nobody."""

    def __init__(self, authority, dns):
        self.host = Host("postgres", "10.60.0.2")
        self.name = "db.example"
        dns.answer(self.name, [self.host.address])
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin = programs[-1] if programs else Path(shutil.which("postgres")).parent
        names = {user.pw_name for user in pwd.getpwall()}
        self.user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        self.directory = Path(tempfile.mkdtemp(prefix="homepot-postgres-"))
        os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        certificate, key = authority.certify(self.name)
        for file in (certificate, key):
            copied = self.directory / file.name
            shutil.copy(file, copied)
            os.chown(copied, self.user.pw_uid, self.user.pw_gid)
            copied.chmod(0o600)
        data = self.directory / "data"
        run(*self.as_user(self.bin / "initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync"))
        (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 0.0.0.0/0 scram-sha-256\n")
        (data / "postgresql.auto.conf").write_text(
            f"listen_addresses = '*'\nunix_socket_directories = '{self.directory}'\nmax_connections = 200\nssl = on\nfsync = off\n"
            # A session whose client gave up while its line was cut is found within a minute, and not after two hours.
            "tcp_keepalives_idle = 30\ntcp_keepalives_interval = 5\ntcp_keepalives_count = 3\n"
            f"ssl_cert_file = '{self.directory / certificate.name}'\nssl_key_file = '{self.directory / key.name}'\n"
        )
        self.process = None
        self.start()
        # As k8s/README.md says it.
        for user in ("homepot", "homepot_server"):
            self.sql("postgres", f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
        self.sql("postgres", "GRANT pg_read_all_stats TO homepot")
        self.sql("postgres", "CREATE DATABASE homepot OWNER homepot ENCODING 'UTF8' TEMPLATE template0")

    def as_user(self, *words):
        return ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", *(str(word) for word in words)]

    def start(self):
        with (self.directory / "log").open("ab") as log:
            self.process = self.host.start(*self.as_user(self.bin / "postgres", "-D", self.directory / "data"), stdout=log, stderr=log)
        until("Postgres answers", self.answers)

    def answers(self):
        return subprocess.run(self.as_user(self.bin / "pg_isready", "-h", self.directory), capture_output=True, check=False).returncode == 0

    def stop(self, how):
        """`how` is a signal: SIGINT ends all connections first, SIGKILL ends the machine."""
        self.process.send_signal(how)
        self.process.wait()

    def remove(self):
        if self.process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory)

    def sql(self, database, statement):
        return run(*self.as_user(self.bin / "psql", "-h", self.directory, "-U", "postgres", "-d", database, "-AtXc", statement)).strip()

    def url(self, user="homepot", database="homepot", password=PASSWORD):
        return f"postgres://{user}:{password}@{self.name}/{database}?sslmode=verify-full\n"


class Redis:
    def __init__(self, authority, dns, directory):
        self.host = Host("redis", "10.60.0.3")
        self.name = "redis.example"
        dns.answer(self.name, [self.host.address])
        certificate, key = authority.certify(self.name)
        (directory / "redis.conf").write_text(
            f"port 0\ntls-port 6379\ntls-cert-file {certificate}\ntls-key-file {key}\ntls-auth-clients no\nsave ''\nappendonly no\n"
            f"requirepass {PASSWORD}\nbind 0.0.0.0\ndir {directory}\nlogfile {directory}/redis.log\n"
        )
        self.process = self.host.start(shutil.which("redis-server") or "valkey-server", directory / "redis.conf")

    @property
    def url(self):
        return f"rediss://:{PASSWORD}@{self.name}:6379\n"


class Operator:
    """REST through the balancer, as an internal tool does it."""

    def __init__(self, ca, token, host=OPERATORS, port=443):
        self.ca, self.host, self.port = ca, host, port
        self.trust = ssl.create_default_context(cafile=self.ca)
        self.token = token

    def call(self, method, path, body=None, headers=None, timeout=20):
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.trust, timeout=timeout)
        try:
            sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **(headers or {})}
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
        finally:
            connection.close()

    def certificate(self, pod):
        """The one that a pod shows to devices and services."""
        with self.dial(pod) as opened:
            return opened.getpeercert(binary_form=True)

    def greets(self, pod, shown=None):
        """Whether a pod speaks to whoever shows the certificate of that directory, or none. A refusal comes after the handshake."""
        with self.dial(pod, shown) as opened:
            try:
                opened.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
                # The head of its SETTINGS.
                return len(opened.recv(9)) > 0
            except (ssl.SSLError, ConnectionError):
                return False

    def dial(self, pod, shown=None):
        trust = ssl.create_default_context(cafile=self.ca)
        trust.check_hostname = False
        trust.set_alpn_protocols(["h2"])
        if shown:
            trust.load_cert_chain(shown / "tls.crt", shown / "tls.key")
        return trust.wrap_socket(socket.create_connection((pod.address, 50051), timeout=5))

    def must(self, method, path, body=None):
        status, answer = self.call(method, path, body)
        if status != 200:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer


class Work(threading.Thread):
    """An operator at work the whole time: lists devices, and queues commands with keys. What may be repeated is sent again where the
    answer says that it may help, as every good client does; how often is counted."""

    def __init__(self, operator, devices):
        super().__init__(daemon=True)
        self.operator, self.devices = operator, devices
        self.stopped, self.going = threading.Event(), threading.Event()
        self.going.set()
        self.idle = threading.Event()
        self.failed, self.repeated, self.read = [], [], 0
        # By key: the ids that were answered. One each, however often it was sent.
        self.acknowledged = {}

    def run(self):
        turn = 0
        while not self.stopped.wait(0.05):
            if not self.going.is_set():
                self.idle.set()
                self.going.wait()
                self.idle.clear()
            turn += 1
            try:
                if not self.repeat("GET", "/api/v2/devices?page_size=5")["devices"]:
                    self.failed.append("a list without devices")
                self.read += 1
                if turn % 4 == 0:
                    self.queue(self.devices[turn // 4 % len(self.devices)])
            except Exception as error:  # noqa: BLE001 what it was is told after each step
                self.failed.append(f"{type(error).__name__}: {error}")

    def queue(self, device):
        key = str(uuid.uuid4())
        answer = self.repeat("POST", f"/api/v2/devices/{device}/commands", {"command_type": "PING"}, {"idempotency-key": key})
        self.acknowledged.setdefault(key, set()).add(answer["command"]["command_id"])

    def repeat(self, method, path, body=None, headers=None):
        end = time.monotonic() + 60
        while True:
            try:
                status, answer = self.operator.call(method, path, body, headers)
                if status == 200:
                    return answer
                said = f"{method} {path}: {status} {answer}"
                if status not in (429, 502, 503, 504):
                    raise AssertionError(said)
            except (OSError, http.client.HTTPException) as error:
                said = f"{method} {path}: {type(error).__name__} {error}"
            if time.monotonic() > end:
                raise AssertionError(f"no answer within a minute; the last: {said}")
            self.repeated.append(said)
            time.sleep(0.3)

    def pause(self):
        self.going.clear()
        self.idle.wait(70)

    def resume(self):
        self.going.set()

    def stop(self):
        self.stopped.set()
        self.join(70)


class Fleet:
    """Simulated devices, which drive the real protocol, on a host of their own."""

    numbers = itertools.count(2)

    def __init__(self, cluster, ca, token, count, release, words=(), name=None):
        self.name = name or f"played-{release}"
        self.host = Host(self.name, f"10.70.0.{next(Fleet.numbers)}")
        self.directory = cluster.directory / self.name
        self.directory.mkdir(mode=0o700)
        self.summary = (self.directory / "summary.json").open("w+")
        self.log = (self.directory / "log").open("w+")
        self.process = self.host.start(
            cluster.programs[release] / "homepot-sim", "fleet", "--devices", count, "--name", self.name, "--scenario", HERE / "steady.toml",
            "--site", "shop", "--json", "--server", f"https://{DEVICES}:50051", "--ca", ca, "--state-dir", self.directory,
            "--spool-samples", "600", "--drain", "60s", *words,
            env={**os.environ, "HOMEPOT_ENROLLMENT_TOKEN": token}, stdout=self.summary, stderr=self.log,
        )

    def end(self, how):
        self.process.send_signal(how)
        code = self.process.wait(120)
        self.summary.seek(0)
        text = self.summary.read()
        self.log.seek(0)
        if code != 0:
            raise AssertionError(f"the fleet ended with {code}: {text}\n{self.log.read()[-2000:]}")
        return json.loads(text)


class Relay:
    """A long line: see relay.py. Names of the DNS may lead to it in the place of a balancer's address."""

    def __init__(self, target, delay):
        self.host = Host("relay", "10.71.0.1")
        command = [sys.executable, HERE / "relay.py", 50051, target, 50051, delay]
        self.process = self.host.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said("ready")

    def said(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise AssertionError(f"the relay said {line!r} and not {word!r}")

    def do(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self.said(word)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.host.remove()
