//! Where a call comes from, as far as that can be believed.
//!
//! Limits count by address, and open enrolment is for this machine only, so an address that anybody may claim is worth
//! nothing. It is believed from the socket, from a gateway in the same process (through a request extension, which no
//! socket can set), and from the networks that the settings trust, in the one header that the settings name. A gateway
//! in another process is one more trusted proxy: it speaks the standard headers, and there is no private one that a
//! client could send through somebody else's proxy. Where services show certificates, a header of a gRPC call is believed
//! for the certificate alone. Whatever else a request claims can only take the right of open enrolment away.

mod forwarded;

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use http::{
    Extensions, HeaderMap, HeaderName, Request, Uri,
    header::{FORWARDED, HOST},
};
use ipnet::IpNet;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

/// The header in which most proxies name the client.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that only a proxy or a browser adds: `origin` is how a browser says that a page made it call. A call with any of
/// them may be a stranger's doing, so it never counts as one of this machine.
const NOT_DIRECT: [&str; 17] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-homepot-forwarded-for",
    "x-original-forwarded-for",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "cf-connecting-ip",
    "true-client-ip",
    "fastly-client-ip",
    "via",
    "origin",
];

/// Where a client is, as the gateway that it called believes. As a request extension it is believed, because only a
/// gateway in the same process can set one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardedPeer {
    /// The client's address.
    pub ip: IpAddr,
    /// Whether something may stand between the client and this machine.
    pub proxied: bool,
}

/// The caller's end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address; `None` when the transport has none.
    pub ip: Option<IpAddr>,
    /// True when the caller certainly runs on this machine.
    pub on_this_machine: bool,
}

/// The header in which trusted proxies name the client. Only one is read: a proxy that writes the one passes the other
/// through as its client sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
}

impl FromStr for ForwardedHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err(format!("'{text}' is neither 'x-forwarded-for' nor 'forwarded'")),
        }
    }
}

/// Says, in a request's extensions, that its connection began with the certificate of a service of this server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownCertificate;

/// Networks of proxies whose word on the client's address is taken. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
    header: ForwardedHeader,
    by_certificate: bool,
}

impl TrustedProxies {
    /// Whether `ip` belongs to one of them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether the word of a peer is taken, which is at `ip` and has or has not shown a certificate.
    pub(crate) fn vouches(&self, ip: IpAddr, has_certificate: bool) -> bool {
        if self.by_certificate { has_certificate } else { self.contains(ip) }
    }

    /// Whether a request came from one of them, or from a gateway in another process.
    pub(crate) fn sent<B>(&self, request: &Request<B>) -> bool {
        let has_certificate = request.extensions().get::<ShownCertificate>().is_some();
        socket_ip(request.extensions()).is_some_and(|ip| self.vouches(ip, has_certificate))
    }

    /// The same proxies where a peer's word is taken for its certificate, and no longer for its address. The networks still
    /// tell which addresses of a chain are those of proxies.
    #[must_use]
    pub fn by_certificate(self) -> Self {
        Self { by_certificate: true, ..self }
    }

    /// The same proxies, which name the client in `header`.
    #[must_use]
    pub fn speaking(self, header: ForwardedHeader) -> Self {
        Self { header, ..self }
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// Reads addresses and networks separated by commas; an empty text names none.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let networks = parts.map(network).collect::<Result<_, _>>()?;
        Ok(Self { networks, ..Self::default() })
    }
}

fn network(part: &str) -> Result<IpNet, String> {
    if let Ok(ip) = part.parse::<IpAddr>() {
        return Ok(IpNet::from(ip.to_canonical()));
    }
    let fault = || format!("'{part}' is neither an IP address nor a network such as 10.0.0.0/8");
    let network = part.parse::<IpNet>().map_err(|_| fault())?;
    if network.prefix_len() == 0 {
        return Err(format!("'{part}' is every address there is: anybody could claim to be anybody"));
    }
    Ok(network.trunc())
}

/// The address that limits count by: an IPv4 address, or the /64 network of an IPv6 address, because whoever has one
/// address of it has all of them.
pub fn counted_as(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) & !u128::from(u64::MAX)).into(),
        ip => ip,
    }
}

impl ForwardedPeer {
    /// Where the client of a request is that came in at a socket from `socket`.
    pub fn of<B>(socket: IpAddr, request: &Request<B>, trusted: &TrustedProxies) -> Self {
        let (uri, headers) = (request.uri(), request.headers());
        let socket = socket.to_canonical();
        let has_certificate = request.extensions().get::<ShownCertificate>().is_some();
        let is_believed = trusted.vouches(socket, has_certificate);
        let ip = if is_believed { forwarded::client(socket, headers, trusted) } else { socket };
        let proxied = NOT_DIRECT.iter().any(|name| headers.contains_key(*name)) || !is_for_this_machine(uri, headers);
        Self { ip, proxied }
    }

    /// Names the client to services in another process, which believe it when they trust this one as a proxy.
    pub fn write_to(&self, headers: &mut HeaderMap) {
        let quoted = match self.ip {
            IpAddr::V4(ip) => format!("for={ip}"),
            IpAddr::V6(ip) => format!("for=\"[{ip}]\""),
        };
        for (name, text) in [(X_FORWARDED_FOR, self.ip.to_string()), (FORWARDED, quoted)] {
            if let Ok(value) = text.parse() {
                headers.insert(name, value);
            }
        }
    }
}

impl Peer {
    /// Reads who called from what the transport and the request say.
    pub fn of<B>(request: &Request<B>, trusted: &TrustedProxies) -> Self {
        let forwarded = request.extensions().get::<ForwardedPeer>().copied();
        let client = || {
            let socket = socket_ip(request.extensions())?;
            Some(ForwardedPeer::of(socket, request, trusted))
        };
        let Some(ForwardedPeer { ip, proxied }) = forwarded.or_else(client) else {
            return Self { ip: None, on_this_machine: false };
        };
        let ip = ip.to_canonical();
        Self { ip: Some(ip), on_this_machine: ip.is_loopback() && !proxied }
    }
}

/// Whether a request is addressed to this machine by a name of its own. Who came through a proxy, or through a name that
/// somebody else's DNS turns into 127.0.0.1, usually asks for another host.
fn is_for_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let authority = uri.authority().map(|authority| authority.as_str());
    let host = || headers.get(HOST).map(|value| value.to_str().unwrap_or("?"));
    let Some(text) = authority.or_else(host) else { return true };
    if let Ok(address) = text.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn socket_ip(extensions: &Extensions) -> Option<IpAddr> {
    let plain = extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    let tls = || extensions.get::<TlsConnectInfo<TcpConnectInfo>>().and_then(|info| info.get_ref().remote_addr());
    plain.or_else(tls).map(|address| address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(socket: &str, headers: &[(&str, &str)], trusted: &str) -> Peer {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let remote_addr = Some(SocketAddr::new(socket.parse().unwrap(), 1));
        let request = request.extension(TcpConnectInfo { local_addr: None, remote_addr }).body(()).unwrap();
        Peer::of(&request, &trusted.parse().unwrap())
    }

    #[test]
    fn a_loopback_socket_is_this_machine_until_something_says_otherwise() {
        assert!(peer("127.0.0.1", &[], "").on_this_machine);
        assert!(peer("::1", &[("host", "[::1]:8000")], "").on_this_machine);
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.0.0.2", "[::1]"] {
            assert!(peer("127.0.0.1", &[("host", host)], "").on_this_machine, "{host}");
        }
        for host in ["pot.example", "10.0.0.7:8000", "localhost.example:8000", "[2001:db8::1]:8000", ""] {
            assert!(!peer("127.0.0.1", &[("host", host)], "").on_this_machine, "{host}");
        }
        for header in NOT_DIRECT {
            assert!(!peer("127.0.0.1", &[(header, "127.0.0.1")], "").on_this_machine, "{header}");
        }
        assert!(!peer("192.0.2.7", &[("x-forwarded-for", "127.0.0.1")], "192.0.2.7").on_this_machine);
    }

    #[test]
    fn only_a_trusted_network_is_believed_about_the_address() {
        let claim = [("x-forwarded-for", "192.0.2.7")];
        assert_eq!(peer("198.51.100.1", &claim, "").ip, "198.51.100.1".parse().ok());
        assert_eq!(peer("198.51.100.1", &claim, "198.51.100.0/24").ip, "192.0.2.7".parse().ok());
        assert_eq!(peer("::ffff:198.51.100.1", &claim, "198.51.100.1").ip, "192.0.2.7".parse().ok());
        assert_eq!(peer("2001:db8:7::1", &claim, "2001:db8::/32").ip, "192.0.2.7".parse().ok());
    }

    #[test]
    fn where_services_show_certificates_an_address_alone_is_not_believed() {
        let trusted = "10.0.0.0/8".parse::<TrustedProxies>().unwrap().by_certificate();
        let seen = |socket: &str, has_certificate: bool| {
            let mut request = Request::builder().header("x-forwarded-for", "192.0.2.7, 10.0.0.2").body(()).unwrap();
            if has_certificate {
                request.extensions_mut().insert(ShownCertificate);
            }
            ForwardedPeer::of(socket.parse().unwrap(), &request, &trusted).ip.to_string()
        };
        assert_eq!(seen("10.0.0.1", false), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", true), "192.0.2.7");
        assert_eq!(seen("198.51.100.1", true), "192.0.2.7", "wherever it is");
    }

    #[test]
    fn the_private_header_of_earlier_versions_is_believed_from_nobody() {
        let claim = [("x-homepot-forwarded-for", "192.0.2.7")];
        assert_eq!(peer("10.0.0.1", &claim, "10.0.0.1").ip, "10.0.0.1".parse().ok());
    }

    #[test]
    fn what_a_gateway_writes_is_read_by_services_that_trust_it() {
        for (client, header) in [("192.0.2.7", "x-forwarded-for"), ("2001:db8::7", "forwarded")] {
            let client: IpAddr = client.parse().unwrap();
            let mut headers = HeaderMap::new();
            ForwardedPeer { ip: client, proxied: true }.write_to(&mut headers);
            let trusted = "10.0.0.0/8".parse::<TrustedProxies>().unwrap().speaking(header.parse().unwrap());
            let socket = "10.0.0.1".parse().unwrap();
            let mut request = Request::new(());
            *request.headers_mut() = headers;
            assert_eq!(ForwardedPeer::of(socket, &request, &trusted).ip, client);
        }
    }

    #[test]
    fn a_proxy_that_is_no_address_and_a_network_of_everybody_are_named() {
        let fault = |text: &str| text.parse::<TrustedProxies>().unwrap_err();
        assert_eq!(fault("10.0.0.1, x"), "'x' is neither an IP address nor a network such as 10.0.0.0/8");
        assert!(fault("0.0.0.0/0").contains("anybody could claim"));
        assert!(fault("::/0").contains("anybody could claim"));
    }

    #[test]
    fn limits_count_a_network_of_ipv6_as_one() {
        let counted = |ip: &str| counted_as(ip.parse().unwrap()).to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(counted("::1"), "::");
    }
}
