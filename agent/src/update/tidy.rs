//! Removes what updates leave behind.

use std::{collections::BTreeSet, io};

use homepot_release::Digest;

use super::{apply, disk::Disk, engine::Updater, journal::Change, own, runner::Runner, stage, store, targets::Target};

impl<D: Disk, R: Runner> Updater<D, R> {
    /// Removes what no job needs any more. The journal says so already, or it would be needed after a power cut.
    pub(super) fn tidy(&mut self) {
        let mut places: Vec<_> = self.targets.targets.values().map(Target::place).collect();
        places.extend(self.changes().iter().map(Change::place));
        for place in &places {
            self.warn(|disk| apply::sweep(disk, place));
        }
        let of_now = self.targets.targets.get(own::AGENT).map(Target::place);
        for place in own::of_agent(&self.changes()).into_iter().chain(of_now) {
            self.warn(|disk| own::sweep(disk, &place.dir));
        }
        let bytes = self.record.targets.iter().flat_map(|target| {
            let installed = target.installed.as_ref().map(|installed| &installed.artifact);
            installed.into_iter().chain(Some(&target.previous_artifact))
        });
        let needed: BTreeSet<_> = bytes.filter_map(|bytes| Digest::from_bytes(bytes)).collect();
        self.warn(|disk| store::prune(disk, &needed));
        self.warn(stage::clear);
    }

    fn warn(&mut self, work: impl FnOnce(&mut D) -> io::Result<()>) {
        if let Err(error) = work(&mut self.disk) {
            tracing::warn!(%error, "what an update left behind can't be removed; it is tried again at its next end");
        }
    }
}
