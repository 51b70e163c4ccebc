//! The benchmarks: what HOMEPOT does on this machine, each figure beside a ceiling that was measured in the same run.
//!
//! [`run`] holds a module a benchmark. Each starts a `homepot serve` of its own with a private Postgres, below the
//! directory of build output, loads it through the doors that devices and operators use, compares what was acknowledged
//! with what is in the tables, and leaves nothing behind. [`host`] is what runs on the machine and what it takes of it,
//! [`fleet`] the devices, [`report`] what comes out.
//!
//! May call: the contract crate, and of the agent its rules for coming back. It knows the programs by their command lines,
//! logs and ports alone. Nothing in here passes or fails by time: a table says what was measured, and people judge.

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

pub use cli::main;
