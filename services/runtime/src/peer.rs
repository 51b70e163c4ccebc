//! Where a call comes from, as far as that can be believed.
//!
//! Throttling counts by address, and open enrolment is for this machine only, so an address that anybody may claim is
//! worth nothing. It is believed from the socket, from a gateway in the same process (through a request extension,
//! which no socket can set), and from proxies the settings name. Whatever else a request claims can only take the
//! right of open enrolment away.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use http::{Extensions, HeaderMap};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

/// The metadata in which a gateway tells the services who called it.
pub const FORWARDED_FOR: &str = "x-homepot-forwarded-for";

/// Headers by which proxies of others say that they stand between.
const PROXY_HEADERS: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// A request extension set by a gateway in the same process.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedPeer {
    /// The client's address as the gateway believes it.
    pub ip: IpAddr,
    /// Whether a proxy stood between the client and the gateway.
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

/// Addresses of proxies whose word on the client's address is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpAddr]>);

impl TrustedProxies {
    /// Whether `ip` is one of them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// Reads addresses separated by commas; an empty text names none.
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |part: &str| part.parse::<IpAddr>().map_err(|_| format!("'{part}' is not an IP address"));
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let addresses = parts.map(parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(addresses.into_iter().map(|ip| ip.to_canonical()).collect()))
    }
}

impl Peer {
    /// Reads who called from what the transport and the request say.
    pub fn of(extensions: &Extensions, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        if let Some(forwarded) = extensions.get::<ForwardedPeer>() {
            let ip = forwarded.ip.to_canonical();
            return Self { ip: Some(ip), on_this_machine: ip.is_loopback() && !forwarded.proxied };
        }
        let Some(socket) = socket_ip(extensions) else { return Self { ip: None, on_this_machine: false } };
        let claimed = headers.get(FORWARDED_FOR).map(|value| value.to_str().ok().and_then(|ip| ip.trim().parse().ok()));
        let ip = match claimed {
            Some(Some(claimed)) if trusted.contains(socket) => IpAddr::to_canonical(&claimed),
            _ => socket,
        };
        let proxied = PROXY_HEADERS.iter().any(|name| headers.contains_key(*name));
        let claims_this_machine = match claimed {
            None => true,
            Some(claimed) => claimed.is_some_and(|ip| ip.is_loopback()),
        };
        Self { ip: Some(ip), on_this_machine: socket.is_loopback() && claims_this_machine && !proxied }
    }
}

fn socket_ip(extensions: &Extensions) -> Option<IpAddr> {
    let plain = extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    let tls = || extensions.get::<TlsConnectInfo<TcpConnectInfo>>().and_then(|info| info.get_ref().remote_addr());
    plain.or_else(tls).map(|address| address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(socket: &str, headers: &[(&'static str, &str)], trusted: &str) -> Peer {
        let mut extensions = Extensions::new();
        let address = format!("{socket}:1").parse().unwrap();
        extensions.insert(TcpConnectInfo { local_addr: None, remote_addr: Some(address) });
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect();
        Peer::of(&extensions, &headers, &trusted.parse().unwrap())
    }

    #[test]
    fn a_loopback_socket_is_this_machine_until_something_says_otherwise() {
        assert!(peer("127.0.0.1", &[], "").on_this_machine);
        assert!(peer("127.0.0.1", &[(FORWARDED_FOR, "127.0.0.1")], "").on_this_machine);
        assert!(!peer("127.0.0.1", &[(FORWARDED_FOR, "192.0.2.7")], "").on_this_machine);
        assert!(!peer("127.0.0.1", &[(FORWARDED_FOR, "nonsense")], "").on_this_machine);
        assert!(!peer("127.0.0.1", &[("x-forwarded-for", "127.0.0.1")], "").on_this_machine);
        assert!(!peer("192.0.2.7", &[(FORWARDED_FOR, "127.0.0.1")], "192.0.2.7").on_this_machine);
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_the_address() {
        let claim = [(FORWARDED_FOR, "192.0.2.7")];
        assert_eq!(peer("198.51.100.1", &claim, "").ip, "198.51.100.1".parse().ok());
        assert_eq!(peer("198.51.100.1", &claim, "198.51.100.1").ip, "192.0.2.7".parse().ok());
    }

    #[test]
    fn a_proxy_that_is_no_address_is_named() {
        assert_eq!("10.0.0.1, x".parse::<TrustedProxies>().unwrap_err(), "'x' is not an IP address");
    }
}
