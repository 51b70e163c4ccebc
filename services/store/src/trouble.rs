//! What is the matter with the database, as told by the operations that fail.
//!
//! A probe alone can't know: its few bytes fit where a batch does not. So each operation that fails for the database's
//! trouble is remembered until it works again, or until nobody tried it any more and a probe that writes passes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use crate::sqlstate::Trouble;

/// What may happen to one operation by chance counts only when it goes on for this long.
const CHANCE: Duration = Duration::from_secs(3);
/// An operation that failed and was not tried for this long says nothing any more.
const STALE: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
pub(crate) struct Troubles(Arc<Inner>);

#[derive(Default)]
struct Inner {
    failing: Mutex<HashMap<&'static str, Failing>>,
    /// Spares operations that work the lock.
    any: AtomicBool,
}

struct Failing {
    trouble: Trouble,
    first: Instant,
    last: Instant,
}

impl Troubles {
    pub(crate) fn failed(&self, operation: &'static str, trouble: Trouble) {
        let now = Instant::now();
        let mut failing = self.lock();
        let entry = failing.entry(operation).or_insert(Failing { trouble, first: now, last: now });
        (entry.trouble, entry.last) = (trouble, now);
        self.0.any.store(true, Ordering::Release);
    }

    pub(crate) fn worked(&self, operation: &'static str) {
        if self.0.any.load(Ordering::Acquire) {
            let mut failing = self.lock();
            failing.remove(operation);
            self.0.any.store(!failing.is_empty(), Ordering::Release);
        }
    }

    pub(crate) fn any(&self) -> bool {
        self.0.any.load(Ordering::Acquire)
    }

    /// A probe that writes has passed: what nobody tried since is no longer believed.
    pub(crate) fn forget_stale(&self) {
        let mut failing = self.lock();
        failing.retain(|_, entry| entry.last.elapsed() < STALE);
        self.0.any.store(!failing.is_empty(), Ordering::Release);
    }

    /// What is the matter; of several things the one that has lasted longest.
    pub(crate) fn standing(&self) -> Option<Trouble> {
        let failing = self.lock();
        let counts = |entry: &&Failing| !entry.trouble.may_be_chance() || entry.last - entry.first >= CHANCE;
        failing.values().filter(counts).min_by_key(|entry| entry.first).map(|entry| entry.trouble)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Failing>> {
        self.0.failing.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_counts_at_once_and_a_deadlock_does_not() {
        let troubles = Troubles::default();
        troubles.failed("claim", Trouble::Locked);
        assert!(troubles.any() && troubles.standing().is_none());
        troubles.failed("write", Trouble::DiskFull);
        assert_eq!(troubles.standing(), Some(Trouble::DiskFull));
        troubles.worked("write");
        assert_eq!(troubles.standing(), None);
        troubles.worked("claim");
        assert!(!troubles.any());
    }

    #[test]
    fn a_probe_forgets_only_what_nobody_tries_any_more() {
        let troubles = Troubles::default();
        troubles.failed("write", Trouble::DiskFull);
        troubles.forget_stale();
        assert_eq!(troubles.standing(), Some(Trouble::DiskFull));
        troubles.lock().get_mut("write").unwrap().last -= STALE;
        troubles.forget_stale();
        assert!(!troubles.any());
    }
}
