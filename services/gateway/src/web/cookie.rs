//! The cookies of the page: one carries a session, and a short one what a sign-in with an identity provider has to remember. Scripts of the page can't read it, and no page of another site makes a browser send it
//! along with what changes something.

use std::time::Duration;

use homepot::model::{Secret, SecretKind};
use http::{HeaderMap, HeaderValue, header};

/// Over TLS: browsers keep a cookie with this prefix only when it is `Secure`, of the whole site and of this host alone.
const OVER_TLS: &str = "__Host-homepot-session";
/// On loopback without TLS, where browsers may refuse or withhold a `Secure` cookie: not all of them count http://127.0.0.1
/// among what is secure. Nothing leaves the machine there.
const PLAIN: &str = "homepot-session";

/// The same two for a sign-in that is under way.
const ATTEMPT_OVER_TLS: &str = "__Host-homepot-sign-in";
const ATTEMPT_PLAIN: &str = "homepot-sign-in";
/// As long as the services take it.
const ATTEMPT_LASTS: Duration = Duration::from_secs(600);

fn name(over_tls: bool) -> &'static str {
    if over_tls { OVER_TLS } else { PLAIN }
}

fn attempt_name(over_tls: bool) -> &'static str {
    if over_tls { ATTEMPT_OVER_TLS } else { ATTEMPT_PLAIN }
}

/// The values of the cookies of this name.
fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}

/// The session that a request brings; what has not the form of one is none.
pub(super) fn find(headers: &HeaderMap, over_tls: bool) -> Option<Secret> {
    let mut secrets = values(headers, name(over_tls)).map(Secret::presented);
    secrets.find(|secret| secret.public_id(SecretKind::Session).is_some())
}

/// Gives the browser a session for as long as it may last.
pub(super) fn set(secret: &Secret, lasts: Duration, over_tls: bool) -> Option<HeaderValue> {
    line(name(over_tls), secret.reveal(), lasts, over_tls)
}

/// Takes it back.
pub(super) fn clear(over_tls: bool) -> Option<HeaderValue> {
    line(name(over_tls), "", Duration::ZERO, over_tls)
}

/// What a sign-in has to remember.
pub(super) fn find_attempt(headers: &HeaderMap, over_tls: bool) -> Option<String> {
    values(headers, attempt_name(over_tls)).next().map(str::to_owned)
}

pub(super) fn set_attempt(attempt: &str, over_tls: bool) -> Option<HeaderValue> {
    line(attempt_name(over_tls), attempt, ATTEMPT_LASTS, over_tls)
}

pub(super) fn clear_attempt(over_tls: bool) -> Option<HeaderValue> {
    line(attempt_name(over_tls), "", Duration::ZERO, over_tls)
}

fn line(name: &str, value: &str, lasts: Duration, over_tls: bool) -> Option<HeaderValue> {
    let secure = if over_tls { "; Secure" } else { "" };
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
