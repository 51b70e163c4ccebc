//! Where secrets come from: the operating system's randomness, nothing else.

use homepot::{
    Error,
    model::{Secret, SecretKind},
};

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

/// A secret just made, with the public id and the hash that the store keeps of it.
pub(crate) struct Minted {
    pub(crate) secret: Secret,
    pub(crate) public_id: String,
    pub(crate) hash: String,
}

impl crate::Registry {
    /// Makes a secret and its hash.
    pub(crate) async fn mint(&self, kind: SecretKind) -> Result<Minted, Error> {
        self.mint_from(kind, generate(kind)?).await
    }

    /// The same for a secret that exists.
    pub(crate) async fn mint_from(&self, kind: SecretKind, secret: Secret) -> Result<Minted, Error> {
        let public_id = secret.public_id(kind).ok_or_else(Error::internal)?.to_owned();
        let hash = self.inner.hasher.hash(secret.clone()).await?;
        Ok(Minted { secret, public_id, hash })
    }
}
