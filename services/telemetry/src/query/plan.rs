//! How a query is answered: how far apart its points lie, and what they are computed from. Nothing in here does I/O.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{Error, model::Faults};
use homepot_store::{maintenance::Retention, series::Source};

/// Points a series when the caller does not say.
const DEFAULT_POINTS: u32 = 1_000;
/// Points a series at most.
const MOST_POINTS: u32 = 10_000;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Round steps, in seconds; beyond them weeks are doubled.
const LADDER: [i64; 19] = [
    1,
    2,
    5,
    10,
    15,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
];
/// Whoever asks for exactly what is kept has a clock of its own, and needs time to ask.
const GRACE: TimeDelta = TimeDelta::hours(1);

/// What a caller asks for, as far as time goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    pub(crate) resolution: Option<Duration>,
    /// As it came: 0 when it is left to us.
    pub(crate) max_points: u32,
}

/// See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Seconds from point to point.
    pub(crate) step: i64,
    pub(crate) source: Source,
    /// A multiple of `step` since 1970, at or before what was asked for.
    pub(crate) start: DateTime<Utc>,
    /// A multiple of `step` since 1970, at or after what was asked for.
    pub(crate) end: DateTime<Utc>,
}

impl Plan {
    /// Plans an answer at `now`, of what `kept` leaves there.
    pub(crate) fn make(asked: Span, kept: &Retention, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut faults = Faults::new();
        let max_points = match asked.max_points {
            0 => DEFAULT_POINTS,
            points @ 1..=MOST_POINTS => points,
            _ => {
                faults.add("max_points", format!("must be 0 to {MOST_POINTS}"));
                DEFAULT_POINTS
            }
        };
        if asked.start >= asked.end {
            faults.add("start_time", "must lie before end_time");
        } else if asked.start < back(now, kept.hours) - GRACE {
            faults.add("start_time", format!("lies before what is kept: {} days", kept.hours.as_secs() / 86_400));
        }
        faults.check()?;
        let points = i64::from(max_points);
        match asked.resolution {
            Some(resolution) => Self::of_resolution(asked, resolution, points, kept, now),
            None => Ok(Self::finest(asked, points, kept, now)),
        }
    }

    fn of_resolution(
        asked: Span,
        resolution: Duration,
        points: i64,
        kept: &Retention,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let fault = |reason: String| Error::invalid("resolution", reason);
        let step = i64::try_from(resolution.as_secs()).unwrap_or(i64::MAX);
        let whole = match step {
            ..MINUTE => 1,
            MINUTE..HOUR => MINUTE,
            _ => HOUR,
        };
        if !(1..=366 * DAY).contains(&step) || resolution.subsec_nanos() != 0 || step % whole != 0 {
            let told =
                "must be whole seconds, from 60 s on whole minutes, from one hour on whole hours, up to 366 days";
            return Err(fault(told.to_owned()));
        }
        let finest = finest_kept(asked.start + GRACE, kept, now);
        if step < finest {
            let told = format!(
                "is finer than what is kept at start_time: samples for {} days, minutes for {} days; {finest} s at least",
                kept.samples.as_secs() / 86_400,
                kept.minutes.as_secs() / 86_400
            );
            return Err(fault(told));
        }
        let plan = Self::of_step(asked, step);
        match plan.points() {
            needed if needed > points => {
                let enough = Self::finest(asked, points, kept, now).step;
                Err(fault(format!("makes {needed} points, more than max_points {points}; {enough} s would do")))
            }
            _ => Ok(plan),
        }
    }

    fn finest(asked: Span, points: i64, kept: &Retention, now: DateTime<Utc>) -> Self {
        let finest = finest_kept(asked.start, kept, now);
        let weeks = std::iter::successors(Some(14 * DAY), |step| step.checked_mul(2));
        let steps = LADDER.into_iter().chain(weeks).filter(|step| *step >= finest);
        let mut plans = steps.map(|step| Self::of_step(asked, step));
        // A step longer than all of time is the last resort that is never needed.
        plans.find(|plan| plan.points() <= points).unwrap_or_else(|| Self::of_step(asked, 366 * DAY))
    }

    fn of_step(asked: Span, step: i64) -> Self {
        let source = match step {
            ..MINUTE => Source::Samples,
            MINUTE..HOUR => Source::Minutes,
            _ => Source::Hours,
        };
        let start = floor(asked.start, step);
        let end = match floor(asked.end, step) {
            end if end < asked.end => end + TimeDelta::seconds(step),
            end => end,
        };
        Self { step, source, start, end }
    }

    /// Points a series may have.
    pub(crate) fn points(&self) -> i64 {
        (self.end - self.start).num_seconds() / self.step
    }

    /// Time from point to point.
    pub(crate) fn resolution(&self) -> Duration {
        Duration::from_secs(self.step.unsigned_abs())
    }

    /// Start of the point that holds `time`.
    pub(crate) fn floor(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        floor(time, self.step)
    }
}

/// The finest step, in seconds, that can be answered from `start` on.
fn finest_kept(start: DateTime<Utc>, kept: &Retention, now: DateTime<Utc>) -> i64 {
    if start >= back(now, kept.samples) {
        1
    } else if start >= back(now, kept.minutes) {
        MINUTE
    } else {
        HOUR
    }
}

fn back(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_sub_signed(by)).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

fn floor(time: DateTime<Utc>, step: i64) -> DateTime<Utc> {
    let seconds = time.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(step), 0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Retention = Retention {
        samples: Duration::from_secs(7 * 86_400),
        minutes: Duration::from_secs(90 * 86_400),
        hours: Duration::from_secs(730 * 86_400),
        activities: Duration::from_secs(30 * 86_400),
        errors: Duration::from_secs(90 * 86_400),
        rollouts: Duration::from_secs(730 * 86_400),
        packed_after: Duration::from_secs(2 * 3_600),
        commands: Duration::from_secs(400 * 86_400),
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_123, 0).unwrap()
    }

    /// The last so many seconds.
    fn last(seconds: i64) -> Span {
        Span { start: now() - TimeDelta::seconds(seconds), end: now(), resolution: None, max_points: 0 }
    }

    fn at(seconds: i64, resolution: u64) -> Span {
        Span { resolution: Some(Duration::from_secs(resolution)), ..last(seconds) }
    }

    fn plan(asked: Span) -> Plan {
        Plan::make(asked, &KEPT, now()).unwrap()
    }

    fn field(asked: Span) -> String {
        Plan::make(asked, &KEPT, now()).unwrap_err().field_violations()[0].field.clone()
    }

    #[test]
    fn the_span_decides_how_far_points_lie_apart_and_what_they_are_made_of() {
        let choices = [
            (600, 1, Source::Samples),
            (HOUR, 5, Source::Samples),
            (6 * HOUR, 30, Source::Samples),
            (DAY, 2 * MINUTE, Source::Minutes),
            (7 * DAY, 15 * MINUTE, Source::Minutes),
            (90 * DAY, 3 * HOUR, Source::Hours),
            (730 * DAY, DAY, Source::Hours),
        ];
        for (span, step, source) in choices {
            let plan = plan(last(span));
            assert_eq!((plan.step, plan.source), (step, source), "{span} s");
        }
    }

    #[test]
    fn points_start_at_multiples_cover_what_was_asked_for_and_keep_to_their_bound() {
        for span in [1, 59, 3_600, 86_399, 604_800, 40_000_000] {
            for max_points in [1, 2, 7, 100, 1_000, 10_000] {
                let asked = Span { max_points, ..last(span) };
                let plan = plan(asked);
                assert!(plan.start <= asked.start && plan.end >= asked.end, "{span} s");
                assert_eq!((plan.start.timestamp() % plan.step, plan.end.timestamp() % plan.step), (0, 0));
                assert!((1..=i64::from(max_points)).contains(&plan.points()), "{span} s as {max_points}");
            }
        }
    }

    #[test]
    fn what_is_not_kept_as_samples_any_more_is_answered_from_rollups() {
        let old = |days: i64| {
            let start = now() - TimeDelta::days(days);
            plan(Span { start, end: start + TimeDelta::minutes(10), resolution: None, max_points: 0 })
        };
        assert_eq!((old(6).step, old(6).source), (1, Source::Samples));
        assert_eq!((old(8).step, old(8).source), (MINUTE, Source::Minutes));
        assert_eq!((old(91).step, old(91).source), (HOUR, Source::Hours));
        // Span for by name, it is refused by name.
        let asked = Span { start: now() - TimeDelta::days(8), resolution: Some(Duration::from_secs(10)), ..last(1) };
        assert_eq!(field(Span { end: asked.start + TimeDelta::hours(1), ..asked }), "resolution");
        assert_eq!(field(Span { max_points: 10_000, ..at(91 * DAY, 1_800) }), "resolution");
    }

    #[test]
    fn a_resolution_that_is_asked_for_is_taken_as_it_is() {
        assert_eq!((plan(at(600, 7)).step, plan(at(600, 7)).source), (7, Source::Samples));
        assert_eq!(plan(at(600, 60)).source, Source::Minutes);
        assert_eq!(plan(at(DAY, 3_600)).source, Source::Hours);
        for bad in [0, 61, 90, 3_660, 400 * 86_400] {
            assert_eq!(field(at(600, bad)), "resolution", "{bad} s");
        }
        let half = Span { resolution: Some(Duration::from_millis(1_500)), ..last(600) };
        assert_eq!(field(half), "resolution");
        let fault = Plan::make(at(DAY, 5), &KEPT, now()).unwrap_err();
        assert!(fault.message().contains("120 s would do"), "{}", fault.message());
    }

    #[test]
    fn a_range_or_a_number_of_points_out_of_bounds_is_refused_by_name() {
        assert_eq!(field(last(0)), "start_time");
        assert_eq!(field(last(-5)), "start_time");
        assert_eq!(field(last(731 * DAY)), "start_time");
        assert_eq!(field(Span { max_points: 10_001, ..last(60) }), "max_points");
        // Whoever asks for all of it asks a moment late.
        assert_eq!(plan(last(730 * DAY + 5)).source, Source::Hours);
        assert_eq!(plan(Span { max_points: 10_000, ..at(7 * DAY + 5, 90 * 60 - 1_800) }).source, Source::Hours);
    }
}
