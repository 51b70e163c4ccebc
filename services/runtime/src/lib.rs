//! What every role shares: settings, logs, metrics, traces, request ids, health, the auth layer, limits, pauses between
//! attempts, files that are replaced meanwhile, TLS, serving and the drain.
//!
//! Its inputs are flags and environment variables ([`settings`]) and connections ([`serve`]). It depends on the
//! contract (`homepot`) and on `host`. The services build on it, and the server puts them together.

pub mod auth;
pub mod backoff;
pub mod descriptors;
pub mod drain;
mod lease;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod ops;
pub mod peer;
pub mod reload;
pub mod request_id;
pub mod serve;
pub mod settings;
pub mod tls;
pub mod trace;
pub mod unauthenticated;

pub use drain::Drain;
