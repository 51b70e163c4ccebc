//! Artifacts on the device: files that are named by the digest of their bytes, and parts of those that are still being fetched.

use std::{collections::BTreeSet, io};

use homepot_release::{Digest, digest::Hasher};

use super::disk::{Attributes, Dir, Disk};

/// A part is synced each time it has grown by this much. After a restart, what is behind the last border that is surely on disk is
/// fetched again: at most twice this much, a mebibyte.
const SYNC_BYTES: u64 = 512 * 1024;
/// The most that is read at a time.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;
const PART: &str = ".part";

/// A part that grows.
pub(super) struct Part<F> {
    digest: Digest,
    size: u64,
    length: u64,
    file: F,
}

/// Why a part is not what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// More bytes came than were signed.
    TooLong,
    /// All bytes are there, and they are others.
    Digest(Digest),
}

fn part_name(digest: &Digest) -> String {
    format!("{digest}{PART}")
}

/// The digest and the size of an open file, read to its end.
pub(super) fn digest_of<D: Disk>(disk: &mut D, file: &mut D::File) -> io::Result<(Digest, u64)> {
    let (mut hasher, mut size) = (Hasher::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match disk.read(file, &mut buffer)? {
            0 => return Ok((hasher.finish(), size)),
            read => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

/// Whether the store has the artifact. What lies under its name and is something else, such as an empty file that a full disk left, is
/// removed, or it would be in the way for ever.
pub(super) fn has<D: Disk>(disk: &mut D, digest: &Digest, size: u64) -> io::Result<bool> {
    let name = digest.to_string();
    let Some(mut file) = disk.open(&Dir::Store, &name)? else { return Ok(false) };
    if disk.stat_open(&file)?.size == size && digest_of(disk, &mut file)? == (*digest, size) {
        return Ok(true);
    }
    tracing::warn!(artifact = %digest, "an artifact on disk is damaged; it is fetched again");
    disk.remove(&Dir::Store, &name)?;
    Ok(false)
}

impl<F> Part<F> {
    /// Goes on with a part, or begins one. Bytes that may not have survived a power cut are cut off.
    pub(super) fn open<D: Disk<File = F>>(disk: &mut D, digest: Digest, size: u64) -> io::Result<Self> {
        let name = part_name(&digest);
        let Some(mut file) = disk.open_append(&Dir::Store, &name)? else {
            let file = disk.create(&Dir::Store, &name, Attributes::PRIVATE)?;
            disk.sync_dir(&Dir::Store)?;
            return Ok(Self { digest, size, length: 0, file });
        };
        // A part never passes a border before it is synced up to there, so that all before its last one are safe.
        let found = disk.stat_open(&file)?.size.min(size);
        let length = found.saturating_sub(1) / SYNC_BYTES * SYNC_BYTES;
        disk.truncate(&mut file, length)?;
        Ok(Self { digest, size, length, file })
    }

    /// The artifact's digest.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes are missing.
    pub(super) fn missing(&self) -> u64 {
        self.size - self.length
    }

    /// Adds bytes.
    pub(super) fn append<D: Disk<File = F>>(
        &mut self,
        disk: &mut D,
        mut bytes: &[u8],
    ) -> io::Result<Result<(), Wrong>> {
        if bytes.len() as u64 > self.missing() {
            return Ok(Err(Wrong::TooLong));
        }
        while !bytes.is_empty() {
            let room = SYNC_BYTES - self.length % SYNC_BYTES;
            let now = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            disk.write(&mut self.file, &bytes[..now])?;
            self.length += now as u64;
            bytes = &bytes[now..];
            if self.length.is_multiple_of(SYNC_BYTES) {
                disk.sync(&mut self.file)?;
            }
        }
        Ok(Ok(()))
    }

    /// Checks the whole part by reading it again, and makes it an artifact. It is read through the same open file that was written.
    pub(super) fn finish<D: Disk<File = F>>(mut self, disk: &mut D) -> io::Result<Result<(), Wrong>> {
        disk.sync(&mut self.file)?;
        let name = part_name(&self.digest);
        disk.rewind(&mut self.file)?;
        let (found, size) = digest_of(disk, &mut self.file)?;
        if (found, size) != (self.digest, self.size) {
            disk.remove(&Dir::Store, &name)?;
            return Ok(Err(Wrong::Digest(found)));
        }
        disk.rename(&Dir::Store, &name, &self.digest.to_string())?;
        disk.sync_dir(&Dir::Store)?;
        Ok(Ok(()))
    }

    /// Throws the part away.
    pub(super) fn discard<D: Disk<File = F>>(self, disk: &mut D) -> io::Result<()> {
        disk.remove(&Dir::Store, &part_name(&self.digest))
    }
}

/// Removes all artifacts and parts but those of `needed`.
pub(super) fn prune<D: Disk>(disk: &mut D, needed: &BTreeSet<Digest>) -> io::Result<()> {
    for name in disk.list(&Dir::Store)? {
        let digest = Digest::parse(name.strip_suffix(PART).unwrap_or(&name));
        if digest.is_none_or(|digest| !needed.contains(&digest)) {
            disk.remove(&Dir::Store, &name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::disk::model::{Loss, ModelDisk},
        *,
    };

    /// Bytes that repeat nowhere, so that none in the wrong place is missed.
    fn bytes(length: usize) -> Vec<u8> {
        (0..length).flat_map(|n| Digest::of(&n.to_le_bytes()).as_bytes()[..1].to_vec()).collect()
    }

    #[test]
    fn whatever_a_power_cut_takes_a_part_goes_on_and_at_most_a_mebibyte_is_fetched_again() {
        let whole = bytes(2 * 1024 * 1024 + 300_000);
        let (digest, size) = (Digest::of(&whole), whole.len() as u64);
        let losses = [Loss::Nothing, Loss::Everything, Loss::Bytes, Loss::Names, Loss::Reordered].into_iter();
        for loss in losses.chain((0..20).map(Loss::Some)) {
            for cut in [1, 262_144, 1_048_575, 1_048_576, 1_048_577, 2_000_000, 2_097_152, 2_200_000, whole.len()] {
                let mut disk = ModelDisk::default();
                let mut part = Part::open(&mut disk, digest, size).unwrap();
                for chunk in whole[..cut].chunks(250_000) {
                    part.append(&mut disk, chunk).unwrap().unwrap();
                }
                let mut disk = disk.after(loss);
                let mut part = Part::open(&mut disk, digest, size).unwrap();
                let again = cut as u64 - part.length();
                assert!(again <= 1024 * 1024, "{again} bytes are fetched again: {loss:?} at {cut}");
                part.append(&mut disk, &whole[part.length() as usize..]).unwrap().unwrap();
                part.finish(&mut disk).unwrap().unwrap_or_else(|wrong| panic!("{wrong:?}: {loss:?} at {cut}"));
                assert!(has(&mut disk, &digest, size).unwrap());
            }
        }
    }

    #[test]
    fn bytes_that_were_not_signed_are_never_an_artifact() {
        let mut disk = ModelDisk::default();
        let mut part = Part::open(&mut disk, Digest::of(b"good"), 4).unwrap();
        assert_eq!(part.append(&mut disk, b"bads!").unwrap(), Err(Wrong::TooLong));
        part.append(&mut disk, b"bads").unwrap().unwrap();
        assert_eq!(part.finish(&mut disk).unwrap(), Err(Wrong::Digest(Digest::of(b"bads"))));
        assert_eq!(disk.names(&Dir::Store), [""; 0]);
    }

    #[test]
    fn a_poisoned_artifact_is_found_and_makes_room_for_the_real_one() {
        let mut disk = ModelDisk::default();
        let digest = Digest::of(b"good");
        for poison in [&b""[..], b"bads", b"goodgood"] {
            disk.put(&Dir::Store, &digest.to_string(), poison);
            assert!(!has(&mut disk, &digest, 4).unwrap());
            assert_eq!(disk.names(&Dir::Store), [""; 0]);
        }
        disk.put(&Dir::Store, &digest.to_string(), b"good");
        assert!(has(&mut disk, &digest, 4).unwrap());
    }

    #[test]
    fn what_is_not_needed_is_removed_whatever_it_is_called() {
        let mut disk = ModelDisk::default();
        let (kept, part, old) = (Digest::of(b"a"), Digest::of(b"b"), Digest::of(b"c"));
        for name in [kept.to_string(), part_name(&part), old.to_string(), part_name(&old), "x".to_owned()] {
            disk.put(&Dir::Store, &name, b"");
        }
        prune(&mut disk, &BTreeSet::from([kept, part])).unwrap();
        let mut left = [kept.to_string(), part_name(&part)];
        left.sort();
        assert_eq!(disk.names(&Dir::Store), left);
    }
}
