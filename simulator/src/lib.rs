//! The simulator of HOMEPOT, as a library: `homepot-sim` is a thin binary over it.
//!
//! It plays devices, and the people and applications around them, against a running server. It uses the real enrolment,
//! the real stream and the documented REST routes, and marks everything as simulated. Its inputs are scenarios and the
//! server's messages. It may use the contract crate, `host`, `release` and the agent's protocol half, and no database.

mod cli;
mod fleet;
pub mod life;
mod preview;
mod rest;
pub mod scenario;
mod scenarios;
mod screen;
mod server;
mod span;
mod traffic;

pub use cli::{Cli, run};
