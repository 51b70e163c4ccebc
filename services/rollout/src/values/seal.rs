//! Sealing: secrets lie in the database only under a key that the database does not hold.
//!
//! Each text is sealed with ChaCha20-Poly1305 under a key of its own, derived from the server's secret and 32 random bytes that lie
//! beside it. So no key ever sees a second text, and one nonce does. What a text is for is authenticated with it: a row that somebody
//! moves to another place can't be opened there.

use homepot::{Error, model::Secret};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};

/// The first byte, which tells how the rest is to be read.
const FORMAT: u8 = 1;
const SALT_BYTES: usize = 32;

/// Seals and opens. It has no `Debug`.
pub(crate) struct Seals {
    key: [u8; 32],
    random: SystemRandom,
}

/// What a text is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// The value of a variable, for the devices of a scope.
    Value { scope: &'a str, owner: &'a str, variable: &'a str },
    /// All values of a device for a release.
    Told { device: i64, release: uuid::Uuid },
}

impl Purpose<'_> {
    /// Each purpose as bytes that no other one has: the length of each text stands before it.
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Value { scope, owner, variable } => {
                let texts = [scope, owner, variable].into_iter();
                let framed = texts.flat_map(|text| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat());
                std::iter::once(b'v').chain(framed).collect()
            }
            Self::Told { device, release } => [&b"t"[..], &device.to_le_bytes(), release.as_bytes()].concat(),
        }
    }
}

impl Seals {
    /// Sealing under the server's secret.
    pub(crate) fn new(secret: &Secret) -> Self {
        let key = blake3::derive_key("homepot 2026-11-28 values of variables", secret.reveal().as_bytes());
        Self { key, random: SystemRandom::new() }
    }

    /// Seals a text.
    pub(crate) fn seal(&self, purpose: Purpose<'_>, clear: &[u8]) -> Result<Vec<u8>, Error> {
        let mut salt = [0; SALT_BYTES];
        let failed = |_| {
            tracing::error!("a value can't be sealed: the system gives no random bytes");
            Error::internal()
        };
        self.random.fill(&mut salt).map_err(failed)?;
        let mut text = clear.to_vec();
        self.key(&salt)
            .and_then(|key| key.seal_in_place_append_tag(nonce(), Aad::from(purpose.bytes()), &mut text))
            .map_err(failed)?;
        Ok([&[FORMAT][..], &salt, &text].concat())
    }

    /// Opens what was sealed for this purpose under the same secret; `None`: it was not.
    pub(crate) fn open(&self, purpose: Purpose<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (salt, text) = sealed.strip_prefix(&[FORMAT])?.split_first_chunk::<SALT_BYTES>()?;
        let mut text = text.to_vec();
        let key = self.key(salt).ok()?;
        let clear = key.open_in_place(nonce(), Aad::from(purpose.bytes()), &mut text).ok()?;
        Some(clear.to_vec())
    }

    fn key(&self, salt: &[u8; SALT_BYTES]) -> Result<LessSafeKey, ring::error::Unspecified> {
        let key = blake3::keyed_hash(&self.key, salt);
        UnboundKey::new(&CHACHA20_POLY1305, key.as_bytes()).map(LessSafeKey::new)
    }
}

/// The only one, since every key seals one text.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const PIN: Purpose<'_> = Purpose::Value { scope: "site", owner: "a", variable: "pin" };

    fn seals(secret: &str) -> Seals {
        Seals::new(&Secret::presented(secret))
    }

    #[test]
    fn what_is_sealed_is_opened_and_shows_nothing() {
        let sealed = seals("one").seal(PIN, b"hunter2").unwrap();
        assert_eq!(seals("one").open(PIN, &sealed), Some(b"hunter2".to_vec()));
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        let again = seals("one").seal(PIN, b"hunter2").unwrap();
        assert_ne!(sealed[SALT_BYTES + 1..], again[SALT_BYTES + 1..], "equal texts look different");
        assert_eq!(seals("one").seal(PIN, b"").map(|sealed| seals("one").open(PIN, &sealed)), Ok(Some(Vec::new())));
    }

    #[test]
    fn another_secret_another_place_and_every_changed_byte_open_nothing() {
        let sealed = seals("one").seal(PIN, b"hunter2").unwrap();
        assert_eq!(seals("other").open(PIN, &sealed), None);
        let value = |scope, owner, variable| Purpose::Value { scope, owner, variable };
        let told = |device, release| Purpose::Told { device, release: Uuid::from_u128(release) };
        for other in [
            value("label", "a", "pin"),
            value("site", "b", "pin"),
            value("site", "a", "pins"),
            // The same letters, cut elsewhere.
            value("site", "ap", "in"),
            value("sitea", "", "pin"),
            told(1, 1),
        ] {
            assert_eq!(seals("one").open(other, &sealed), None);
        }
        let of_device = seals("one").seal(told(1, 2), b"{}").unwrap();
        assert_eq!(seals("one").open(told(1, 2), &of_device), Some(b"{}".to_vec()));
        assert_eq!(seals("one").open(told(2, 2), &of_device), None);
        assert_eq!(seals("one").open(told(1, 3), &of_device), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(seals("one").open(PIN, &changed), None, "byte {place}");
            assert_eq!(seals("one").open(PIN, &sealed[..place]), None, "{place} bytes");
        }
    }
}
