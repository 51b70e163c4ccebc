//! What was measured during an attack, and which promises it broke.

use std::time::Duration;

use super::probes::Probed;

/// 99 of 100 devices attach within this time, whatever others do.
const ATTACH_P99: Duration = Duration::from_secs(5);

/// How a fleet attached.
#[derive(Clone, Debug, Default)]
pub struct Attaching {
    /// How many devices tried.
    pub devices: usize,
    /// How long each that attached took, in rising order.
    times: Vec<Duration>,
}

impl Attaching {
    pub(super) fn new(devices: usize, mut times: Vec<Duration>) -> Self {
        times.sort();
        Self { devices, times }
    }

    /// How many devices did not attach.
    pub fn missing(&self) -> usize {
        self.devices - self.times.len()
    }

    /// The time within which `percent` of all devices attached; `None` when fewer did.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let place = (self.devices * percent).div_ceil(100).max(1) - 1;
        self.times.get(place).copied()
    }
}

/// How one attack went.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The attack's name.
    pub attack: &'static str,
    /// Whether the attack reached its full strength and kept it.
    pub strong: bool,
    /// How the fleet attached before the attack.
    pub peace: Attaching,
    /// How the fleet attached during the attack.
    pub attacked: Attaching,
    /// How operators and probes were served during the attack.
    pub probes: Probed,
    /// The most memory that the server had at once.
    pub memory_mib: u64,
}

impl Verdict {
    /// The heading of [`Verdict::line`].
    pub const HEADING: &str = "attack                 attach p50/p99 in peace   under attack   ratio   missing   \
        not ready   failed calls   slowest call   memory";

    /// The promises that hold at any speed: nobody is kept out, and probes and operators are served.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut check = |holds: bool, what: String| {
            if !holds {
                broken.push(format!("{}: {what}", self.attack));
            }
        };
        check(self.strong, "the attack did not reach its strength, so nothing is shown".to_owned());
        check(self.peace.missing() == 0, format!("{} devices could not attach in peace", self.peace.missing()));
        check(self.attacked.missing() == 0, format!("{} devices could not attach", self.attacked.missing()));
        let Probed { rounds, not_ready, rest_failures, grpc_failures, .. } = self.probes;
        check(rounds > 0, "nobody asked for readiness".to_owned());
        check(not_ready == 0, format!("not ready {not_ready} times of {rounds}"));
        check(rest_failures == 0, format!("REST failed an operator {rest_failures} times of {rounds}"));
        check(grpc_failures == 0, format!("gRPC failed an operator {grpc_failures} times of {rounds}"));
        broken
    }

    /// Whether attaching took longer than promised; meant for a machine that is not busy with something else.
    pub fn too_slow(&self) -> Option<String> {
        let p99 = self.attacked.percentile(99)?;
        (p99 > ATTACH_P99).then(|| format!("{}: attaching took {p99:.1?} at p99", self.attack))
    }

    /// One line of the table.
    pub fn line(&self) -> String {
        let show = |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.3}", time.as_secs_f64()));
        let pair = |a: &Attaching| format!("{}/{} s", show(a.percentile(50)), show(a.percentile(99)));
        let ratio = self.attacked.percentile(99).zip(self.peace.percentile(99));
        let ratio = ratio.map_or("-".to_owned(), |(attacked, peace)| {
            format!("{:.1}", attacked.as_secs_f64() / peace.as_secs_f64().max(1e-6))
        });
        let failed = self.probes.rest_failures + self.probes.grpc_failures;
        format!(
            "{:<22} {:<25} {:<14} {ratio:<7} {:<9} {:<11} {:<14} {:<14} {} MiB",
            self.attack,
            pair(&self.peace),
            pair(&self.attacked),
            self.attacked.missing(),
            format!("{}/{}", self.probes.not_ready, self.probes.rounds),
            format!("{failed}/{}", 2 * self.probes.rounds),
            format!("{:.3} s", self.probes.slowest.as_secs_f64()),
            self.memory_mib,
        )
    }
}

/// The most memory that a process had at once.
pub(super) fn peak_memory_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1024
}
