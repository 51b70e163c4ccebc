//! Fetches the artifacts of an accepted job, one after the other, a chunk at a time.

use std::{collections::BTreeSet, io};

use homepot_release::Digest;

use super::{
    disk::{Dir, Disk},
    engine::{Step, Updater},
    journal::Phase,
    report::{Action, SinceBoot},
    runner::Runner,
    store::{self, Part, Wrong},
};

/// The most bytes that are asked for at a time. While a part is read it lies in memory about three times, and an agent has little; the
/// server takes it from its own parts, which are a multiple of this.
const CHUNK_BYTES: u64 = 64 * 1024;
/// What has to stay free beside the artifacts.
const MARGIN: u64 = 1024 * 1024;
/// How often an artifact may arrive whole and wrong.
const MAX_WRONG: u32 = 3;

/// An artifact that is being fetched.
pub(super) struct Download<F> {
    part: Part<F>,
    /// What is there already, with its size.
    done: BTreeSet<Digest>,
    done_bytes: u64,
    /// When the chunk is asked for again, should it not come.
    pub(super) due: SinceBoot,
    wrong: u32,
}

impl<D: Disk, R: Runner> Updater<D, R> {
    /// Finds what is missing and asks for it; when nothing is, the job goes on.
    pub(super) fn advance(&mut self, now: SinceBoot) {
        self.advance_with(BTreeSet::new(), 0, 0, now);
    }

    fn advance_with(&mut self, mut done: BTreeSet<Digest>, mut done_bytes: u64, wrong: u32, now: SinceBoot) {
        let files = self.job().map(|job| job.files.clone()).unwrap_or_default();
        for file in &files {
            let digest = file.digest();
            if done.contains(&digest) {
                continue;
            }
            match self.find(&digest, file.size, &done) {
                Err(fault) => return self.finish(Phase::Failed, &fault),
                Ok(None) => {
                    done.insert(digest);
                    done_bytes += file.size;
                }
                Ok(Some(part)) => {
                    self.step = Step::Download(Download { part, done, done_bytes, due: now, wrong });
                    return self.fetch(now);
                }
            }
        }
        self.stage();
    }

    /// The part of an artifact that is not there yet; `None`: it is.
    fn find(&mut self, digest: &Digest, size: u64, done: &BTreeSet<Digest>) -> Result<Option<Part<D::File>>, String> {
        let told = |error| format!("can't keep the artifact {digest}: {error}");
        if store::has(&mut self.disk, digest, size).map_err(told)? {
            return Ok(None);
        }
        let part = Part::open(&mut self.disk, *digest, size).map_err(told)?;
        let needed = self.missing(done).map_err(told)?.saturating_add(MARGIN);
        let free = self.disk.free(&Dir::Store).map_err(told)?.saturating_add(part.length());
        if free < needed {
            return Err(format!("the artifacts need {needed} bytes of disk space, and {free} are free"));
        }
        if part.missing() > 0 {
            return Ok(Some(part));
        }
        match part.finish(&mut self.disk).map_err(told)? {
            Ok(()) => Ok(None),
            Err(wrong) => Err(describe(digest, &wrong)),
        }
    }

    /// How many bytes the artifacts have that are not there, those of parts included.
    fn missing(&mut self, done: &BTreeSet<Digest>) -> io::Result<u64> {
        let files = self.job().map(|job| job.files.clone()).unwrap_or_default();
        let (mut seen, mut missing) = (done.clone(), 0_u64);
        for file in files {
            if seen.insert(file.digest()) && self.disk.stat(&Dir::Store, &file.digest().to_string())?.is_none() {
                missing = missing.saturating_add(file.size);
            }
        }
        Ok(missing)
    }

    /// Asks for the next chunk.
    fn fetch(&mut self, now: SinceBoot) {
        let Step::Download(download) = &mut self.step else { return };
        download.due = now + self.timing.chunk;
        self.actions.push(Action::Fetch {
            digest: download.part.digest(),
            offset: download.part.length(),
            length: download.part.missing().min(CHUNK_BYTES),
        });
    }

    pub(super) fn chunk(&mut self, digest: Digest, offset: u64, bytes: &[u8], now: SinceBoot) {
        let Step::Download(download) = &mut self.step else { return };
        // A late answer to a question that was asked twice.
        if download.part.digest() != digest || download.part.length() != offset || bytes.is_empty() {
            return;
        }
        let appended = download.part.append(&mut self.disk, bytes);
        let is_whole = download.part.missing() == 0;
        match appended {
            Ok(Ok(())) if is_whole => self.complete(now),
            Ok(Ok(())) => {
                self.worked();
                self.fetch(now);
            }
            Ok(Err(wrong)) => self.again(&wrong, now),
            Err(error) => self.finish(Phase::Failed, &format!("can't keep the artifact {digest}: {error}")),
        }
    }

    fn complete(&mut self, now: SinceBoot) {
        let Step::Download(Download { part, mut done, done_bytes, wrong, .. }) =
            std::mem::replace(&mut self.step, Step::Begin)
        else {
            return;
        };
        let (digest, size) = (part.digest(), part.length());
        match part.finish(&mut self.disk) {
            Ok(Ok(())) => {
                self.worked();
                done.insert(digest);
                self.advance_with(done, done_bytes + size, 0, now);
            }
            Ok(Err(fault)) => self.wrong(&digest, &fault, done, done_bytes, wrong + 1, now),
            Err(error) => self.finish(Phase::Failed, &format!("can't keep the artifact {digest}: {error}")),
        }
    }

    /// Throws away what is wrong for sure.
    fn again(&mut self, fault: &Wrong, now: SinceBoot) {
        let Step::Download(Download { part, done, done_bytes, wrong, .. }) =
            std::mem::replace(&mut self.step, Step::Begin)
        else {
            return;
        };
        let digest = part.digest();
        match part.discard(&mut self.disk) {
            Ok(()) => self.wrong(&digest, fault, done, done_bytes, wrong + 1, now),
            Err(error) => self.finish(Phase::Failed, &format!("can't remove a bad part of {digest}: {error}")),
        }
    }

    /// What is wrong once may have been damaged on its way; what is wrong again and again is not what was signed.
    fn wrong(
        &mut self,
        digest: &Digest,
        fault: &Wrong,
        done: BTreeSet<Digest>,
        bytes: u64,
        wrong: u32,
        now: SinceBoot,
    ) {
        if wrong >= MAX_WRONG {
            return self.finish(Phase::Failed, &describe(digest, fault));
        }
        tracing::warn!(artifact = %digest, ?fault, "an artifact came damaged; it is fetched again");
        self.advance_with(done, bytes, wrong, now);
    }

    pub(super) fn chunk_failed(&mut self, digest: Digest, reason: &str, is_final: bool, now: SinceBoot) {
        match &self.step {
            Step::Download(download) if download.part.digest() == digest => {}
            _ => return,
        }
        if is_final {
            return self.finish(Phase::Failed, &format!("the server has no artifact {digest}: {reason}"));
        }
        self.back_off(now);
        let at = self.take_retry().unwrap_or(now);
        if let Step::Download(download) = &mut self.step {
            download.due = at;
        }
    }

    pub(super) fn tick_download(&mut self, now: SinceBoot) {
        match &self.step {
            Step::Begin => self.advance(now),
            Step::Download(download) if now >= download.due => self.fetch(now),
            Step::Download(_) | Step::Waiting(..) => {}
        }
    }

    /// How many bytes of the job's artifacts are there.
    pub(super) fn offset(&self) -> u64 {
        match &self.step {
            Step::Download(download) => download.done_bytes + download.part.length(),
            Step::Begin if self.phase() == Some(Phase::Accepted) => 0,
            _ => {
                let mut files = self.job().map(|job| job.files.clone()).unwrap_or_default();
                let mut seen = BTreeSet::new();
                files.retain(|file| seen.insert(file.digest()));
                files.iter().map(|file| file.size).sum()
            }
        }
    }
}

fn describe(digest: &Digest, wrong: &Wrong) -> String {
    match wrong {
        Wrong::TooLong => format!("more bytes came for the artifact {digest} than were signed"),
        Wrong::Digest(found) => format!("the bytes that came for the artifact {digest} have the digest {found}"),
    }
}
