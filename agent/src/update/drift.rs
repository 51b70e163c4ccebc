//! What is really in the targets. A file is read again only if the disk says that somebody wrote to it.

use std::{collections::BTreeMap, time::Duration};

use homepot_release::Digest;

use super::{
    disk::{Disk, Stat},
    engine::Updater,
    own::AGENT,
    report::{Report, SinceBoot, State, TargetReport},
    runner::Runner,
    store::digest_of,
};

/// Clocks of file systems tick in steps of up to 10 ms, or of 2 s on old ones. A file that is written to twice within a step looks the
/// same, so that a digest is believed only once the same look was found after this time.
const SETTLED: Duration = Duration::from_secs(3);

/// The digests that were found, with what the disk said about the files then.
#[derive(Debug, Default)]
pub(super) struct Looks(BTreeMap<String, Look>);

#[derive(Debug)]
struct Look {
    stat: Stat,
    digest: Digest,
    seen: SinceBoot,
    is_settled: bool,
}

impl<D: Disk, R: Runner> Updater<D, R> {
    /// How far the newest generation is, and what is really in the targets. It reads the files that changed since the last time.
    pub fn report(&mut self, now: SinceBoot) -> Report {
        let targets = self.look(now);
        let state = self.state();
        let waits_for = match &self.step {
            super::engine::Step::Waiting(_, reason) if state == Some(State::Waiting) => Some(reason.clone()),
            _ => None,
        };
        let job = self.job();
        Report {
            generation: self.generation(),
            state,
            reason: waits_for.or_else(|| job.map(|job| job.reason.clone())).unwrap_or_default(),
            offset: self.offset(),
            acknowledged: job.is_none_or(|job| job.acknowledged),
            targets,
        }
    }

    /// What is really in each target of the configuration.
    pub fn look(&mut self, now: SinceBoot) -> Vec<TargetReport> {
        let names: Vec<_> = self.targets.targets.keys().cloned().collect();
        names.into_iter().map(|name| self.look_at(name, now)).collect()
    }

    fn look_at(&mut self, name: String, now: SinceBoot) -> TargetReport {
        let (sha256, fault) = match self.digest_at(&name, now) {
            Ok(found) => (found, String::new()),
            Err(error) => (None, error.to_string()),
        };
        let record = self.record.targets.iter().find(|record| record.target == name);
        let installed = record.and_then(|record| record.installed.as_ref());
        TargetReport {
            name,
            sha256,
            expected: installed.and_then(|installed| Digest::from_bytes(&installed.content)),
            counter: installed.map_or(0, |installed| installed.counter),
            fault,
        }
    }

    fn digest_at(&mut self, name: &str, now: SinceBoot) -> std::io::Result<Option<Digest>> {
        let Some(place) = self.targets.targets.get(name).map(super::targets::Target::place) else { return Ok(None) };
        let Some(mut file) = self.disk.open(&place.dir, &place.file)? else {
            self.looks.0.remove(name);
            // Before the first release the installed program runs.
            return Ok(self.targets.own.filter(|_| name == AGENT).and_then(|own| own.digest));
        };
        let stat = self.disk.stat_open(&file)?;
        let before = self.looks.0.get(name).filter(|look| look.stat == stat);
        if let Some(look) = before.filter(|look| look.is_settled) {
            return Ok(Some(look.digest));
        }
        let is_settled = before.is_some_and(|look| now.saturating_sub(look.seen) >= SETTLED);
        let seen = before.map_or(now, |look| look.seen);
        let (digest, _) = digest_of(&mut self.disk, &mut file)?;
        if self.disk.stat_open(&file)? == stat {
            self.looks.0.insert(name.to_owned(), Look { stat, digest, seen, is_settled });
        }
        Ok(Some(digest))
    }
}
