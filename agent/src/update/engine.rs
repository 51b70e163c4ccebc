//! The machine: what each event does in each phase, and what is on disk before it does.

use std::{collections::BTreeMap, io, time::Duration};

use homepot_release::Known;

use super::{
    apply::{self, ApplyError},
    disk::Disk,
    download::Download,
    drift::Looks,
    journal::{self, Job, JobFile, Phase, Record, digest},
    proof::Proof,
    report::{Action, Event, Offer, SinceBoot, State},
    runner::Runner,
    targets::{Targets, Timing},
};

/// The most of a reason that is kept, in characters.
const MAX_REASON: usize = 500;
const MAX_RETRY: Duration = Duration::from_secs(60);

/// Puts releases in place. See the [module](super).
pub struct Updater<D: Disk, R> {
    pub(super) disk: D,
    pub(super) runner: R,
    pub(super) targets: Targets,
    pub(super) timing: Timing,
    boot: String,
    /// As the journal has it, or as it is to have it: see `unsaved`.
    pub(super) record: Record,
    /// The journal could not be written, and what it says is behind `record`. It is written as soon as the disk lets us.
    unsaved: bool,
    pub(super) step: Step<D::File>,
    pub(super) proof: Option<Proof>,
    /// A newer release that came while one was on probation.
    pending: Option<Box<Offer>>,
    retry_at: Option<SinceBoot>,
    failures: u32,
    pub(super) looks: Looks,
    pub(super) actions: Vec<Action>,
    /// A session began since the start.
    pub(super) was_attached: bool,
    /// The launcher is to start what is there now: nothing is done any more.
    pub(super) is_leaving: bool,
}

/// How far an accepted job is. None of it has to survive: it is found out again.
pub(super) enum Step<F> {
    /// It is not known yet what is there.
    Begin,
    Download(Download<F>),
    /// All is there and checked; `String`: what it waits for.
    Waiting(Vec<apply::Ready>, String),
}

impl<D: Disk, R: Runner> Updater<D, R> {
    /// Reads the journal and undoes or goes on with what was cut short. `boot` is the id of the boot: a deadline of another boot means
    /// nothing. An error is one of the disk, and nothing was touched; try again later. Call [`Updater::handle`] with [`Event::Tick`]
    /// next.
    pub fn open(
        mut disk: D,
        runner: R,
        targets: Targets,
        timing: Timing,
        boot: &str,
        now: SinceBoot,
    ) -> io::Result<Self> {
        let record = journal::read(&mut disk)?;
        let mut updater = Self {
            disk,
            runner,
            targets,
            timing,
            boot: boot.to_owned(),
            record,
            unsaved: false,
            step: Step::Begin,
            proof: None,
            pending: None,
            retry_at: None,
            failures: 0,
            looks: Looks::default(),
            actions: Vec::new(),
            was_attached: false,
            is_leaving: false,
        };
        match updater.phase() {
            Some(Phase::Applying) => {
                let changes = updater.changes();
                let reason = updater.taken_back(&changes);
                let reason = reason.as_deref().unwrap_or("it was cut short while files were put in place");
                updater.restore(Phase::RolledBack, reason, now);
            }
            Some(Phase::RollbackFailed) => {
                let reason = updater.job().map(|job| job.reason.clone()).unwrap_or_default();
                updater.restore(Phase::RolledBack, &reason, now);
            }
            Some(Phase::Probation) => updater.resume_probation(now),
            Some(Phase::Accepted | Phase::Unspecified) | None => {}
            Some(_) => updater.tidy(),
        }
        Ok(updater)
    }

    /// Takes an event, and says what to do about it.
    pub fn handle(&mut self, event: Event, now: SinceBoot) -> Vec<Action> {
        match event {
            _ if self.is_leaving => {}
            Event::Offer(offer) => self.offer(offer, now),
            Event::Refuse { generation, reason } => self.refuse(generation, &reason),
            Event::Chunk { digest, offset, bytes } => self.chunk(digest, offset, &bytes, now),
            Event::ChunkFailed { digest, reason, is_final } => self.chunk_failed(digest, &reason, is_final, now),
            Event::Apply { generation } if self.is_current(generation) => self.apply(now),
            Event::Hold { generation, reason } if self.is_current(generation) => self.hold(reason),
            Event::Cancel { generation } if self.is_current(generation) => self.cancel(now),
            Event::Acknowledge { generation, state } if self.is_current(generation) => self.acknowledge(state),
            Event::Attached => self.was_attached = true,
            Event::Tick => self.tick(now),
            // What is said of another generation is late.
            Event::Apply { .. } | Event::Hold { .. } | Event::Cancel { .. } | Event::Acknowledge { .. } => {}
        }
        std::mem::take(&mut self.actions)
    }

    /// After which time to hand in [`Event::Tick`]; `None`: nothing is due.
    pub fn wake_after(&self, now: SinceBoot) -> Option<Duration> {
        let is_over = self.phase().is_none_or(is_end);
        if self.is_leaving {
            return None;
        }
        let due = [
            self.retry_at,
            (self.unsaved && self.retry_at.is_none()).then(|| now + self.timing.retry),
            (self.pending.is_some() && is_over).then_some(now),
            self.proof.as_ref().map(|proof| proof.next_check),
            match &self.step {
                Step::Begin if self.phase() == Some(Phase::Accepted) => Some(now),
                Step::Download(download) => Some(download.due),
                _ => None,
            },
        ];
        due.into_iter().flatten().min().map(|due| due.saturating_sub(now))
    }

    /// What this device knows about its targets, for [`homepot_release::verify::verify`].
    pub fn known(&self) -> BTreeMap<String, Known> {
        let known = |target: &journal::TargetRecord| Known {
            highest: (target.highest > 0).then(|| (target.highest, digest(&target.highest_manifest))),
            installed: target.installed.as_ref().map(|installed| digest(&installed.manifest)),
        };
        self.record.targets.iter().map(|target| (target.target.clone(), known(target))).collect()
    }

    /// How far the newest generation is; `None` before the first.
    pub fn state(&self) -> Option<State> {
        Some(match self.phase()? {
            Phase::Accepted | Phase::Unspecified => match self.step {
                Step::Waiting(..) => State::Waiting,
                Step::Begin | Step::Download(_) => State::Downloading,
            },
            Phase::Applying => State::Applying,
            Phase::Probation => State::Probation,
            Phase::Confirmed => State::Confirmed,
            Phase::Rejected => State::Rejected,
            Phase::Failed => State::Failed,
            Phase::RolledBack => State::RolledBack,
            Phase::RollbackFailed => State::RollbackFailed,
            Phase::Cancelled => State::Cancelled,
        })
    }

    fn offer(&mut self, offer: Box<Offer>, now: SinceBoot) {
        let newest = self.generation().max(self.pending.as_ref().map_or(0, |pending| pending.generation));
        if offer.generation <= newest {
            // The server may not have what was said about it.
            self.actions.push(Action::Report);
            return;
        }
        if self.phase() == Some(Phase::RollbackFailed) {
            // A broken release must not be in the way of the one that mends it.
            self.retry_restore(now);
        }
        match self.phase() {
            Some(Phase::Probation | Phase::RollbackFailed | Phase::Applying) => self.pending = Some(offer),
            _ => self.start(&offer, now),
        }
    }

    fn start(&mut self, offer: &Offer, now: SinceBoot) {
        let manifest = offer.manifest.manifest();
        let job = Job {
            generation: offer.generation,
            manifest: offer.manifest.digest().as_bytes().to_vec(),
            counter: manifest.counter,
            files: manifest.files.iter().map(JobFile::new).collect(),
            validators: manifest.validators.clone(),
            health: manifest.health.clone(),
            values: offer.values.encode(),
            has_secrets: offer.values.has_secrets(),
            phase: Phase::Accepted.into(),
            ..Job::default()
        };
        (self.step, self.proof) = (Step::Begin, None);
        let unknown = self.unknown_name(&job);
        self.record.job = Some(job);
        if let Some(unknown) = unknown {
            return self.finish(Phase::Rejected, &unknown);
        }
        if let Err(error) = journal::write(&mut self.disk, &self.record) {
            return self.finish(Phase::Failed, &format!("can't write the journal of updates: {error}"));
        }
        self.unsaved = false;
        self.actions.push(Action::Report);
        self.advance(now);
    }

    /// What the job names and the configuration does not.
    fn unknown_name(&self, job: &Job) -> Option<String> {
        let target = job.files.iter().find(|file| !self.targets.targets.contains_key(&file.target));
        let mut checks = job.validators.iter().chain(&job.health);
        let check = checks.find(|check| !self.targets.checks.contains_key(*check));
        target
            .map(|file| format!("this device has no target {} in its configuration", file.target))
            .or_else(|| check.map(|check| format!("this device has no check {check} in its configuration")))
    }

    fn refuse(&mut self, generation: u64, reason: &str) {
        let is_busy = matches!(self.phase(), Some(Phase::Probation | Phase::RollbackFailed | Phase::Applying));
        if generation <= self.generation() || is_busy {
            return;
        }
        self.step = Step::Begin;
        self.record.job = Some(Job { generation, ..Job::default() });
        self.finish(Phase::Rejected, reason);
    }

    fn hold(&mut self, reason: String) {
        if let Step::Waiting(_, waits_for) = &mut self.step
            && *waits_for != reason
        {
            *waits_for = short(&reason);
            self.actions.push(Action::Report);
        }
    }

    fn cancel(&mut self, now: SinceBoot) {
        match self.phase() {
            Some(Phase::Accepted | Phase::Unspecified) => self.finish(Phase::Cancelled, "the server took it back"),
            // Once it has proved itself the journal may say so, and the old files may not come back any more.
            Some(Phase::Probation) if !self.proof.as_ref().is_some_and(|proof| proof.is_proven) => {
                self.restore(Phase::Cancelled, "the server took it back", now);
            }
            _ => {}
        }
    }

    fn acknowledge(&mut self, state: State) {
        if self.state() != Some(state) || !self.phase().is_some_and(is_end) {
            return;
        }
        if let Some(job) = self.record.job.as_mut().filter(|job| !job.acknowledged) {
            job.acknowledged = true;
            self.save();
        }
    }

    /// Puts the files in place. What is needed to bring the old ones back is on disk before the first is touched.
    fn apply(&mut self, now: SinceBoot) {
        let (Some(Phase::Accepted), Step::Waiting(ready, _)) = (self.phase(), &self.step) else { return };
        let ready = ready.clone();
        let (find, patience) = (|name: &str| self.targets.targets.get(name), self.timing.probation);
        let prepared = apply::prepare(&mut self.disk, &ready, find, patience).map_err(|error| error.to_string());
        let changes = match prepared.and_then(|changes| self.try_agent(&changes).map(|()| changes)) {
            Ok(changes) => changes,
            Err(fault) => return self.finish(Phase::Failed, &fault),
        };
        self.step = Step::Begin;
        let mut record = self.record.clone();
        let Some(job) = record.job.as_mut() else { return };
        job.changes = changes.clone();
        for file in &mut job.files {
            if let Some(ready) = ready.iter().find(|ready| ready.target == file.target) {
                file.set_content(&ready.content);
            }
        }
        job.phase = if changes.is_empty() { Phase::Confirmed } else { Phase::Applying }.into();
        let (counter, manifest) = (job.counter, job.manifest.clone());
        for file in &ready {
            let target = record.target(&file.target);
            if counter > target.highest {
                (target.highest, target.highest_manifest) = (counter, manifest.clone());
            }
        }
        if changes.is_empty() {
            self.record = record;
            self.install();
            return self.finish(Phase::Confirmed, "");
        }
        if let Err(error) = journal::write(&mut self.disk, &record) {
            // It may be there all the same. A restart then brings back old files that were never replaced, which is harmless.
            return self.finish(Phase::Failed, &format!("can't write the journal of updates: {error}"));
        }
        self.record = record;
        if let Err(error) = apply::swap(&mut self.disk, &changes) {
            return self.restore(Phase::RolledBack, &error.to_string(), now);
        }
        self.begin_probation(now);
    }

    /// Brings the old files back, and ends as `end`; or tries again later.
    pub(super) fn restore(&mut self, end: Phase, reason: &str, now: SinceBoot) {
        self.proof = None;
        let changes = self.changes();
        match apply::put_back(&mut self.disk, &changes) {
            Ok(()) => {
                (self.retry_at, self.failures) = (None, 0);
                let reloaded = self.reload(&changes);
                let reason = match reloaded {
                    Ok(()) => reason.to_owned(),
                    Err(fault) => format!("{reason}; the old files are back, but: {fault}"),
                };
                self.finish(end, &reason);
                self.leave_if_replaced(&changes);
            }
            Err(error) => self.restore_failed(reason, &error, now),
        }
    }

    fn restore_failed(&mut self, reason: &str, error: &ApplyError, now: SinceBoot) {
        self.back_off(now);
        if self.phase() == Some(Phase::RollbackFailed) {
            return;
        }
        tracing::error!(%error, "the old files can't be brought back; it is tried again");
        if let Some(job) = &mut self.record.job {
            job.phase = Phase::RollbackFailed.into();
            job.reason = short(&format!("{reason}; {error}"));
        }
        self.save();
        self.actions.push(Action::Report);
    }

    fn retry_restore(&mut self, now: SinceBoot) {
        let reason = self.job().map(|job| job.reason.clone()).unwrap_or_default();
        self.restore(Phase::RolledBack, &reason, now);
    }

    /// Ends the job. The values go: nobody needs them any more.
    pub(super) fn finish(&mut self, end: Phase, reason: &str) {
        (self.step, self.proof, self.retry_at, self.failures) = (Step::Begin, None, None, 0);
        if let Some(job) = &mut self.record.job {
            job.phase = end.into();
            job.reason = short(reason);
            job.acknowledged = false;
            job.values.clear();
            tracing::info!(generation = job.generation, state = ?end, reason, "an update has ended");
        }
        self.save();
        self.actions.push(Action::Report);
    }

    /// Notes that the files of the job are what is in place.
    pub(super) fn install(&mut self) {
        let Some(job) = self.record.job.clone() else { return };
        for file in &job.files {
            let artifact = file.digest().as_bytes().to_vec();
            let target = self.record.target(&file.target);
            if let Some(before) = &target.installed
                && before.artifact != artifact
            {
                target.previous_artifact = before.artifact.clone();
            }
            target.installed = Some(journal::Installed {
                manifest: job.manifest.clone(),
                counter: job.counter,
                artifact,
                content: file.content().to_vec(),
            });
        }
    }

    /// Writes the journal; where that fails, it is tried again with each tick.
    fn save(&mut self) {
        match journal::write(&mut self.disk, &self.record) {
            Ok(()) => {
                self.unsaved = false;
                if self.phase().is_some_and(is_end) {
                    self.tidy();
                }
            }
            Err(error) => {
                if !self.unsaved {
                    tracing::error!(%error, "the journal of updates can't be written; it is tried again");
                }
                self.unsaved = true;
            }
        }
    }

    fn tick(&mut self, now: SinceBoot) {
        let is_due = self.retry_at.is_none_or(|at| now >= at);
        if self.unsaved && is_due {
            self.save();
            self.retry_at = None;
            if self.unsaved {
                self.back_off(now);
            }
        }
        match self.phase() {
            Some(Phase::Accepted) => self.tick_download(now),
            Some(Phase::Probation) => self.check_proof(now),
            Some(Phase::RollbackFailed) if is_due => self.retry_restore(now),
            _ => {}
        }
        if self.phase().is_none_or(is_end)
            && let Some(offer) = self.pending.take()
        {
            self.start(&offer, now);
        }
    }

    /// Sets the time of the next try.
    pub(super) fn back_off(&mut self, now: SinceBoot) {
        let wait = self.timing.retry.saturating_mul(1 << self.failures.min(6)).min(MAX_RETRY);
        self.failures += 1;
        self.retry_at = Some(now + wait);
    }

    /// Something worked: the next failure is a first one.
    pub(super) fn worked(&mut self) {
        (self.retry_at, self.failures) = (None, 0);
    }

    /// Takes the time of the next try, for whoever keeps it.
    pub(super) fn take_retry(&mut self) -> Option<SinceBoot> {
        self.retry_at.take()
    }

    pub(super) fn set_unsaved(&mut self) {
        self.unsaved = true;
    }

    pub(super) fn boot(&self) -> &str {
        &self.boot
    }

    /// What the newest job replaces.
    pub(super) fn changes(&self) -> Vec<journal::Change> {
        self.job().map(|job| job.changes.clone()).unwrap_or_default()
    }

    pub(super) fn job(&self) -> Option<&Job> {
        self.record.job.as_ref()
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        self.job().map(Job::phase)
    }

    /// The newest generation that this device knows; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.job().map_or(0, |job| job.generation)
    }

    fn is_current(&self, generation: u64) -> bool {
        self.job().is_some_and(|job| job.generation == generation)
    }
}

fn is_end(phase: Phase) -> bool {
    matches!(phase, Phase::Confirmed | Phase::Rejected | Phase::Failed | Phase::RolledBack | Phase::Cancelled)
}

pub(super) fn short(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}
