//! Guessing made slow: failures are counted by address, and by device and address together.
//!
//! A device is never counted by its id alone, or anybody could lock it out by failing in its name.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Mutex,
    time::{Duration, Instant},
};

use homepot::{Error, Kind};

const WINDOW: Duration = Duration::from_secs(60);
/// Enough for a misconfigured agent to show in the log, too few to guess with.
const FAILURES_A_DEVICE: u32 = 10;
/// A shop's devices share an address behind NAT.
const FAILURES_AN_ADDRESS: u32 = 100;
/// Bounds memory when somebody fails under ever new names.
const MAX_ENTRIES: usize = 20_000;

type Place = (Option<IpAddr>, Option<String>);

#[derive(Debug)]
struct Count {
    since: Instant,
    failures: u32,
}

/// Counts failures.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    by_place: HashMap<Place, Count>,
    /// When what is over was last cleared away: at most once in a while, or a full table would cost a walk a failure.
    cleared_at: Option<Instant>,
}

impl Counts {
    fn has_room(&mut self, place: &Place, now: Instant) -> bool {
        if self.by_place.len() < MAX_ENTRIES || self.by_place.contains_key(place) {
            return true;
        }
        if self.cleared_at.is_none_or(|then| now.saturating_duration_since(then) >= WINDOW / 4) {
            self.cleared_at = Some(now);
            self.by_place.retain(|_, count| now.saturating_duration_since(count.since) < WINDOW);
        }
        self.by_place.len() < MAX_ENTRIES
    }
}

impl Throttle {
    /// Refuses when the address, or this device from this address, failed too often.
    pub(crate) fn check(&self, name: &str, ip: Option<IpAddr>, now: Instant) -> Result<(), Error> {
        let counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (place, limit) in places(name, ip) {
            let Some(count) = counts.by_place.get(&place) else { continue };
            let left = WINDOW.saturating_sub(now.saturating_duration_since(count.since));
            if count.failures >= limit && !left.is_zero() {
                metrics::counter!("homepot_auth_throttled_total").increment(1);
                return Err(Error::new(Kind::Throttled, "too many failed attempts; try again later").retry_after(left));
            }
        }
        Ok(())
    }

    /// Counts a failure.
    pub(crate) fn fail(&self, name: &str, ip: Option<IpAddr>, now: Instant) {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (place, _) in places(name, ip) {
            if !counts.has_room(&place, now) {
                continue;
            }
            let count = counts.by_place.entry(place).or_insert(Count { since: now, failures: 0 });
            if now.saturating_duration_since(count.since) >= WINDOW {
                *count = Count { since: now, failures: 0 };
            }
            count.failures = count.failures.saturating_add(1);
        }
    }
}

fn places(name: &str, ip: Option<IpAddr>) -> [(Place, u32); 2] {
    // The name is the caller's; a long one is cut so that it can't fill memory.
    let name: String = name.chars().take(128).collect();
    [((ip, None), FAILURES_AN_ADDRESS), ((ip, Some(name)), FAILURES_A_DEVICE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn a_device_that_keeps_failing_waits_until_the_window_is_over() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..FAILURES_A_DEVICE {
            assert!(throttle.check("d", HERE, start).is_ok());
            throttle.fail("d", HERE, start);
        }
        let error = throttle.check("d", HERE, start).unwrap_err();
        assert_eq!(error.kind(), Kind::Throttled);
        assert_eq!(error.retry_delay(), Some(WINDOW));
        assert!(throttle.check("d", HERE, start + WINDOW).is_ok());
    }

    #[test]
    fn failing_in_a_devices_name_does_not_lock_it_out_elsewhere() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..FAILURES_A_DEVICE {
            throttle.fail("d", HERE, now);
        }
        assert!(throttle.check("d", "192.0.2.1".parse().ok(), now).is_ok());
        assert!(throttle.check("other", HERE, now).is_ok());
    }

    #[test]
    fn an_address_that_tries_many_names_is_stopped_too() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..FAILURES_AN_ADDRESS {
            throttle.fail(&number.to_string(), HERE, now);
        }
        assert!(throttle.check("new", HERE, now).is_err());
    }

    #[test]
    fn memory_stays_bounded_under_ever_new_names() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..2 * MAX_ENTRIES {
            throttle.fail(&number.to_string(), HERE, now);
        }
        assert!(throttle.counts.lock().unwrap().by_place.len() <= MAX_ENTRIES);
    }
}
