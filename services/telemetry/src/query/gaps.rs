//! Stretches without samples, seen from the points that there are. Nothing in here does I/O.

use chrono::{DateTime, TimeDelta, Utc};
use homepot_store::series::Source;

use super::plan::Plan;

/// A device that usually has a point each so often misses some when it has none for this many times as long.
const TOLERANCE: (i32, i32) = (5, 2);

/// A stretch, from the start of the first missing point to the start of the next one that is there.
pub(crate) type Stretch = (DateTime<Utc>, DateTime<Utc>);

/// The stretches of `plan` without a point, up to `now`. `starts` are the starts of the points, in order, each once.
///
/// Where rollups have a point for each step, each missing one counts. Otherwise, as with samples that come every five
/// seconds and points a second apart, the usual distance is the measure: the median between neighbours. Only more than two
/// and a half times that is a gap.
pub(crate) fn missing(plan: &Plan, starts: &[DateTime<Utc>], now: DateTime<Utc>) -> Vec<Stretch> {
    let step = TimeDelta::seconds(plan.step);
    // A point whose time is not over is not missing yet.
    let end = plan.end.min(plan.floor(now));
    let usual = usual_distance(starts).unwrap_or(step);
    let every_step = usual == step && plan.source != Source::Samples;
    let tolerated = if every_step { step } else { usual * TOLERANCE.0 / TOLERANCE.1 };

    // As if there were a point just before the range and one at its end.
    let before = std::iter::once(plan.start - step).chain(starts.iter().copied());
    let after = starts.iter().copied().chain(std::iter::once(end));
    before
        .zip(after)
        .filter(|(before, after)| *after - *before > tolerated)
        .map(|(before, after)| (before + step, after))
        .filter(|(from, to)| from < to)
        .collect()
}

/// The median distance between neighbours, of an even number the smaller of the two; `None` when there are no two.
fn usual_distance(starts: &[DateTime<Utc>]) -> Option<TimeDelta> {
    let mut distances: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = distances.len().checked_sub(1)? / 2;
    Some(*distances.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn gaps(source: Source, step: i64, end: i64, starts: &[i64], now: i64) -> Vec<(i64, i64)> {
        let plan = Plan { step, source, start: at(0), end: at(end) };
        let starts: Vec<_> = starts.iter().map(|start| at(*start)).collect();
        missing(&plan, &starts, at(now)).iter().map(|(from, to)| (from.timestamp(), to.timestamp())).collect()
    }

    #[test]
    fn each_missing_minute_is_a_gap_where_there_usually_is_one() {
        assert_eq!(gaps(Source::Minutes, 60, 600, &[0, 60, 120, 240, 300, 360, 420, 480, 540], 10_000), [(180, 240)]);
        let edges = gaps(Source::Minutes, 60, 600, &[180, 240, 300], 10_000);
        assert_eq!(edges, [(0, 180), (360, 600)]);
    }

    #[test]
    fn seconds_between_two_samples_are_no_gap_and_a_long_silence_is() {
        let every_five: Vec<_> = (0..20).map(|n| n * 5).collect();
        assert!(gaps(Source::Samples, 1, 100, &every_five, 10_000).is_empty());
        let silent: Vec<_> = every_five.iter().copied().filter(|second| !(30..60).contains(second)).collect();
        assert_eq!(gaps(Source::Samples, 1, 100, &silent, 10_000), [(26, 60)]);
        // Points a step apart, and samples whose clock trembles: one point may stay empty.
        let trembling = [0, 5, 15, 20, 25, 30, 40, 45];
        assert!(gaps(Source::Samples, 5, 50, &trembling, 10_000).is_empty());
        // A device that measures every five minutes has a point every five minutes.
        assert!(gaps(Source::Minutes, 60, 1_500, &[0, 300, 600, 900, 1_200], 1_500).is_empty());
    }

    #[test]
    fn what_is_not_over_yet_is_not_missing() {
        assert!(gaps(Source::Minutes, 60, 600, &[0, 60, 120], 200).is_empty());
        assert!(gaps(Source::Minutes, 60, 600, &[0, 60], 170).is_empty());
        assert_eq!(gaps(Source::Minutes, 60, 600, &[0, 60], 185), [(120, 180)]);
        assert!(gaps(Source::Minutes, 60, 600, &[], 30).is_empty());
    }

    #[test]
    fn without_any_point_all_of_the_range_is_one_gap() {
        assert_eq!(gaps(Source::Hours, 3_600, 36_000, &[], 100_000), [(0, 36_000)]);
        assert_eq!(gaps(Source::Samples, 1, 100, &[], 10_000), [(0, 100)]);
    }
}
