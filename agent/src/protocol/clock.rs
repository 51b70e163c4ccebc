//! The server's clock as a device knows it: received once a session, and continued by a clock that nobody can set.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What a session tells of the server's clock. The device's own wall clock has no part in it: it may be years off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerClock {
    /// Welcome's time. The server's clock has reached it.
    pub welcome: DateTime<Utc>,
    /// Since the boot, when Hello was sent: before the server looked at its clock.
    pub hello: Duration,
    /// Since the boot, when Welcome arrived: after it did.
    pub arrived: Duration,
}

impl ServerClock {
    /// What the server's clock shows at most, at `since_boot`.
    pub fn at_most(&self, since_boot: Duration) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(since_boot.saturating_sub(self.hello)).unwrap_or(TimeDelta::MAX);
        self.welcome.checked_add_signed(passed).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// What the server's clock shows at `since_boot`, which may lie before the session: most likely it was looked at half-way
    /// between Hello and Welcome.
    pub fn at(&self, since_boot: Duration) -> DateTime<Utc> {
        let looked_at = self.hello + self.uncertainty();
        let moved = match since_boot.checked_sub(looked_at) {
            Some(after) => TimeDelta::from_std(after).ok().and_then(|after| self.welcome.checked_add_signed(after)),
            None => TimeDelta::from_std(looked_at - since_boot)
                .ok()
                .and_then(|before| self.welcome.checked_sub_signed(before)),
        };
        moved.unwrap_or(self.welcome)
    }

    /// How far [`Self::at`] may be off.
    pub fn uncertainty(&self) -> Duration {
        self.arrived.saturating_sub(self.hello) / 2
    }

    /// How long a message that left at `sent`, by the server's clock, was under way at most when it arrived at `since_boot`.
    pub fn under_way(&self, sent: DateTime<Utc>, since_boot: Duration) -> Duration {
        (self.at_most(since_boot) - sent).to_std().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    const CLOCK: fn() -> ServerClock =
        || ServerClock { welcome: at(0), hello: Duration::from_secs(50), arrived: Duration::from_secs(56) };

    #[test]
    fn a_message_is_never_taken_for_younger_than_it_is() {
        // Welcome was 3 s under way, the message 7 s: it left at 20 and arrived at 27, by the server's clock.
        let (hello_arrived, arrived) = (Duration::from_secs(53), Duration::from_secs(53 + 27));
        assert!(CLOCK().at_most(hello_arrived) >= at(0));
        assert_eq!(CLOCK().under_way(at(20), arrived), Duration::from_secs(10));
    }

    #[test]
    fn the_servers_clock_is_carried_both_ways() {
        assert_eq!((CLOCK().at(Duration::from_secs(53)), CLOCK().uncertainty()), (at(0), Duration::from_secs(3)));
        assert_eq!(CLOCK().at(Duration::from_secs(153)), at(100));
        assert_eq!(CLOCK().at(Duration::ZERO), at(-53));
    }

    #[test]
    fn what_left_after_the_latest_time_there_can_be_was_not_under_way() {
        assert_eq!(CLOCK().under_way(at(100), Duration::from_secs(60)), Duration::ZERO);
        assert_eq!(CLOCK().under_way(at(0), Duration::from_secs(10)), Duration::ZERO);
    }

    #[test]
    fn absurd_times_end_at_the_ends_of_time() {
        let clock = ServerClock { welcome: DateTime::<Utc>::MAX_UTC, hello: Duration::ZERO, arrived: Duration::ZERO };
        assert_eq!(clock.at_most(Duration::MAX), DateTime::<Utc>::MAX_UTC);
        assert!(clock.under_way(DateTime::<Utc>::MIN_UTC, Duration::MAX) > Duration::from_secs(1 << 32));
    }
}
