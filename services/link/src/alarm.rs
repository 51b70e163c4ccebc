//! Times at which a session has lasted, or has been silent, for too long.

use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::sessions::End;

/// One timer for both. It is moved when it goes off rather than at each message: most messages come long before.
pub(crate) struct Alarm {
    old_at: Instant,
    heard_at: Instant,
    silence: Duration,
    timer: Pin<Box<Sleep>>,
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// The device: it must not be silent for too long.
    Device,
    /// The store: then the device's silence is our doing.
    Store,
}

impl Alarm {
    /// For a session that starts now.
    pub(crate) fn new(age: Duration, silence: Duration) -> Self {
        let now = Instant::now();
        let timer = Box::pin(sleep_until(now + age.min(silence)));
        Self { old_at: now + age, heard_at: now, silence, timer }
    }

    /// The device was heard.
    pub(crate) fn heard(&mut self) {
        self.heard_at = Instant::now();
    }

    /// Waits until the session has to end. It may be dropped and called again at any time.
    pub(crate) async fn goes_off(&mut self, waits_for: WaitsFor) -> End {
        loop {
            self.timer.as_mut().await;
            let now = Instant::now();
            if now >= self.old_at {
                return End::Aged;
            }
            if waits_for == WaitsFor::Store {
                self.heard_at = now;
            }
            let silent_at = self.heard_at + self.silence;
            if now >= silent_at {
                return End::Silent;
            }
            self.timer.as_mut().reset(self.old_at.min(silent_at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const SILENCE: Duration = Duration::from_secs(25);

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_last_word() {
        let started = Instant::now();
        let mut alarm = Alarm::new(HOUR, SILENCE);
        tokio::time::advance(Duration::from_secs(20)).await;
        alarm.heard();
        assert_eq!(alarm.goes_off(WaitsFor::Device).await, End::Silent);
        assert_eq!(started.elapsed().as_secs(), 45);
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_that_waits_for_the_store_is_not_silent_but_grows_old() {
        let started = Instant::now();
        let mut alarm = Alarm::new(HOUR, SILENCE);
        assert_eq!(alarm.goes_off(WaitsFor::Store).await, End::Aged);
        assert_eq!(started.elapsed().as_secs(), HOUR.as_secs());
    }
}
