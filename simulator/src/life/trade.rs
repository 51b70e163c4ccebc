//! How the trade goes over a day and a week.

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};

use crate::scenario::Trade;

/// How wide a rush is, in hours.
const PEAK: f64 = 1.1;
/// What is sold between the rushes, of what is sold in one.
const QUIET: f64 = 0.3;
/// People come and go for so long around opening and closing.
const EDGE: f64 = 0.4;
/// What is sold at night where a shop never closes.
const NIGHT: f64 = 0.25;

/// How much is sold at `at`, 1 being the best hour of a full day.
pub(super) fn level(trade: &Trade, at: DateTime<Utc>) -> f64 {
    let local = at + TimeDelta::milliseconds((trade.utc_offset_hours * 3_600_000.0) as i64);
    let hour = f64::from(local.num_seconds_from_midnight()) / 3_600.0;
    let weekday = local.weekday().num_days_from_monday() as usize;
    open(trade, hour) * rush(trade, hour) * trade.weekdays_percent[weekday] / 100.0
}

/// From closed, 0, to open, 1.
fn open(trade: &Trade, hour: f64) -> f64 {
    if trade.opens_at_hour <= 0.0 && trade.closes_at_hour >= 24.0 {
        // Dark from ten at night to six in the morning.
        let night = smooth((hour - 21.5) / 1.5) + (1.0 - smooth((hour - 5.5) / 1.5));
        return 1.0 - (1.0 - NIGHT) * night.clamp(0.0, 1.0);
    }
    let after_opening = smooth((hour - trade.opens_at_hour) / EDGE);
    let before_closing = smooth((trade.closes_at_hour - hour) / EDGE);
    after_opening.min(before_closing)
}

fn rush(trade: &Trade, hour: f64) -> f64 {
    let near = |peak: &f64| (-((hour - peak) / PEAK).powi(2)).exp();
    let nearest = trade.peak_hours.iter().map(near).fold(0.0, f64::max);
    QUIET + (1.0 - QUIET) * nearest
}

/// From 0 to 1 without a corner.
fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_shop_sells_when_it_is_open_and_most_in_the_rush() {
        let trade = Trade::default();
        let level = |text| level(&trade, at(text));
        assert_eq!(level("2026-11-24T03:00:00Z"), 0.0);
        assert_eq!(level("2026-11-24T20:00:00Z"), 0.0);
        assert!(level("2026-11-24T12:30:00Z") > 2.0 * level("2026-11-24T15:00:00Z"));
        assert!(level("2026-11-28T12:30:00Z") > level("2026-11-29T12:30:00Z"), "Saturday and Sunday");
    }

    #[test]
    fn a_shops_clock_is_its_own() {
        let trade = Trade { utc_offset_hours: 9.0, ..Trade::default() };
        assert_eq!(level(&trade, at("2026-11-24T12:30:00Z")), 0.0);
        assert!(level(&trade, at("2026-11-24T03:30:00Z")) > 0.5);
    }

    #[test]
    fn a_shop_that_never_closes_sells_less_at_night() {
        let trade = Trade { opens_at_hour: 0.0, closes_at_hour: 24.0, ..Trade::default() };
        let (night, day) = (level(&trade, at("2026-11-24T03:00:00Z")), level(&trade, at("2026-11-24T15:00:00Z")));
        assert!(night > 0.0 && night < day / 2.0, "{night} {day}");
    }
}
