//! Telling what happens now and then from what happens all the time, as routers damp routes that flap.
//!
//! Each event adds one to a count of which half fades every five minutes. Above one bound something happens all the time;
//! below another, lower one it has ceased to. No clock and no I/O in here.

use chrono::{DateTime, TimeDelta, Utc};

const HALF_LIFE_S: f64 = 300.0;
/// However often something happens, a quarter of an hour or so of calm is enough to forget it.
const MOST: f64 = 16.0;

/// Between what counts something happens all the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// It begins above this.
    pub begins_above: f64,
    /// It ends below this.
    pub ends_below: f64,
}

/// A device that comes and goes.
pub const FLAPPING: Bounds = Bounds { begins_above: 6.0, ends_below: 2.0 };
/// Machines that take a session from one another: from the third time on, the first two of which have faded a little.
pub const CONTESTED: Bounds = Bounds { begins_above: 2.5, ends_below: 1.0 };

/// How often something happened lately.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Damping {
    /// The count as it was at `counted_at`.
    pub count: f64,
    /// When it last happened; `None`: never.
    pub counted_at: Option<DateTime<Utc>>,
    /// Since when it happens all the time; `None`: it does not.
    pub since: Option<DateTime<Utc>>,
    /// When it will have ceased, if it does not happen again.
    pub until: Option<DateTime<Utc>>,
}

impl Damping {
    /// It happened; `true` when with this it happens all the time.
    pub fn note(&mut self, now: DateTime<Utc>, bounds: Bounds) -> bool {
        self.count = (self.count_at(now) + 1.0).min(MOST);
        self.counted_at = Some(now);
        let begins = self.since.is_none() && self.count > bounds.begins_above;
        if begins {
            self.since = Some(now);
        }
        if self.since.is_some() {
            self.until = Some(now + fading(self.count, bounds.ends_below));
        }
        begins
    }

    /// It has ceased.
    pub fn settle(&mut self) {
        (self.since, self.until) = (None, None);
    }

    /// What is left of the count.
    pub fn count_at(&self, now: DateTime<Utc>) -> f64 {
        let Some(counted_at) = self.counted_at else { return 0.0 };
        let passed_s = (now - counted_at).to_std().unwrap_or_default().as_secs_f64();
        self.count * (-passed_s / HALF_LIFE_S).exp2()
    }
}

/// How long it takes until `count` has faded to `end`.
fn fading(count: f64, end: f64) -> TimeDelta {
    let seconds = HALF_LIFE_S * (count / end).log2().max(0.0);
    #[allow(clippy::cast_possible_truncation)] // twenty minutes at most
    TimeDelta::milliseconds((seconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    /// How many events, so far apart, it takes until it happens all the time.
    fn events_until(apart_s: i64, bounds: Bounds) -> Option<i64> {
        let mut damping = Damping::default();
        (0..1_000).find(|event| damping.note(at(event * apart_s), bounds)).map(|event| event + 1)
    }

    #[test]
    fn the_seventh_change_in_a_row_is_one_too_many_and_now_and_then_is_fine() {
        assert_eq!(events_until(1, FLAPPING), Some(7));
        assert_eq!(events_until(10, FLAPPING), Some(7));
        assert_eq!(events_until(60, FLAPPING), Some(11));
        assert_eq!(events_until(120, FLAPPING), None);
        assert_eq!(events_until(1, CONTESTED), Some(3));
        assert_eq!(events_until(60, CONTESTED), Some(3));
        assert_eq!(events_until(600, CONTESTED), None);
    }

    #[test]
    fn it_ceases_when_the_count_has_faded_and_never_later_than_a_quarter_of_an_hour() {
        let mut damping = Damping::default();
        for event in 0..7 {
            damping.note(at(event), FLAPPING);
        }
        let until = damping.until.unwrap();
        assert!((damping.count_at(until) - 2.0).abs() < 0.01);
        assert_eq!(damping.since, Some(at(6)));
        for event in 7..10_000 {
            assert!(!damping.note(at(event), FLAPPING), "it begins once");
        }
        assert_eq!(damping.until, Some(at(9_999) + TimeDelta::minutes(15)));
        damping.settle();
        assert_eq!((damping.since, damping.until), (None, None));
        // What is left of the count still counts.
        assert!(damping.note(at(10_000), FLAPPING));
    }

    #[test]
    fn a_clock_that_falls_back_fades_nothing() {
        let mut damping = Damping::default();
        damping.note(at(100), FLAPPING);
        assert!((damping.count_at(at(0)) - 1.0).abs() < f64::EPSILON);
    }
}
