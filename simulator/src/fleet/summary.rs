//! What a run came to, for people and for scripts.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::tally::Tally;

/// Each number is of the whole run.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) fleet: String,
    pub(super) scenario: String,
    pub(super) seed: u64,
    pub(super) devices: u32,
    pub(super) enrolled: u64,
    pub(super) newly_enrolled: u64,
    /// Devices that held a session at some time.
    pub(super) attached: u64,
    pub(super) sessions: u64,
    pub(super) connections_cut: u64,
    pub(super) restarts: u64,
    pub(super) enrolment_seconds: f64,
    /// From the first device to the last one attached; absent: not all were.
    pub(super) ramp_seconds: Option<f64>,
    pub(super) seconds: f64,
    pub(super) samples: Samples,
    pub(super) acknowledgement_ms: Latency,
    pub(super) commands: Commands,
    pub(super) releases: Releases,
    pub(super) errors: BTreeMap<String, u64>,
    /// The most resident memory of this process.
    pub(super) memory_peak_bytes: Option<u64>,
    /// Ended by Ctrl-C or SIGTERM, before its time was over.
    pub(super) interrupted: bool,
    /// Whether everything that was sent was acknowledged, and every device of a run that was not interrupted attached.
    pub(super) agrees: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Samples {
    pub(super) measured: u64,
    pub(super) sent: u64,
    pub(super) resent: u64,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    /// Dropped for want of room while the server was away, and told so.
    pub(super) lost: u64,
    /// Sent, and neither acknowledged nor refused nor told as lost.
    pub(super) unanswered: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) max: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Commands {
    pub(super) received: u64,
    /// Outcomes that the server has.
    pub(super) answered: u64,
    pub(super) outcomes: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Releases {
    /// Begun to be put in place.
    pub(super) begun: u64,
    pub(super) ended: BTreeMap<&'static str, u64>,
    pub(super) fetched_bytes: u64,
}

impl Samples {
    pub(super) fn of(tally: &Tally) -> Self {
        let (sent, acknowledged) = (tally.sent.get(), tally.acknowledged.get());
        let settled = acknowledged + tally.refused.get() + tally.lost_after_sending.get();
        Self {
            measured: tally.measured.get(),
            sent,
            resent: tally.resent.get(),
            acknowledged,
            refused: tally.refused.get(),
            lost: tally.lost.get(),
            unanswered: sent.saturating_sub(settled),
        }
    }

    /// Nothing refused, nothing open, and nothing that was measured is left behind.
    pub(super) fn agree(&self) -> bool {
        self.refused == 0 && self.unanswered == 0 && self.measured == self.acknowledged + self.lost
    }
}

impl Latency {
    pub(super) fn of(tally: &Tally) -> Self {
        let counts = tally.latency.read();
        let ms =
            |hundredths| counts.quantile(hundredths).map(|took: Duration| (took.as_secs_f64() * 1e5).round() / 100.0);
        Self { p50: ms(50.0), p99: ms(99.0), max: ms(100.0) }
    }
}

/// The most resident memory so far, as Linux tells it.
pub(super) fn memory_peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, commands, releases, acknowledgement_ms: latency, .. } = self;
        let or_dash = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
        writeln!(f, "fleet {}: {} devices, scenario {}, seed {}", self.fleet, self.devices, self.scenario, self.seed)?;
        writeln!(
            f,
            "  enrolled      {} ({} new, {:.1} s)",
            self.enrolled, self.newly_enrolled, self.enrolment_seconds
        )?;
        let ramp = self.ramp_seconds.map_or_else(String::new, |seconds| format!(", all of them after {seconds:.1} s"));
        writeln!(f, "  attached      {}{ramp}; {} sessions", self.attached, self.sessions)?;
        writeln!(f, "  simulated     {} connections cut, {} restarts", self.connections_cut, self.restarts)?;
        writeln!(
            f,
            "  samples       {} measured, {} sent, {} acknowledged, {} refused, {} lost, {} unanswered",
            samples.measured, samples.sent, samples.acknowledged, samples.refused, samples.lost, samples.unanswered
        )?;
        writeln!(
            f,
            "  acknowledged  p50 {} ms, p99 {} ms, at most {} ms",
            or_dash(latency.p50),
            or_dash(latency.p99),
            or_dash(latency.max)
        )?;
        let each = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(
            f,
            "  commands      {} received, {} answered  {}",
            commands.received,
            commands.answered,
            each(&commands.outcomes)
        )?;
        if !releases.ended.is_empty() || releases.begun > 0 {
            let mib = releases.fetched_bytes as f64 / (1 << 20) as f64;
            writeln!(f, "  releases      {} begun, {mib:.1} MiB fetched  {}", releases.begun, each(&releases.ended))?;
        }
        for (error, count) in &self.errors {
            writeln!(f, "  {count:>6} times  {error}")?;
        }
        if let Some(bytes) = self.memory_peak_bytes {
            writeln!(f, "  memory        {:.1} MiB at most", bytes as f64 / (1 << 20) as f64)?;
        }
        let verdict = if self.agrees {
            "everything that was sent was acknowledged"
        } else {
            "what was sent and what was acknowledged DISAGREE"
        };
        write!(f, "  {verdict}, after {:.1} s", self.seconds)
    }
}
