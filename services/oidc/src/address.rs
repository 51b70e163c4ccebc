//! Addresses that this client calls: TLS is required, except on this machine.

use std::net::IpAddr;

use http::Uri;

/// An address with a host, without a user or a fragment. `Err` says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| format!("'{text}' is not an address such as https://login.example"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("'{text}' is not an address such as https://login.example"));
    };
    if authority.as_str().contains('@') || text.contains('#') {
        return Err(format!("'{text}' must have neither a user nor a part behind '#'"));
    }
    match scheme {
        "https" => Ok(uri),
        "http" if is_loopback(authority.host()) => Ok(uri),
        _ => Err(format!("'{text}' must begin with https://; http:// is for this machine only")),
    }
}

/// The host as sockets and certificates name it: an IPv6 address without brackets.
pub(crate) fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_for_this_machine_only() {
        for good in
            ["https://login.example/realm", "http://127.0.0.1:9000", "http://localhost/", "http://[::1]:80/x?y=z"]
        {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://login.example",
            "http://127.0.0.1.evil.example",
            "https://user@login.example",
            "https://login.example/#x",
            "ftp://login.example",
            "login.example",
            "/path",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(host(&parse("https://[2001:db8::1]:8443/x").unwrap()), "2001:db8::1");
    }
}
