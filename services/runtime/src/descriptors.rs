//! How many files and sockets this process may have open, and who may use how many of them.
//!
//! The kernel's soft limit is 1,024 nearly everywhere, which is too low for this program, so the start raises it to the
//! hard limit. The files that the server does not need itself are divided among the ports once: however many devices
//! come, operators and probes have descriptors of their own.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::serve::CLOSING;

/// What the server needs for itself: its files, pipes, listeners and timers.
const OWN: u64 = 64;
/// A thread of the database has a connection, and may have one more while that one is replaced.
const OF_DATABASE_THREAD: u64 = 4;
/// "Unlimited" still has to be divided.
const UNLIMITED: u64 = 1_048_576;

/// Connections that each port may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Of the gRPC port, in all.
    pub grpc: usize,
    /// Those of them that devices may have.
    pub devices: usize,
    /// Of the REST port.
    pub rest: usize,
    /// Of the ops port.
    pub ops: usize,
}

/// Raises the limit as far as this process may; answers what it is now.
pub fn raise_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current.unwrap_or(UNLIMITED);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum.unwrap_or(UNLIMITED),
        Err(error) => {
            tracing::warn!(%error, "can't raise the limit of open files");
            current.unwrap_or(UNLIMITED)
        }
    }
}

impl Shares {
    /// Divides `limit` descriptors. Small limits are divided as if they were larger: such a server can hardly work.
    pub fn of(limit: u64, database_threads: usize) -> Self {
        let own = OWN + OF_DATABASE_THREAD * database_threads as u64 + 3 * CLOSING as u64;
        let left = usize::try_from(limit.saturating_sub(own)).unwrap_or(usize::MAX).max(64);
        // Probes are few, but a flood from many addresses turns its places over: with few of them a probe's goes before it
        // has said what it wants.
        let ops = (left / 16).clamp(8, 512);
        let rest = (left / 5).clamp(16, 4096);
        let grpc = left - ops - rest;
        let devices = grpc - (grpc / 8).clamp(8, 2048);
        Self { grpc, devices, rest, ops }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_probes_have_descriptors_of_their_own_and_all_of_it_fits() {
        for limit in [256, 1_024, 4_096, 20_000, 524_288, UNLIMITED] {
            let shares = Shares::of(limit, 8);
            let taken = shares.grpc + shares.rest + shares.ops + 3 * CLOSING;
            assert!(taken as u64 + OWN + 8 * OF_DATABASE_THREAD <= limit, "{limit}: {shares:?}");
            assert!(shares.rest >= 16 && shares.ops >= 8 && shares.grpc >= shares.devices + 8, "{limit}: {shares:?}");
        }
        assert_eq!(Shares::of(20_000, 8), Shares { grpc: 15_373, devices: 13_452, rest: 3_971, ops: 512 });
        assert!(Shares::of(16, 8).devices > 0);
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let raised = raise_limit();
        let now = getrlimit(Resource::Nofile);
        assert_eq!((now.current, now.maximum.unwrap_or(UNLIMITED)), (now.maximum, raised));
    }
}
