//! The drain of the link: tells devices when to reconnect, and then ends their streams.

use std::time::Duration;

use crate::{Link, sessions::End};

/// Devices that come back in a second: the other replicas take them beside their own work.
const COME_BACK_PER_SECOND: f64 = 1_000.0;

impl Link {
    /// Takes no new sessions, ends those it holds with a Goodbye, and waits until the last has ended.
    ///
    /// The caller brings the deadline.
    pub async fn drain(&self) {
        self.inner.tasks.close();
        let spread = spread(self.inner.sessions.count(), self.inner.config.heartbeat_interval);
        let _ = self.inner.spread.set(spread);
        self.inner.sessions.close_all(&End::Draining);
        self.inner.tasks.wait().await;
        self.inner.background.cancel();
        self.inner.presence.flush(&self.inner.registry).await;
    }

    /// Whether [`Link::drain`] was called.
    pub(crate) fn is_draining(&self) -> bool {
        self.inner.tasks.is_closed()
    }

    /// When a device should come back whose session ends here: each at a time of its own while the link drains, so that
    /// the others are not asked by all at once.
    pub(crate) fn come_back_after(&self, device: i64) -> Duration {
        let spread = self.inner.spread.get().copied().unwrap_or_default();
        self.inner.config.reconnect_after + spread.mul_f64(place(device))
    }
}

/// Over which time so many devices come back. Within a heartbeat nobody counts as offline.
fn spread(sessions: usize, heartbeat: Duration) -> Duration {
    Duration::from_secs_f64(sessions as f64 / COME_BACK_PER_SECOND).min(heartbeat)
}

/// A device's place in that time, 0 to 1. Numbers of neighbours lie far apart.
fn place(device: i64) -> f64 {
    // Fibonacci hashing: multiples of the golden ratio fill the range evenly.
    let mixed = device.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_grows_with_the_number_of_devices_and_stays_within_a_heartbeat() {
        let heartbeat = Duration::from_secs(10);
        assert_eq!(spread(0, heartbeat), Duration::ZERO);
        assert_eq!(spread(500, heartbeat), Duration::from_millis(500));
        assert_eq!(spread(5_000, heartbeat), Duration::from_secs(5));
        assert_eq!(spread(100_000, heartbeat), heartbeat);
    }

    #[test]
    fn devices_are_spread_evenly_over_it() {
        let mut tenths = [0_u32; 10];
        for device in 1..=10_000 {
            tenths[(place(device) * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|tenth| (950..=1_050).contains(tenth)), "{tenths:?}");
    }
}
