//! Who calls: keys and tokens against their stored hashes.
//!
//! An unknown name and a wrong secret take the same way: one look-up, one run of Argon2, one text. What was found good
//! lately, or comes with a ticket, skips Argon2; the row is read each time, so that a revocation holds at once.

use std::time::Instant;

use chrono::Utc;
use futures_util::future::BoxFuture;
use homepot::{
    Error, Kind,
    model::{DeviceId, Secret, SecretKind},
};
use homepot_runtime::{
    auth::{Authenticator, DeviceCaller, DeviceCredentials, OperatorCaller},
    peer::Peer,
};
use homepot_store::device_keys;

use crate::{Proof, Registry, judge, ticket::Claim};

impl Authenticator for Registry {
    fn device(&self, credentials: DeviceCredentials, peer: Peer) -> BoxFuture<'_, Result<DeviceCaller, Error>> {
        Box::pin(self.find_device(credentials, peer))
    }

    fn operator(&self, token: Secret, peer: Peer) -> BoxFuture<'_, Result<OperatorCaller, Error>> {
        Box::pin(self.find_operator(token, peer))
    }
}

impl Registry {
    async fn find_device(&self, credentials: DeviceCredentials, peer: Peer) -> Result<DeviceCaller, Error> {
        let DeviceCredentials { device_id, key, ticket, declared, attaches } = credentials;
        let refusal = || Error::new(Kind::Unauthenticated, "Invalid device credentials");

        let found = match (DeviceId::parse(&device_id), key.public_id(SecretKind::DeviceKey)) {
            (Ok(id), Some(key_id)) => self.inner.lookups.find_device(id, key_id.to_owned()).await?,
            _ => None,
        };
        let stored = found.and_then(|credential| credential.key.clone().map(|key| (credential, key)));
        let stored_hash = stored.as_ref().map(|(_, live)| live.hash.as_str());

        if let (Some(ticket), Some((credential, live))) = (&ticket, &stored) {
            let claim = claim(credential, &key, &live.hash);
            if self.inner.tickets.is_good(ticket, claim, Utc::now().timestamp()) {
                self.inner
                    .verified
                    .remember(self.inner.verified.fingerprint(&device_id, &key, &live.hash), Instant::now());
            }
        }
        if !self.check(&device_id, &key, stored_hash, peer).await? {
            return Err(refusal());
        }
        let Some((credential, live)) = stored else { return Err(refusal()) };
        if !credential.device.active {
            return Err(Error::new(Kind::Forbidden, "Device is inactive"));
        }
        let (device_id, recorded) = (&credential.device.device_id, credential.source);
        let proof = match credential.proof_key {
            None => Proof::NotAsked,
            Some(_) if attaches => Proof::Pending,
            Some(_) => Proof::Impossible,
        };
        judge(declared, recorded, proof).inspect_err(|impostor| impostor.note(device_id, declared, recorded))?;
        let ticket = self.inner.tickets.issue(claim(&credential, &key, &live.hash), Utc::now().timestamp());
        Ok(DeviceCaller {
            pk: credential.device.pk,
            device_id: credential.device.device_id,
            site_id: credential.device.site_id,
            source: credential.source,
            credential_version: credential.credential_version,
            ticket,
            proof_key: credential.proof_key,
        })
    }

    async fn find_operator(&self, token: Secret, peer: Peer) -> Result<OperatorCaller, Error> {
        let refusal = || Error::new(Kind::Unauthenticated, "Invalid or missing operator token");
        let found = match token.public_id(SecretKind::OperatorToken) {
            Some(token_id) => self.inner.lookups.find_operator(token_id.to_owned()).await?,
            None => None,
        };
        let hash = found.as_ref().map(|(_, hash)| hash.as_str());
        // By the token it pretends to be: one bad token at an address must not shut out the good ones there.
        let name = token.public_id(SecretKind::OperatorToken).unwrap_or("operator");
        if !self.check(name, &token, hash, peer).await? {
            return Err(refusal());
        }
        let Some((operator, _)) = found.filter(|(operator, _)| operator.is_good(Utc::now())) else {
            return Err(refusal());
        };
        Ok(OperatorCaller { name: operator.name, role: operator.role, scope: operator.scope })
    }

    /// Whether `secret` matches `stored_hash`; without one, the same work comes to "no". Failures are counted under
    /// `name` and the caller's address.
    pub(crate) async fn check(
        &self,
        name: &str,
        secret: &Secret,
        stored_hash: Option<&str>,
        peer: Peer,
    ) -> Result<bool, Error> {
        let inner = &self.inner;
        let hash = stored_hash.unwrap_or(&inner.dummy_hash);
        let fingerprint = inner.verified.fingerprint(name, secret, hash);
        if inner.verified.is_good(&fingerprint, Instant::now()) {
            return Ok(true);
        }
        inner.throttle.check(name, peer.ip, Instant::now())?;
        let turn = inner.verified.turn(fingerprint);
        let _alone = turn.wait().await;
        if inner.verified.is_good(&fingerprint, Instant::now()) {
            return Ok(true);
        }
        let matches = inner.hasher.verify(secret.clone(), hash.to_owned()).await?;
        let good = matches && stored_hash.is_some();
        if good {
            inner.verified.remember(fingerprint, Instant::now());
        } else {
            inner.throttle.fail(name, peer.ip, Instant::now());
            tracing::warn!(name, ip = ?peer.ip, "wrong credentials");
        }
        Ok(good)
    }
}

fn claim<'a>(credential: &device_keys::Credential, key: &'a Secret, stored_hash: &'a str) -> Claim<'a> {
    Claim { device: credential.device.pk, credential_version: credential.credential_version, key, stored_hash }
}
