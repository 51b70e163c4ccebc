//! Reads the chain of addresses that proxies wrote, from its trustworthy end.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header::FORWARDED};

use super::{ForwardedHeader, TrustedProxies, X_FORWARDED_FOR};

/// The nearest address that no trusted proxy has; what lies before it anybody may have written. Each proxy appends, so
/// the chain is read from its end. Where it becomes unreadable the last address that was believed counts, at first the
/// socket's.
pub(super) fn client(socket: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match trusted.header {
        ForwardedHeader::XForwardedFor => (X_FORWARDED_FOR, address),
        ForwardedHeader::Forwarded => (FORWARDED, element),
    };
    let mut nearest = socket;
    for line in headers.get_all(name).iter().rev() {
        let Ok(line) = line.to_str() else { return nearest };
        for entry in line.split(',').rev() {
            let Some(ip) = read(entry) else { return nearest };
            nearest = ip;
            if !trusted.contains(ip) {
                return nearest;
            }
        }
    }
    nearest
}

/// An address, with or without a port; IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|ip| ip.to_canonical())
}

/// The address in `for=` of one element of RFC 7239; names that hide one are no address. A comma in a quoted text splits
/// the element, which then is unreadable: no address has one.
fn element(text: &str) -> Option<IpAddr> {
    text.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| address(value.trim().trim_matches('"')))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(header: &'static str, lines: &[&str]) -> String {
        let trusted = "10.0.0.0/8".parse::<TrustedProxies>().unwrap().speaking(header.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header, line.parse().unwrap());
        }
        client("10.0.0.1".parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_not_trusted_counts() {
        let chain = |lines: &[&str]| seen("x-forwarded-for", lines);
        assert_eq!(chain(&[]), "10.0.0.1");
        assert_eq!(chain(&["192.0.2.7"]), "192.0.2.7");
        assert_eq!(chain(&["127.0.0.1, 192.0.2.7, 10.0.0.2"]), "192.0.2.7");
        assert_eq!(chain(&["127.0.0.1", "192.0.2.7", "10.0.0.2, 10.0.0.3"]), "192.0.2.7");
        assert_eq!(chain(&["10.0.0.4, 10.0.0.3"]), "10.0.0.4");
        assert_eq!(chain(&["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(chain(&["[2001:db8::7]:4711"]), "2001:db8::7");
    }

    #[test]
    fn what_cannot_be_read_ends_the_chain() {
        let chain = |lines: &[&str]| seen("x-forwarded-for", lines);
        assert_eq!(chain(&["192.0.2.7, x"]), "10.0.0.1");
        assert_eq!(chain(&["192.0.2.7, x, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(chain(&["192.0.2.7,"]), "10.0.0.1");
        assert_eq!(seen("forwarded", &["for=192.0.2.7, for=_hidden"]), "10.0.0.1");
        assert_eq!(seen("forwarded", &["for=\"a, for=192.0.2.7\", for=unknown"]), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_where_the_settings_name_it_and_the_other_is_not() {
        assert_eq!(seen("forwarded", &["For=\"[2001:db8::7]:1\";proto=https;by=10.0.0.2"]), "2001:db8::7");
        assert_eq!(seen("forwarded", &["for=127.0.0.1, proto=http;for=192.0.2.7, for=10.9.9.9"]), "192.0.2.7");
        let trusted = "10.0.0.1".parse::<TrustedProxies>().unwrap();
        let headers = [(FORWARDED, "for=192.0.2.7".parse().unwrap())].into_iter().collect();
        assert_eq!(client("10.0.0.1".parse().unwrap(), &headers, &trusted).to_string(), "10.0.0.1");
    }
}
