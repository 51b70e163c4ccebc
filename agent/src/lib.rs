//! The agent of HOMEPOT, as a library: `homepot-agent` is a thin binary over it.
//!
//! The agent enrols its machine once and keeps the key. It holds one stream to the server and sends each sample until
//! the server has it on disk. It runs the commands that its local configuration allows, each at most once. Its inputs
//! are the configuration, the state directory and the server's messages. It calls the server, and the programs that the
//! configuration names. It may use the contract crate and `host`, and no database.
//!
//! [`protocol`] talks to the server and measures nothing, so that a simulator can use it too. [`commands`], [`state`]
//! and [`config`] are what their names say. [`collector`] measures, [`platform`] holds what differs between operating
//! systems, [`launch`] starts an agent and returns to the last good one, [`status`] shows people the agent's state,
//! [`update`] puts releases in place, and [`agent`] is the loop that connects them.

// Unit tests share the clock of the machine that they run on.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod agent;
pub mod collector;
pub mod commands;
pub mod config;
mod enrollment;
pub mod hold;
pub mod launch;
pub mod platform;
pub mod protocol;
pub mod state;
pub mod status;
pub mod update;

pub use agent::{Ended, run};

/// Version of this agent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A span in whole milliseconds, as logs and files have it.
fn milliseconds(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Why the agent ended. Each error says what to do; it is shown on the terminal or in the log.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The settings are wrong.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    /// The server refused the enrolment.
    #[error("can't enrol: {0}")]
    Enrollment(String),
    /// The state directory can't be used.
    #[error(transparent)]
    State(#[from] state::StateError),
    /// The journal can't be used, and without it a command could run twice.
    #[error("can't keep the command journal: {0}")]
    Journal(std::io::Error),
}

impl RunError {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Enrollment(_) => 3,
            Self::State(_) | Self::Journal(_) => 4,
        }
    }
}
