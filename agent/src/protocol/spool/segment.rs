//! A file of records whose numbers go up. The newest one grows; the others are only read, and removed as a whole.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::{
    record::{self, Found, Records},
    timeline::Mark,
};
use crate::{
    platform,
    state::{disk, sync_dir},
};

/// Numbers beyond this are damage; it leaves room to count on.
pub(super) const MAX_SEQ: u64 = u64::MAX / 2;

/// A segment on disk.
#[derive(Debug)]
pub(super) struct Segment {
    /// No record has a smaller number.
    pub(super) first: u64,
    /// No record has a larger number; below `first` while there is none.
    pub(super) last: u64,
    /// Its length.
    pub(super) bytes: u64,
    /// When its newest sample was measured.
    pub(super) newest: Option<Mark>,
    path: PathBuf,
}

/// The segment that grows.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    /// Records that a power cut could take.
    pub(super) unsynced: u32,
}

impl Segment {
    /// The segment of that file, if its name is one of a segment.
    pub(super) fn named(path: PathBuf) -> Option<Self> {
        let digits = path.file_name()?.to_str()?.strip_suffix(".seg").filter(|digits| digits.len() == 20)?;
        let first = digits.parse().ok().filter(|first| (1..=MAX_SEQ).contains(first))?;
        let bytes = fs::metadata(&path).ok()?.len();
        Some(Self { first, last: first - 1, bytes, newest: None, path })
    }

    /// Makes the segment that begins with number `first`; empties a file that is in its place.
    pub(super) fn create(directory: &Path, first: u64) -> io::Result<(Self, Writer)> {
        let path = directory.join(format!("{first:020}.seg"));
        let file = platform::create_private(&path)?;
        sync_dir(directory)?;
        Ok((Self { first, last: first - 1, bytes: 0, newest: None, path }, Writer { file, unsynced: 0 }))
    }

    /// Goes on with a segment, whose file ends after its last whole record from now on.
    pub(super) fn resume(&mut self, whole: u64) -> io::Result<Writer> {
        let mut file = fs::OpenOptions::new().read(true).write(true).open(&self.path)?;
        if self.bytes != whole {
            file.set_len(whole)?;
            file.sync_all()?;
        }
        file.seek(SeekFrom::Start(whole))?;
        self.bytes = whole;
        Ok(Writer { file, unsynced: 0 })
    }

    /// Appends a record. What was written of one that failed is cut off again.
    pub(super) fn append(&mut self, writer: &mut Writer, seq: u64, payload: &[u8]) -> io::Result<()> {
        let record = record::encode(seq, payload);
        if let Err(error) = writer.file.write_all(&record) {
            // A cut that fails too leaves a torn tail, which the next reader passes over.
            let _ = writer.file.set_len(self.bytes);
            let _ = writer.file.seek(SeekFrom::Start(self.bytes));
            return Err(error);
        }
        self.bytes += record.len() as u64;
        self.last = seq;
        writer.unsynced += 1;
        Ok(())
    }

    /// Whether its file is where it was.
    pub(super) fn is_in_place(&self, writer: &Writer) -> bool {
        disk::is_in_place(&writer.file, &self.path)
    }

    /// Whether its file is there.
    pub(super) fn exists(&self) -> bool {
        !fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// All its bytes, by the open file: also those of one that was removed.
    pub(super) fn read_by(&self, writer: &Writer) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.bytes).unwrap_or_default()];
        writer.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// The bytes from `offset` to the end.
    pub(super) fn read(&self, offset: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or_default());
        file.take(self.bytes.saturating_sub(offset)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// When the first and the last of the records from `first` to `last` were measured.
    pub(super) fn span(&self, first: u64, last: u64) -> Option<(Mark, Mark)> {
        let bytes = self.read(0).ok()?;
        let mut times = Records::new(&bytes, self.first..=self.last).filter_map(|found| match found {
            Found::Record { seq, payload, .. } if (first..=last).contains(&seq) => Mark::of(payload),
            _ => None,
        });
        let start = times.next()?;
        Some((start, times.last().unwrap_or(start)))
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Writer {
    /// Makes everything appended so far survive a power cut.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced > 0 {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }
}
