//! Where secrets come from: the operating system's randomness, nothing else.

use homepot::{
    Error,
    model::{OperatorName, Secret, SecretKind},
};
use homepot_store::secrets::NewSecret;

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
