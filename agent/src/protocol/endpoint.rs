//! Where the server is and how it is spoken to.

use std::{net::IpAddr, time::Duration};

use homepot::pb::device::v1::device_service_client::DeviceServiceClient;
use tonic::{
    codegen::http::Uri,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

/// As the server's own limit.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);

/// A server's address, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    uri: Uri,
    tls: bool,
}

impl ServerAddress {
    /// Checks `text`. Without TLS it must lie on this machine, unless `allow_plaintext`.
    pub fn parse(text: &str, allow_plaintext: bool) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("'{text}' is no URL: {error}"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("'{text}' must begin with https:// or http://")),
        };
        let host = uri.host().unwrap_or_default();
        if host.is_empty() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("must name a host, and no user".to_owned());
        }
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(format!("'{text}' must end after the port"));
        }
        if !tls && !allow_plaintext && !is_loopback(host) {
            return Err(format!(
                "'{text}' would send this device's key in clear over the network; use https://, or set allow_plaintext \
                 where something else encrypts the way"
            ));
        }
        Ok(Self { uri, tls })
    }

    /// The endpoint; over TLS it trusts the machine's roots, or only those of `ca`, in PEM.
    pub fn endpoint(&self, ca: Option<&[u8]>) -> Result<Endpoint, tonic::transport::Error> {
        let endpoint = Endpoint::from(self.uri.clone())
            .user_agent(concat!("homepot-agent/", env!("CARGO_PKG_VERSION")))?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_ANSWER)
            .keep_alive_while_idle(true);
        if !self.tls {
            return Ok(endpoint);
        }
        let tls = match ca {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        endpoint.tls_config(tls.timeout(CONNECT))
    }
}

impl std::fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.uri.to_string().trim_end_matches('/'))
    }
}

/// A client with the limits of the contract.
pub(super) fn client(channel: Channel) -> DeviceServiceClient<Channel> {
    DeviceServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_for_this_machine_unless_it_is_asked_for() {
        for good in ["http://127.0.0.1:50051", "http://localhost:1", "http://[::1]:50051", "https://pot.example"] {
            assert!(ServerAddress::parse(good, false).is_ok(), "{good}");
        }
        let far = "http://pot.example:50051";
        assert!(ServerAddress::parse(far, false).unwrap_err().contains("in clear"));
        assert_eq!(ServerAddress::parse(far, true).unwrap().to_string(), far);
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        for bad in ["", "127.0.0.1:50051", "ftp://x", "https://user:secret@x", "https://x/path", "https://x/?q=1"] {
            assert!(ServerAddress::parse(bad, false).is_err(), "{bad}");
        }
    }
}
