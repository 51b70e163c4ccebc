//! Remembers pairs of name and secret that were verified lately, so that Argon2 does not run for each call.
//!
//! Nothing in here could be used to get in: what is kept is a hash under a key that was made when the process started.
//! The stored hash is part of it, so a replaced secret is forgotten by itself.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use homepot::model::Secret;
use parking_lot::Mutex;

const GOOD_FOR: Duration = Duration::from_secs(5 * 60);
const MAX_ENTRIES: usize = 100_000;

/// A pair under the process's key.
pub(crate) type Fingerprint = [u8; 32];

/// Remembers good pairs, and lets only one caller at a time check a pair that is not known.
#[derive(Debug)]
pub(crate) struct Verified {
    key: [u8; 32],
    good_until: Mutex<HashMap<Fingerprint, Instant>>,
    in_flight: Mutex<HashMap<Fingerprint, Arc<tokio::sync::Mutex<()>>>>,
}

impl Verified {
    /// Nothing known yet; `key` must be random.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, good_until: Mutex::default(), in_flight: Mutex::default() }
    }

    /// The pair under the process's key.
    pub(crate) fn fingerprint(&self, name: &str, secret: &Secret, stored_hash: &str) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [name, secret.reveal(), stored_hash] {
            // With its length, so that no two triples run together alike.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// Whether the pair was found good lately.
    pub(crate) fn is_good(&self, fingerprint: &Fingerprint, now: Instant) -> bool {
        let good_until = self.good_until.lock();
        good_until.get(fingerprint).is_some_and(|until| now < *until)
    }

    /// Remembers a good pair.
    pub(crate) fn remember(&self, fingerprint: Fingerprint, now: Instant) {
        let mut good_until = self.good_until.lock();
        if good_until.len() >= MAX_ENTRIES {
            good_until.retain(|_, until| now < *until);
        }
        if good_until.len() < MAX_ENTRIES {
            good_until.insert(fingerprint, now + GOOD_FOR);
        }
    }

    /// The turn to check a pair: whoever waited finds it in the cache afterwards.
    pub(crate) fn turn(&self, fingerprint: Fingerprint) -> Turn<'_> {
        let mut in_flight = self.in_flight.lock();
        let lock = in_flight.entry(fingerprint).or_default().clone();
        Turn { verified: self, fingerprint, lock }
    }
}

/// Await [`Turn::wait`]; the entry goes when nobody waits any more.
pub(crate) struct Turn<'a> {
    verified: &'a Verified,
    fingerprint: Fingerprint,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl Turn<'_> {
    /// Waits until no other call checks the same pair.
    pub(crate) async fn wait(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.lock.lock().await
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.verified.in_flight.lock();
        // The map's own and this one: nobody else waits.
        if Arc::strong_count(&self.lock) <= 2 {
            in_flight.remove(&self.fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_pair_is_good_until_its_time_is_over_and_no_other_pair_is() {
        let verified = Verified::new([1; 32]);
        let now = Instant::now();
        let secret = Secret::presented("s");
        let pair = verified.fingerprint("d", &secret, "hash");
        verified.remember(pair, now);
        assert!(verified.is_good(&pair, now));
        assert!(!verified.is_good(&pair, now + GOOD_FOR));
        assert!(!verified.is_good(&verified.fingerprint("d", &secret, "replaced"), now));
        assert!(!verified.is_good(&verified.fingerprint("ds", &Secret::presented(""), "hash"), now));
        assert_ne!(pair, Verified::new([2; 32]).fingerprint("d", &secret, "hash"));
    }

    #[tokio::test]
    async fn one_at_a_time_checks_a_pair_and_nothing_stays_behind() {
        let verified = Verified::new([1; 32]);
        let first = verified.turn([7; 32]);
        let held = first.wait().await;
        let second = verified.turn([7; 32]);
        {
            let mut waiting = std::pin::pin!(second.wait());
            assert!(waiting.as_mut().now_or_never().is_none());
            drop(held);
            drop(waiting.await);
        }
        drop(first);
        drop(second);
        assert!(verified.in_flight.lock().is_empty());
    }
}
