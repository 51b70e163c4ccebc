//! What is sent when: it depends on the rates and the seed alone, never on how the server fares.

use std::time::Duration;

use serde_json::Value;

use super::{applications::Applications, people::People};

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Activity,
    Error,
}

impl Kind {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Activity => "/api/v1/analytics/user-activity",
            Self::Error => "/api/v1/analytics/error",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planned {
    /// After the begin.
    pub(super) at: Duration,
    pub(super) kind: Kind,
    pub(super) body: Value,
}

/// Every request of a run, in order.
#[derive(Debug)]
pub(super) struct Plan {
    activities: Beat,
    errors: Beat,
    people: People,
    applications: Applications,
}

/// Requests of one kind, evenly spaced.
#[derive(Debug)]
struct Beat {
    rate: f64,
    number: u64,
    total: u64,
}

impl Beat {
    fn new(rate: f64, duration: Duration) -> Self {
        // A hair more, as 0.1 × 30 is a hair under 3.
        let total = (rate * duration.as_secs_f64() + 1e-9).floor();
        Self { rate, number: 0, total: total as u64 }
    }

    fn next_at(&self) -> Option<Duration> {
        let at = self.number as f64 / self.rate;
        (self.number < self.total).then(|| Duration::from_secs_f64(at))
    }
}

impl Plan {
    pub(super) fn new(seed: u64, activity_rate: f64, error_rate: f64, duration: Duration) -> Self {
        Self {
            activities: Beat::new(activity_rate, duration),
            errors: Beat::new(error_rate, duration),
            people: People::new(seed),
            // What people do must not depend on how much goes wrong.
            applications: Applications::new(seed ^ 0x9E37_79B9_7F4A_7C15),
        }
    }

    /// How many requests there are in all.
    pub(super) fn total(&self) -> u64 {
        self.activities.total + self.errors.total
    }
}

impl Iterator for Plan {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        match (self.activities.next_at(), self.errors.next_at()) {
            (None, None) => None,
            (Some(at), error) if error.is_none_or(|error| at <= error) => {
                self.activities.number += 1;
                Some(Planned { at, kind: Kind::Activity, body: self.people.next() })
            }
            (activity, error) => {
                let at = error.or(activity)?;
                self.errors.number += 1;
                Some(Planned { at, kind: Kind::Error, body: self.applications.next() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use homepot::model::{ActivityType, Severity, masked};

    use super::*;

    fn plan(seed: u64) -> Vec<Planned> {
        Plan::new(seed, 20.0, 5.0, Duration::from_secs(60)).collect()
    }

    #[test]
    fn the_same_seed_sends_the_same_requests_in_the_same_order_and_another_seed_others() {
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        let people = |error_rate| {
            let plan = Plan::new(7, 20.0, error_rate, Duration::from_secs(9));
            plan.filter(|planned| planned.kind == Kind::Activity).collect::<Vec<_>>()
        };
        assert_eq!(people(0.0), people(50.0), "people do not depend on errors");
    }

    #[test]
    fn the_rates_are_kept_and_time_never_runs_back() {
        let planned = plan(1);
        let of = |kind| planned.iter().filter(|planned| planned.kind == kind).count();
        assert_eq!((of(Kind::Activity), of(Kind::Error)), (1_200, 300));
        assert!(planned.is_sorted_by_key(|planned| planned.at));
        assert!(planned.last().unwrap().at < Duration::from_secs(60));
        assert_eq!(Plan::new(1, 0.1, 0.0, Duration::from_secs(30)).count(), 3);
        assert_eq!(Plan::new(1, 0.0, 0.0, Duration::from_secs(30)).total(), 0);
    }

    #[test]
    fn what_is_sent_is_of_the_contract_has_every_kind_and_errors_repeat() {
        let planned = plan(3);
        let words = |kind: Kind, field: &str| -> BTreeSet<String> {
            let of_kind = planned.iter().filter(|planned| planned.kind == kind);
            of_kind.map(|planned| planned.body[field].as_str().unwrap().to_owned()).collect()
        };
        let every = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(words(Kind::Activity, "activity_type"), every(ActivityType::WORDS));
        assert_eq!(words(Kind::Error, "severity"), every(Severity::WORDS));
        let messages = words(Kind::Error, "error_message");
        let kinds: BTreeSet<_> = messages.iter().map(|message| masked(message)).collect();
        assert!(messages.len() > 100 && kinds.len() <= 11, "{} {}", messages.len(), kinds.len());
    }
}
