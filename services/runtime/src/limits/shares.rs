//! Shares of something that is there once for all callers: memory for answers, places, turns.
//!
//! A caller may hold as many as are left for others, and never more than a fixed number: one alone gets half of all, two
//! get a third each, and whoever comes next always finds some.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use homepot::{Error, Kind};
use metrics::Gauge;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::oneshot, time::timeout};

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
    /// Looked up once: it is set twice for each call.
    gauge: OnceLock<Gauge>,
}

#[derive(Default)]
struct Held {
    all: usize,
    by: HashMap<Arc<str>, Holder>,
    /// Callers for whom somebody waits, each once, in the order of their turns.
    turns: VecDeque<Arc<str>>,
}

/// What one caller holds, and who waits for more on its behalf, the first first.
#[derive(Default)]
struct Holder {
    own: usize,
    waiting: VecDeque<oneshot::Sender<Share>>,
}

/// A share; given back when it is dropped.
pub struct Share {
    inner: Arc<Inner>,
    holder: Arc<str>,
}

impl Shares {
    /// `all` shares of `what`, at most `most` of them for one caller.
    pub fn new(what: &'static str, all: usize, most: usize) -> Self {
        Self { inner: Arc::new(Inner { what, all, most, held: Mutex::default(), gauge: OnceLock::new() }) }
    }

    /// A share for `holder`, if it may have one more.
    pub fn try_take(&self, holder: &str) -> Result<Share, Error> {
        let taken = self.inner.take(&mut self.inner.held(), &holder.into());
        taken.ok_or_else(|| self.inner.refused(holder))
    }

    /// A share for `holder`; where it may have none now, it waits for one for so long. Those who wait for one caller get
    /// theirs in the order in which they came.
    pub async fn take(&self, holder: &str, patience: Duration) -> Result<Share, Error> {
        match self.inner.take_or_wait(&holder.into()) {
            Ok(share) => Ok(share),
            Err(granted) => match timeout(patience, granted).await {
                Ok(Ok(share)) => Ok(share),
                Ok(Err(_)) | Err(_) => Err(self.inner.refused(holder)),
            },
        }
    }
}

impl Held {
    fn own(&self, holder: &str) -> usize {
        self.by.get(holder).map_or(0, |holder| holder.own)
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock()
    }

    fn may_take(&self, held: &Held, holder: &str) -> bool {
        let own = held.own(holder);
        own < self.most && own < self.all.saturating_sub(held.all)
    }

    fn take(self: &Arc<Self>, held: &mut Held, holder: &Arc<str>) -> Option<Share> {
        if !self.may_take(held, holder) {
            return None;
        }
        held.all += 1;
        held.by.entry(holder.clone()).or_default().own += 1;
        self.tell(held.all);
        Some(Share { inner: self.clone(), holder: holder.clone() })
    }

    /// A share, or where one will be granted.
    fn take_or_wait(self: &Arc<Self>, holder: &Arc<str>) -> Result<Share, oneshot::Receiver<Share>> {
        let mut held = self.held();
        let first = held.by.get(holder).is_none_or(|holder| holder.waiting.is_empty());
        if let Some(share) = first.then(|| self.take(&mut held, holder)).flatten() {
            return Ok(share);
        }
        let (grant, granted) = oneshot::channel();
        let waiting = &mut held.by.entry(holder.clone()).or_default().waiting;
        // All wait equally long, so those who gave up are the first.
        while waiting.front().is_some_and(oneshot::Sender::is_closed) {
            waiting.pop_front();
        }
        waiting.push_back(grant);
        if waiting.len() == 1 && !held.turns.contains(holder) {
            held.turns.push_back(holder.clone());
        }
        Err(granted)
    }

    /// Grants what is free to those who wait, to one caller after the other.
    fn grant(self: &Arc<Self>) {
        let mut held = self.held();
        let mut passed = 0;
        while passed < held.turns.len() {
            let Some(holder) = held.turns.pop_front() else { break };
            let grant = if self.may_take(&held, &holder) { next_waiting(&mut held, &holder) } else { None };
            if let Some(grant) = grant
                && let Some(share) = self.take(&mut held, &holder)
            {
                passed = 0;
                if let Err(share) = grant.send(share) {
                    // It gave up just now. Dropping the share takes the lock again, and goes on granting.
                    held.turns.push_front(holder);
                    drop(held);
                    return drop(share);
                }
            } else {
                passed += 1;
            }
            if held.by.get(&holder).is_some_and(|holder| !holder.waiting.is_empty()) {
                held.turns.push_back(holder);
            } else {
                forget_if_idle(&mut held, &holder);
            }
        }
    }

    fn refused(&self, holder: &str) -> Error {
        let own = self.held().own(holder);
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
        let gauge = self.gauge.get_or_init(|| metrics::gauge!("homepot_limits_held", "limit" => self.what));
        gauge.set(all as f64);
    }
}

/// The next who still waits for `holder`.
fn next_waiting(held: &mut Held, holder: &str) -> Option<oneshot::Sender<Share>> {
    let waiting = &mut held.by.get_mut(holder)?.waiting;
    std::iter::from_fn(|| waiting.pop_front()).find(|grant| !grant.is_closed())
}

fn forget_if_idle(held: &mut Held, holder: &str) {
    if held.by.get(holder).is_some_and(|holder| holder.own == 0 && holder.waiting.is_empty()) {
        held.by.remove(holder);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let somebody_waits = {
            let mut held = self.inner.held();
            held.all -= 1;
            if let Some(holder) = held.by.get_mut(&self.holder) {
                holder.own -= 1;
            }
            forget_if_idle(&mut held, &self.holder);
            self.inner.tell(held.all);
            !held.turns.is_empty()
        };
        if somebody_waits {
            self.inner.grant();
        }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("of", &self.inner.what).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

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
        assert!(shares.inner.held().by.is_empty() && shares.inner.held().turns.is_empty());
    }

    /// Has a task wait for a share, and tells its name when it has got one.
    async fn wait_for(shares: &Shares, holder: &'static str, name: u32, told: &mpsc::UnboundedSender<(u32, Share)>) {
        let (shares, told) = (shares.clone(), told.clone());
        tokio::spawn(async move {
            let share = shares.take(holder, Duration::from_secs(5)).await.unwrap();
            told.send((name, share)).unwrap();
        });
        // It stands in line before the next one comes.
        tokio::task::yield_now().await;
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_one_caller_are_served_in_order_and_callers_take_turns() {
        let shares = Shares::new("calls", 2, 2);
        let (loud, other) = (shares.try_take("loud").unwrap(), shares.try_take("other").unwrap());
        let (told, mut served) = mpsc::unbounded_channel();
        for (holder, name) in [("loud", 1), ("loud", 2), ("quiet", 3)] {
            wait_for(&shares, holder, name, &told).await;
        }
        drop(other);
        let (name, quiet) = served.recv().await.unwrap();
        assert_eq!(name, 3, "who holds nothing goes before who holds some");
        drop(loud);
        let (name, first) = served.recv().await.unwrap();
        assert_eq!(name, 1);
        drop((quiet, first));
        assert_eq!(served.recv().await.unwrap().0, 2);
        assert!(shares.inner.held().by.is_empty() && shares.inner.held().turns.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_takes_nothing_from_who_waits() {
        let shares = Shares::new("calls", 2, 1);
        let held = shares.try_take("one").unwrap();
        let gave_up = shares.take("one", Duration::from_secs(1)).await;
        assert!(gave_up.is_err());
        let (told, mut served) = mpsc::unbounded_channel();
        wait_for(&shares, "one", 1, &told).await;
        drop(held);
        assert_eq!(served.recv().await.unwrap().0, 1);
    }
}
