//! The interface to the operating system: everything that differs between systems.
//!
//! `linux` reads `/proc`; `other` answers what sysinfo can tell elsewhere. `unix` holds what all of them share: file
//! modes, process groups and signals. The agent needs a Unix.

mod unix;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

// Compiled for the tests too, so that it can't rot unseen on Linux.
#[cfg(any(test, not(target_os = "linux")))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as system;

/// The wall clock: for people, and for the order of samples. It decides nothing else; see docs/time.md.
#[allow(clippy::disallowed_methods)]
pub fn wall_clock() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

pub use system::{
    Processor, boot_id, disk_use_percent, end_with_parent, hostname, load, memory, open_tcp_connections, since_boot,
    traffic, uptime,
};
pub use unix::{
    Signals, create_private, file_number, is_superuser, kill_group, make_private_dir, open_private,
    open_private_append, own_group, parent_id, private_fault, shutdown_signal, signal_process, tell_parent,
};

/// Memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All there is, or may be used here.
    pub total: u64,
    /// Whether that is the limit of a container, and not the machine's memory.
    pub is_limit: bool,
    /// What is in use and could not be given up at once.
    pub used: u64,
    /// All swap; `None`: not told.
    pub swap_total: Option<u64>,
    /// Swap in use.
    pub swap_used: Option<u64>,
}
