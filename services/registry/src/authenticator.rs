//! Checks the keys and tokens of callers against the stored hashes.
//!
//! A credential that was verified a short time ago, or that comes with a ticket, is accepted at once. Its row is read
//! each time, so that a revocation holds at once. A credential that matches no stored key, or does not match the check
//! tag, is wrong and costs next to nothing, so that thousands of wrong keys keep nobody out. Both cases look the same
//! to the caller: one look-up, one text, no Argon2. Argon2 checks all others, those that match their tag first. A key
//! of an earlier version has no tag until it is used; until then a wrong key with its public letters takes as long as
//! Argon2.

use std::{sync::Arc, time::Instant};

use futures_util::future::BoxFuture;
use homepot::{
    Error, Kind,
    model::{DeviceId, Operator, Secret, SecretKind},
};
use homepot_runtime::{
    auth::{Authenticator, Credential, DeviceCaller, DeviceCredentials, OperatorCaller, OperatorCredentials},
    peer::Peer,
    trace::carried,
};
use homepot_store::{
    StoreError, device_keys,
    operators::{self, sessions},
    secrets::{self, Owner, StoredSecret},
};

use crate::{
    Proof, Registry, judge,
    keyring::Precheck,
    queue::{Lane, Place},
    throttle::network,
    ticket::Claim,
};

const WRONG_DEVICE: &str = "Invalid device credentials";
const WRONG_OPERATOR: &str = "Invalid or missing operator token";

/// A secret from a caller, and the stored row with its public letters.
pub(crate) struct Shown<'a> {
    /// A device's id or a token's public letters: failures are counted under it.
    pub(crate) name: &'a str,
    pub(crate) secret: &'a Secret,
    pub(crate) kept: Option<(&'a StoredSecret, Owner)>,
    pub(crate) peer: Peer,
}

impl Authenticator for Registry {
    fn device(&self, credentials: DeviceCredentials, peer: Peer) -> BoxFuture<'_, Result<DeviceCaller, Error>> {
        Box::pin(self.find_device(credentials, peer))
    }

    fn operator(&self, credentials: OperatorCredentials, peer: Peer) -> BoxFuture<'_, Result<OperatorCaller, Error>> {
        let OperatorCredentials { secret, signs_in } = credentials;
        Box::pin(async move {
            if secret.public_id(SecretKind::Session).is_some() {
                return self.find_session(secret, peer).await;
            }
            if signs_in && secret.public_id(SecretKind::SignInCode).is_some() {
                return self.find_code(secret, peer).await;
            }
            self.find_operator(secret, peer).await
        })
    }

    fn good_operators(&self, token_ids: Vec<Arc<str>>) -> BoxFuture<'_, Result<Vec<OperatorCaller>, Error>> {
        let find = move |conn: &mut _| {
            let ids = token_ids.iter().map(|token_id| (**token_id).to_owned());
            let (sessions, tokens): (Vec<_>, Vec<_>) = ids.partition(|id| id.starts_with(SecretKind::Session.prefix()));
            let mut good = Vec::new();
            if !tokens.is_empty() {
                let found = operators::find_by_tokens(conn, &tokens)?.into_iter().flatten();
                good.extend(found.filter(|found| found.is_good).map(|found| caller(found.operator)));
            }
            if !sessions.is_empty() {
                let found = sessions::find_sessions(conn, &sessions)?.into_iter().flatten();
                good.extend(found.filter(|found| found.is_good).map(session_caller));
            }
            Ok::<_, StoreError>(good)
        };
        Box::pin(async move {
            // Among what is short: the end of a credential waits for nobody's report.
            let store = self.inner.store.lane(homepot_store::Lane::Devices);
            Ok(store.run("find_good_operators", find).await?)
        })
    }
}

impl Registry {
    async fn find_device(&self, credentials: DeviceCredentials, peer: Peer) -> Result<DeviceCaller, Error> {
        let DeviceCredentials { device_id, key, ticket, declared, attaches } = credentials;

        let key_id = key.public_id(SecretKind::DeviceKey);
        let found = match (DeviceId::parse(&device_id), key_id) {
            (Ok(id), Some(key_id)) => self.inner.lookups.find_device(id, key_id.to_owned()).await?,
            _ => None,
        };
        let stored = found.and_then(|credential| credential.key.clone().map(|key| (credential, key)));
        let key_id = key_id.unwrap_or_default();

        if let (Some(ticket), Some((credential, live))) = (&ticket, &stored) {
            let claim = claim(credential, &key, &live.secret.hash);
            if self.inner.tickets.is_good(ticket, claim, self.inner.store.now().timestamp()) {
                let fingerprint = self.inner.verified.fingerprint(&device_id, &key, &live.secret.hash);
                self.inner.verified.remember(fingerprint, Instant::now());
            }
        }
        let owner = |pk| Owner::Device { pk, key_id: key_id.to_owned() };
        let kept = stored.as_ref().map(|(credential, live)| (&live.secret, owner(credential.device.pk)));
        let shown = Shown { name: &device_id, secret: &key, kept, peer };
        if !self.check(shown).await? {
            return Err(self.refusal(&device_id, peer, WRONG_DEVICE));
        }
        let Some((credential, live)) = stored else { return Err(self.refusal(&device_id, peer, WRONG_DEVICE)) };
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
        let ticket =
            self.inner.tickets.issue(claim(&credential, &key, &live.secret.hash), self.inner.store.now().timestamp());
        Ok(DeviceCaller {
            pk: credential.device.pk,
            device_id: credential.device.device_id,
            site_id: credential.device.site_id,
            source: credential.source,
            credential_version: credential.credential_version,
            key_id: key_id.into(),
            ticket,
            proof_key: credential.proof_key,
        })
    }

    async fn find_operator(&self, token: Secret, peer: Peer) -> Result<OperatorCaller, Error> {
        let token_id = token.public_id(SecretKind::OperatorToken);
        let found = match token_id {
            Some(token_id) => self.inner.lookups.find_operator(token_id.to_owned()).await?,
            None => None,
        };
        // By the token it pretends to be: one bad token at an address must not be told from the good ones there.
        let name = token_id.unwrap_or("operator");
        let kept = found.as_ref().map(|found| (&found.secret, Owner::Operator(name.to_owned())));
        if !self.check(Shown { name, secret: &token, kept, peer }).await? {
            return Err(self.refusal(name, peer, WRONG_OPERATOR));
        }
        let Some(found) = found.filter(|found| found.is_good) else {
            return Err(Error::new(Kind::Unauthenticated, WRONG_OPERATOR));
        };
        Ok(caller(found.operator))
    }

    /// Whether what is shown is what is kept. Nobody is refused for what others did: whoever is right is let in.
    pub(crate) async fn check(&self, shown: Shown<'_>) -> Result<bool, Error> {
        let Shown { name, secret, kept, peer } = shown;
        let inner = &self.inner;
        let Some((stored, owner)) = kept else { return Ok(false) };
        let fingerprint = inner.verified.fingerprint(name, secret, &stored.hash);
        if inner.verified.is_good(&fingerprint, Instant::now()) {
            return Ok(true);
        }
        let precheck = inner.keyring.precheck(secret, stored);
        if precheck == Precheck::Wrong {
            return Ok(false);
        }
        let turn = inner.verified.turn(fingerprint);
        let _alone = turn.wait().await;
        if inner.verified.is_good(&fingerprint, Instant::now()) {
            return Ok(true);
        }
        let lane = match precheck {
            Precheck::Fits => Lane::First,
            _ if inner.costly.name_failed_too_often(name, peer.ip, Instant::now()) => Lane::Slow,
            _ => Lane::Fair(place(name, peer)),
        };
        let good = inner.hasher.verify(secret.clone(), stored.hash.clone(), lane).await?;
        if !good {
            inner.costly.fail(name, peer.ip, Instant::now());
            return Ok(false);
        }
        inner.verified.remember(fingerprint, Instant::now());
        if precheck == Precheck::Unknown {
            self.learn(owner, stored.hash.clone(), secret);
        }
        Ok(true)
    }

    /// Keeps the tag of a secret that was right and had none. The caller need not wait for it, and the next one may be the one
    /// for whom it succeeds.
    fn learn(&self, owner: Owner, hash: String, secret: &Secret) {
        let store = self.inner.store.lane(homepot_store::Lane::Devices);
        let tag = self.inner.keyring.tag(secret);
        tokio::spawn(carried(async move {
            let learned = store.run("learn_check_tag", move |conn| secrets::learn(conn, &owner, &hash, tag)).await;
            if let Err(error) = learned {
                tracing::debug!(%error, "keep a check tag");
            }
        }));
    }

    /// What who failed is told: that it is wrong, or, when it failed too often, to wait. Counts and logs the failure.
    pub(crate) fn refusal(&self, name: &str, peer: Peer, text: &'static str) -> Error {
        let (throttle, now) = (&self.inner.throttle, Instant::now());
        metrics::counter!("homepot_auth_failures_total").increment(1);
        if let Some(left) = throttle.wait(name, peer.ip, now) {
            metrics::counter!("homepot_auth_throttled_total").increment(1);
            return Error::new(Kind::Throttled, "too many failed attempts; try again later").retry_after(left);
        }
        throttle.fail(name, peer.ip, now);
        // The name is whatever was sent, so it is cut; beyond the limit nothing is logged, so that nobody fills the log.
        let name: String = name.chars().take(128).collect();
        let device_id = (text == WRONG_DEVICE).then_some(&name);
        tracing::warn!(name, device_id, ip = ?peer.ip, "wrong credentials");
        Error::new(Kind::Unauthenticated, text)
    }
}

/// For whom work is done.
pub(crate) fn place(name: &str, peer: Peer) -> Place {
    Place { network: peer.ip.map(network), name: name.to_owned() }
}

pub(crate) fn caller(operator: Operator) -> OperatorCaller {
    let token_id = Arc::from(operator.token_id);
    let (name, role, scope) = (operator.name, operator.role, operator.scope);
    OperatorCaller { name, role, scope, token_id, credential: Credential::Token }
}

/// An operator by its session: with what it may now.
pub(crate) fn session_caller(found: sessions::Credential) -> OperatorCaller {
    let token_id = Arc::from(found.session.session_id);
    OperatorCaller { token_id, credential: Credential::Session { is_fresh: found.is_fresh }, ..caller(found.operator) }
}

fn claim<'a>(credential: &device_keys::Credential, key: &'a Secret, stored_hash: &'a str) -> Claim<'a> {
    Claim { device: credential.device.pk, credential_version: credential.credential_version, key, stored_hash }
}
