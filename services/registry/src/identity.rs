//! Signing in with an identity provider: a browser is sent there with an [`Attempt`](homepot_oidc::Attempt), and who comes back
//! gets a code for a session.

use std::time::Instant;

use chrono::{DateTime, Utc};
use homepot::{
    Error, Kind,
    error::reason,
    model::{Identity, OperatorName, Secret, SecretKind},
};
use homepot_oidc::{Fault, Person, Provider, Settings, operator_name};
use homepot_runtime::peer::Peer;
use homepot_store::operators::identities::{self, AttemptId, SignIn, SignedIn};
use tokio::sync::Semaphore;

use crate::{
    Registry,
    attempt::{Attempts, is_same},
    secrets::{generate, random_secret},
    throttle::Throttle,
};

/// Sign-ins that wait for the provider at once.
const AT_ONCE: usize = 32;
/// What the provider says when something is wrong with it or with its settings, and not with the person.
const ITS_OWN_FAULTS: [&str; 6] = [
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_response_type",
];

/// The way to the identity provider, where there is one.
pub(crate) struct Identities {
    provider: Option<Provider>,
    attempts: Attempts,
    /// Counts who begins and finishes sign-ins, as anybody may.
    throttle: Throttle,
    at_once: Semaphore,
}

/// What a browser came back with.
pub(crate) struct CameBack {
    pub(crate) state: String,
    pub(crate) code: String,
    /// What the provider sends in place of a code.
    pub(crate) error: Option<String>,
    /// What the provider calls itself.
    pub(crate) issuer: Option<String>,
}

impl Identities {
    pub(crate) fn new(settings: Option<Settings>, key: [u8; 32]) -> Result<Self, Error> {
        let provider = settings.map(Provider::new).transpose().map_err(|error| {
            tracing::error!(%error, "use the certificate authorities for the identity provider");
            Error::new(Kind::Internal, "the certificate authorities of HOMEPOT_OIDC_CA_FILE can't be used")
        })?;
        let (throttle, at_once) = (Throttle::default(), Semaphore::new(AT_ONCE));
        Ok(Self { provider, attempts: Attempts::new(key), throttle, at_once })
    }

    /// The provider, for one more call from there.
    fn admit(&self, peer: Peer) -> Result<&Provider, Error> {
        let told = "this server has no identity provider; sign in with a token or a link";
        let provider = self.provider.as_ref();
        let provider = provider.ok_or_else(|| Error::new(Kind::Conflict, told).because(reason::NO_PROVIDER))?;
        match self.throttle.take(peer.ip, Instant::now()) {
            Some(left) => {
                Err(Error::new(Kind::Throttled, "too many sign-ins from this address; try again later")
                    .retry_after(left))
            }
            None => Ok(provider),
        }
    }
}

impl Registry {
    /// What the identity provider is called; empty: there is none.
    pub(crate) fn provider_name(&self) -> &str {
        self.inner.identities.provider.as_ref().map_or("", |provider| &provider.settings().display_name)
    }

    /// Where the browser goes, and what it keeps until it is back.
    pub(crate) async fn begin_sign_in(&self, is_fresh: bool, peer: Peer) -> Result<(String, Secret), Error> {
        let identities = &self.inner.identities;
        let provider = identities.admit(peer)?;
        let _place = identities.at_once.try_acquire().map_err(|_| too_many())?;
        let (sealed, attempt) = identities.attempts.begin(is_fresh, self.inner.store.now().timestamp())?;
        let url = provider.authorization_url(&attempt).await.map_err(|fault| told(&fault, peer))?;
        Ok((url, sealed))
    }

    /// A code that signs in the person who came back, once.
    pub(crate) async fn finish_sign_in(
        &self,
        sealed: &Secret,
        came_back: CameBack,
        peer: Peer,
    ) -> Result<Secret, Error> {
        let identities = &self.inner.identities;
        let provider = identities.admit(peer)?;
        let now = self.inner.store.now();
        let begun = identities.attempts.open(sealed, now.timestamp());
        let begun = begun.filter(|(_, attempt)| is_same(&came_back.state, &attempt.state));
        let Some((attempt_id, attempt)) = begun else { return Err(unknown()) };
        if let Some(error) = came_back.error {
            return Err(refused_there(&error, peer));
        }
        if came_back.code.is_empty() {
            return Err(unknown());
        }
        let _place = identities.at_once.try_acquire().map_err(|_| too_many())?;
        let person = provider.person(&came_back.code, came_back.issuer.as_deref(), &attempt, now.timestamp()).await;
        self.admit_person(provider.settings(), attempt_id, person.map_err(|fault| told(&fault, peer))?).await
    }

    async fn admit_person(&self, settings: &Settings, attempt: AttemptId, person: Person) -> Result<Secret, Error> {
        let Person { subject, name, groups, authenticated_at } = person;
        let identity = Identity { issuer: settings.issuer.clone(), subject };
        // Its letters are shown nowhere and the rest of it is kept nowhere: it only has to be another one each time.
        let spare = generate(SecretKind::OperatorToken)?;
        let token_id = spare.public_id(SecretKind::OperatorToken).ok_or_else(Error::internal)?.to_owned();
        let Some((role, scope)) = settings.grants.of(&groups) else {
            tracing::warn!(subject = identity.subject, ?name, "none of the groups of who signed in has a role");
            let end = move |conn: &mut _| identities::end_sessions(conn, &identity, &token_id);
            self.inner.store.run("end_sessions_of_identity", end).await?;
            let told = "none of your groups has a role here; ask an admin of this server";
            return Err(Error::new(Kind::Forbidden, told).because(reason::NO_ROLE));
        };
        // Where the provider does not say when, it may have been at any time.
        let authenticated_at = authenticated_at.and_then(|at| DateTime::from_timestamp(at, 0));
        let who = SignIn {
            attempt,
            names: names(name.as_deref(), &identity),
            identity,
            role,
            scope,
            authenticated_at: authenticated_at.unwrap_or(DateTime::<Utc>::UNIX_EPOCH),
            token_id,
        };
        let (code, kept) = random_secret(SecretKind::SignInCode)?;
        let sign_in = move |conn: &mut _| identities::sign_in(conn, &who, &kept);
        match self.inner.store.run("sign_in_with_provider", sign_in).await? {
            SignedIn::Operator(_) => Ok(code),
            SignedIn::Finished => Err(unknown()),
            SignedIn::Revoked(name) => {
                tracing::warn!(operator = %name, "who was revoked tried to sign in with the identity provider");
                let told = format!("the operator {name}, who you are here, was revoked");
                Err(Error::new(Kind::Forbidden, told).because(reason::OPERATOR_REVOKED))
            }
            SignedIn::NamesTaken => {
                tracing::error!(?name, "every name of who signed in is another operator's");
                Err(Error::internal())
            }
        }
    }
}

/// The names that a new operator may get: what the person is called, and the same with a mark where that is somebody else's.
/// The mark follows from who the person is, so nobody can take it first.
fn names(claimed: Option<&str>, identity: &Identity) -> Vec<OperatorName> {
    let mark = blake3::hash(format!("{}\0{}", identity.issuer, identity.subject).as_bytes()).to_hex();
    ["", &mark[..8], &mark[..32]].into_iter().filter_map(|mark| operator_name(claimed, mark)).collect()
}

fn unknown() -> Error {
    let told = "this browser began no such sign-in, or more than 10 minutes ago, or it is over; begin another one";
    Error::new(Kind::Conflict, told).because(reason::SIGN_IN_UNKNOWN)
}

fn too_many() -> Error {
    Error::new(Kind::Throttled, "too many sign-ins at once; try again in a moment")
}

/// What is told of a fault whose cause is for the log: a stranger learns nothing of the way to the provider.
fn told(fault: &Fault, peer: Peer) -> Error {
    tracing::warn!(%fault, ip = ?peer.ip, "sign in with the identity provider");
    match fault {
        Fault::Refused(_) => Error::new(Kind::Conflict, "the identity provider did not confirm the sign-in; try again")
            .because(reason::PROVIDER_REFUSED),
        Fault::Unavailable(_) => {
            Error::new(Kind::Unavailable, "the identity provider can't be reached now").because(reason::PROVIDER_FAILED)
        }
        Fault::Untrusted(_) => Error::new(Kind::Unavailable, "what the identity provider answered can't be trusted")
            .because(reason::PROVIDER_FAILED),
    }
}

fn refused_there(error: &str, peer: Peer) -> Error {
    let error: String = error.chars().filter(|letter| letter.is_ascii_graphic()).take(64).collect();
    tracing::warn!(error, ip = ?peer.ip, "the identity provider signed nobody in");
    match ITS_OWN_FAULTS.contains(&error.as_str()) {
        true => Error::new(Kind::Unavailable, "the identity provider has a fault, or its settings have")
            .because(reason::PROVIDER_FAILED),
        false => {
            Error::new(Kind::Conflict, "the identity provider did not sign you in").because(reason::PROVIDER_REFUSED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_the_mark_of_its_person() {
        let of = |subject: &str| {
            let identity = Identity { issuer: "https://login.example".to_owned(), subject: subject.to_owned() };
            names(Some("admin"), &identity)
        };
        let (one, other) = (of("1"), of("2"));
        assert_eq!(one[0].as_str(), "admin");
        assert_eq!((one[1].as_str().len(), one[2].as_str().len()), (14, 38));
        assert!(one[1] != other[1] && one[1] == of("1")[1]);
    }
}
