//! Puts files in place and brings the old ones back. Each function says what holds when the power goes in the middle of it.

use std::{io, time::Duration};

use homepot_release::{Digest, digest::Hasher};

use super::{
    disk::{Attributes, Dir, Disk},
    journal::Change,
    own,
    store::{BUFFER_BYTES, digest_of},
    targets::{Place, Target},
};

/// Why files can't be put in place or brought back.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    /// The disk said no.
    #[error("can't {verb} {target}: {source}")]
    Disk { verb: &'static str, target: String, source: io::Error },
    /// The bytes are not those that were checked.
    #[error("the new file of {0} changed after it was checked")]
    Swapped(String),
    /// There is not enough room.
    #[error("{target} needs {needed} bytes of disk space, and {free} are free")]
    NoSpace { target: String, needed: u64, free: u64 },
    /// The configuration has a path that can't be kept.
    #[error("the path of {0} is not UTF-8")]
    NotText(String),
}

/// A file that is ready to be put in place.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) target: String,
    pub(super) dir: Dir,
    pub(super) name: String,
    pub(super) content: Digest,
    pub(super) size: u64,
}

/// What stays free in a directory beside what is written.
const MARGIN: u64 = 64 * 1024;

trait Told<T> {
    fn told(self, verb: &'static str, target: &str) -> Result<T, ApplyError>;
}

impl<T> Told<T> for io::Result<T> {
    fn told(self, verb: &'static str, target: &str) -> Result<T, ApplyError> {
        self.map_err(|source| ApplyError::Disk { verb, target: target.to_owned(), source })
    }
}

/// Writes the new files, and copies of the old ones, beside their targets, and says which targets change. The targets themselves are not
/// touched. When this returns, all that is needed to go forward or back is on disk, so that neither needs room.
pub(super) fn prepare<'a, D: Disk>(
    disk: &mut D,
    files: &[Ready],
    target: impl Fn(&str) -> Option<&'a Target>,
    patience: Duration,
) -> Result<Vec<Change>, ApplyError> {
    let mut changes = Vec::new();
    for ready in files {
        let Some(configured) = target(&ready.target) else { continue };
        let (name, place) = (&ready.target, configured.place());
        let old = match disk.open(&place.dir, &place.file).told("read", name)? {
            Some(mut file) => {
                let stat = disk.stat_open(&file).told("read", name)?;
                let (digest, _) = digest_of(disk, &mut file).told("read", name)?;
                if digest == ready.content && has(&configured.attributes, &stat) {
                    continue;
                }
                Some((stat, digest))
            }
            None => None,
        };
        let needed = ready.size + old.map_or(0, |(stat, _)| stat.size) + MARGIN;
        let free = disk.free(&place.dir).told("look at the disk of", name)?;
        if free < needed {
            return Err(ApplyError::NoSpace { target: name.clone(), needed, free });
        }
        if *name == own::AGENT {
            own::forget(disk, &place.dir).told("make room for the new file of", name)?;
        }
        let from = (&ready.dir, ready.name.as_str());
        let copied = copy(disk, from, (&place.dir, &place.new_name()), configured.attributes);
        if copied.told("write the new file of", name)? != ready.content {
            return Err(ApplyError::Swapped(name.clone()));
        }
        if let Some((stat, digest)) = old {
            let attributes = Attributes { mode: stat.mode, owner: Some(stat.owner), group: Some(stat.group) };
            let copied = copy(disk, (&place.dir, &place.file), (&place.dir, &place.old_name()), attributes);
            if copied.told("keep the old file of", name)? != digest {
                return Err(ApplyError::Swapped(name.clone()));
            }
        }
        if *name == own::AGENT {
            own::begin(disk, &place.dir, old.is_some(), patience).told("write beside", name)?;
        }
        disk.sync_dir(&place.dir).told("write the new file of", name)?;
        let change = Change::new(name, old.is_some(), &place, &ready.content);
        changes.push(change.ok_or_else(|| ApplyError::NotText(name.clone()))?);
    }
    Ok(changes)
}

/// Puts the new files in place, one rename each. The journal has to say `Applying` before: a power cut leaves some of them old.
pub(super) fn swap<D: Disk>(disk: &mut D, changes: &[Change]) -> Result<(), ApplyError> {
    for change in changes {
        let place = change.place();
        disk.rename(&place.dir, &place.new_name(), &place.file).told("replace", &change.target)?;
        disk.sync_dir(&place.dir).told("replace", &change.target)?;
    }
    Ok(())
}

/// Brings the old files back, one rename each. Doing it again is harmless: an old file that is gone is back already. All are tried,
/// and the first failure is told.
pub(super) fn put_back<D: Disk>(disk: &mut D, changes: &[Change]) -> Result<(), ApplyError> {
    let mut result = Ok(());
    for change in changes {
        result = result.and(put_one_back(disk, change));
    }
    result
}

fn put_one_back<D: Disk>(disk: &mut D, change: &Change) -> Result<(), ApplyError> {
    const VERB: &str = "bring back the old file of";
    let (place, name) = (change.place(), &change.target);
    if change.existed {
        if disk.stat(&place.dir, &place.old_name()).told(VERB, name)?.is_some() {
            disk.rename(&place.dir, &place.old_name(), &place.file).told(VERB, name)?;
        }
    } else if holds(disk, change).told(VERB, name)? {
        // Only what we put there is removed: somebody may have made a file of that name since.
        disk.remove(&place.dir, &place.file).told(VERB, name)?;
    }
    // An earlier try may have come as far as the rename.
    disk.sync_dir(&place.dir).told(VERB, name)
}

/// Whether the target holds the new file.
pub(super) fn holds<D: Disk>(disk: &mut D, change: &Change) -> io::Result<bool> {
    let place = change.place();
    let Some(mut file) = disk.open(&place.dir, &place.file)? else { return Ok(false) };
    Ok(digest_of(disk, &mut file)?.0 == change.content())
}

/// Removes what lies beside a target. The journal has to say that it is not needed.
pub(super) fn sweep<D: Disk>(disk: &mut D, place: &Place) -> io::Result<()> {
    disk.remove(&place.dir, &place.new_name())?;
    disk.remove(&place.dir, &place.old_name())
}

/// Copies a file to a new one, in place of what has that name, and syncs it. Returns the digest of what was written.
fn copy<D: Disk>(disk: &mut D, from: (&Dir, &str), to: (&Dir, &str), attributes: Attributes) -> io::Result<Digest> {
    let mut source = disk.open(from.0, from.1)?.ok_or(io::ErrorKind::NotFound)?;
    disk.remove(to.0, to.1)?;
    let mut made = disk.create(to.0, to.1, attributes)?;
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; BUFFER_BYTES]);
    loop {
        match disk.read(&mut source, &mut buffer)? {
            0 => break,
            read => {
                hasher.update(&buffer[..read]);
                disk.write(&mut made, &buffer[..read])?;
            }
        }
    }
    disk.sync(&mut made)?;
    Ok(hasher.finish())
}

fn has(wanted: &Attributes, stat: &super::disk::Stat) -> bool {
    wanted.mode == stat.mode
        && wanted.owner.is_none_or(|owner| owner == stat.owner)
        && wanted.group.is_none_or(|group| group == stat.group)
}
