//! Quotas of bytes: so many at once, and so many a second in the long run, for each caller.
//!
//! A quota is one number, the moment at which it will be whole again; counting is one atomic update of it. The burst is
//! made for a backlog after an outage, the rate for what is sent day after day.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use homepot::{Error, Kind};
use parking_lot::Mutex;

/// How much a caller may write or fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bytes a second, in the long run.
    pub per_second: u64,
    /// Bytes at once, after a time of quiet.
    pub burst: u64,
}

/// What a call that stores something counts for besides its own bytes: a row has columns and indexes that no caller sends.
const CALL: usize = 512;
/// Locks that the callers are spread over.
const SHARDS: usize = 16;
/// Callers that are remembered in a shard before it is looked which of them have their whole quota again.
const PRUNE_AT: usize = 256;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn now() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The quota of one caller. Clones share it.
#[derive(Clone, Debug)]
pub struct Quota {
    rate: Rate,
    /// Nanoseconds since [`START`] at which it is whole again.
    whole_at: Arc<AtomicU64>,
}

impl Quota {
    /// A quota of which nothing is used yet.
    pub fn new(rate: Rate) -> Self {
        Self { rate, whole_at: Arc::default() }
    }

    fn nanos(&self, bytes: u64) -> u64 {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate.per_second.max(1));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// Counts what was written. It may go beyond what is left, by as much again as the burst: then the next write waits
    /// longer.
    pub fn count(&self, bytes: usize) {
        let (now, cost) = (now(), self.nanos(bytes as u64));
        let most = now.saturating_add(self.nanos(self.rate.burst).saturating_mul(2));
        let add = |whole_at: u64| Some(whole_at.max(now).saturating_add(cost).min(most));
        let _ = self.whole_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Counts bytes that are to go once the returned time has passed; who asks next comes after them. `Err`: that would take longer
    /// than `patience`, and nothing was counted.
    pub fn reserve(&self, bytes: usize, patience: Duration) -> Result<Duration, Duration> {
        let (now, cost, burst) = (now(), self.nanos(bytes as u64), self.nanos(self.rate.burst));
        let wait = |whole_at: u64| Duration::from_nanos(whole_at.saturating_sub(burst).saturating_sub(now));
        let add = |whole_at: u64| (wait(whole_at) <= patience).then(|| whole_at.max(now).saturating_add(cost));
        self.whole_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).map(wait).map_err(wait)
    }

    /// Counts a call that stores something, besides the bytes it carries.
    pub fn count_call(&self) {
        self.count(CALL);
    }

    /// How long the next write has to wait; `None`: it may come at once.
    pub fn wait(&self) -> Option<Duration> {
        let spent_until = self.whole_at.load(Ordering::Relaxed).saturating_sub(self.nanos(self.rate.burst));
        let wait = spent_until.saturating_sub(now());
        (wait > 0).then(|| Duration::from_nanos(wait))
    }

    /// Refuses a write for which nothing is left, and says which limit it is.
    pub fn check(&self, whose: impl FnOnce() -> String) -> Result<(), Error> {
        let Some(wait) = self.wait() else { return Ok(()) };
        metrics::counter!("homepot_limits_refused_total", "limit" => "write_quota").increment(1);
        let told = format!(
            "the write quota of {} is used up: {} bytes at once and {} bytes a second; send less, or wait",
            whose(),
            self.rate.burst,
            self.rate.per_second
        );
        Err(Error::new(Kind::Throttled, told).retry_after(wait.max(Duration::from_secs(1))))
    }

    fn is_whole(&self) -> bool {
        self.whole_at.load(Ordering::Relaxed) <= now()
    }
}

/// The quotas of all callers of a kind.
pub struct Quotas<K> {
    rate: Option<Rate>,
    hasher: RandomState,
    shards: [Mutex<Shard<K>>; SHARDS],
}

struct Shard<K> {
    quotas: HashMap<K, Quota>,
    prune_at: usize,
}

impl<K: Eq + Hash + Clone> Quotas<K> {
    /// Quotas of `rate`; `None`: none at all.
    pub fn new(rate: Option<Rate>) -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(Shard { quotas: HashMap::new(), prune_at: PRUNE_AT }));
        Self { rate, hasher: RandomState::new(), shards }
    }

    /// The quota of a caller; `None` where there are none.
    pub fn of(&self, caller: &K) -> Option<Quota> {
        let rate = self.rate?;
        #[allow(clippy::cast_possible_truncation)] // any bits will do
        let place = self.hasher.hash_one(caller) as usize % SHARDS;
        let mut shard = self.shards[place].lock();
        if let Some(quota) = shard.quotas.get(caller) {
            return Some(quota.clone());
        }
        if shard.quotas.len() >= shard.prune_at {
            // What is whole and held by nobody is as good as new.
            shard.quotas.retain(|_, quota| !quota.is_whole() || Arc::strong_count(&quota.whole_at) > 1);
            shard.prune_at = PRUNE_AT.max(shard.quotas.len() * 2);
        }
        let quota = Quota::new(rate);
        shard.quotas.insert(caller.clone(), quota.clone());
        Some(quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(per_second: u64, burst: u64) -> Quota {
        Quota::new(Rate { per_second, burst })
    }

    #[test]
    fn the_burst_may_come_at_once_and_then_the_rate() {
        let quota = quota(1_000, 100_000);
        quota.count(99_000);
        assert_eq!(quota.wait(), None);
        quota.count(11_000);
        let wait = quota.wait().unwrap();
        assert!(wait > Duration::from_secs(9) && wait <= Duration::from_secs(10), "{wait:?}");
        let error = quota.check(|| "device till-7".to_owned()).unwrap_err();
        assert_eq!(error.kind(), Kind::Throttled);
        assert!(error.message().contains("write quota of device till-7"), "{error}");
        assert!(error.retry_delay().is_some());
    }

    #[test]
    fn no_debt_is_longer_than_the_burst() {
        let quota = quota(1_000, 10_000);
        quota.count(usize::MAX);
        assert!(quota.wait().unwrap() <= Duration::from_secs(10));
    }

    #[test]
    fn who_reserves_comes_after_those_who_did_before() {
        let quota = quota(1_000, 1_000);
        assert_eq!(quota.reserve(2_000, Duration::ZERO), Ok(Duration::ZERO));
        let second = quota.reserve(5_000, Duration::from_secs(10)).unwrap();
        let third = quota.reserve(1, Duration::from_secs(10)).unwrap();
        let about = |wait: Duration, seconds: u64| wait.as_secs_f64().round() as u64 == seconds;
        assert!(about(second, 1) && about(third, 6), "{second:?} {third:?}");
        let refused = quota.reserve(1_000, Duration::from_secs(5)).unwrap_err();
        assert!(about(refused, 6), "{refused:?}");
        assert!(about(quota.wait().unwrap(), 6), "what was refused does not count");
    }

    #[test]
    fn each_caller_has_its_own_and_keeps_it() {
        let quotas = Quotas::new(Some(Rate { per_second: 1, burst: 100 }));
        quotas.of(&1).unwrap().count(200);
        assert!(quotas.of(&1).unwrap().wait().is_some());
        assert!(quotas.of(&2).unwrap().wait().is_none());
        assert!(Quotas::new(None).of(&1).is_none());
    }

    #[test]
    fn callers_with_their_whole_quota_are_forgotten() {
        let quotas = Quotas::new(Some(Rate { per_second: 1, burst: 100 }));
        quotas.of(&-1).unwrap().count(200);
        for caller in 0..100_000 {
            quotas.of(&caller);
        }
        let kept: usize = quotas.shards.iter().map(|shard| shard.lock().quotas.len()).sum();
        assert!(kept <= SHARDS * PRUNE_AT, "{kept}");
        assert!(quotas.of(&-1).unwrap().wait().is_some());
    }
}
