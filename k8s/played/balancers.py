"""HAProxy and Envoy before the cluster. Each can stand before devices and before operators; the DNS says which one does.

Devices' TLS ends in the pod, and their address travels in a PROXY header. TLS of operators ends here, as at an ingress, and what may be
repeated is sent to another pod where one died over it.
"""

import os
import sys
from pathlib import Path

import yaml

from manifests import objects, of_kind, one
from network import DOMAIN, Host
from outside import DEVICES, GRPC, OPERATORS

# Both are in the network that pods trust.
HAPROXY_ADDRESS, ENVOY_ADDRESS = "10.244.250.1", "10.244.250.2"
# A stream of each device, and what operators do.
CONNECTIONS = 8192

HAPROXY = """\
global
    maxconn {connections}
defaults
    timeout connect 2s
    timeout client 24h
    timeout server 24h
    maxconn {connections}
resolvers dns
    nameserver node 10.244.0.1:53
    hold valid 500ms
    hold obsolete 500ms
    resolve_retries 3
    timeout resolve 300ms
    timeout retry 300ms
listen devices
    mode tcp
    bind [::]:50051 v4v6
    balance leastconn
    option redispatch 1
    retries 3
    server-template link 1-6 homepot-devices.{domain}:50051 check inter 500ms resolvers dns resolve-prefer ipv4 init-addr none send-proxy-v2
frontend operators
    mode http
    bind [::]:443 v4v6 ssl crt {directory}/public.pem
    option forwardfor
    http-request set-var(txn.repeats) bool(true) if METH_GET
    default_backend gateways
backend gateways
    mode http
    balance leastconn
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response response-timeout
    http-request disable-l7-retry unless METH_GET
    server-template gateway 1-6 homepot-gateway.{domain}:8000 check inter 500ms resolvers dns resolve-prefer ipv4 init-addr none ssl verify required ca-file {directory}/ca.pem sni str(homepot-gateway) verifyhost homepot-gateway
"""

TYPES = "type.googleapis.com/envoy.extensions"
# What may be sent again without harm: anything that no pod has read, and reads.
UNREAD = "connect-failure,refused-stream,reset-before-request"


def typed(kind, **fields):
    return {"@type": f"{TYPES}.{kind}", **fields}


def seconds(duration):
    """As Envoy takes it: Envoy Gateway takes more units."""
    return duration if duration.endswith("s") and duration[:-1].isdigit() else f"{int(duration.removesuffix('m')) * 60}s"


class Envoy:
    """Its settings, with the times and the routes that components/gateway-api gives to Envoy Gateway."""

    def __init__(self, directory):
        self.directory = directory
        rendered = objects("overlays/complete")
        self.times = one(rendered, "BackendTrafficPolicy", "homepot-operators")["spec"]["timeout"]["http"]
        self.client_times = one(rendered, "ClientTrafficPolicy", "homepot")["spec"]["timeout"]["http"]
        self.rules = one(rendered, "GRPCRoute", "homepot-grpc")["spec"]["rules"]
        self.names = {policy["metadata"]["name"]: policy["spec"]["validation"]["hostname"] for policy in of_kind(rendered, "BackendTLSPolicy")}

    def settings(self):
        services = sorted({rule["backendRefs"][0]["name"] for rule in self.rules} | {"homepot-devices"})
        clusters = [
            self.cluster("devices", "homepot-devices", 50051, self.proxy_header()),
            self.cluster("gateways", "homepot-gateway", 8000, self.tls("homepot-gateway")),
            *(self.cluster(service, service, 50051, self.tls(service, "h2"), grpc=True) for service in services),
        ]
        resources = {"listeners": [self.devices(), self.operators()], "clusters": clusters}
        # It reads nothing again without a name of its own.
        return {"node": {"id": "envoy", "cluster": "played"}, "static_resources": resources}

    def client_certificate(self):
        """What it shows to services. A file of its own, because Envoy reads certificates again only where they are told so."""
        directory = self.directory / "client"
        files = {"certificate_chain": {"filename": f"{directory}/tls.crt"}, "private_key": {"filename": f"{directory}/tls.key"}}
        secret = typed("transport_sockets.tls.v3.Secret", name="client", tls_certificate={**files, "watched_directory": {"path": str(directory)}})
        return {"resources": [secret]}

    def listener(self, name, port, *filter_chains, **more):
        address = {"socket_address": {"address": "::", "ipv4_compat": True, "port_value": port}}
        return {"name": name, "address": address, "filter_chains": list(filter_chains), **more}

    def devices(self):
        proxy = typed("filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="devices", cluster="devices", idle_timeout="0s", max_connect_attempts=3)
        return self.listener("devices", 50051, {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]})

    def operators(self):
        """One port for both names: the client's TLS says which one it wants, as with two listeners of a Gateway."""
        pages = [self.route("/", "gateways", UNREAD + ",reset", GET), self.route("/", "gateways", UNREAD)]
        services = [
            self.route(f"/{match['method']['service']}/", rule["backendRefs"][0]["name"], UNREAD)
            for rule in self.rules for match in rule["matches"]
        ]
        # Devices have a name of their own. That one address answers for all services is for tests, which call them all.
        services.append(self.route("/homepot.device.v1.DeviceService/", "homepot-devices", UNREAD))
        grpc = {**self.http("grpc", services), "filter_chain_match": {"server_names": [GRPC]}}
        inspector = {"name": "tls", "typed_config": typed("filters.listener.tls_inspector.v3.TlsInspector")}
        return self.listener("operators", 443, grpc, self.http("page", pages), listener_filters=[inspector])

    def http(self, name, routes):
        manager = typed(
            "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix=name, use_remote_address=True,
            request_timeout=seconds(self.client_times["requestReceivedTimeout"]),
            stream_idle_timeout=seconds(self.client_times["streamIdleTimeout"]),
            http_filters=[{"name": "envoy.filters.http.router", "typed_config": typed("filters.http.router.v3.Router")}],
            route_config={"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        )
        public = {"filename": f"{self.directory}/public.pem"}
        tls = {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [{"certificate_chain": public, "private_key": public}]}
        return {
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
            "transport_socket": {"name": "tls", "typed_config": typed("transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=tls)},
        }

    def route(self, prefix, cluster, retry_on, headers=()):
        action = {
            "cluster": cluster, "timeout": seconds(self.times["requestTimeout"]), "idle_timeout": seconds(self.times["streamIdleTimeout"]),
            "max_stream_duration": {"max_stream_duration": seconds(self.times["maxStreamDuration"])},
            "retry_policy": {"retry_on": retry_on, "num_retries": 3, "retry_host_predicate": [PREVIOUS_HOSTS], "host_selection_retry_max_attempts": 5},
        }
        return {"match": {"prefix": prefix, "headers": list(headers)}, "route": action}

    def cluster(self, name, service, port, transport_socket, grpc=False):
        address = {"socket_address": {"address": f"{service}.{DOMAIN}", "port_value": port}}
        limits = {"max_connections": CONNECTIONS, "max_pending_requests": CONNECTIONS, "max_requests": CONNECTIONS, "max_retries": CONNECTIONS}
        made = {
            "name": name, "type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED", "dns_refresh_rate": "0.5s",
            "dns_failure_refresh_rate": {"base_interval": "0.5s", "max_interval": "0.5s"}, "connect_timeout": "2s", "lb_policy": "LEAST_REQUEST",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
            "circuit_breakers": {"thresholds": [limits]}, "transport_socket": transport_socket,
            # A pod that is not ready any more keeps what it has until it ends it.
            "ignore_health_on_host_removal": True,
        }
        if grpc:
            http2 = {"http2_protocol_options": {"connection_keepalive": {"interval": "5s", "timeout": "5s"}}}
            options = {"@type": f"{TYPES}.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": http2}
            made["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
        return made

    def proxy_header(self):
        plain = {"name": "plain", "typed_config": typed("transport_sockets.raw_buffer.v3.RawBuffer")}
        header = typed("transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport", config={"version": "V2"}, transport_socket=plain)
        return {"name": "proxy", "typed_config": header}

    def tls(self, service, *protocols):
        called = self.names.get(service, DEVICES)
        validation = {
            "trusted_ca": {"filename": f"{self.directory}/ca.pem"},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": called}}],
        }
        # Services know by it that Envoy may say where its callers are, and refuse calls without.
        client = {"name": "client", "sds_config": {"path_config_source": {"path": f"{self.directory}/client.yaml"}}}
        common = {"alpn_protocols": list(protocols), "validation_context": validation, "tls_certificate_sds_secret_configs": [client]}
        return {"name": "tls", "typed_config": typed("transport_sockets.tls.v3.UpstreamTlsContext", sni=called, common_tls_context=common)}


GET = [{"name": ":method", "string_match": {"exact": "GET"}}]
PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": typed("retry.host.previous_hosts.v3.PreviousHostsPredicate"),
}


class Balancers:
    def __init__(self, cluster, outside, trusted):
        """`outside` vouches for what operators see. `trusted` are the certificates of the authorities of pods."""
        self.dns = cluster.dns
        directory = cluster.directory / "balancers"
        directory.mkdir()
        certificate, key = outside.certify(OPERATORS, GRPC)
        (directory / "public.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
        self.ca = directory / "ca.pem"
        self.ca.write_bytes(b"".join(file.read_bytes() for file in [*trusted, outside.certificate]))
        haproxy, envoy = directory / "haproxy.cfg", directory / "envoy.yaml"
        haproxy.write_text(HAPROXY.format(directory=directory, domain=DOMAIN, connections=CONNECTIONS))
        settings = Envoy(directory)
        envoy.write_text(yaml.safe_dump(settings.settings()))
        cluster.follow(directory / "client", "homepot-gateway-client-tls")
        (directory / "client.yaml").write_text(yaml.safe_dump(settings.client_certificate()))
        program = Path(sys.prefix) / "bin/envoy"
        self.haproxy = Balancer(HAPROXY_ADDRESS, directory, ["haproxy", "-db", "-f", haproxy])
        self.envoy = Balancer(ENVOY_ADDRESS, directory, [program, "--config-path", envoy, "--disable-hot-restart", "--concurrency", "1"])
        self.place(devices=self.haproxy, operators=self.envoy)

    def place(self, devices, operators, six=False):
        """Says who stands before whom. `six`: they are known by their IPv6 addresses alone."""
        self.at_devices, self.at_operators = devices, operators
        for name, balancer in ((DEVICES, devices), (OPERATORS, operators), (GRPC, self.envoy)):
            self.dns.answer(name, [balancer.host.six if six else balancer.host.address])

    def swap(self):
        """They change places, and both start anew, so that everybody comes to the other one."""
        self.place(devices=self.at_operators, operators=self.at_devices)
        for balancer in (self.haproxy, self.envoy):
            balancer.restart()


class Balancer:
    def __init__(self, address, directory, command):
        self.host = Host(Path(command[0]).name, address)
        self.command, self.log = command, directory / f"{self.host.name}.log"
        self.start()

    def start(self):
        with self.log.open("ab") as log:
            self.process = self.host.start(*self.command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})

    def restart(self):
        self.process.terminate()
        self.process.wait()
        self.start()
