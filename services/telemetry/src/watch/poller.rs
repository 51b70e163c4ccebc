//! The one look into the database a second, and only while somebody watches.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{DeviceId, StoredSample, Weigh};
use homepot_operator_api::feed::{Receiver, Ring};
use homepot_runtime::Drain;
use homepot_store::{Store, samples};

/// Samples that came in since the look before: at most one a device.
pub(super) type News = Vec<Arc<StoredSample>>;

const EVERY: Duration = Duration::from_secs(1);
/// How far each look reaches behind the one before: a sample is dated before it is committed, by the database's clock as the
/// replica that takes it carries it.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);
/// Bytes that one look may bring: the newest samples of 40,000 devices without extras.
const LOOK_BYTES: usize = 20 << 20;
/// Looks that a viewer may fall behind before it has to start over.
const BACKLOG: usize = 16;

/// See the [module](self).
pub(super) struct Poller {
    store: Store,
    drain: Drain,
    news: Ring<News>,
    runs: Mutex<bool>,
}

impl Poller {
    pub(super) fn new(store: Store, drain: Drain) -> Self {
        Self { store, drain, news: Ring::new(BACKLOG), runs: Mutex::new(false) }
    }

    /// All news from now on.
    pub(super) fn subscribe(self: &Arc<Self>) -> Receiver<News> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let news = self.news.subscribe();
        if !*runs {
            *runs = true;
            tokio::spawn(self.clone().run());
        }
        news
    }

    /// Ends with the last viewer.
    async fn run(self: Arc<Self>) {
        let mut seen = Seen::new(self.store.now());
        loop {
            metrics::gauge!("homepot_watch_viewers").set(self.news.viewers() as f64);
            if self.is_over() {
                return;
            }
            let now = self.store.now();
            // A clock that went back stamps what is new with times before the last look.
            let since = seen.looked_at.min(now) - OVERLAP;
            match self.store.run("received_since", move |conn| samples::received_since(conn, since, LOOK_BYTES)).await {
                Ok(Some(found)) => {
                    let news = seen.news(found, now);
                    if !news.is_empty() {
                        let bytes = news.iter().map(|stored| stored.weight()).sum();
                        self.news.tell(Some(news), bytes);
                    }
                }
                // Each viewer reads what it sees of it.
                Ok(None) => {
                    seen = Seen::new(now);
                    self.news.tell(None, 0);
                }
                // What came in meanwhile is found by the next look.
                Err(error) => tracing::debug!(%error, "look for new samples"),
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.drain.wait() => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if self.drain.started() || self.news.viewers() == 0 {
            *runs = false;
        }
        !*runs
    }
}

/// What the look before found; the next one finds some of it again.
struct Seen {
    looked_at: DateTime<Utc>,
    newest: HashMap<DeviceId, DateTime<Utc>>,
}

impl Seen {
    fn new(looked_at: DateTime<Utc>) -> Self {
        Self { looked_at, newest: HashMap::new() }
    }

    /// What of `found`, which a look at `now` brought, the look before did not.
    fn news(&mut self, found: Vec<StoredSample>, now: DateTime<Utc>) -> Vec<Arc<StoredSample>> {
        let mut newest = HashMap::with_capacity(found.len());
        let mut news = Vec::new();
        for stored in found {
            let collected_at = stored.sample.collected_at;
            if self.newest.get(&stored.device_id) != Some(&collected_at) {
                newest.insert(stored.device_id.clone(), collected_at);
                news.push(Arc::new(stored));
            } else {
                newest.insert(stored.device_id, collected_at);
            }
        }
        self.looked_at = now;
        self.newest = newest;
        news
    }
}

#[cfg(test)]
mod tests {
    use homepot::model::{DeviceSource, Sample, SiteId};

    use super::*;

    #[test]
    fn each_sample_is_news_once_though_looks_overlap() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let stored = |device: &str, second| StoredSample {
            device_id: DeviceId::parse(device).unwrap(),
            site_id: SiteId::parse("site").unwrap(),
            source: DeviceSource::Real,
            sample: Sample::empty(now + TimeDelta::seconds(second)),
            received_at: now,
        };
        let mut seen = Seen::new(now);
        let names = |news: Vec<Arc<StoredSample>>| news.iter().map(|s| s.device_id.to_string()).collect::<Vec<_>>();
        assert_eq!(names(seen.news(vec![stored("a", 1), stored("b", 1)], now)), ["a", "b"]);
        assert_eq!(names(seen.news(vec![stored("a", 1), stored("b", 2)], now)), ["b"]);
        assert_eq!(names(seen.news(vec![stored("b", 2), stored("c", 1)], now)), ["c"]);
        assert!(seen.news(vec![], now).is_empty() && seen.newest.is_empty());
    }
}
