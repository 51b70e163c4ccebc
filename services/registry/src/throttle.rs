//! Counts failures by address, and by device and address together. A caller that fails too often is told to wait. A
//! caller with a valid credential never is, whatever others do at the same address, because credentials are checked
//! before the counts.
//!
//! An IPv6 address counts as its /64 network, because whoever has one has all of it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

const WINDOW: Duration = Duration::from_secs(60);
/// Enough for a misconfigured agent to show in the log, too few to guess with.
const FAILURES_A_DEVICE: u32 = 10;
/// A shop's devices share an address behind NAT.
const FAILURES_AN_ADDRESS: u32 = 100;
/// Bounds memory when somebody fails under ever new names.
const MAX_ENTRIES: usize = 20_000;

type Counted = (Option<IpAddr>, Option<String>);

#[derive(Debug)]
struct Count {
    since: Instant,
    failures: u32,
}

/// Counts failures.
#[derive(Debug)]
pub(crate) struct Throttle {
    window: Duration,
    counts: Mutex<Counts>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::over(WINDOW)
    }
}

#[derive(Debug, Default)]
struct Counts {
    by_place: HashMap<Counted, Count>,
    /// When what is over was last cleared away: at most once in a while, or a full table would cost a walk a failure.
    cleared_at: Option<Instant>,
}

impl Counts {
    fn has_room(&mut self, place: &Counted, window: Duration, now: Instant) -> bool {
        if self.by_place.len() < MAX_ENTRIES || self.by_place.contains_key(place) {
            return true;
        }
        if self.cleared_at.is_none_or(|then| now.saturating_duration_since(then) >= WINDOW / 4) {
            self.cleared_at = Some(now);
            self.by_place.retain(|_, count| now.saturating_duration_since(count.since) < window);
        }
        self.by_place.len() < MAX_ENTRIES
    }
}

impl Throttle {
    /// Counts over `window`.
    pub(crate) fn over(window: Duration) -> Self {
        Self { window, counts: Mutex::default() }
    }

    /// How long who fails now has to wait: not at all, until the address, or this device from this address, failed too often.
    pub(crate) fn wait(&self, name: &str, ip: Option<IpAddr>, now: Instant) -> Option<Duration> {
        counted(name, ip).into_iter().find_map(|counted| self.left(counted, now))
    }

    /// Whether this name failed too often at this address.
    pub(crate) fn name_failed_too_often(&self, name: &str, ip: Option<IpAddr>, now: Instant) -> bool {
        let [_, of_name] = counted(name, ip);
        self.left(of_name, now).is_some()
    }

    fn left(&self, (place, limit): (Counted, u32), now: Instant) -> Option<Duration> {
        let counts = self.counts.lock();
        let count = counts.by_place.get(&place).filter(|count| count.failures >= limit)?;
        let left = self.window.saturating_sub(now.saturating_duration_since(count.since));
        (!left.is_zero()).then_some(left)
    }

    /// Counts a call of somebody who has shown nothing yet; how long it has to wait where its address made too many.
    pub(crate) fn take(&self, ip: Option<IpAddr>, now: Instant) -> Option<Duration> {
        let [of_address, _] = counted("", ip);
        let left = self.left(of_address.clone(), now);
        if left.is_none() {
            self.count(of_address.0, now);
        }
        left
    }

    /// Counts a failure.
    pub(crate) fn fail(&self, name: &str, ip: Option<IpAddr>, now: Instant) {
        for (place, _) in counted(name, ip) {
            self.count(place, now);
        }
    }

    fn count(&self, place: Counted, now: Instant) {
        let mut counts = self.counts.lock();
        if !counts.has_room(&place, self.window, now) {
            return;
        }
        let count = counts.by_place.entry(place).or_insert(Count { since: now, failures: 0 });
        if now.saturating_duration_since(count.since) >= self.window {
            *count = Count { since: now, failures: 0 };
        }
        count.failures = count.failures.saturating_add(1);
    }
}

/// The network that an address counts for.
pub(crate) fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
        ip => ip,
    }
}

fn counted(name: &str, ip: Option<IpAddr>) -> [(Counted, u32); 2] {
    // The name is the caller's; a long one is cut so that it can't fill memory.
    let (ip, name) = (ip.map(network), name.chars().take(128).collect());
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
            assert_eq!(throttle.wait("d", HERE, start), None);
            throttle.fail("d", HERE, start);
        }
        assert_eq!(throttle.wait("d", HERE, start), Some(WINDOW));
        assert_eq!(throttle.wait("d", HERE, start + WINDOW), None);
    }

    #[test]
    fn failing_in_a_devices_name_counts_for_nobody_elsewhere() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..FAILURES_A_DEVICE {
            throttle.fail("d", HERE, now);
        }
        assert_eq!(throttle.wait("d", "192.0.2.1".parse().ok(), now), None);
        assert_eq!(throttle.wait("other", HERE, now), None);
    }

    #[test]
    fn an_address_that_tries_many_names_waits_too() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..FAILURES_AN_ADDRESS {
            throttle.fail(&number.to_string(), HERE, now);
        }
        assert!(throttle.wait("new", HERE, now).is_some());
    }

    #[test]
    fn calls_of_one_address_are_counted_and_those_of_others_are_not_kept_out() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..FAILURES_AN_ADDRESS {
            assert_eq!(throttle.take(HERE, now), None);
        }
        assert_eq!(throttle.take(HERE, now), Some(WINDOW));
        assert_eq!(throttle.take("192.0.2.1".parse().ok(), now), None);
        assert_eq!(throttle.take(HERE, now + WINDOW), None);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let address = |text: &str| text.parse::<IpAddr>().ok();
        for number in 0..FAILURES_A_DEVICE {
            throttle.fail("d", address(&format!("2001:db8:0:1::{number:x}")), now);
        }
        assert!(throttle.wait("d", address("2001:db8:0:1:ffff::1"), now).is_some());
        assert_eq!(throttle.wait("d", address("2001:db8:0:2::1"), now), None);
        assert_eq!(network(address("::ffff:192.0.2.1").unwrap()), address("192.0.2.1").unwrap());
    }

    #[test]
    fn memory_stays_bounded_under_ever_new_names() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..2 * MAX_ENTRIES {
            throttle.fail(&number.to_string(), HERE, now);
        }
        assert!(throttle.counts.lock().by_place.len() <= MAX_ENTRIES);
    }
}
