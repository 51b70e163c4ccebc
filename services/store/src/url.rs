//! The database's address: what we add to it, and keeping its password out of what people read.

use crate::StoreError;

/// What libpq is told when the address says nothing of it: without these a peer that vanished is waited for, for hours.
const DEFAULTS: &[(&str, &str)] = &[
    ("connect_timeout", "5"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
    ("application_name", "homepot"),
];

/// Adds our defaults to `url`; the error does not repeat it.
pub(crate) fn with_defaults(url: &str) -> Result<String, StoreError> {
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    if !is_url && (url.contains("://") || !url.contains('=')) {
        return Err(StoreError::Address("it must begin with postgres:// or postgresql://".to_owned()));
    }
    let mut full = url.to_owned();
    for (name, value) in DEFAULTS {
        if url.contains(&format!("{name}=")) {
            continue;
        }
        let separator = match is_url {
            false => ' ',
            true if full.contains('?') => '&',
            true => '?',
        };
        full.push_str(&format!("{separator}{name}={value}"));
    }
    Ok(full)
}

/// Takes the address and its password out of `message`: libpq repeats what it can't read.
pub(crate) fn redact(url: &str, message: &str) -> String {
    let mut message = message.replace(url, "…");
    for password in passwords(url) {
        message = message.replace(password, "…");
    }
    message.trim().replace('\n', " ")
}

fn passwords(url: &str) -> Vec<&str> {
    let after_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
    // A password with a '/' in it ends the authority early; then all up to the last '@' may be it.
    let user_info = after_scheme.rsplit_once('@').or_else(|| authority.rsplit_once('@')).map_or("", |(user, _)| user);
    let in_authority = user_info.split_once(':').map(|(_, password)| password);
    let named = url.split("password=").skip(1).filter_map(|rest| rest.split(['&', ' ', '\'']).find(|p| !p.is_empty()));
    in_authority.into_iter().chain(named).filter(|password| !password.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_added_only_where_the_address_is_silent() {
        let full = with_defaults("postgres://u:p@h/db?connect_timeout=1").unwrap();
        assert!(full.starts_with("postgres://u:p@h/db?connect_timeout=1&keepalives_idle=30&"), "{full}");
        assert!(with_defaults("postgres://h/db").unwrap().starts_with("postgres://h/db?connect_timeout=5&"));
        assert!(with_defaults("host=h dbname=db").unwrap().starts_with("host=h dbname=db connect_timeout=5 "));
    }

    #[test]
    fn an_address_of_another_kind_is_refused_without_repeating_it() {
        for url in ["mysql://u:secret@h/db", "secret"] {
            let error = with_defaults(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_password_survives_in_a_message() {
        for (url, message) in [
            ("postgres://u:secret@h/db", "bad: postgres://u:secret@h/db?x=1"),
            ("postgres://u:sec/ret@h/db", "invalid port \"sec/ret\""),
            ("host=h password=secret", "option secret"),
            ("host=h password='secret' x=1", "option secret"),
            ("postgres://h/db?password=secret&x=1", "option secret"),
        ] {
            let told = redact(url, message);
            assert!(!told.contains("sec"), "{told}");
        }
    }
}
