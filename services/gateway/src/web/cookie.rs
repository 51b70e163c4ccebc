//! The cookie that carries a session. Scripts of the page can't read it, and no page of another site makes a browser send it
//! along with what changes something.

use std::time::Duration;

use homepot::model::{Secret, SecretKind};
use http::{HeaderMap, HeaderValue, header};

/// Over TLS: browsers keep a cookie with this prefix only when it is `Secure`, of the whole site and of this host alone.
const OVER_TLS: &str = "__Host-homepot-session";
/// On loopback without TLS, where browsers may refuse or withhold a `Secure` cookie: not all of them count http://127.0.0.1
/// among what is secure. Nothing leaves the machine there.
const PLAIN: &str = "homepot-session";

fn name(over_tls: bool) -> &'static str {
    if over_tls { OVER_TLS } else { PLAIN }
}

/// The session that a request brings; what has not the form of one is none.
pub(super) fn find(headers: &HeaderMap, over_tls: bool) -> Option<Secret> {
    let name = name(over_tls);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut secrets = pairs.filter(|(known, _)| *known == name).map(|(_, value)| Secret::presented(value));
    secrets.find(|secret| secret.public_id(SecretKind::Session).is_some())
}

/// Gives the browser a session for as long as it may last.
pub(super) fn set(secret: &Secret, lasts: Duration, over_tls: bool) -> Option<HeaderValue> {
    line(secret.reveal(), lasts, over_tls)
}

/// Takes it back.
pub(super) fn clear(over_tls: bool) -> Option<HeaderValue> {
    line("", Duration::ZERO, over_tls)
}

fn line(value: &str, lasts: Duration, over_tls: bool) -> Option<HeaderValue> {
    let (name, secure) = (name(over_tls), if over_tls { "; Secure" } else { "" });
    let seconds = lasts.as_secs();
    let line = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly{secure}; SameSite=Lax");
    let mut line = HeaderValue::try_from(line).ok()?;
    line.set_sensitive(true);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Secret {
        Secret::from_random(SecretKind::Session, [7; 32])
    }

    #[test]
    fn a_session_is_found_among_other_cookies_by_the_name_of_its_kind_alone() {
        let secret = session();
        let headers = |lines: &[String]| lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect();
        let ours = format!("homepot-session={}", secret.reveal());
        let found = |lines: &[String], over_tls| find(&headers(lines), over_tls).is_some();
        assert_eq!(find(&headers(&[format!("a=b; {ours}; c")]), false), Some(secret.clone()));
        assert!(found(&["a=b".to_owned(), ours.clone()], false));
        assert!(!found(std::slice::from_ref(&ours), true), "a cookie without the prefix may be another host's");
        assert!(found(&[format!("__Host-{ours}")], true));
        assert!(!found(&["homepot-session=hpo_x".to_owned()], false));
        assert!(!found(&[format!("x{ours}")], false));
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_and_over_tls_from_plaintext() {
        let plain = set(&session(), Duration::from_secs(60), false).unwrap();
        let value = session().reveal().to_owned();
        assert_eq!(plain, format!("homepot-session={value}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"));
        assert_eq!(format!("{plain:?}"), "Sensitive");
        let over_tls = set(&session(), Duration::from_secs(60), true).unwrap();
        let due = format!("__Host-homepot-session={value}; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax");
        assert_eq!(over_tls, due);
        let gone = clear(true).unwrap();
        assert_eq!(gone, "__Host-homepot-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax");
    }
}
