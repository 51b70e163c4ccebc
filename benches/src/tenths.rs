//! How a rate went over a run: what slows down as tables grow shows in the last tenths, and not in the mean.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::report::Row;

/// From this length on a tenth is a minute, which one checkpoint or one vacuum does not decide.
const LONG: Duration = Duration::from_secs(600);

/// What was done in each tenth of a span, and how long it took.
#[derive(Clone, Debug, Default)]
pub struct Tenths {
    counts: [u64; 10],
    seconds: [f64; 10],
    is_long: bool,
}

impl Tenths {
    /// Does `work`, and reads `count` after each tenth of `span` from now; what comes later is in none.
    pub async fn of<T>(span: Duration, count: &AtomicU64, work: impl Future<Output = T>) -> (T, Self) {
        let mut tenths = Self { is_long: span >= LONG, ..Self::default() };
        let (start, mut work) = (Instant::now(), std::pin::pin!(work));
        let (mut before, mut total) = (start, count.load(Ordering::Relaxed));
        for (place, share) in (1..=10).enumerate() {
            tokio::select! {
                done = &mut work => return (done, tenths),
                () = sleep_until(start + span * share / 10) => {
                    let (now, counted) = (Instant::now(), count.load(Ordering::Relaxed));
                    tenths.counts[place] = counted - total;
                    tenths.seconds[place] = (now - before).as_secs_f64();
                    (before, total) = (now, counted);
                }
            }
        }
        (work.await, tenths)
    }

    /// Several runs as one: each tenth is that of all of them.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for place in 0..10 {
            self.counts[place] += other.counts[place];
            self.seconds[place] += other.seconds[place];
        }
        self.is_long |= other.is_long;
        self
    }

    /// So many a second in each tenth.
    pub fn rates(&self) -> [f64; 10] {
        std::array::from_fn(|place| self.counts[place] as f64 / self.seconds[place].max(f64::MIN_POSITIVE))
    }

    /// The last tenth by the first.
    pub fn last_to_first(&self) -> f64 {
        let rates = self.rates();
        rates[9] / rates[0]
    }

    /// The slowest tenth by the fastest.
    pub fn slowest_to_fastest(&self) -> f64 {
        let rates = self.rates();
        let (slowest, fastest) =
            rates.iter().fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        slowest / fastest
    }

    /// The lines of a table that tell of growth. The slowest tenth has a bar only where each is a minute.
    pub fn rows(&self, name: &str) -> [Row; 2] {
        let slowest = Row::new(format!("{name}, slowest tenth by the fastest"), self.slowest_to_fastest(), "");
        let slowest = if self.is_long { slowest.bar(crate::report::Bar::AtLeast(0.9)) } else { slowest };
        [Row::new(format!("{name}, last tenth by the first"), self.last_to_first(), ""), slowest]
    }

    /// For the details.
    pub fn describe(&self) -> Value {
        json!({
            "per_second": self.rates(), "last_to_first": self.last_to_first(),
            "slowest_to_fastest": self.slowest_to_fastest(),
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_tenth_has_what_was_done_in_it() {
        let count = AtomicU64::new(7);
        let work = async {
            // Half a second into the tenth of a second each: first ten at a time, then five.
            sleep(Duration::from_millis(500)).await;
            for second in 0..12_u64 {
                count.fetch_add(if second < 9 { 10 } else { 5 }, Ordering::Relaxed);
                sleep(Duration::from_secs(1)).await;
            }
            "done"
        };
        let (done, tenths) = Tenths::of(Duration::from_secs(10), &count, work).await;
        assert_eq!(done, "done");
        assert_eq!(tenths.counts, [10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
        assert_eq!((tenths.last_to_first(), tenths.slowest_to_fastest()), (0.5, 0.5));
        let twice = tenths.clone().and(&tenths);
        assert_eq!(twice.counts[0], 20);
        assert_eq!(twice.last_to_first(), 0.5);
    }
}
