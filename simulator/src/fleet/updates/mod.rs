//! What a simulated device does with releases: fetches them a part at a time, asks before it goes on, puts them in place, and ends as
//! the scenario has it. Without I/O, with time passed in.

mod kept;
mod offer;

use std::time::Duration;

use homepot::{
    model::UpdateState,
    pb::{device::v1 as pb, rollout::v1 as rollout_pb},
};
use homepot_release::{SignedManifest, verify};
use tokio::time::Instant;

pub(super) use self::kept::Kept;
use self::{kept::Pending, offer::Offer};
use crate::{
    life::chance::{fraction, mix_all},
    scenario::Updates as Rules,
};

/// While it fetches it says no more often how far that is, as the agent.
const FETCH_REPORT: Duration = Duration::from_secs(5);

/// What happens to a device, by the scenario; for good, since it is the device that is so.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    line: Option<f64>,
    bad_disk: Option<&'static str>,
    is_unhealthy: bool,
    lies: bool,
    is_silent: bool,
}

impl Fate {
    /// `lot`: what tells this device from others.
    pub(super) fn of(rules: &Rules, lot: u64) -> Self {
        let meets = |percent: f64, what: u64| fraction(mix_all(&[lot, what])) * 100.0 < percent;
        let fault =
            if meets(50.0, 1) { "no space left on device (os error 28)" } else { "input/output error (os error 5)" };
        Self {
            line: meets(rules.slow_percent, 2).then_some(rules.slow_bytes_per_second),
            bad_disk: meets(rules.bad_disk_percent, 3).then_some(fault),
            is_unhealthy: meets(rules.unhealthy_percent, 4),
            lies: meets(rules.lying_percent, 5),
            is_silent: meets(rules.silent_percent, 6),
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Updates {
    kept: Kept,
    stage: Stage,
    fate: Fate,
    /// Something newer, which waits until what is being put in place has an end.
    next: Option<Box<pb::DesiredRelease>>,
    /// Bytes of the newest that came.
    fetched: u64,
    told: Option<(pb::UpdateReport, Instant)>,
    /// When to ask again whether it may go on, where the server let it wait.
    ask_at: Option<Instant>,
    /// Whether what is kept has changed since it was written.
    is_changed: bool,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is under way.
    Idle,
    Fetching(Box<Offer>),
    /// All is there; waits for the word to go on.
    Verified(Box<Offer>),
    Applying(Instant),
    Probation(Instant),
    /// Says nothing any more.
    Silent,
}

/// An end that was reached.
pub(super) type Ended = Option<UpdateState>;

impl Updates {
    /// Goes on from what an earlier run kept: what it was putting in place has to prove itself.
    pub(super) fn new(kept: Kept, rules: &Rules, fate: Fate, now: Instant) -> Self {
        let mut updates = Self {
            kept,
            stage: Stage::Idle,
            fate,
            next: None,
            fetched: 0,
            told: None,
            ask_at: None,
            is_changed: false,
        };
        if updates.kept.pending.is_some() {
            updates.prove(rules, now);
        }
        updates
    }

    /// A session began: the server may not have what was said before, and no word to go on counts that was asked for before.
    pub(super) fn attached(&mut self) {
        self.told = None;
    }

    /// The server says what to have. `check` says whether the release is good; nothing older than what was told is taken.
    pub(super) fn desired(
        &mut self,
        desired: pb::DesiredRelease,
        check: impl FnOnce(&pb::DesiredRelease) -> Result<SignedManifest, String>,
        mut device: verify::Device,
        rules: &Rules,
        now: Instant,
    ) -> Ended {
        let generation = desired.generation;
        if generation < self.kept.generation {
            return None;
        }
        match desired.action() {
            // It is told to wait only where it asked.
            pb::UpdateAction::Unspecified | pb::UpdateAction::Wait => return None,
            pb::UpdateAction::Cancel => return self.cancel(generation),
            pb::UpdateAction::Install => {}
        }
        if generation == self.kept.generation {
            if let Stage::Fetching(offer) | Stage::Verified(offer) = &mut self.stage {
                offer.ticket = desired.transfer_ticket;
            }
            self.ask_again();
            return None;
        }
        if self.kept.pending.is_some() {
            self.next = Some(Box::new(desired));
            return None;
        }
        (self.kept.generation, self.kept.reason, self.fetched) = (generation, String::new(), 0);
        if self.fate.is_silent {
            self.stage = Stage::Silent;
            return None;
        }
        device.known = self.kept.known();
        let manifest = check(&desired).and_then(|signed| signed.for_device(&device).map_err(|error| error.to_string()));
        let offer = manifest.and_then(|manifest| {
            let said = manifest.manifest();
            if let Some(file) = said.files.iter().find(|file| !rules.targets.contains(&file.target)) {
                return Err(format!("this device has no target {}", file.target));
            }
            let is_good = !rules.unhealthy_releases.iter().any(|name| *name == said.name || *name == said.version);
            let there = self.kept.targets.iter().map(|(target, placed)| (target.clone(), placed.sha256.clone()));
            Offer::new(&desired, &manifest, is_good, there.collect(), now)
        });
        match offer {
            Ok(offer) => {
                self.fetch_on(Box::new(offer));
                None
            }
            Err(reason) => self.end(UpdateState::Rejected, &reason),
        }
    }

    fn fetch_on(&mut self, offer: Box<Offer>) {
        if offer.is_complete() {
            self.kept.state = Some(UpdateState::Verified);
            self.stage = Stage::Verified(offer);
        } else {
            self.kept.state = Some(UpdateState::Downloading);
            self.stage = Stage::Fetching(offer);
        }
    }

    fn cancel(&mut self, generation: u64) -> Ended {
        let is_newer = generation > self.kept.generation;
        let is_under_way = !matches!(self.stage, Stage::Idle);
        if !(is_newer || is_under_way) {
            return None;
        }
        let reason = if self.kept.pending.is_some() { "it was taken back, and undone" } else { "it was taken back" };
        self.kept.generation = generation;
        self.end(UpdateState::Cancelled, reason)
    }

    /// What waited until the last one had an end.
    pub(super) fn next(&mut self) -> Option<pb::DesiredRelease> {
        if self.kept.pending.is_some() { None } else { self.next.take().map(|next| *next) }
    }

    /// The server has a report, and says what to do by now; `true`: it begins.
    pub(super) fn acknowledged(&mut self, ack: &pb::UpdateReportAck, rules: &Rules, now: Instant) -> (bool, Ended) {
        let asked = self.told.as_ref().is_some_and(|(told, _)| told.state() == rollout_pb::UpdateState::Verified);
        let speaks_of_it = ack.generation == self.kept.generation && ack.state() == rollout_pb::UpdateState::Verified;
        if !(asked && speaks_of_it) {
            return (false, None);
        }
        let Stage::Verified(offer) = &self.stage else { return (false, None) };
        match ack.action() {
            pb::UpdateAction::Install => {}
            pb::UpdateAction::Wait => {
                self.ask_at = Some(now + Duration::from_secs(u64::from(ack.ask_again_seconds)));
                return (false, None);
            }
            pb::UpdateAction::Cancel | pb::UpdateAction::Unspecified => return (false, self.cancel(ack.generation)),
        }
        let pending = offer.pending.clone();
        if self.kept.has(&pending) {
            self.kept.tries(&pending);
            self.kept.puts(pending, self.fate.lies);
            return (true, self.end(UpdateState::Confirmed, ""));
        }
        self.kept.tries(&pending);
        self.kept.pending = Some(pending);
        self.kept.state = Some(UpdateState::Applying);
        self.is_changed = true;
        self.stage = Stage::Applying(now + Duration::from_secs_f64(rules.applies_ms / 1e3));
        (true, None)
    }

    /// Whether something is fetched.
    pub(super) fn fetches(&self) -> bool {
        matches!(self.stage, Stage::Fetching(_))
    }

    /// The part to ask for now.
    pub(super) fn wanted(&self, now: Instant) -> Option<pb::FetchArtifactRequest> {
        match &self.stage {
            Stage::Fetching(offer) if offer.due() <= now => offer.wanted(),
            _ => None,
        }
    }

    /// A part that was asked for at `asked` came, or did not: why, and whether it never will.
    pub(super) fn fetched(&mut self, part: Result<&[u8], &(String, bool)>, asked: Instant, now: Instant) -> Ended {
        let Stage::Fetching(offer) = &mut self.stage else { return None };
        let came = match part {
            Ok(_) if self.fate.bad_disk.is_some() => Err(self.fate.bad_disk.unwrap_or_default().to_owned()),
            Ok(part) => {
                let takes = self.fate.line.map(|line| Duration::from_secs_f64(part.len() as f64 / line.max(1.0)));
                offer.came(part, takes.map_or(now, |takes| (asked + takes).max(now)))
            }
            Err((reason, true)) => Err(reason.clone()),
            Err((_, false)) => {
                offer.failed(now);
                Ok(())
            }
        };
        self.fetched = offer.fetched;
        if let Err(reason) = came {
            return self.end(UpdateState::Failed, &reason);
        }
        if let Stage::Fetching(offer) = std::mem::replace(&mut self.stage, Stage::Idle) {
            self.fetch_on(offer);
        }
        None
    }

    /// Asks once more whether it may go on, where it was told to wait.
    fn ask_again(&mut self) {
        if self.ask_at.take().is_some() {
            self.told = None;
        }
    }

    /// Goes on with what takes its time.
    pub(super) fn go_on(&mut self, rules: &Rules, now: Instant) -> Ended {
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_again();
        }
        if matches!(self.stage, Stage::Applying(until) if until <= now) {
            self.prove(rules, now);
        }
        if !matches!(self.stage, Stage::Probation(until) if until <= now) {
            return None;
        }
        let pending = self.kept.pending.take()?;
        if self.fate.is_unhealthy || !pending.is_good {
            return self.end(UpdateState::RolledBack, "the health check did not pass: the till does not answer");
        }
        self.kept.puts(pending, self.fate.lies);
        self.end(UpdateState::Confirmed, "")
    }

    fn prove(&mut self, rules: &Rules, now: Instant) {
        self.kept.state = Some(UpdateState::Probation);
        self.stage = Stage::Probation(now + Duration::from_secs_f64(rules.probation_seconds));
    }

    fn end(&mut self, state: UpdateState, reason: &str) -> Ended {
        // Whoever says nothing any more does not say how it ended either.
        if matches!(self.stage, Stage::Silent) {
            return None;
        }
        (self.stage, self.ask_at) = (Stage::Idle, None);
        self.kept.pending = None::<Pending>;
        (self.kept.state, self.kept.reason) = (Some(state), reason.to_owned());
        self.is_changed = true;
        Some(state)
    }

    /// When something is due that no message tells of.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Fetching(offer) => Some(offer.due()),
            Stage::Applying(until) | Stage::Probation(until) => Some(*until),
            Stage::Verified(_) => self.ask_at,
            Stage::Idle | Stage::Silent => None,
        }
    }

    /// What is to be written before anything is said, where something changed that a restart must not lose.
    pub(super) fn take_changed(&mut self) -> Option<&Kept> {
        std::mem::take(&mut self.is_changed).then_some(&self.kept)
    }

    /// How far it is, and what it has, unless that was said.
    pub(super) fn report(&mut self, rules: &Rules, now: Instant) -> Option<pb::UpdateReport> {
        if matches!(self.stage, Stage::Silent) {
            return None;
        }
        let report = pb::UpdateReport {
            generation: self.kept.generation,
            state: self.kept.state.map(|state| rollout_pb::UpdateState::from(state).into()).unwrap_or_default(),
            fetched_bytes: self.fetched,
            targets: rules.targets.iter().map(|target| self.target(target)).collect(),
            reason: self.kept.reason.clone(),
            can_wait: true,
        };
        if let Some((before, at)) = &self.told {
            let bytes_only = pb::UpdateReport { fetched_bytes: before.fetched_bytes, ..report.clone() } == *before;
            let is_too_soon = self.fetches() && now < *at + FETCH_REPORT;
            if bytes_only && (before.fetched_bytes == report.fetched_bytes || is_too_soon) {
                return None;
            }
        }
        self.told = Some((report.clone(), now));
        Some(report)
    }

    fn target(&self, name: &str) -> rollout_pb::DeviceTarget {
        let placed = self.kept.targets.get(name);
        rollout_pb::DeviceTarget {
            target: name.to_owned(),
            sha256: placed.map(|placed| placed.sha256.clone()).unwrap_or_default(),
            counter: placed.map(|placed| placed.counter).unwrap_or_default(),
            drifted: false,
        }
    }
}

#[cfg(test)]
mod tests;
