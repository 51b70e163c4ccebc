//! What a run came to, for people and for scripts.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{
    Args,
    play::{Counts, Played},
};

/// Each number is of the whole run.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    seed: u64,
    planned: u64,
    sent: u64,
    acknowledged: u64,
    refused: u64,
    /// Nobody knows whether the server has them.
    unanswered: u64,
    activities: OfKind,
    errors: OfKind,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    seconds: f64,
    /// The furthest that a request went out behind its time.
    behind_ms: f64,
    /// Ended before all that was planned was sent.
    interrupted: bool,
    /// Why requests were not acknowledged, with how often.
    refusals: BTreeMap<String, u64>,
    /// Whether everything that was sent was acknowledged.
    pub(super) agrees: bool,
}

#[derive(Debug, Serialize)]
struct OfKind {
    sent: u64,
    acknowledged: u64,
    refused: u64,
    unanswered: u64,
}

impl OfKind {
    fn of(counts: &Counts) -> Self {
        Self {
            sent: counts.sent.get(),
            acknowledged: counts.acknowledged.get(),
            refused: counts.refused.get(),
            unanswered: counts.unanswered.get(),
        }
    }
}

impl Summary {
    pub(super) fn new(args: &Args, played: &Played) -> Self {
        let tally = &played.tally;
        let (activities, errors) = (OfKind::of(&tally.activities), OfKind::of(&tally.errors));
        let latency = tally.latency.read();
        let sum = |of: fn(&OfKind) -> u64| of(&activities) + of(&errors);
        let (sent, acknowledged) = (sum(|kind| kind.sent), sum(|kind| kind.acknowledged));
        Self {
            seed: args.seed,
            planned: played.planned,
            sent,
            acknowledged,
            refused: sum(|kind| kind.refused),
            unanswered: sum(|kind| kind.unanswered),
            p50_ms: latency.quantile(50.0).map(millis),
            p99_ms: latency.quantile(99.0).map(millis),
            seconds: played.took.as_secs_f64(),
            behind_ms: millis(played.behind),
            interrupted: played.interrupted,
            refusals: tally.refusals.lock().clone(),
            agrees: sent == acknowledged && (played.interrupted || sent == played.planned),
            activities,
            errors,
        }
    }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |millis: Option<f64>| millis.map_or_else(|| "-".to_owned(), |millis| format!("{millis:.1} ms"));
        let row = |f: &mut fmt::Formatter<'_>, name: &str, kind: &OfKind| {
            writeln!(
                f,
                "{name:<12} sent {}  acknowledged {}  refused {}  unanswered {}",
                kind.sent, kind.acknowledged, kind.refused, kind.unanswered
            )
        };
        row(f, "activities", &self.activities)?;
        row(f, "errors", &self.errors)?;
        for (why, times) in &self.refusals {
            writeln!(f, "{times:>12} × {why}")?;
        }
        writeln!(f, "{:<12} p50 {}  p99 {}", "answers", told(self.p50_ms), told(self.p99_ms))?;
        write!(f, "{:<12} {:.1} s, at most {:.0} ms behind its times", "took", self.seconds, self.behind_ms)
    }
}
