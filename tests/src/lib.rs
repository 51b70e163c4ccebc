//! The base of the end-to-end tests: the built programs as real processes, watched from the outside.
//!
//! [`Server`] runs a `homepot serve` of its own, with a data directory, a database and ports that no other test uses. A test that any
//! system is good enough for asks for [`AnySystem`]: that is a `Server`, or what HOMEPOT_E2E_SYSTEM names, such as a played cluster.
//! [`Agent`] runs a `homepot-agent run`, and [`Simulator`] runs `homepot-sim`. [`rest`] and [`grpc`] are the clients,
//! and [`Database`] reads Postgres directly. Everything that a test starts is stopped when its value is dropped, also
//! when the test panics. Tests wait for events (a log line, a message, the end of a process), never for time to pass.
//!
//! [`torture`] is the crash test of the command ledger and of rollouts; [`siege`] attacks a server while devices attach.
//!
//! This crate may use the contract crate, and the agent's crate for the format of its journal. It knows the programs
//! only by their command lines, logs and ports.

// The tests share the clock of the machine that they run on.
#![allow(clippy::disallowed_methods)]
// Everything in here serves tests, where a panic with a reason is the way to fail.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod agent;
mod any_system;
mod clocks;
mod cluster;
mod collector;
mod database;
mod disk;
pub mod grpc;
mod nginx;
mod prepared;
mod process;
mod programs;
mod provider;
mod publisher;
mod redis;
pub mod rest;
mod server;
mod session;
pub mod siege;
mod simulator;
pub mod strangers;
mod system;
mod tls;
pub mod torture;

pub use agent::{Agent, AgentOptions};
pub use any_system::AnySystem;
pub use clocks::FakeClock;
pub use cluster::Cluster;
pub use collector::{Collector, Manner, Seen};
pub use database::Database;
pub use nginx::Nginx;
pub use process::{PATIENCE, Process, eventually, processes_with};
pub use programs::{program, workspace};
pub use provider::{Fault, Member, Provider};
pub use publisher::{Publisher, Updated, upload};
pub use redis::RedisServer;
pub use server::{
    Server, ServerOptions, clean, data_parent, elsewhere, field, free_address, homepot_command, postmaster,
};
pub use session::{Session, hello};
pub use simulator::{Ran, Simulator};
pub use system::System;
pub use tls::{Authority, Certificate, TlsWay};
