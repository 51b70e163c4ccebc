//! Lanes separate operations by the kind of caller. Each has its own threads, connections, queue and time limits, so
//! that twelve heavy reports keep no device waiting.

use std::time::Duration;

/// A lane of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// What devices send and fetch, and the check of their keys.
    Devices,
    /// Calls of operators that read or change few rows.
    Operators,
    /// Calls of operators that read much: series, sums, exports. Cancelled when their caller leaves.
    Reports,
    /// What the server does by itself: migrations, partitions, rollups, and the probe of readiness.
    Upkeep,
}

/// How many threads each lane has, each with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    devices: usize,
    operators: usize,
    reports: usize,
}

/// One of these is for the probe, so that it never waits for the others' work.
const UPKEEP_THREADS: usize = 2;
/// Reports that may wait for a thread; one that waits long is asked for by nobody any more.
const REPORTS_QUEUE: usize = 64;

impl Lane {
    pub(crate) const ALL: [Self; 4] = [Self::Devices, Self::Operators, Self::Reports, Self::Upkeep];

    /// Its word in metrics and thread names.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Operators => "operators",
            Self::Reports => "reports",
            Self::Upkeep => "upkeep",
        }
    }

    /// After this time Postgres itself ends a statement.
    pub(crate) fn statement_limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Devices => 8,
            Self::Operators => 15,
            Self::Reports | Self::Upkeep => 30,
        })
    }

    fn lock_limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Devices | Self::Operators => 4,
            Self::Reports | Self::Upkeep => 10,
        })
    }

    /// When a call to Postgres has taken this long, no answer will come: Postgres would have ended it before.
    pub(crate) fn call_limit(self) -> Duration {
        self.statement_limit() + Duration::from_secs(2)
    }

    /// How long an operation may take as a whole; `None`: as long as its statements take.
    pub(crate) fn job_limit(self) -> Option<Duration> {
        match self {
            Self::Reports => Some(self.statement_limit()),
            Self::Devices | Self::Operators => Some(Duration::from_secs(60)),
            Self::Upkeep => None,
        }
    }

    /// What each of its connections is told first. `client_connection_check_interval` came with Postgres 14; with it a
    /// statement ends when the connection was cut.
    pub(crate) fn session_settings(self) -> String {
        // A transaction of ours that idles was left by a connection that broke: it must not hold its locks for long.
        let idle = if self == Self::Upkeep { 60 } else { 5 };
        format!(
            "SET statement_timeout = '{}s'; SET lock_timeout = '{}s'; SET idle_in_transaction_session_timeout = '{idle}s'; \
             SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'",
            self.statement_limit().as_secs(),
            self.lock_limit().as_secs(),
        )
    }

    /// Connections that are kept while nothing happens.
    pub(crate) fn idle_connections(self) -> u32 {
        match self {
            Self::Devices | Self::Upkeep => 1,
            Self::Operators | Self::Reports => 0,
        }
    }

    pub(crate) fn queue(self, most: usize) -> usize {
        match self {
            Self::Reports => most.min(REPORTS_QUEUE),
            Self::Devices | Self::Operators | Self::Upkeep => most,
        }
        .max(1)
    }
}

impl Shares {
    /// Half of `threads` for devices, a quarter each for operators and reports, and at least one for each.
    pub(crate) fn of(threads: usize) -> Self {
        let quarter = (threads / 4).max(1);
        Self { devices: threads.saturating_sub(2 * quarter).max(1), operators: quarter, reports: quarter }
    }

    pub(crate) fn threads(self, lane: Lane) -> usize {
        match lane {
            Lane::Devices => self.devices,
            Lane::Operators => self.operators,
            Lane::Reports => self.reports,
            Lane::Upkeep => UPKEEP_THREADS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_shared_so_that_no_lane_is_without() {
        for (threads, shares) in [(1, (1, 1, 1)), (4, (2, 1, 1)), (8, (4, 2, 2)), (12, (6, 3, 3)), (256, (128, 64, 64))]
        {
            let shared = Shares::of(threads);
            assert_eq!((shared.devices, shared.operators, shared.reports), shares, "{threads}");
        }
    }

    #[test]
    fn postgres_ends_a_statement_before_its_connection_is_cut() {
        for lane in Lane::ALL {
            assert!(
                lane.lock_limit() < lane.statement_limit() && lane.statement_limit() < lane.call_limit(),
                "{lane:?}"
            );
        }
    }
}
