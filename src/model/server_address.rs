//! Where a server is, and the one rule about plaintext for all its clients.

use std::{fmt, net::IpAddr};

use http::Uri;

/// A server's address, checked: `https://host:port`, or `http://` where that is safe or was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress(Uri);

impl ServerAddress {
    /// Checks `text`. Without TLS it must lie on this machine, unless `allow_plaintext`: keys and tokens travel with
    /// every call, and whoever is on the way could read them.
    pub fn parse(text: &str, allow_plaintext: bool) -> Result<Self, String> {
        // A text that is no address is not repeated: it may be a secret that was put in the wrong place.
        let uri: Uri =
            text.parse().map_err(|error| format!("is not a URL such as https://pot.example:50051 ({error})"))?;
        if !matches!(uri.scheme_str(), Some("https" | "http")) {
            return Err(format!("'{text}' must begin with https:// or http://"));
        }
        let host = uri.host().unwrap_or_default();
        if host.is_empty() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("must name a host, and no user".to_owned());
        }
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(format!("'{text}' must end after the port"));
        }
        let address = Self(uri);
        if !address.is_tls() && !allow_plaintext && !is_loopback(address.host()) {
            return Err(format!(
                "'{text}' would send keys and tokens in clear over the network: use https://, or allow it with \
                 --allow-plaintext where something else encrypts the connection"
            ));
        }
        Ok(address)
    }

    /// Whether it is spoken to by TLS.
    pub fn is_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Name or IP address.
    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    /// The address of a listener, seen from where its server is reached as `server`: in place of a host that stands for
    /// every address of the machine, the host by which that machine is known here.
    #[must_use]
    pub fn seen_from(&self, server: &Self) -> Self {
        let bare = self.host().trim_start_matches('[').trim_end_matches(']');
        if !bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
            return self.clone();
        }
        let port = self.0.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = self.0.scheme_str().unwrap_or_default();
        format!("{scheme}://{}{port}", server.host()).parse().map_or_else(|_| self.clone(), Self)
    }

    /// As a URI.
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_string().trim_end_matches('/'))
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_seen_by_the_host_that_reaches_it() {
        let seen = |of: &str, from: &str| {
            let [of, from] = [of, from].map(|text| ServerAddress::parse(text, true).unwrap());
            of.seen_from(&from).to_string()
        };
        assert_eq!(seen("https://0.0.0.0:50051", "https://pot.example:443"), "https://pot.example:50051");
        assert_eq!(seen("http://[::]:50051", "http://[::1]:50051"), "http://[::1]:50051");
        assert_eq!(seen("https://devices.example", "https://pot.example"), "https://devices.example");
        assert_eq!(seen("http://127.0.0.1:50051", "http://localhost:50051"), "http://127.0.0.1:50051");
    }

    #[test]
    fn plaintext_is_for_this_machine_unless_it_is_asked_for() {
        for good in ["http://127.0.0.1:50051", "http://localhost:1", "http://[::1]:50051", "https://pot.example"] {
            assert!(ServerAddress::parse(good, false).is_ok(), "{good}");
        }
        let near =
            ["http://127.0.0.1.pot.example", "http://localhost.pot.example", "http://0.0.0.0:1", "http://[::]:1"];
        for far in ["http://pot.example:50051", "http://10.0.0.7:50051", "HTTP://pot.example"].iter().chain(&near) {
            let told = ServerAddress::parse(far, false).unwrap_err();
            assert!(told.contains("in clear") && told.contains("--allow-plaintext"), "{told}");
            assert!(ServerAddress::parse(far, true).is_ok());
        }
        let far = "http://pot.example:50051";
        assert_eq!(ServerAddress::parse(far, true).unwrap().to_string(), far);
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        for bad in ["", "127.0.0.1:50051", "ftp://x", "https://user:secret@x", "https://x/path", "https://x/?q=1"] {
            let told = ServerAddress::parse(bad, true).unwrap_err();
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
