//! Probation: a release that is in place has to prove itself, or the old files come back.
//!
//! It counts as well once all health checks have passed for a while without a break. It is undone when that does not happen in time,
//! when the agent has started three times meanwhile, or when somebody else changed its files. That the server can't be reached undoes
//! nothing.

use std::time::Duration;

use super::{
    apply,
    disk::Disk,
    engine::Updater,
    journal::{self, Change, Job, Phase},
    own,
    report::{Action, SinceBoot},
    runner::Runner,
    targets::Timing,
};

/// Starts of the agent during one probation that are one too many.
const MAX_STARTS: u32 = 3;

/// A probation.
pub(super) struct Proof {
    deadline: SinceBoot,
    pub(super) next_check: SinceBoot,
    healthy_since: Option<SinceBoot>,
    fault: String,
    /// It is well, and only the journal has to say so. Nothing undoes it any more.
    pub(super) is_proven: bool,
}

impl Proof {
    fn new(deadline: SinceBoot, now: SinceBoot) -> Self {
        let fault = "no health check has passed".to_owned();
        Self { deadline, next_check: now, healthy_since: None, fault, is_proven: false }
    }
}

impl<D: Disk, R: Runner> Updater<D, R> {
    /// All files are in place.
    pub(super) fn begin_probation(&mut self, now: SinceBoot) {
        let deadline = now + self.timing.probation;
        let mut record = self.record.clone();
        let Some(job) = record.job.as_mut() else { return };
        job.phase = Phase::Probation.into();
        (job.boot, job.deadline, job.starts) = (self.boot().to_owned(), crate::milliseconds(deadline), 0);
        job.values.clear();
        let changes = job.changes.clone();
        if let Err(error) = journal::write(&mut self.disk, &record) {
            // It may be there all the same. A restart then finds old files in place, and ends the job.
            let reason = format!("can't write the journal of updates: {error}");
            return self.restore(Phase::RolledBack, &reason, now);
        }
        self.record = record;
        self.actions.push(Action::Report);
        // The new agent proves itself, not this one.
        self.leave_if_replaced(&changes);
        if !self.is_leaving {
            self.prove(&changes, deadline, now);
        }
    }

    /// The agent has started while a release was on probation.
    pub(super) fn resume_probation(&mut self, now: SinceBoot) {
        let Some(mut job) = self.job().cloned() else { return };
        let is_same_boot = job.boot == self.boot();
        let mut deadline = Duration::from_millis(job.deadline);
        if !is_same_boot {
            deadline = now + self.timing.probation;
            (job.boot, job.deadline) = (self.boot().to_owned(), crate::milliseconds(deadline));
        }
        job.starts += 1;
        let changes = job.changes.clone();
        let starts = job.starts;
        self.record.job = Some(job);
        let taken_back = self.taken_back(&changes).map_or(Ok(()), Err);
        if let Err(reason) = taken_back.and_then(|()| self.changed(&changes)).and_then(|()| self.runs_another(&changes))
        {
            return self.restore(Phase::RolledBack, &reason, now);
        }
        // The first start of a new agent is meant.
        if starts >= MAX_STARTS + u32::from(own::is_replaced(&changes)) {
            let reason = format!("the agent has started {starts} times since the files are in place");
            return self.restore(Phase::RolledBack, &reason, now);
        }
        if is_same_boot && now >= deadline {
            return self.restore(Phase::RolledBack, "it did not prove itself in time", now);
        }
        if let Err(error) = journal::write(&mut self.disk, &self.record) {
            tracing::error!(%error, "the journal of updates can't be written; it is tried again");
            self.set_unsaved();
        }
        self.prove(&changes, deadline, now);
    }

    fn prove(&mut self, changes: &[Change], deadline: SinceBoot, now: SinceBoot) {
        if let Err(fault) = self.reload(changes) {
            return self.restore(Phase::RolledBack, &fault, now);
        }
        self.proof = Some(Proof::new(deadline, now));
        self.actions.push(Action::Report);
    }

    /// Runs the reload programs of these targets, each once.
    pub(super) fn reload(&mut self, changes: &[Change]) -> Result<(), String> {
        let Some(job) = self.job().cloned() else { return Ok(()) };
        let mut rules = Vec::new();
        for change in changes {
            let target = self.targets.targets.get(&change.target);
            rules.extend(target.and_then(|target| target.reload.clone()).filter(|rule| !rules.contains(rule)));
        }
        let mut result = Ok(());
        for rule in rules {
            // All run, whatever becomes of one: they are of different services.
            let run = self.run(&rule, &job, "", self.timing.program);
            result = result.and(run.map_err(|fault| format!("a reload failed: {fault}")));
        }
        result
    }

    /// Whether it is time to look how the release does, and if so what follows.
    pub(super) fn check_proof(&mut self, now: SinceBoot) {
        let Some(job) = self.job().cloned() else { return };
        if self.proof.is_none() {
            // Only an error of the disk at the start leaves a probation without one.
            self.proof = Some(Proof::new(now + self.timing.probation, now));
        }
        match &self.proof {
            Some(proof) if proof.is_proven => return self.confirm(now),
            Some(proof) if now >= proof.next_check => {}
            _ => return,
        }
        let health = self.check_health(&job);
        let Timing { healthy_for, health_interval, .. } = self.timing;
        let Some(proof) = &mut self.proof else { return };
        match health {
            Ok(()) => {
                let since = *proof.healthy_since.get_or_insert(now);
                // An agent that never attached may be to blame for that, or not: it has to be well for the whole probation.
                let waits = own::is_replaced(&job.changes) && !self.was_attached && now < proof.deadline;
                if now.saturating_sub(since) >= healthy_for && !waits {
                    return self.confirm(now);
                }
                let due = if waits { proof.deadline } else { since + healthy_for };
                proof.next_check = (now + health_interval).min(due);
            }
            Err(fault) => {
                if now >= proof.deadline {
                    let reason = format!("it did not prove itself in time: {fault}");
                    return self.restore(Phase::RolledBack, &reason, now);
                }
                (proof.healthy_since, proof.fault) = (None, fault);
                proof.next_check = (now + health_interval).min(proof.deadline);
            }
        }
    }

    /// Runs the health checks of the targets that changed, and those that the release names.
    fn check_health(&mut self, job: &Job) -> Result<(), String> {
        for change in &job.changes {
            let target = self.targets.targets.get(&change.target);
            let Some(rule) = target.and_then(|target| target.health.clone()) else { continue };
            let run = self.run(&rule, job, &change.target, self.timing.health);
            run.map_err(|fault| format!("the health check of {} failed: {fault}", change.target))?;
        }
        for name in &job.health {
            let Some(rule) = self.targets.checks.get(name).cloned() else { continue };
            let run = self.run(&rule, job, "", self.timing.health);
            run.map_err(|fault| format!("the health check {name} failed: {fault}"))?;
        }
        Ok(())
    }

    /// It has proved itself: the journal says so, and from then on the old files are not needed. While the journal can't be written,
    /// it is tried again, and the new files stay.
    fn confirm(&mut self, now: SinceBoot) {
        let changes = self.job().map(|job| job.changes.clone()).unwrap_or_default();
        let is_proven = self.proof.as_ref().is_some_and(|proof| proof.is_proven);
        if !is_proven && let Err(reason) = self.changed(&changes) {
            return self.restore(Phase::RolledBack, &reason, now);
        }
        let before = self.record.clone();
        self.install();
        if let Some(job) = &mut self.record.job {
            job.phase = Phase::Confirmed.into();
        }
        match journal::write(&mut self.disk, &self.record) {
            Ok(()) => {
                self.finish(Phase::Confirmed, "");
                self.leave_launcher(&changes);
            }
            Err(error) => {
                tracing::error!(%error, "the journal of updates can't be written; it is tried again");
                self.record = before;
                self.back_off(now);
                let next_check = self.take_retry().unwrap_or(now);
                if let Some(proof) = &mut self.proof {
                    (proof.is_proven, proof.next_check) = (true, next_check);
                }
            }
        }
    }

    /// Whether every file is still the new one; the error tells which is not.
    fn changed(&mut self, changes: &[Change]) -> Result<(), String> {
        for change in changes {
            match apply::holds(&mut self.disk, change) {
                Ok(true) => {}
                Ok(false) => return Err(format!("{} was changed by something else while on probation", change.target)),
                Err(error) => return Err(format!("can't read {}: {error}", change.target)),
            }
        }
        Ok(())
    }
}
