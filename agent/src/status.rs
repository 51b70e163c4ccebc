//! How the agent stands: what the running one writes to `status.json`, and what `homepot-agent status` makes of it.

use std::{fmt, path::Path, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::sleep};

use crate::{
    VERSION, platform,
    protocol::{reconnect::End, spool::Spool},
    state::{StateDir, StateError},
};

const STATUS: &str = "status.json";
/// Changes closer together than this are written as one.
const WRITE_GAP: Duration = Duration::from_secs(1);
/// An agent that measures writes more often than this, or as often as it measures; see [`Status::is_stale`].
const STALE_AFTER: TimeDelta = TimeDelta::seconds(60);

/// What to do where two machines are one device.
const DISPUTED: &str = "Another machine, or a copy of this one, uses this device's id and key. Find it and stop its agent, or \
                        give this device a new key with RotateDeviceKey; then start this agent again.";

/// What the agent is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Getting ready.
    Starting,
    /// Asking for its key.
    Enrolling,
    /// Trying to attach.
    Connecting,
    /// In a session.
    Attached,
    /// Waiting for the next attempt.
    Waiting,
    /// Ended.
    Stopped,
}

/// How the running agent stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// What it is at.
    pub phase: Phase,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub agent_version: String,
    /// The server it speaks to.
    pub server: String,
    /// This device.
    pub device_id: Option<String>,
    /// Its site.
    pub site_id: Option<String>,
    /// The session's number.
    pub session_epoch: Option<u64>,
    /// When a session last began.
    pub last_attached_at: Option<DateTime<Utc>>,
    /// Why the last session or attempt ended.
    pub last_error: Option<String>,
    /// When it did.
    pub last_error_at: Option<DateTime<Utc>>,
    /// When the next attempt begins.
    pub retry_at: Option<DateTime<Utc>>,
    /// How often another machine with this device's id and key took over the session, since the agent started.
    #[serde(default)]
    pub superseded: u64,
    /// When one last did.
    #[serde(default)]
    pub superseded_at: Option<DateTime<Utc>>,
    /// It measures this often.
    pub sample_interval_ms: u64,
    /// What waits for the server.
    #[serde(default)]
    pub spool: SpoolStatus,
    /// Outcomes the server has not acknowledged.
    pub pending_outcomes: usize,
    /// When the agent started.
    pub started_at: DateTime<Utc>,
    /// When this was written.
    pub updated_at: DateTime<Utc>,
}

/// How the spool stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolStatus {
    /// Samples the server has not acknowledged.
    pub samples: u64,
    /// When the oldest of them was measured.
    pub oldest_at: Option<DateTime<Utc>>,
    /// Its size on disk.
    pub bytes: u64,
    /// Samples that were lost since the agent started.
    pub lost: u64,
    /// Samples that are lost without the server knowing it yet.
    pub lost_untold: u64,
    /// The disk does not take it: what waits is in memory.
    pub disk_fails: bool,
}

impl SpoolStatus {
    pub(crate) fn of(spool: &mut Spool) -> Self {
        Self {
            samples: spool.depth(),
            oldest_at: spool.oldest(),
            bytes: spool.bytes(),
            lost: spool.dropped(),
            lost_untold: spool.untold(),
            disk_fails: !spool.disk_works(),
        }
    }
}

impl Status {
    /// An agent that starts now.
    pub fn starting(server: &str) -> Self {
        let now = platform::wall_clock();
        Self {
            phase: Phase::Starting,
            pid: std::process::id(),
            agent_version: VERSION.to_owned(),
            server: server.to_owned(),
            device_id: None,
            site_id: None,
            session_epoch: None,
            last_attached_at: None,
            last_error: None,
            last_error_at: None,
            retry_at: None,
            superseded: 0,
            superseded_at: None,
            sample_interval_ms: 0,
            spool: SpoolStatus::default(),
            pending_outcomes: 0,
            started_at: now,
            updated_at: now,
        }
    }

    /// Whether a running agent would have written something newer, if it could.
    fn is_stale(&self, now: DateTime<Utc>) -> bool {
        let interval = TimeDelta::milliseconds(i64::try_from(self.sample_interval_ms).unwrap_or(i64::MAX));
        self.sample_interval_ms > 0 && now - self.updated_at > (interval * 3).max(STALE_AFTER)
    }

    /// A session or an attempt ended, and the next attempt begins after `wait`.
    pub fn failed(&mut self, end: &End, wait: Duration) {
        let now = platform::wall_clock();
        self.phase = Phase::Waiting;
        self.session_epoch = None;
        self.last_error = Some(end.describe());
        self.last_error_at = Some(now);
        self.retry_at = Some(now + wait);
        if end.is_superseded() {
            self.superseded += 1;
            self.superseded_at = Some(now);
        }
    }
}

impl StateDir {
    /// Writes the status; it need not survive a power cut.
    pub fn write_status(&self, status: &Status) -> Result<(), StateError> {
        let status = Status { updated_at: platform::wall_clock(), ..status.clone() };
        self.write_volatile(STATUS, &serde_json::to_vec_pretty(&status).unwrap_or_default())
    }

    fn status(&self) -> Option<Status> {
        serde_json::from_slice(&self.read(STATUS).ok()??).ok()
    }
}

/// Writes every change, a second apart at least, until the sender is gone.
pub(crate) async fn keep(state: StateDir, mut changes: watch::Receiver<Status>) {
    let mut written = true;
    while changes.changed().await.is_ok() {
        let status = changes.borrow_and_update().clone();
        let outcome = state.write_status(&status);
        // Told once, not with each sample while the disk is full.
        match &outcome {
            Err(error) if written => tracing::warn!(%error, "can't write the status; it is tried again"),
            Ok(()) if !written => tracing::info!("the status is written again"),
            _ => {}
        }
        written = outcome.is_ok();
        sleep(WRITE_GAP).await;
    }
}

/// What `homepot-agent status` tells.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether an agent runs and is attached.
    pub healthy: bool,
    /// Whether an agent runs on the state directory.
    pub running: bool,
    /// Whether there is a key that can be used.
    pub enrolled: bool,
    /// The state directory.
    pub state_dir: String,
    /// This device.
    pub device_id: Option<String>,
    /// Its site.
    pub site_id: Option<String>,
    /// What is wrong with the state directory or the key; `null`: nothing.
    pub fault: Option<String>,
    /// What the agent last wrote of itself.
    pub agent: Option<Status>,
    /// What to do next, in a sentence.
    pub next_step: String,
}

impl Report {
    /// Looks at a state directory, and changes nothing.
    pub fn of(path: &Path) -> Self {
        let mut report = Self {
            healthy: false,
            running: false,
            enrolled: false,
            state_dir: path.display().to_string(),
            device_id: None,
            site_id: None,
            fault: None,
            agent: None,
            next_step: String::new(),
        };
        match StateDir::existing(path) {
            Ok(state) => report.look(&state),
            Err(StateError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => report.fault = Some(error.to_string()),
        }
        report.next_step = report.advice();
        report
    }

    fn look(&mut self, state: &StateDir) {
        self.agent = state.status();
        match state.identity(None) {
            Ok(Some(identity)) => {
                self.enrolled = identity.key.is_some();
                self.device_id = Some(identity.device_id.to_string());
                self.site_id = identity.site_id.map(|site| site.to_string());
            }
            Ok(None) => {}
            Err(error) => self.fault = Some(error.to_string()),
        }
        self.running = state.is_locked();
        let stale = self.agent.as_ref().filter(|agent| self.running && agent.is_stale(platform::wall_clock()));
        if let Some(agent) = stale {
            let told = agent.updated_at.format("%F %T UTC");
            self.fault.get_or_insert(format!(
                "the agent runs but last told of itself at {told}; it can't write to its state directory, whose disk may be full"
            ));
        }
        let attached = self.agent.as_ref().is_some_and(|agent| agent.phase == Phase::Attached);
        self.healthy = self.running && attached && self.fault.is_none();
    }

    fn is_disputed(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| agent.superseded > 0)
    }

    fn advice(&self) -> String {
        if let Some(fault) = &self.fault {
            return format!("Put this right first: {fault}.");
        }
        let phase = self.agent.as_ref().map(|agent| agent.phase);
        match (self.running, self.enrolled, phase) {
            (true, true, Some(_)) if self.is_disputed() => DISPUTED.to_owned(),
            (true, _, Some(Phase::Attached)) => "Nothing to do.".to_owned(),
            (true, true, _) => {
                "The agent goes on trying by itself; if this lasts, look at the last error and at the server."
                    .to_owned()
            }
            (true, false, _) => {
                "The agent is enrolling; if this lasts, look at the last error and at the server's address.".to_owned()
            }
            (false, true, _) => "Start it: homepot-agent run.".to_owned(),
            (false, false, _) => {
                "Enrol this machine by starting the agent: homepot-agent run --server URL --site SITE, with the \
                 enrolment token in HOMEPOT_ENROLLMENT_TOKEN."
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let time = |time: Option<DateTime<Utc>>| or_none(time.map(|t| t.format("%Y-%m-%d %H:%M:%S UTC").to_string()));
        let yes = |flag| if flag { "yes" } else { "no" };
        writeln!(f, "{:<18}{}", "enrolled", yes(self.enrolled))?;
        writeln!(f, "{:<18}{}", "device", or_none(self.device_id.clone()))?;
        writeln!(f, "{:<18}{}", "site", or_none(self.site_id.clone()))?;
        writeln!(f, "{:<18}{}", "state directory", self.state_dir)?;
        writeln!(f, "{:<18}{}", "running", yes(self.running))?;
        if let Some(agent) = &self.agent {
            let phase = serde_json::to_value(agent.phase).ok().and_then(|v| v.as_str().map(str::to_owned));
            let phase = if self.running { or_none(phase) } else { "not running".to_owned() };
            writeln!(f, "{:<18}{phase}", "session")?;
            writeln!(f, "{:<18}{}", "server", agent.server)?;
            writeln!(f, "{:<18}{}", "last attached", time(agent.last_attached_at))?;
            let SpoolStatus { samples, oldest_at, bytes, lost, lost_untold, disk_fails } = &agent.spool;
            let since = oldest_at.map(|at| format!(" since {}", time(Some(at)))).unwrap_or_default();
            writeln!(f, "{:<18}{samples} waiting{since}, {lost} lost ({lost_untold} not told yet)", "samples")?;
            let fails = if *disk_fails { "; it can't be written, samples wait in memory" } else { "" };
            writeln!(f, "{:<18}{} KiB on disk{fails}", "spool", bytes.div_ceil(1024))?;
            writeln!(f, "{:<18}{} waiting", "outcomes", agent.pending_outcomes)?;
            if let Some(error) = &agent.last_error {
                writeln!(f, "{:<18}{error} ({})", "last error", time(agent.last_error_at))?;
            }
            if agent.superseded > 0 {
                let times = format!("{} times, last {}", agent.superseded, time(agent.superseded_at));
                writeln!(f, "{:<18}{times}", "session taken")?;
            }
            if self.running && agent.phase == Phase::Waiting {
                writeln!(f, "{:<18}{}", "next attempt", time(agent.retry_at))?;
            }
        }
        write!(f, "{:<18}{}", "next step", self.next_step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::reconnect::Farewell;

    #[test]
    fn a_machine_without_an_agent_is_told_how_to_enrol() {
        let directory = tempfile::tempdir().unwrap();
        let report = Report::of(&directory.path().join("none"));
        assert!(!report.healthy && !report.running && report.fault.is_none());
        assert!(report.to_string().contains("homepot-agent run --server URL --site SITE"));
    }

    #[test]
    fn only_a_running_and_attached_agent_is_healthy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let state = StateDir::open(&path).unwrap();
        let mut status = Status::starting("http://x");
        status.phase = Phase::Attached;
        state.write_status(&status).unwrap();
        assert!(!Report::of(&path).healthy);
        let _lock = state.lock().unwrap();
        assert!(Report::of(&path).healthy);
        // One that measures would have written again since.
        status.sample_interval_ms = 5_000;
        for (age, healthy) in [(59, true), (61, false)] {
            let old = Status { updated_at: Utc::now() - TimeDelta::seconds(age), ..status.clone() };
            state.write_volatile(STATUS, &serde_json::to_vec(&old).unwrap()).unwrap();
            let report = Report::of(&path);
            assert_eq!((report.healthy, report.fault.is_none()), (healthy, healthy), "{age} s old: {report}");
        }
        status.failed(&End::Lost, Duration::from_secs(5));
        state.write_status(&status).unwrap();
        let report = Report::of(&path);
        assert!(!report.healthy && report.to_string().contains("the connection was lost"));
    }

    #[test]
    fn a_session_that_another_machine_took_is_told_with_what_to_do_even_after_it_came_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let mut report = Report::of(&path);
        (report.running, report.enrolled) = (true, true);
        let mut status = Status::starting("http://x");
        let end = End::Goodbye { farewell: Farewell::Superseded, detail: String::new(), reconnect_after: None };
        status.failed(&end, Duration::from_secs(300));
        assert!(status.last_error.as_ref().is_some_and(|error| error.contains("uses this device's id and key")));
        for phase in [Phase::Waiting, Phase::Attached] {
            status.phase = phase;
            report.agent = Some(status.clone());
            assert!(report.advice().contains("RotateDeviceKey"), "{phase:?}");
            assert!(report.to_string().contains("session taken     1 times"));
        }
    }
}
