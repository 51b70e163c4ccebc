//! The ID token: a signed word of the provider on who signed in. It is believed when all of it is right.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Attempt, Fault, Person, Settings, shown,
    signature::{Algorithm, Key},
};

/// Clocks of two companies may differ by this many seconds.
const LEEWAY: i64 = 60;
/// Larger than the token of somebody with hundreds of groups.
const MAX_BYTES: usize = 64 * 1024;
/// The standard's own bound.
const MAX_SUBJECT: usize = 255;
/// More groups than a mapping can name.
const MAX_GROUPS: usize = 1_000;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Parts of the header that have to be understood; none are.
    crit: Option<Value>,
}

/// A token that was read, and not believed yet.
pub(crate) struct Token<'a> {
    header: Header,
    signed: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// What a token is held against.
pub(crate) struct Due<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) attempt: &'a Attempt,
    /// Seconds since 1970, by the server's clock.
    pub(crate) now: i64,
}

fn untrusted(why: impl Into<String>) -> Fault {
    Fault::Untrusted(why.into())
}

impl<'a> Token<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        let parts: Vec<_> = text.split('.').collect();
        let &[header, payload, signature] = parts.as_slice() else { return Err(untrusted("it has not three parts")) };
        if text.len() > MAX_BYTES {
            return Err(untrusted("it is too large"));
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| untrusted("it is not base64url"));
        let signed = text.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let header = serde_json::from_slice(&decode(header)?).map_err(|_| untrusted("its header is not known"))?;
        Ok(Self { header, signed, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The key that it says it was signed with.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Who signed in, where the token is one of these keys and everything in it is as it must be.
    pub(crate) fn check(self, keys: &[Key], due: Due<'_>) -> Result<Person, Fault> {
        let algorithm = Algorithm::named(&self.header.alg)
            .ok_or_else(|| untrusted(format!("its algorithm '{}' is not taken", shown(&self.header.alg))))?;
        if self.header.crit.is_some() {
            return Err(untrusted("its header has parts that must be understood and are not"));
        }
        let named = |key: &&Key| self.header.kid.as_deref().is_none_or(|kid| key.has_id(kid));
        let mut candidates = keys.iter().filter(named).peekable();
        if candidates.peek().is_none() {
            return Err(untrusted("the provider has no such key"));
        }
        if !candidates.any(|key| key.signed(algorithm, self.signed, &self.signature)) {
            return Err(untrusted("its signature is wrong"));
        }
        let claims: Map<String, Value> =
            serde_json::from_slice(&self.payload).map_err(|_| untrusted("it holds no claims"))?;
        Claims(&claims).check(&due)
    }
}

struct Claims<'a>(&'a Map<String, Value>);

impl Claims<'_> {
    fn check(&self, due: &Due<'_>) -> Result<Person, Fault> {
        let Due { settings, attempt, now } = due;
        if self.text("iss") != Some(&settings.issuer) {
            return Err(untrusted("it is of another issuer"));
        }
        self.check_audience(&settings.client_id)?;
        let expires = self.time("exp").ok_or_else(|| untrusted("it does not say when it expires"))?;
        if expires.saturating_add(LEEWAY) <= *now {
            return Err(untrusted("it has expired"));
        }
        let issued = self.time("iat").ok_or_else(|| untrusted("it does not say when it was issued"))?;
        let latest = now.saturating_add(LEEWAY);
        if issued > latest || self.time("nbf").is_some_and(|begin| begin > latest) {
            return Err(untrusted("it is of the future: the clocks of the provider and of this server differ"));
        }
        if self.text("nonce") != Some(&attempt.nonce) {
            return Err(untrusted("it was made for another sign-in"));
        }
        let authenticated_at = self.time("auth_time").map(|at| at.min(*now));
        let is_recent = |at: i64| at >= attempt.begun_at.saturating_sub(LEEWAY);
        if attempt.is_fresh && !authenticated_at.is_some_and(is_recent) {
            return Err(untrusted("it does not say that the person showed who it is just now"));
        }
        let subject = self.text("sub").filter(|sub| (1..=MAX_SUBJECT).contains(&sub.len()) && !sub.contains('\0'));
        Ok(Person {
            subject: subject.ok_or_else(|| untrusted("it names no subject"))?.to_owned(),
            name: self.text(&settings.name_claim).map(str::to_owned),
            groups: self.list(&settings.groups_claim).take(MAX_GROUPS).map(str::to_owned).collect(),
            authenticated_at,
        })
    }

    /// It must be for this client; where it is for others too, it must have been made for this one.
    fn check_audience(&self, client_id: &str) -> Result<(), Fault> {
        let audience: Vec<_> = self.list("aud").collect();
        if !audience.contains(&client_id) {
            return Err(untrusted("it is for another client"));
        }
        match self.0.get("azp") {
            Some(party) if party.as_str() == Some(client_id) => Ok(()),
            None if audience.len() == 1 => Ok(()),
            _ => Err(untrusted("it was made for another client")),
        }
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim)?.as_str()
    }

    /// One text, or several.
    fn list(&self, claim: &str) -> impl Iterator<Item = &str> {
        let value = self.0.get(claim);
        let several = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        value.and_then(Value::as_str).into_iter().chain(several.iter().filter_map(Value::as_str))
    }

    /// Seconds since 1970; a fraction of one is left out.
    #[allow(clippy::cast_possible_truncation)] // a number that is out of range becomes the nearest one
    fn time(&self, claim: &str) -> Option<i64> {
        let value = self.0.get(claim)?;
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_refused_before_anything_of_it_is_used() {
        let large = format!("{}.e30.", "x".repeat(MAX_BYTES));
        for text in ["", "a.b", "a.b.c.d", "!.!.!", "e30.e30.", "bm8.e30.", &large] {
            assert!(matches!(Token::parse(text), Err(Fault::Untrusted(_))), "{:.20}", text);
        }
    }

    #[test]
    fn times_may_have_fractions_and_lists_may_be_one_text() {
        let claims = serde_json::json!({ "exp": 17.9, "late": 1e300, "groups": "one", "more": ["two", 3, "four"] });
        let claims = claims.as_object().unwrap();
        let claims = Claims(claims);
        assert_eq!((claims.time("exp"), claims.time("late"), claims.time("iat")), (Some(17), Some(i64::MAX), None));
        assert_eq!(claims.list("groups").chain(claims.list("more")).collect::<Vec<_>>(), ["one", "two", "four"]);
    }
}
