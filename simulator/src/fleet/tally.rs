//! What happened, counted while it does: read by the live line and by the summary.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use homepot::model::{CommandState, UpdateState};
use parking_lot::Mutex;

/// A number that many tasks count up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Relaxed);
    }

    pub(crate) fn take(&self, number: u64) {
        self.0.fetch_sub(number, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counts of a whole fleet.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Devices with a key.
    pub(super) enrolled: Counter,
    /// Of them, enrolled by this run.
    pub(super) newly_enrolled: Counter,
    /// Devices that hold a session, or whose last report was taken.
    pub(super) attached: Counter,
    /// Devices that held one at some time.
    pub(super) ever_attached: Counter,
    /// Sessions begun.
    pub(super) sessions: Counter,
    /// Connections that the scenario cut.
    pub(super) cuts: Counter,
    /// Restarts of devices.
    pub(super) restarts: Counter,
    /// Samples measured.
    pub(super) measured: Counter,
    /// Samples sent at least once.
    pub(super) sent: Counter,
    /// Samples sent again.
    pub(super) resent: Counter,
    /// Samples that the server has.
    pub(super) acknowledged: Counter,
    /// Samples that the server refused.
    pub(super) refused: Counter,
    /// Samples dropped for want of room.
    pub(super) lost: Counter,
    /// Of them, those that had been sent.
    pub(super) lost_after_sending: Counter,
    /// Commands handed over, each once.
    pub(super) commands: Counter,
    /// Outcomes that the server has.
    pub(super) answered: Counter,
    /// Releases that devices began to put in place.
    pub(super) updates_begun: Counter,
    /// Bytes of their files.
    pub(super) fetched_bytes: Counter,
    /// From sending samples to their acknowledgement.
    pub(super) latency: Histogram,
    outcomes: Mutex<BTreeMap<&'static str, u64>>,
    updates: Mutex<BTreeMap<&'static str, u64>>,
    errors: Mutex<BTreeMap<String, u64>>,
    errors_in_all: Counter,
}

/// Kinds of errors that are told apart.
const MAX_KINDS: usize = 32;

impl Tally {
    pub(super) fn outcome(&self, state: CommandState) {
        *self.outcomes.lock().entry(state.as_str()).or_default() += 1;
    }

    /// How a release ended, where one did.
    pub(super) fn update(&self, ended: Option<UpdateState>) {
        if let Some(state) = ended {
            *self.updates.lock().entry(state.as_str()).or_default() += 1;
        }
    }

    /// Releases that ended, by state.
    pub(super) fn updates(&self) -> BTreeMap<&'static str, u64> {
        self.updates.lock().clone()
    }

    pub(super) fn error(&self, what: String) {
        self.errors_in_all.add(1);
        let mut errors = self.errors.lock();
        let known = errors.len() < MAX_KINDS || errors.contains_key(&what);
        *errors.entry(if known { what } else { "others".to_owned() }).or_default() += 1;
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors_in_all.get()
    }

    /// Errors by what was said, and outcomes by state.
    pub(super) fn details(&self) -> (BTreeMap<String, u64>, BTreeMap<&'static str, u64>) {
        let errors = self.errors.lock().clone();
        (errors, self.outcomes.lock().clone())
    }
}

/// Steps of a doubling; each is 9 % wide, which is how exact a quantile is.
const STEPS: f64 = 8.0;
const BUCKETS: usize = 8 * 32;

/// How long things took, in microseconds.
#[derive(Debug)]
pub(crate) struct Histogram(Box<[Counter]>);

impl Default for Histogram {
    fn default() -> Self {
        Self((0..BUCKETS).map(|_| Counter::default()).collect())
    }
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        let micros = took.as_micros().max(1) as f64;
        let bucket = (micros.log2() * STEPS) as usize;
        self.0[bucket.min(BUCKETS - 1)].add(1);
    }

    pub(crate) fn read(&self) -> Counts {
        Counts(self.0.iter().map(Counter::get).collect())
    }
}

/// What a histogram held at a time.
#[derive(Clone, Debug)]
pub(crate) struct Counts(Vec<u64>);

impl Counts {
    /// What came since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self(self.0.iter().zip(&earlier.0).map(|(now, then)| now - then).collect())
    }

    /// What so many hundredths took at most; `None`: nothing was recorded.
    pub(crate) fn quantile(&self, hundredths: f64) -> Option<Duration> {
        let all: u64 = self.0.iter().sum();
        let wanted = ((all as f64) * hundredths / 100.0).ceil().max(1.0) as u64;
        let mut passed = 0;
        let bucket = self.0.iter().position(|count| {
            passed += count;
            all > 0 && passed >= wanted
        })?;
        Some(Duration::from_micros(((bucket + 1) as f64 / STEPS).exp2() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_within_a_tenth_of_the_truth() {
        let histogram = Histogram::default();
        (1..=1_000).for_each(|millisecond| histogram.record(Duration::from_millis(millisecond)));
        let counts = histogram.read();
        for (hundredths, truth) in [(50.0, 0.5), (99.0, 0.99), (100.0, 1.0)] {
            let told = counts.quantile(hundredths).unwrap().as_secs_f64();
            assert!((told / truth - 1.0).abs() < 0.1, "{hundredths}: {told}");
        }
        histogram.record(Duration::from_micros(3));
        assert!(histogram.read().since(&counts).quantile(99.0).unwrap() < Duration::from_micros(5));
        assert_eq!(Histogram::default().read().quantile(99.0), None);
    }

    #[test]
    fn errors_are_told_apart_up_to_a_bound_and_counted_beyond_it() {
        let tally = Tally::default();
        (0..100).for_each(|number| tally.error(format!("error {number}")));
        let (errors, _) = tally.details();
        assert_eq!((errors.values().sum::<u64>(), errors.len()), (100, MAX_KINDS + 1));
    }
}
