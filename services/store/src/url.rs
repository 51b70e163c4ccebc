//! The database's address: read as libpq reads it, what we add to it, and keeping its secrets out of what people read.

use std::net::IpAddr;

use homepot_host::environment::of_the_system;

use crate::{StoreError, libpq};

/// What libpq is told when the address says nothing of it: without these a peer that vanished is waited for, for hours.
const DEFAULTS: &[(&str, &str)] = &[
    ("connect_timeout", "5"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "3"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
    ("application_name", "homepot"),
];
/// For a database on another machine: nothing in clear, and nobody who only pretends to be it.
const TLS: &[(&str, &str)] = &[("sslmode", "verify-full"), ("sslrootcert", "system")];
/// Settings that hold secrets.
const SECRETS: &[&str] = &["password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"];

/// What `address` says, with our defaults. The error does not repeat it.
pub(crate) fn settings(address: &str) -> Result<Vec<(String, String)>, StoreError> {
    let mut settings = libpq::parse(address).map_err(|_| {
        StoreError::Address(
            "libpq can't read it; write it as postgres://user@host/database, with special characters of user and \
             password as %XX"
                .to_owned(),
        )
    })?;
    let environment = |name: &str| of_the_system(name).map(|value| value.to_string_lossy().into_owned());
    add_defaults(&mut settings, &environment);
    Ok(settings)
}

/// The same for libpq, as `keyword='value'`.
pub(crate) fn conninfo(settings: &[(String, String)]) -> String {
    let quoted = |value: &str| value.replace('\\', r"\\").replace('\'', r"\'");
    settings.iter().map(|(name, value)| format!("{name}='{}'", quoted(value))).collect::<Vec<_>>().join(" ")
}

fn add_defaults(settings: &mut Vec<(String, String)>, environment: &dyn Fn(&str) -> Option<String>) {
    let hosts = |name: &str, variable: &str| {
        let given = settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        given.or_else(|| environment(variable)).unwrap_or_default()
    };
    let (names, addresses) = (hosts("host", "PGHOST"), hosts("hostaddr", "PGHOSTADDR"));
    let hosts = if addresses.is_empty() { names.clone() } else { addresses };
    let by_service = settings.iter().any(|(name, _)| name == "service") || environment("PGSERVICE").is_some();
    // Of a service file we don't know where it leads.
    let elsewhere = hosts.split(',').any(|host| !is_this_machine(host)) || (hosts.is_empty() && by_service);
    let mut add = |name: &str, value: &str, variable: &str| {
        if !settings.iter().any(|(known, _)| known == name) && environment(variable).is_none() {
            settings.push((name.to_owned(), value.to_owned()));
        }
    };
    for (name, value) in DEFAULTS {
        add(name, value, "");
    }
    if names.contains(',') || hosts.contains(',') {
        add("target_session_attrs", "read-write", "PGTARGETSESSIONATTRS");
    }
    if elsewhere && !settings.iter().any(|(name, _)| name == "sslmode") && environment("PGSSLMODE").is_none() {
        for (name, value) in TLS {
            if !settings.iter().any(|(known, _)| known == name)
                && environment(&format!("PG{}", name.to_uppercase())).is_none()
            {
                settings.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
    }
}

/// Empty is a socket in the usual directory, as is a path or an abstract name.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim();
    host.is_empty()
        || host.starts_with(['/', '@'])
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Takes the address and its secrets out of `message`: libpq repeats what it can't read.
pub(crate) fn redact(address: &str, message: &str) -> String {
    let mut message = message.replace(address, "…");
    for (name, value) in libpq::parse(address).unwrap_or_default() {
        if SECRETS.contains(&name.as_str()) && !value.is_empty() {
            message = message.replace(&value, "…");
        }
    }
    message.trim().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(address: &str, environment: &[(&str, &str)]) -> String {
        let mut settings = libpq::parse(address).unwrap();
        add_defaults(&mut settings, &|name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        settings.iter().map(|(name, value)| format!("{name}={value} ")).collect()
    }

    #[test]
    fn what_libpq_takes_is_taken() {
        for (address, password) in [
            ("postgres://u:pa?ss@localhost/homepot", "pa?ss"),
            ("postgres://u:p%27a%5C@localhost/homepot?connect_timeout=1", r"p'a\"),
            ("postgresql://u:p@localhost", "p"),
            (r"host=localhost password='it\'s' dbname=db", "it's"),
        ] {
            let full = conninfo(&settings(address).unwrap());
            let again = libpq::parse(&full).unwrap();
            assert!(again.contains(&("password".to_owned(), password.to_owned())), "{full}");
            assert!(again.contains(&("application_name".to_owned(), "homepot".to_owned())), "{full}");
        }
    }

    #[test]
    fn defaults_are_added_only_where_the_address_is_silent() {
        let full = with("postgres://u:p@localhost/db?connect_timeout=1", &[]);
        assert!(full.contains("connect_timeout=1 ") && !full.contains("connect_timeout=5"), "{full}");
        assert!(full.contains("keepalives_idle=10 "), "{full}");
        assert!(!full.contains("target_session_attrs"), "{full}");
        assert!(with("postgres://a,b/db", &[]).contains("target_session_attrs=read-write "));
        assert!(with("postgres://a,b/db?target_session_attrs=any", &[]).contains("target_session_attrs=any "));
    }

    #[test]
    fn another_machines_database_is_spoken_to_by_tls_unless_the_address_says_otherwise() {
        let verified = "sslmode=verify-full sslrootcert=system ";
        for address in ["postgres://db/h", "postgres://localhost,db/h", "postgres:///h?hostaddr=10.0.0.7", "service=x"]
        {
            assert!(with(address, &[]).contains(verified), "{address}");
        }
        for address in ["postgres:///h", "postgres://localhost/h", "postgres://127.0.0.1:5433/h", "postgres://[::1]/h"]
        {
            assert!(!with(address, &[]).contains("ssl"), "{address}");
        }
        assert!(!with("postgres://db/h?sslmode=disable", &[]).contains("verify-full"));
        assert!(!with("postgres://db/h", &[("PGSSLMODE", "require")]).contains("verify-full"));
        assert!(with("postgres:///h", &[("PGHOST", "db")]).contains(verified));
        let own = with("postgres://db/h?sslrootcert=/ca.pem", &[]);
        assert!(own.contains("sslmode=verify-full") && own.contains("sslrootcert=/ca.pem") && !own.contains("system"));
    }

    #[test]
    fn an_address_of_another_kind_is_refused_without_repeating_it() {
        for address in ["mysql://u:secret@h/db", "secret", "postgres://u:secret@h:port/db?nonsense=1"] {
            let error = settings(address).unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("%XX"), "{error}");
        }
    }

    #[test]
    fn no_password_survives_in_a_message() {
        for (address, message) in [
            ("postgres://u:secret@h/db", "bad: postgres://u:secret@h/db?x=1"),
            ("postgres://u:sec%2Fret@h/db", "failed with \"sec/ret\""),
            ("host=h password=secret", "option secret"),
            ("host=h password='secret' dbname=x", "option secret"),
            ("postgres://h/db?password=secret&port=1", "option secret"),
        ] {
            let told = redact(address, message);
            assert!(!told.contains("sec"), "{told}");
        }
    }
}
