//! What holds updates of a site back: its maintenance windows, and the approval of a second person. Windows are times that the
//! clock of the site shows; when these are is for who knows the time zones.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};

use crate::{
    checked,
    error::Error,
    model::{Faults, to_proto_timestamp},
    pb::rollout::v1 as pb,
};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u32 = 24 * 60;
/// Minutes of a week.
pub const WEEK: u32 = 7 * DAY;
/// Letters that an error repeats.
const MAX_SHOWN: usize = 40;
const RULE: &str =
    "must be days and times, such as 'mon-fri 22:00-06:00', 'sat,sun 00:00-24:00' or 'daily 02:00-04:00'";

/// A time of some days in which updates may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// A bit a day, Monday first.
    days: u8,
    /// Minutes from midnight.
    start: u32,
    /// Minutes from midnight, up to 24:00. Not after `start`: on the next day.
    end: u32,
}

impl MaintenanceWindow {
    /// Its beginnings in minutes from Monday 00:00, each with how many minutes it lasts. One may last into the next week.
    pub fn intervals(self) -> impl Iterator<Item = (u32, u32)> {
        let length = if self.end > self.start { self.end - self.start } else { self.end + DAY - self.start };
        (0..7u32).filter(move |day| self.days & (1 << day) != 0).map(move |day| (day * DAY + self.start, length))
    }

    /// Whether it is open in this minute, counted from Monday 00:00.
    pub fn contains(self, minute: u32) -> bool {
        self.intervals().any(|(start, length)| (minute + WEEK - start) % WEEK < length)
    }
}

impl MaintenanceWindow {
    /// Reads one; an error names `field`.
    pub fn parse_as(field: &str, text: &str) -> Result<Self, Error> {
        let read = || {
            let (days, times) = text.split_once(' ')?;
            let (start, end) = times.split_once('-')?;
            let (start, end) = (minutes(start)?, minutes(end)?);
            (start < DAY).then_some(Self { days: read_days(days)?, start, end })
        };
        let window = read().ok_or_else(|| {
            let shown: String = text.chars().take(MAX_SHOWN).collect();
            Error::invalid(field, format!("has '{shown}', and each {RULE}"))
        })?;
        if window.start == window.end {
            return Err(Error::invalid(field, "must not end at the time at which it begins; all day is 00:00-24:00"));
        }
        Ok(window)
    }
}

impl FromStr for MaintenanceWindow {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse_as("windows", text)
    }
}

fn read_days(text: &str) -> Option<u8> {
    if text == "daily" {
        return Some(0b111_1111);
    }
    let place = |name: &str| DAYS.iter().position(|day| *day == name);
    let part = |part: &str| match part.split_once('-') {
        None => place(part).map(|day| 1 << day),
        // From Saturday to Monday, for example, goes over the end of the week.
        Some((first, last)) => {
            let (first, last) = (place(first)?, place(last)?);
            Some((0..=(last + 7 - first) % 7).fold(0, |days, more| days | 1 << ((first + more) % 7)))
        }
    };
    // As many as there are days, so that a window has a greatest length.
    if text.split(',').nth(DAYS.len()).is_some() {
        return None;
    }
    text.split(',').map(part).try_fold(0, |days, part| Some(days | part?))
}

fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let is_plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| is_plain)
    };
    let total = two(hours)? * 60 + two(minutes).filter(|minutes| *minutes < 60)?;
    (total <= DAY).then_some(total)
}

impl fmt::Display for MaintenanceWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<_> = (0..7).filter(|day| self.days & (1 << day) != 0).map(|day| DAYS[day]).collect();
        let days = if days.len() == 7 { "daily".to_owned() } else { days.join(",") };
        let (start, end) = (self.start, self.end);
        write!(f, "{days} {:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

/// When devices of a site may apply releases, and whether rollouts that reach them need an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdatePolicy {
    /// By its name in the IANA database; empty without windows.
    pub time_zone: String,
    /// None: at any time.
    pub windows: Vec<MaintenanceWindow>,
    /// Whether a second person has to approve.
    pub needs_approval: bool,
}

impl TryFrom<pb::UpdatePolicy> for UpdatePolicy {
    type Error = Error;

    fn try_from(policy: pb::UpdatePolicy) -> Result<Self, Error> {
        checked::check(&policy)?;
        let pb::UpdatePolicy { time_zone, windows, needs_approval } = policy;
        let mut faults = Faults::new();
        if time_zone.is_empty() && !windows.is_empty() {
            faults.add("time_zone", "is required with windows: a name such as Europe/Berlin");
        }
        let windows: Result<Vec<_>, Error> = windows.iter().map(|window| window.parse()).collect();
        let windows = faults.take(windows);
        faults.finish(windows.map(|windows| Self { time_zone, windows, needs_approval }))
    }
}

impl From<UpdatePolicy> for pb::UpdatePolicy {
    fn from(policy: UpdatePolicy) -> Self {
        let windows = policy.windows.iter().map(ToString::to_string).collect();
        Self { time_zone: policy.time_zone, windows, needs_approval: policy.needs_approval }
    }
}

/// The policy of a site, with what it means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePolicy {
    /// As it was set.
    pub policy: UpdatePolicy,
    /// Whether updates may begin now.
    pub is_open: bool,
    /// While they may not: when they may next.
    pub opens_at: Option<DateTime<Utc>>,
    /// Who set it, and when; `None`: nobody did.
    pub changed: Option<(String, DateTime<Utc>)>,
}

impl From<SitePolicy> for pb::GetUpdatePolicyResponse {
    fn from(site: SitePolicy) -> Self {
        let (changed_by, changed_at) = site.changed.unzip();
        Self {
            policy: Some(site.policy.into()),
            open: site.is_open,
            opens_at: site.opens_at.map(to_proto_timestamp),
            changed_by: changed_by.unwrap_or_default(),
            changed_at: changed_at.map(to_proto_timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_go_over_midnight_and_over_the_end_of_the_week() {
        let open = |window: &str, minute| window.parse::<MaintenanceWindow>().unwrap().contains(minute);
        let night = "sun 22:00-02:00";
        assert!(!open(night, 6 * DAY + 22 * 60 - 1));
        assert!(open(night, 6 * DAY + 22 * 60));
        assert!(open(night, 0), "Monday at midnight");
        assert!(open(night, 119));
        assert!(!open(night, 120));
        assert!(!open(night, DAY), "Tuesday");
        assert!(open("sat,sun 00:00-24:00", WEEK - 1));
        assert!(!open("sat,sun 00:00-24:00", 0));
        assert!(open("tue 22:00-00:00", 2 * DAY - 1));
        assert!(!open("tue 22:00-00:00", 2 * DAY));
    }

    #[test]
    fn windows_are_read_and_written_alike() {
        for (text, written) in [
            ("mon-fri 22:00-06:00", "mon,tue,wed,thu,fri 22:00-06:00"),
            ("sat-mon 01:30-02:00", "mon,sat,sun 01:30-02:00"),
            ("mon-sun 00:00-24:00", "daily 00:00-24:00"),
            ("wed,wed 00:00-00:01", "wed 00:00-00:01"),
        ] {
            let window: MaintenanceWindow = text.parse().unwrap();
            assert_eq!(window.to_string(), written);
            assert_eq!(written.parse::<MaintenanceWindow>().unwrap(), window);
        }
        for bad in [
            "",
            "mon",
            "mon 22:00",
            "mon 22-23",
            "day 01:00-02:00",
            "mon 24:00-02:00",
            "mon 1:00-2:00",
            "mon 02:00-02:00",
            "mon 02:00-24:01",
            "mon 02:60-03:00",
            "mon  02:00-03:00",
            "mon, 02:00-03:00",
            "mon +2:00-03:00",
        ] {
            assert!(bad.parse::<MaintenanceWindow>().is_err(), "{bad}");
        }
    }
}
