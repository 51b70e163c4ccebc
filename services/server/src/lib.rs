//! The program `homepot`: the one crate that depends on all the others and puts them together.
//!
//! Its inputs are a command line and signals. `homepot serve` puts the settings of all crates together (`settings`),
//! starts what the roles ask for (`serve`, `assemble`), waits for a signal and drains. The other commands are clients
//! of a running server: `ctl` is the operators' shell, `health` is for probes, `restored` handles a database whose
//! files were restored, and `demo` demonstrates HOMEPOT on one machine. No other crate may depend on this one. Errors
//! here are for people, so they are `anyhow`'s.

// Unit tests share the clock of the machine that they run on.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod admin_token;
mod assemble;
mod background;
mod cli;
mod client;
mod config_updates;
mod confirm_clock;
mod ctl;
mod database_file;
mod demo;
mod extension;
mod health;
mod migrate;
mod on_database;
mod remote;
mod restored;
mod serve;
mod server_secret;
mod settings;
mod sign_in_link;
mod signals;
mod terminal;
mod tether;
mod traces;

pub use cli::{main, main_with};
pub use extension::Extension;
