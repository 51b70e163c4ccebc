//! The address of a Redis.

use std::{fmt, str::FromStr};

use homepot::model::Secret;
use http::Uri;

const PORT: u16 = 6379;

/// One server, with the user and password for it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Name or IP address, that of version 6 without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The user; `None`: the default one.
    pub user: Option<String>,
    /// The password; `None`: it needs none.
    pub password: Option<Secret>,
}

impl fmt::Display for RedisAddress {
    /// Host and port: what a log may tell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

impl FromStr for RedisAddress {
    /// Does not repeat the text, which may hold a password.
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "is not an address such as redis://host:6379 or rediss://user:password@host, with unusual \
             letters of a password as %XX; several are separated by commas";
        let uri = text.parse::<Uri>().map_err(|_| FORM)?;
        let tls = match uri.scheme_str() {
            Some("redis") => false,
            Some("rediss") => true,
            _ => return Err(FORM),
        };
        let authority = uri.authority().ok_or(FORM)?;
        let user_info = authority.as_str().rsplit_once('@').map_or("", |(user_info, _)| user_info);
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let (user, password) = (percent_decoded(user).ok_or(FORM)?, percent_decoded(password).ok_or(FORM)?);
        if !user.is_empty() && password.is_empty() {
            return Err("names a user without a password; write redis://user:password@host, or redis://host");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        // A port that is none is left in the authority, and not told apart from none.
        let port = match authority.port() {
            Some(port) => Some(port.as_str().parse().map_err(|_| FORM)?),
            None if authority.as_str().ends_with(authority.host()) => None,
            None => return Err(FORM),
        };
        if host.is_empty() || port == Some(0) {
            return Err(FORM);
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: port.unwrap_or(PORT),
            user: Some(user).filter(|user| !user.is_empty()),
            password: Some(password).filter(|password| !password.is_empty()).map(Secret::presented),
        })
    }
}

/// `None` where a `%` is not followed by two hexadecimal digits, or where the result is no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let [high, low] = [rest.next()?, rest.next()?].map(|digit| char::from(digit).to_digit(16));
                u8::try_from(high? * 16 + low?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_user_and_password() {
        let address: RedisAddress = "rediss://till:p%40ss%3A%2f@redis.example:7000/3".parse().unwrap();
        assert_eq!((address.tls, address.host.as_str(), address.port), (true, "redis.example", 7000));
        assert_eq!(address.user.as_deref(), Some("till"));
        assert_eq!(address.password.as_ref().unwrap().reveal(), "p@ss:/");
        assert_eq!(format!("{address} {address:?}"), "redis.example:7000 RedisAddress(redis.example:7000)");

        let address: RedisAddress = "redis://:word@[::1]".parse().unwrap();
        assert_eq!((address.tls, address.to_string().as_str(), address.user), (false, "[::1]:6379", None));
        assert_eq!(address.password.unwrap().reveal(), "word");
        let address: RedisAddress = "redis://10.0.0.7".parse().unwrap();
        assert_eq!((address.to_string().as_str(), address.password), ("10.0.0.7:6379", None));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "",
            "secret",
            "http://u:secret@h",
            "redis://",
            "redis://u:secret@",
            "redis://h:secret",
            "redis://h:0",
            "redis://h:70000",
            "redis://h:",
            "redis://:secret%4@h",
            "redis://:%ff@h",
            "redis://secret@h",
            "redis://u:se cret@h",
        ] {
            let error = text.parse::<RedisAddress>().unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
