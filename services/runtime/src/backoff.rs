//! Pauses between attempts, and between looks.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

/// Pauses that double up to a limit. Each is of a random length between half of it and all of it, so that replicas that lost
/// something at the same moment do not come back for it at the same moment.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// The first pause is `first`, and none is longer than `most`.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    /// Whether nothing failed since it was made or reset.
    pub fn is_new(&self) -> bool {
        self.failures == 0
    }

    /// Begins again with the first pause.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits before the next attempt.
    pub async fn pause(&mut self) {
        sleep(self.delay(random())).await;
    }

    fn delay(&mut self, random: u32) -> Duration {
        let full = self.first.saturating_mul(1 << self.failures.min(16)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

fn random() -> u32 {
    // Without randomness the pause is half as long, and no reason to fail.
    getrandom::u32().unwrap_or_default()
}

/// Ticks at once and then once every `span`. A tick that comes late puts off those after it: work that takes longer than
/// `span` is never done twice in a row without a pause.
pub fn every(span: Duration) -> Interval {
    let mut ticks = interval(span);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_differ_by_half_and_begin_again() {
        let (first, most) = (Duration::from_millis(50), Duration::from_secs(5));
        let mut backoff = Backoff::new(first, most);
        assert!(backoff.is_new());
        assert_eq!(backoff.delay(u32::MAX), first);
        assert_eq!(backoff.delay(0), first);
        for _ in 0..100 {
            backoff.delay(0);
        }
        assert_eq!((backoff.delay(u32::MAX), backoff.delay(0)), (most, most / 2));
        backoff.reset();
        assert_eq!(backoff.delay(0), first / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn late_ticks_do_not_come_in_a_bunch() {
        let mut ticks = every(Duration::from_secs(1));
        ticks.tick().await;
        tokio::time::advance(Duration::from_secs(10)).await;
        ticks.tick().await;
        let began = tokio::time::Instant::now();
        ticks.tick().await;
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }
}
