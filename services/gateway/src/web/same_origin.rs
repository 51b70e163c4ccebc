//! Whether a request comes from our own page. A browser sends the cookie whoever made it call, so a request with a cookie has to
//! show that no page of another site is behind it.
//!
//! Browsers say so themselves in `Sec-Fetch-Site`, which no page can forge. Older ones, and those that don't take the address for
//! secure, send `Origin`, which is then held against the address that was asked for.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::{HeaderMap, StatusCode, header, request::Parts};

use crate::{GatewayConfig, error::ApiError};

const SEC_FETCH_SITE: &str = "sec-fetch-site";
const X_FORWARDED_HOST: &str = "x-forwarded-host";
const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// An error unless the request comes from our own page. One that changes nothing may also be typed into the address bar, or come
/// from a program, which say less.
pub(super) fn check(parts: &Parts, config: &GatewayConfig) -> Result<(), ApiError> {
    let is_safe = parts.method.is_safe();
    let mut sites = parts.headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        let is_ours = |site: &[u8]| site == b"same-origin" || (is_safe && site == b"none");
        return match sites.all(|site| is_ours(site.as_bytes())) {
            true => Ok(()),
            false => Err(refusal("the header Sec-Fetch-Site says that another site's page made it")),
        };
    }
    if is_safe {
        return Ok(());
    }
    let mut origins = parts.headers.get_all(header::ORIGIN).iter();
    match (origins.next().and_then(|origin| origin.to_str().ok()), origins.next()) {
        (Some(origin), None) if is_own(origin, parts, config) => Ok(()),
        (None, None) if !parts.headers.contains_key(header::ORIGIN) => Err(refusal(
            "it has neither of the headers Sec-Fetch-Site and Origin; programs send a token in the header Authorization, not \
             the cookie",
        )),
        _ => Err(refusal(
            "the header Origin is not the address that was asked for; a proxy in front has to pass the header Host on",
        )),
    }
}

fn refusal(why: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, format!("This request is taken from the server's own page only: {why}"))
}

/// Whether `origin` is where the request was sent to.
fn is_own(origin: &str, parts: &Parts, config: &GatewayConfig) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let socket = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let through_trusted = socket.is_some_and(|ConnectInfo(socket)| config.trusted_proxies.contains(socket.ip()));
    let told = |name| if through_trusted { only(&parts.headers, name) } else { None };

    let usual = if config.over_tls { "https" } else { "http" };
    let asked_scheme = told(X_FORWARDED_PROTO).unwrap_or(usual);
    let in_uri = parts.uri.authority().map(|authority| authority.as_str());
    let asked = told(X_FORWARDED_HOST).or(in_uri).or_else(|| only(&parts.headers, header::HOST.as_str()));
    let Some(asked) = asked else { return false };
    scheme.eq_ignore_ascii_case(asked_scheme)
        && without_port(authority, scheme).eq_ignore_ascii_case(without_port(asked, scheme))
}

/// The text of a header that is there once, and holds one value.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim).filter(|value| !value.contains(',')),
        _ => None,
    }
}

/// A host without the port that its scheme has anyway.
fn without_port<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let usual = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    authority.strip_suffix(usual).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (&str, &str) = ("host", "127.0.0.1:8000");

    fn status(method: &str, headers: &[(&str, &str)], config: &GatewayConfig) -> u16 {
        let mut request = http::Request::builder().method(method).uri("/session");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let address: SocketAddr = "10.0.0.1:1".parse().unwrap();
        let (parts, ()) = request.extension(ConnectInfo(address)).body(()).unwrap().into_parts();
        check(&parts, config).map_or_else(|error| error.status().as_u16(), |()| 200)
    }

    fn plain(method: &str, headers: &[(&str, &str)]) -> u16 {
        status(method, &[&[HERE], headers].concat(), &crate::tests::config(true))
    }

    #[test]
    fn a_browser_says_which_page_made_it_call() {
        for (site, post, get) in
            [("same-origin", 200, 200), ("none", 403, 200), ("same-site", 403, 403), ("cross-site", 403, 403)]
        {
            let headers = [("sec-fetch-site", site), ("origin", "http://127.0.0.1:8000")];
            assert_eq!((plain("POST", &headers), plain("GET", &headers)), (post, get), "{site}");
        }
        let both = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")];
        assert_eq!(plain("DELETE", &both), 403);
    }

    #[test]
    fn an_origin_counts_where_the_browser_says_nothing_else() {
        for (origin, due) in [
            ("http://127.0.0.1:8000", 200),
            ("HTTP://127.0.0.1:8000", 200),
            ("https://127.0.0.1:8000", 403),
            ("http://127.0.0.1:3000", 403),
            ("http://127.0.0.1", 403),
            ("http://localhost:8000", 403),
            ("http://127.0.0.1:8000.evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            assert_eq!(plain("POST", &[("origin", origin)]), due, "{origin}");
        }
        assert_eq!(plain("POST", &[]), 403);
        assert_eq!(plain("POST", &[("origin", "http://127.0.0.1:8000"), ("origin", "http://evil.example")]), 403);
        assert_eq!(plain("GET", &[]), 200);
    }

    #[test]
    fn what_a_proxy_says_of_the_address_is_believed_where_it_is_trusted() {
        let origin = ("origin", "https://pot.example");
        let told =
            [origin, ("host", "10.0.0.9:8000"), ("x-forwarded-host", "pot.example"), ("x-forwarded-proto", "https")];
        let mut config = crate::tests::config(true);
        assert_eq!(status("POST", &told, &config), 403);
        config.trusted_proxies = "10.0.0.1".parse().unwrap();
        assert_eq!(status("POST", &told, &config), 200);
        let several = [origin, ("host", "10.0.0.9:8000"), ("x-forwarded-host", "evil.example, pot.example")];
        assert_eq!(status("POST", &several, &config), 403);
        config = GatewayConfig { over_tls: true, ..crate::tests::config(true) };
        assert_eq!(status("POST", &[origin, ("host", "pot.example:443")], &config), 200);
        assert_eq!(status("POST", &[("origin", "http://pot.example"), ("host", "pot.example")], &config), 403);
    }
}
