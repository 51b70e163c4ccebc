//! Corrects the times of samples by the server's clock.
//!
//! An impossible time is the fault of a clock and not of the sample: the sample is stored with a corrected time and
//! with the time that the device's clock showed. Current agents correct times themselves, by the time since boot. This
//! module does it for older agents and for callers without a stream. Only samples that are really too old are refused.

use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{MAX_CLOCK_AHEAD, Sample, SampleFault};

use crate::protocol::SampleClock;

/// Puts the samples of one message, each with its place there, where they lie; those that are too old are refused.
pub(crate) fn place(samples: Vec<(usize, Sample)>, clock: SampleClock) -> (Vec<Sample>, Vec<(usize, SampleFault)>) {
    let ahead = samples.iter().map(|(_, sample)| sample.collected_at - clock.now).max().unwrap_or_default();
    let (mut placed, mut refused) = (Vec::with_capacity(samples.len()), Vec::new());
    for (place, sample) in samples {
        match place_one(sample, clock, ahead) {
            Ok(sample) => placed.push(sample),
            Err(fault) => refused.push((place, fault)),
        }
    }
    (placed, refused)
}

/// `ahead` is how far the newest sample of the message lies in the future.
fn place_one(sample: Sample, clock: SampleClock, ahead: TimeDelta) -> Result<Sample, SampleFault> {
    let at = sample.collected_at;
    let Err(fault) = sample.check_age(clock.now, clock.max_age) else { return Ok(sample) };
    // What Hello measured holds for what the device's clock showed, and not for what it corrected itself.
    let by_hello = clock.skew.filter(|_| sample.device_time.is_none()).map(|skew| at - skew);
    if let Some(at) = by_hello.filter(|at| Sample::empty(*at).check_age(clock.now, clock.max_age).is_ok()) {
        return Ok(corrected(sample, at));
    }
    if at <= clock.now {
        return Err(fault);
    }
    // Nothing is known but that it was measured before now. The samples of a message keep their distances.
    let at = at - ahead;
    let is_kept = Sample::empty(at).check_age(clock.now, clock.max_age).is_ok();
    Ok(corrected(sample, if is_kept { at } else { clock.now }))
}

fn corrected(sample: Sample, at: DateTime<Utc>) -> Sample {
    let device_time = sample.device_time.or(Some(sample.collected_at));
    // The database keeps microseconds.
    let at = DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at);
    Sample { collected_at: at, device_time, ..sample }
}

/// How far a device's clock is ahead of the server's, where that is enough to matter.
pub(crate) fn skew(device_time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<TimeDelta> {
    let most = TimeDelta::from_std(MAX_CLOCK_AHEAD).unwrap_or(TimeDelta::MAX);
    device_time.map(|time| time - now).filter(|skew| skew.abs() > most)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn clock(skew: Option<TimeDelta>) -> SampleClock {
        SampleClock { now: now(), max_age: Duration::from_secs(24 * 3600), skew }
    }

    /// Where samples that lie so many seconds from now are put, and what they say that their device's clock showed.
    fn placed(seconds: &[i64], clock: SampleClock) -> Vec<(i64, Option<i64>)> {
        let at = |seconds: &i64| (0, Sample::empty(now() + TimeDelta::seconds(*seconds)));
        let (placed, _) = place(seconds.iter().map(at).collect(), clock);
        let since = |at: DateTime<Utc>| (at - now()).num_seconds();
        placed.into_iter().map(|sample| (since(sample.collected_at), sample.device_time.map(since))).collect()
    }

    #[test]
    fn what_lies_where_samples_can_lie_is_stored_as_it_came() {
        let hour_ahead = clock(Some(TimeDelta::hours(1)));
        assert_eq!(placed(&[-86_399, 0, 299], clock(None)), [(-86_399, None), (0, None), (299, None)]);
        assert_eq!(placed(&[-60], hour_ahead), [(-60, None)]);
    }

    #[test]
    fn a_clock_that_is_off_is_corrected_by_what_hello_measured() {
        assert_eq!(placed(&[3_590, 3_600], clock(Some(TimeDelta::hours(1)))), [(-10, Some(3_590)), (0, Some(3_600))]);
        let year = 365 * 86_400;
        assert_eq!(placed(&[-year], clock(Some(TimeDelta::seconds(-year)))), [(0, Some(-year))]);
    }

    #[test]
    fn without_hello_the_newest_of_a_message_was_measured_when_it_came() {
        assert_eq!(placed(&[600, 590, 0], clock(None)), [(0, Some(600)), (-10, Some(590)), (0, None)]);
    }

    #[test]
    fn what_is_too_old_is_refused_by_its_place() {
        let old = Sample::empty(now() - TimeDelta::hours(25));
        let (placed, refused) = place(vec![(3, old)], clock(None));
        assert_eq!((placed.len(), refused[0].0, refused[0].1.field.as_str()), (0, 3, "collected_at"));
    }

    #[test]
    fn what_a_device_corrected_itself_is_not_corrected_again_by_hello() {
        let sample =
            Sample { device_time: Some(now() + TimeDelta::days(9)), ..Sample::empty(now() + TimeDelta::hours(1)) };
        let (placed, _) = place(vec![(0, sample)], clock(Some(TimeDelta::days(9))));
        assert_eq!((placed[0].collected_at, placed[0].device_time), (now(), Some(now() + TimeDelta::days(9))));
    }
}
