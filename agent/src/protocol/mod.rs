//! The agent's protocol half: enrolment, the stream, what is sent on it and when to come back.
//!
//! Nothing in here measures a machine or runs a command, so that a simulator can speak for many devices with it.
//! [`clock`], [`messages`], [`reconnect`] and [`uplink`] are rules without I/O, with time and chance passed in; [`spool`] keeps samples on disk, and
//! [`connection`] is the task that speaks to the server, and [`fetch`] gets files of releases beside it.

pub mod clock;
pub mod connection;
pub mod endpoint;
pub mod enroll;
pub mod fetch;
pub mod messages;
pub mod proof;
pub mod reconnect;
pub mod spool;
pub mod uplink;
pub mod values;

pub use connection::{Credentials, Event, Introduction, Outgoing, Terms};
pub use proof::Signer;
