//! How much is traced.

use std::{
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// A share of requests, drawn by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// None of them.
    pub const NONE: Self = Self(0.0);

    /// Whether this one is among them.
    pub(super) fn draw(self) -> bool {
        // Where there is no chance to be had, only those are traced that always are.
        let drawn = getrandom::u32().unwrap_or(u32::MAX);
        f64::from(drawn) < self.0 * (f64::from(u32::MAX) + 1.0)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.trim().parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| format!("'{text}' is not a number from 0 to 1"))
    }
}

/// Requests a second that are traced because their callers asked for it. Whoever can send a request can ask, so that this many
/// may take places of spans in the queue, and not all of them.
const ASKED_PER_SECOND: u64 = 200;

/// Counts requests that are traced because their callers asked for it.
#[derive(Debug)]
pub(super) struct Asked {
    began: Instant,
    /// The second since then, and how many were admitted in it, in the lower 32 bits.
    admitted: AtomicU64,
}

impl Asked {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), admitted: AtomicU64::new(0) }
    }

    /// Admits one, where there is room in this second.
    pub(super) fn admit(&self) -> bool {
        self.admit_in(self.began.elapsed().as_secs())
    }

    fn admit_in(&self, second: u64) -> bool {
        let count = |state: u64| {
            let admitted = if state >> 32 == second { state & u64::from(u32::MAX) } else { 0 };
            (admitted < ASKED_PER_SECOND).then_some(second << 32 | (admitted + 1))
        };
        self.admitted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_none_or_some_are_drawn() {
        let drawn = |share: &str| {
            let share: Share = share.parse().unwrap();
            (0..10_000).filter(|_| share.draw()).count()
        };
        assert_eq!((drawn("0"), drawn("1")), (0, 10_000));
        // Outside of these once in ever so many years.
        assert!((3_000..7_000).contains(&drawn("0.5")));
    }

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        for text in ["-0.1", "1.1", "half", "", "NaN"] {
            assert_eq!(text.parse::<Share>(), Err(format!("'{text}' is not a number from 0 to 1")));
        }
    }

    #[test]
    fn so_many_may_ask_for_a_trace_in_a_second() {
        let asked = Asked::new();
        let admitted = |second| (0..1_000).filter(|_| asked.admit_in(second)).count() as u64;
        assert_eq!(
            (admitted(0), admitted(1), admitted(1), admitted(7)),
            (ASKED_PER_SECOND, ASKED_PER_SECOND, 0, ASKED_PER_SECOND)
        );
    }
}
