//! When the maintenance windows of a site are open, by the clock on its wall.
//!
//! A window is open while that clock shows a time within it. So one in an hour that the clock skips is not open that day, or is open
//! from where the clock goes on, and one in an hour that it shows twice is open twice.

use chrono::{DateTime, Utc};
use homepot::{
    Error,
    model::{UpdatePolicy, WEEK},
};
use jiff::{
    Timestamp, ToSpan as _,
    civil::{DateTime as Shown, Weekday},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

/// How far ahead an opening is looked for. Two weeks, since a clock may skip a window.
const AHEAD_DAYS: i64 = 15;

/// Whether updates may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Now.
    Open,
    /// Not before then; `None`: not within the next 15 days.
    Opens(Option<DateTime<Utc>>),
}

/// Refuses a time zone that there is not.
pub fn check_time_zone(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Ok(());
    }
    zone(name).map(drop).ok_or_else(|| {
        Error::invalid("time_zone", "is no time zone of the IANA database, such as Europe/Berlin or America/New_York")
    })
}

fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// Whether updates may begin at `now`.
pub(super) fn opening(policy: &UpdatePolicy, now: DateTime<Utc>) -> Opening {
    if policy.windows.is_empty() {
        return Opening::Open;
    }
    // It was checked when it was set; should a newer list of zones lack it, nothing begins.
    let (Some(zone), Ok(now)) = (zone(&policy.time_zone), Timestamp::from_second(now.timestamp())) else {
        return Opening::Opens(None);
    };
    if is_open(policy, &zone, now) {
        return Opening::Open;
    }
    let first = beginnings(policy, &zone, now).into_iter().filter(|at| *at > now && is_open(policy, &zone, *at)).min();
    Opening::Opens(first.and_then(|at| DateTime::from_timestamp(at.as_second(), 0)))
}

fn is_open(policy: &UpdatePolicy, zone: &TimeZone, at: Timestamp) -> bool {
    let minute = minute_of_week(zone.to_datetime(at));
    policy.windows.iter().any(|window| window.contains(minute))
}

fn minute_of_week(shown: Shown) -> u32 {
    let number = |number: i8| u32::try_from(number).unwrap_or_default();
    let days = number(shown.weekday().to_monday_zero_offset());
    (days * 24 + number(shown.hour())) * 60 + number(shown.minute())
}

/// The moments at which a window may open: when the clock shows its beginning, once or twice, and when the clock is set.
fn beginnings(policy: &UpdatePolicy, zone: &TimeZone, now: Timestamp) -> Vec<Timestamp> {
    let end = now.saturating_add((AHEAD_DAYS * 24).hours()).unwrap_or(Timestamp::MAX);
    let mut found: Vec<_> = zone.following(now).map(|set| set.timestamp()).take_while(|at| *at <= end).collect();
    let shown = zone.to_datetime(now);
    let since_monday = i64::from(shown.weekday().since(Weekday::Monday));
    let Ok(monday) = shown.date().checked_sub(since_monday.days()) else { return found };
    for (start, _) in policy.windows.iter().flat_map(|window| window.intervals()) {
        for week in 0..=2 {
            let minutes = i64::from(start) + week * i64::from(WEEK);
            let Ok(beginning) = monday.to_datetime(jiff::civil::Time::midnight()).checked_add(minutes.minutes()) else {
                continue;
            };
            let offsets = match zone.to_ambiguous_timestamp(beginning).offset() {
                AmbiguousOffset::Unambiguous { offset } => vec![offset],
                AmbiguousOffset::Fold { before, after } => vec![before, after],
                // The clock is set over it: that moment is among them already.
                AmbiguousOffset::Gap { .. } => Vec::new(),
            };
            found.extend(offsets.into_iter().filter_map(|offset| offset.to_timestamp(beginning).ok()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(time_zone: &str, windows: &[&str]) -> UpdatePolicy {
        let windows = windows.iter().map(|window| window.parse().unwrap()).collect();
        UpdatePolicy { time_zone: time_zone.to_owned(), windows, needs_approval: false }
    }

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[track_caller]
    fn opens(windows: &[&str], now: &str, then: &str) {
        let found = opening(&policy("Europe/Berlin", windows), time(now));
        assert_eq!(found, if then == "open" { Opening::Open } else { Opening::Opens(Some(time(then))) });
    }

    #[test]
    fn a_window_is_open_by_the_clock_of_the_site_in_winter_and_in_summer() {
        // A Wednesday of winter, and one of summer.
        opens(&["daily 02:00-04:00"], "2026-01-14T00:59:59Z", "2026-01-14T01:00:00Z");
        opens(&["daily 02:00-04:00"], "2026-01-14T01:00:00Z", "open");
        opens(&["daily 02:00-04:00"], "2026-07-15T00:00:00Z", "open");
        opens(&["daily 02:00-04:00"], "2026-07-15T02:00:00Z", "2026-07-16T00:00:00Z");
        // Over midnight, over the end of the week, and a week ahead.
        opens(&["sun 22:00-02:00"], "2026-01-18T23:30:00Z", "open");
        opens(&["sun 22:00-02:00"], "2026-01-19T01:00:00Z", "2026-01-25T21:00:00Z");
        opens(&["mon 00:00-01:00", "wed 12:00-13:00"], "2026-01-14T12:00:00Z", "2026-01-18T23:00:00Z");
    }

    #[test]
    fn a_window_in_the_hour_that_the_clock_skips_opens_where_the_clock_goes_on_or_a_week_later() {
        // On 2026-03-29 at 01:00 UTC the clock goes from 02:00 to 03:00.
        opens(&["sun 02:30-03:30"], "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z");
        opens(&["sun 02:30-03:30"], "2026-03-29T01:29:59Z", "open");
        opens(&["sun 02:30-03:30"], "2026-03-29T01:30:00Z", "2026-04-05T00:30:00Z");
        opens(&["sun 02:15-02:45"], "2026-03-29T00:30:00Z", "2026-04-05T00:15:00Z");
    }

    #[test]
    fn a_window_in_the_hour_that_the_clock_shows_twice_opens_twice() {
        // On 2026-10-25 at 01:00 UTC the clock goes from 03:00 back to 02:00.
        opens(&["sun 02:15-02:45"], "2026-10-25T00:00:00Z", "2026-10-25T00:15:00Z");
        opens(&["sun 02:15-02:45"], "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z");
        opens(&["sun 02:15-02:45"], "2026-10-25T01:45:00Z", "2026-11-01T01:15:00Z");
        opens(&["sun 02:30-03:30"], "2026-10-25T00:59:59Z", "open");
        opens(&["sun 02:30-03:30"], "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z");
    }

    #[test]
    fn zones_are_known_by_name_and_others_are_refused() {
        for good in ["", "UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Chatham"] {
            check_time_zone(good).unwrap();
        }
        for bad in ["Europe", "Mars/Olympus", "../etc/passwd", "+02:00"] {
            assert_eq!(check_time_zone(bad).unwrap_err().field_violations()[0].field, "time_zone", "{bad}");
        }
        assert_eq!(
            opening(&policy("Gone/Zone", &["daily 00:00-24:00"]), time("2026-01-01T00:00:00Z")),
            Opening::Opens(None)
        );
    }

    proptest! {
        /// Minute by minute, nothing is open before the moment that was told, and something is at that moment.
        #[test]
        fn the_next_opening_is_the_first_open_minute(
            zone_at in 0..7usize,
            // From 2026 on, four years, so that changes of the clock are among them.
            minute in 0..(4 * 366 * 24 * 60i64),
            windows in proptest::collection::vec((0..7usize, 0..96u32, 1..96u32), 1..4),
        ) {
            let zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "UTC",
                "Pacific/Chatham", "Africa/Casablanca"];
            let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let texts: Vec<_> = windows.iter().map(|(day, start, length)| {
                let (start, end) = (start * 15, (start * 15 + length * 15) % 1440);
                format!("{} {:02}:{:02}-{:02}:{:02}", days[*day], start / 60, start % 60, end / 60, end % 60)
            }).collect();
            let policy = policy(zones[zone_at], &texts.iter().map(String::as_str).collect::<Vec<_>>());
            let now = time("2026-01-01T00:00:00Z") + chrono::TimeDelta::minutes(minute);
            let zone = zone(&policy.time_zone).unwrap();
            let open = |at: DateTime<Utc>| is_open(&policy, &zone, Timestamp::from_second(at.timestamp()).unwrap());
            let first = (0..15 * 24 * 60i64).map(|after| now + chrono::TimeDelta::minutes(after)).find(|at| open(*at));
            let expected = if first == Some(now) { Opening::Open } else { Opening::Opens(first) };
            prop_assert_eq!(opening(&policy, now), expected);
        }
    }
}
