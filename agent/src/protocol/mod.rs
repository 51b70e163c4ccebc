//! The agent's protocol half: enrolment, the stream, what is sent on it and when to come back.
//!
//! Nothing in here measures a machine or runs a command, so that a simulator can speak for many devices with it.
//! [`reconnect`], [`spool`] and [`uplink`] are rules without I/O, with time and chance passed in; [`connection`] is
//! the task that does the I/O.

pub mod connection;
pub mod endpoint;
pub mod enroll;
mod messages;
pub mod reconnect;
pub mod spool;
pub mod uplink;

pub use connection::{Credentials, Event, Introduction, Outgoing, Terms};
