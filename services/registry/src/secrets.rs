//! Where secrets come from: the operating system's randomness, nothing else.

use homepot::{
    Error,
    model::{OperatorName, Secret, SecretKind},
};
use homepot_store::{
    operators::sessions::{NewRandom, PlainHash},
    secrets::NewSecret,
};

use crate::queue::{Lane, Place};

/// 32 random bytes.
pub(crate) fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "read random bytes");
        Error::internal()
    })?;
    Ok(bytes)
}

/// A fresh secret.
pub(crate) fn generate(kind: SecretKind) -> Result<Secret, Error> {
    Ok(Secret::from_random(kind, random()?))
}

/// Sets the hashes of sessions and codes apart from all others.
const PLAIN: &str = "homepot 2026-11-28 sessions and sign-in codes";

/// A fresh session or code, with what the store keeps of it: a plain hash. Argon2 slows down who tries likely passwords; of 256
/// random bits none are likelier than others, and a session is checked with every call of a page.
pub(crate) fn random_secret(kind: SecretKind) -> Result<(Secret, NewRandom), Error> {
    let secret = generate(kind)?;
    let public_id = secret.public_id(kind).ok_or_else(Error::internal)?.to_owned();
    let hash = blake3::derive_key(PLAIN, secret.reveal().as_bytes());
    Ok((secret, NewRandom { public_id, hash }))
}

/// Whether `secret` is what `hash` was made from; in constant time.
pub(crate) fn is_random_secret(secret: &Secret, hash: PlainHash) -> bool {
    let shown = blake3::derive_key(PLAIN, secret.reveal().as_bytes());
    blake3::Hash::from_bytes(shown) == blake3::Hash::from_bytes(hash)
}

/// A secret just made, with what the store keeps of it.
pub(crate) struct Minted {
    pub(crate) secret: Secret,
    pub(crate) kept: NewSecret,
}

impl crate::Registry {
    /// Makes a secret and its hash, in turn with the work of other places.
    pub(crate) async fn mint(&self, kind: SecretKind, place: Place) -> Result<Minted, Error> {
        self.mint_from(kind, generate(kind)?, place).await
    }

    /// The same for a secret that exists.
    pub(crate) async fn mint_from(&self, kind: SecretKind, secret: Secret, place: Place) -> Result<Minted, Error> {
        let public_id = secret.public_id(kind).ok_or_else(Error::internal)?.to_owned();
        let hash = self.inner.hasher.hash(secret.clone(), Lane::Fair(place)).await?;
        let check_tag = self.inner.keyring.tag(&secret);
        Ok(Minted { secret, kept: NewSecret { public_id, hash, check_tag } })
    }
}

/// The place of an operator, wherever it calls from.
pub(crate) fn place_of(operator: &OperatorName) -> Place {
    Place { network: None, name: operator.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_is_what_its_hash_was_made_from() {
        let (secret, kept) = random_secret(SecretKind::Session).unwrap();
        let (other, _) = random_secret(SecretKind::Session).unwrap();
        assert!(is_random_secret(&secret, kept.hash));
        assert!(!is_random_secret(&other, kept.hash));
        assert_eq!(kept.public_id, secret.reveal()[..12]);
    }
}
