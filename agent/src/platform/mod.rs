//! The seam to the operating system: everything that differs between systems has its name here.
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

pub use system::{boot_id, hostname, open_tcp_connections, root_disk_percent, since_boot, uptime};
pub use unix::{
    create_private, is_superuser, kill_group, make_private_dir, open_private_append, own_group, private_fault,
    shutdown_signal,
};
