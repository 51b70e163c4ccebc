//! The registry: sites, devices, enrolment, keys, operators and presence, and the check of everybody's credentials.
//!
//! Its inputs are calls of operators (`RegistryService`, and `SessionService` for their sign-in), credentials from the
//! auth layer ([`Registry`] is its [`Authenticator`]), and enrolments and sessions from the link. It calls only the
//! store. A secret leaves it once, in the answer to the call that makes it. [`Registry::keep_presence`] finds devices
//! that fell silent, whichever replica held them.

mod attempt;
mod authenticator;
mod enroll;
mod hashing;
mod identity;
mod keyring;
mod lookups;
mod operators;
mod presence;
mod queue;
mod same_secret;
mod secrets;
mod service;
pub mod settings;
mod sign_in;
mod source;
mod throttle;
mod ticket;
mod verified;
mod watch;

use std::sync::Arc;

use homepot::{
    Error, Kind,
    model::Secret,
    pb::{
        registry::v1::registry_service_server::RegistryServiceServer,
        session::v1::session_service_server::SessionServiceServer,
    },
};
use homepot_hints::Hints;
use homepot_operator_api::feed::Feed;
use homepot_runtime::{Drain, auth::Authenticator};
use homepot_store::Store;
use tokio::sync::Notify;

pub use presence::{Begun, Heard, NewestSession};
pub use source::{Impostor, Proof, check_proof, judge};

/// Largest message taken or sent.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Which devices may enrol without a token, where their site allows it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenEnrollment {
    /// None.
    #[default]
    Off,
    /// Those on the server's own machine.
    Loopback,
}

/// How the registry is set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which devices may enrol without a token.
    pub open_enrollment: OpenEnrollment,
    /// The address at which devices reach the server; empty: not known.
    pub device_url: String,
    /// The identity provider by which people sign in; `None`: with tokens and codes alone.
    pub identity_provider: Option<homepot_oidc::Settings>,
}

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    open_enrollment: OpenEnrollment,
    identities: identity::Identities,
    store: Store,
    lookups: lookups::Lookups,
    hasher: hashing::Hasher,
    verified: verified::Verified,
    keyring: keyring::Keyring,
    /// Counts who shows what is wrong.
    throttle: throttle::Throttle,
    /// The same for what Argon2 had to find wrong.
    costly: throttle::Throttle,
    /// Counts enrolment tokens that run into ids of other sites.
    probes: throttle::Throttle,
    tickets: ticket::Tickets,
    /// Told when a device was shut out, so that its stream need not wait for the next look.
    shut_out: Notify,
    hints: Hints,
    /// Devices as they change, for all who watch.
    changes: Feed<watch::Seen>,
}

impl Registry {
    /// Starts the hashing threads. All replicas share the server's `secret`, which the database does not hold. What changes is
    /// told through `hints`; the streams of those who watch end with `drain`.
    pub fn build(config: Config, secret: &Secret, store: Store, hints: Hints, drain: Drain) -> Result<Self, Error> {
        let hasher = hashing::Hasher::start().map_err(|error| {
            tracing::error!(%error, "start the argon2 threads");
            Error::new(Kind::Internal, format!("could not start the threads that check keys: {error}"))
        })?;
        let keyring = keyring::Keyring::new(secret);
        let inner = Inner {
            open_enrollment: config.open_enrollment,
            identities: identity::Identities::new(config.identity_provider, keyring.sign_in_key())?,
            changes: watch::feed(store.clone(), &hints, drain),
            hints,
            lookups: lookups::Lookups::start(store.clone()),
            store,
            hasher,
            verified: verified::Verified::new(secrets::random()?),
            throttle: throttle::Throttle::default(),
            costly: throttle::Throttle::default(),
            probes: throttle::Throttle::over(enroll::PROBES_WINDOW),
            tickets: ticket::Tickets::new(keyring.ticket_key()),
            keyring,
            shut_out: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The operators' face of it.
    pub fn service(&self) -> RegistryServiceServer<service::Service> {
        RegistryServiceServer::new(service::Service::new(self.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// The sign-in of operators.
    pub fn session_service(&self) -> SessionServiceServer<service::Sessions> {
        SessionServiceServer::new(service::Sessions::new(self.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// A code that signs in the first admin that is still good, once; `None`: there is none.
    pub async fn sign_in_code(&self) -> Result<Option<Secret>, Error> {
        self.make_code_for_first_admin().await
    }

    /// What the auth layer asks.
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::new(self.clone())
    }

    /// Makes the first operator: `admin`, of every site. Does nothing when there is an operator already.
    ///
    /// `secret` must be on disk, or known to whoever set it, before this is called: a crash right after would
    /// otherwise lock everybody out. Answers whether the operator was made.
    pub async fn bootstrap_admin(&self, secret: Secret) -> Result<bool, Error> {
        self.create_first_admin(secret).await
    }

    /// A fresh secret of a server, for the caller to keep.
    pub fn generate_server_secret() -> Result<Secret, Error> {
        secrets::generate(homepot::model::SecretKind::ServerSecret)
    }

    /// Whether `secret` can be a server's: what can be guessed is none. The reason does not repeat it.
    pub fn check_server_secret(secret: &Secret) -> Result<(), &'static str> {
        let text = secret.reveal();
        let good = (32..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        match good && text.bytes().collect::<std::collections::HashSet<_>>().len() >= 8 {
            true => Ok(()),
            false => Err("must be 32 to 1,024 random letters, such as those of `openssl rand -hex 32`"),
        }
    }

    /// A fresh token of an operator, for the caller to keep and hand to [`Registry::bootstrap_admin`].
    pub fn generate_operator_token() -> Result<Secret, Error> {
        secrets::generate(homepot::model::SecretKind::OperatorToken)
    }
}
