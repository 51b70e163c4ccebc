//! Shares of something that is there once for all callers: memory for answers, places, turns.
//!
//! A caller may hold as many as are left for others, and never more than a fixed number: one alone gets half of all, two
//! get a third each, and whoever comes next always finds some.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use homepot::{Error, Kind};
use tokio::{sync::Notify, time::timeout};

/// When a caller that was refused may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// See the module. Clones share everything.
#[derive(Clone)]
pub struct Shares {
    inner: Arc<Inner>,
}

struct Inner {
    /// What they are shares of, in plural: for metrics and for who is refused.
    what: &'static str,
    all: usize,
    most: usize,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Default)]
struct Held {
    all: usize,
    by: HashMap<String, usize>,
}

/// A share; given back when it is dropped.
pub struct Share {
    inner: Arc<Inner>,
    holder: String,
}

impl Shares {
    /// `all` shares of `what`, at most `most` of them for one caller.
    pub fn new(what: &'static str, all: usize, most: usize) -> Self {
        Self { inner: Arc::new(Inner { what, all, most, held: Mutex::default(), freed: Notify::new() }) }
    }

    /// A share for `holder`, if it may have one more.
    pub fn try_take(&self, holder: &str) -> Result<Share, Error> {
        match self.inner.take(holder) {
            true => Ok(Share { inner: self.inner.clone(), holder: holder.to_owned() }),
            false => Err(self.inner.refused(holder)),
        }
    }

    /// A share for `holder`; where it may have none now, it waits for one for so long.
    pub async fn take(&self, holder: &str, patience: Duration) -> Result<Share, Error> {
        let take = async {
            loop {
                let mut freed = std::pin::pin!(self.inner.freed.notified());
                // From here on no share that is given back is missed.
                freed.as_mut().enable();
                if let Ok(share) = self.attempt(holder) {
                    return share;
                }
                freed.await;
            }
        };
        timeout(patience, take).await.map_err(|_| self.inner.refused(holder))
    }

    fn attempt(&self, holder: &str) -> Result<Share, ()> {
        let taken = self.inner.take(holder);
        taken.then(|| Share { inner: self.inner.clone(), holder: holder.to_owned() }).ok_or(())
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, holder: &str) -> bool {
        let mut held = self.held();
        let own = held.by.get(holder).copied().unwrap_or_default();
        let left = self.all.saturating_sub(held.all);
        if own >= self.most || own >= left {
            return false;
        }
        held.all += 1;
        *held.by.entry(holder.to_owned()).or_default() += 1;
        self.tell(held.all);
        true
    }

    fn refused(&self, holder: &str) -> Error {
        let own = self.held().by.get(holder).copied().unwrap_or_default();
        metrics::counter!("homepot_limits_refused_total", "limit" => self.what).increment(1);
        let told = format!(
            "too many {}: {own} of this caller are under way; one caller may have {} at once, and fewer while many \
             callers are busy (this replica has {}); end some of them, or try again later",
            self.what, self.most, self.all
        );
        Error::new(Kind::Throttled, told).retry_after(RETRY_AFTER)
    }

    #[allow(clippy::cast_precision_loss)] // a count of calls
    fn tell(&self, all: usize) {
        metrics::gauge!("homepot_limits_held", "limit" => self.what).set(all as f64);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        {
            let mut held = self.inner.held();
            held.all -= 1;
            if let Some(own) = held.by.get_mut(&self.holder) {
                *own -= 1;
                if *own == 0 {
                    held.by.remove(&self.holder);
                }
            }
            self.inner.tell(held.all);
        }
        self.inner.freed.notify_waiters();
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("of", &self.inner.what).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(shares: &Shares, holder: &str) -> Vec<Share> {
        std::iter::from_fn(|| shares.try_take(holder).ok()).collect()
    }

    #[test]
    fn one_caller_gets_half_and_the_next_still_finds_some() {
        let shares = Shares::new("answers", 12, 100);
        let first = take_all(&shares, "loud");
        let second = take_all(&shares, "second");
        let third = take_all(&shares, "third");
        assert_eq!([first.len(), second.len(), third.len()], [6, 3, 2]);
        let refused = shares.try_take("loud").unwrap_err();
        assert_eq!(refused.kind(), Kind::Throttled);
        assert!(refused.message().contains("too many answers"), "{refused}");
        drop(first);
        assert_eq!(take_all(&shares, "third").len(), 3);
    }

    #[test]
    fn nobody_has_more_than_the_fixed_number() {
        let shares = Shares::new("watches", 1_000, 3);
        let held = take_all(&shares, "loud");
        assert_eq!(held.len(), 3);
        drop(held);
        assert!(shares.inner.held().by.is_empty() && shares.inner.held().all == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_what_is_given_back_and_is_refused_in_time() {
        let shares = Shares::new("reports", 4, 1);
        let held = shares.try_take("one").unwrap();
        let refused = shares.take("one", Duration::from_secs(5)).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::Throttled);
        let waiting = tokio::spawn({
            let shares = shares.clone();
            async move { shares.take("one", Duration::from_secs(5)).await.map(drop) }
        });
        tokio::task::yield_now().await;
        drop(held);
        waiting.await.unwrap().unwrap();
    }
}
