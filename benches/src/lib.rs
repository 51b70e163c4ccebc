//! The benchmarks: measure HOMEPOT on this machine, and compare each figure with a ceiling from the same run.
//!
//! [`run`] has a module for each benchmark. Each starts its own `homepot serve` with a private Postgres, below the
//! directory of build output. It loads the server through the interfaces of devices and operators, compares what was
//! acknowledged with what is in the tables, and removes everything afterwards. [`host`] starts programs and measures
//! what they use, [`fleet`] has the devices, and [`report`] prints the results.
//!
//! This crate may use the contract crate, and the agent's rules for reconnecting. It knows the programs only by their
//! command lines, logs and ports. No benchmark fails because something is slow: a table shows the figures, and people
//! judge.

// Figures are taken on one machine, and bear its time.
#![allow(clippy::disallowed_methods)]
// The table is what this program is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod cli;
pub mod fleet;
pub mod host;
pub mod http;
pub mod mqtt;
pub mod report;
pub mod run;
pub mod tenths;

pub use cli::main;
