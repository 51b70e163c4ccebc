//! The simulator of HOMEPOT, as a library: `homepot-sim` is a thin binary over it.
//!
//! It plays devices, and the people and applications around them, against a server that runs: through the real enrolment, the
//! real stream and the documented REST routes, and it says of everything that it is simulated. In come scenarios and what
//! the server says; of this workspace it may use the contract crate and the agent's protocol half, and never a database.

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
