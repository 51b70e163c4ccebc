//! Sign-ins with an identity provider that are under way. The browser keeps what one needs, sealed: a random part, when it began,
//! and a MAC under a key of the server's secret. `state`, `nonce` and the secret of PKCE are derived from the random part with
//! the same key, so whoever reads the cookie learns none of them, any replica can finish what another began, and strangers who
//! begin and never come back leave nothing behind.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use homepot::{Error, model::Secret};
use homepot_oidc::Attempt;
use homepot_store::operators::identities::AttemptId;

use crate::secrets::random;

/// Somebody has this long to sign in at the provider.
const GOOD_FOR_SECONDS: i64 = 600;
const BODY_BYTES: usize = 16 + 8 + 1;
const MAC_BYTES: usize = 32;

/// Seals and opens attempts.
pub(crate) struct Attempts {
    key: [u8; 32],
}

impl Attempts {
    /// Attempts under a key that all replicas have.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Begins one: what the browser keeps, and what the provider is asked with.
    pub(crate) fn begin(&self, is_fresh: bool, now_seconds: i64) -> Result<(Secret, Attempt), Error> {
        let random = random()?;
        let (id, _) = random.split_first_chunk::<16>().ok_or_else(Error::internal)?;
        let mut sealed = [id.as_slice(), &now_seconds.to_le_bytes(), &[u8::from(is_fresh)]].concat();
        sealed.extend_from_slice(self.derive("seal", &sealed).as_bytes());
        Ok((Secret::presented(URL_SAFE_NO_PAD.encode(sealed)), self.attempt(id, is_fresh, now_seconds)))
    }

    /// What the browser kept; `None`: it was not made here, or is too old.
    pub(crate) fn open(&self, sealed: &Secret, now_seconds: i64) -> Option<(AttemptId, Attempt)> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed.reveal()).ok()?;
        let (body, mac) = sealed.split_first_chunk::<BODY_BYTES>()?;
        let mac = <[u8; MAC_BYTES]>::try_from(mac).ok()?;
        // blake3 compares its hashes in constant time.
        if self.derive("seal", body) != blake3::Hash::from(mac) {
            return None;
        }
        let (id, rest) = body.split_first_chunk::<16>()?;
        let (begun_at, fresh) = rest.split_first_chunk::<8>()?;
        let begun_at = i64::from_le_bytes(*begun_at);
        let is_good = now_seconds < begun_at.saturating_add(GOOD_FOR_SECONDS);
        is_good.then(|| (*id, self.attempt(id, fresh == [1], begun_at)))
    }

    fn attempt(&self, id: &AttemptId, is_fresh: bool, begun_at: i64) -> Attempt {
        let part = |name| URL_SAFE_NO_PAD.encode(self.derive(name, id).as_bytes());
        Attempt { state: part("state"), nonce: part("nonce"), verifier: part("verifier"), is_fresh, begun_at }
    }

    fn derive(&self, name: &str, from: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name.as_bytes()).update(&[0]).update(from);
        hasher.finalize()
    }
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
pub(crate) fn is_same(shown: &str, due: &str) -> bool {
    blake3::hash(shown.as_bytes()) == blake3::hash(due.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_opened_by_every_replica_and_by_nobody_else_and_for_ten_minutes() {
        let attempts = Attempts::new([1; 32]);
        let (sealed, begun) = attempts.begin(true, 1_000).unwrap();
        let (id, opened) = Attempts::new([1; 32]).open(&sealed, 1_599).unwrap();
        assert_eq!((&opened.state, &opened.nonce, &opened.verifier), (&begun.state, &begun.nonce, &begun.verifier));
        assert!(opened.is_fresh && opened.begun_at == 1_000);
        assert!(attempts.open(&sealed, 1_600).is_none());
        assert!(Attempts::new([2; 32]).open(&sealed, 1_000).is_none());
        let (other, _) = attempts.begin(true, 1_000).unwrap();
        assert_ne!(attempts.open(&other, 1_000).unwrap().0, id);
        for bad in ["", "x", &sealed.reveal()[1..], &sealed.reveal().replace('A', "B")] {
            assert!(bad == sealed.reveal() || attempts.open(&Secret::presented(bad), 1_000).is_none());
        }
    }

    #[test]
    fn what_the_browser_keeps_tells_nothing_that_the_provider_is_asked_with() {
        let attempts = Attempts::new([1; 32]);
        let (sealed, begun) = attempts.begin(false, 1_000).unwrap();
        let parts = [&begun.state, &begun.nonce, &begun.verifier];
        assert!(parts.iter().all(|part| part.len() == 43 && !sealed.reveal().contains(part.as_str())));
        assert!(begun.state != begun.nonce && begun.nonce != begun.verifier);
    }
}
