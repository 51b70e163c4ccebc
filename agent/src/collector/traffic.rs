//! Bytes over the network since the boot, which never become fewer.
//!
//! An interface takes its counters along when it goes, and one that comes back begins at zero. What each counted last is
//! therefore kept and carried over, in `traffic.json` also from one run of the agent to the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::state::StateDir;

const FILE: &str = "traffic.json";

/// Sent and received.
type Bytes = (u64, u64);

/// What interfaces have counted since the boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    /// The boot it counts from.
    boot_id: String,
    /// Of interfaces that are gone, or began anew.
    carried: Bytes,
    /// The last that each of the others said.
    last: BTreeMap<String, Bytes>,
}

impl Traffic {
    /// What an earlier run in the same boot left, else nothing.
    pub(crate) fn restore(state: &StateDir, boot_id: &str) -> Self {
        let kept = state.read(FILE).ok().flatten().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        kept.filter(|kept| kept.boot_id == boot_id && !boot_id.is_empty())
            .unwrap_or_else(|| Self { boot_id: boot_id.to_owned(), ..Self::default() })
    }

    /// Keeps it for the next run. Nothing waits for it: without the file the next run begins with what interfaces say.
    pub(crate) fn keep(&self, state: &StateDir) {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        if let Err(error) = state.write_volatile(FILE, &bytes) {
            tracing::debug!(%error, "can't keep what interfaces counted");
        }
    }

    /// Takes in what interfaces say now, and answers what all have sent and received since the boot.
    pub(crate) fn total(&mut self, now: BTreeMap<String, Bytes>) -> Bytes {
        for (name, (sent, received)) in &self.last {
            let goes_on = now.get(name).is_some_and(|(s, r)| s >= sent && r >= received);
            if !goes_on {
                self.carried.0 = self.carried.0.saturating_add(*sent);
                self.carried.1 = self.carried.1.saturating_add(*received);
            }
        }
        self.last = now;
        let add = |a: Bytes, b: &Bytes| (a.0.saturating_add(b.0), a.1.saturating_add(b.1));
        self.last.values().fold(self.carried, add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(interfaces: &[(&str, Bytes)]) -> BTreeMap<String, Bytes> {
        interfaces.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect()
    }

    #[test]
    fn the_bytes_of_an_interface_that_goes_stay_counted() {
        let mut traffic = Traffic::default();
        assert_eq!(traffic.total(said(&[("eth0", (100, 200)), ("wg0", (8_600_000, 50))])), (8_600_100, 250));
        assert_eq!(traffic.total(said(&[("eth0", (110, 210))])), (8_600_110, 260));
        assert_eq!(traffic.total(said(&[("eth0", (110, 210)), ("wg0", (5, 5))])), (8_600_115, 265));
        assert_eq!(traffic.total(said(&[("eth0", (1, 300)), ("wg0", (5, 6))])), (8_600_116, 566), "eth0 began anew");
        assert_eq!(traffic.total(said(&[])), (8_600_116, 566));
    }

    #[test]
    fn within_a_boot_the_next_run_of_the_agent_goes_on_counting() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(&directory.path().join("state")).unwrap();
        let mut traffic = Traffic::restore(&state, "boot-1");
        traffic.total(said(&[("wg0", (1_000, 1))]));
        traffic.keep(&state);
        assert_eq!(Traffic::restore(&state, "boot-1").total(said(&[("eth0", (10, 10))])), (1_010, 11));
        assert_eq!(Traffic::restore(&state, "boot-2").total(said(&[("eth0", (10, 10))])), (10, 10));
        state.write(FILE, b"{").unwrap();
        assert_eq!(Traffic::restore(&state, "boot-1").total(said(&[("eth0", (10, 10))])), (10, 10));
    }
}
