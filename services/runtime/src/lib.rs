//! What every role shares and none should write twice: settings, logs, metrics, request ids, health, who is calling,
//! pauses between attempts, serving and the drain.
//!
//! What comes in are flags and environment variables ([`settings`]) and connections ([`serve`]). This crate knows the
//! contract (`homepot`) and no other crate of the workspace; the services build on it, the server puts it together.

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
pub mod request_id;
pub mod serve;
pub mod settings;
pub mod unauthenticated;

pub use drain::Drain;
