//! The journal: one record a line, each with a checksum, each on disk before the call returns.
//!
//! `crc32 in hexadecimal, space, JSON, newline`. A torn last line is what a power cut leaves, of a record nobody acted on
//! yet, and is cut off; a damaged line is skipped and counted. What holds no record at all is none of ours: it is kept
//! beside the journal, under one name, and the journal starts anew.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::record::Record;
use crate::{
    platform,
    state::{disk, sync_dir},
};

/// Above this the journal is written anew, when most of it is of no use any more.
const COMPACT_ABOVE: u64 = 256 * 1024;
/// More than twice what the ledger's bounds come to. A larger file is not read, and none grows larger.
pub const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// An append-only file of records.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// `None`: the disk took nothing when the journal was opened; it is tried again with the next record.
    file: Option<File>,
    length: u64,
    /// How many records it has had, with those that compactions left out.
    position: u64,
    /// Length after the last compaction.
    base: u64,
    /// Bytes of a record that could not be written may lie past `length`.
    ragged: bool,
    /// The file's name may not survive a power cut yet.
    unnamed: bool,
    /// What lies there is no journal, and could not be set aside yet.
    unreadable: bool,
}

/// What was found in the file.
#[derive(Debug, Default)]
pub struct Found {
    /// The records, oldest first.
    pub records: Vec<Record>,
    /// Damaged lines that were skipped.
    pub damaged: usize,
    /// Bytes of a torn last line that were cut off.
    pub torn: u64,
    /// Where a file that holds no record, or can't be read, is kept now.
    pub set_aside: Option<PathBuf>,
}

impl Journal {
    /// Opens the file, makes it where it is missing, and reads it. Where the disk takes nothing it is only read, and every
    /// record is refused until it does.
    pub fn open(path: &Path) -> io::Result<(Self, Found)> {
        match Self::open_to_write(path) {
            Err(error) if disk::fails(&error) => {
                tracing::error!(%error, "the command journal can't be written; no command starts until it can be written");
                Ok(Self::open_to_read(path))
            }
            opened => opened,
        }
    }

    fn open_to_read(path: &Path) -> (Self, Found) {
        let whole = read_whole(path);
        let unreadable = whole.is_err();
        let (found, length) = parse(&whole.unwrap_or_default());
        let ragged = found.torn > 0;
        let position = dropped(found.records.first()) + (found.records.len() + found.damaged) as u64;
        (
            Self { path: path.to_owned(), file: None, length, position, base: 0, ragged, unnamed: true, unreadable },
            found,
        )
    }

    fn open_to_write(path: &Path) -> io::Result<(Self, Found)> {
        // A compaction that was cut short: the journal proper is whole.
        remove(&path.with_extension("new"))?;
        let (bytes, set_aside) = match read_whole(path) {
            Ok(bytes) => (bytes, None),
            Err(fault) => {
                let aside = set_aside(path)?;
                tracing::error!(%fault, kept_as = %aside.display(), "the command journal can't be read; it starts anew");
                (Vec::new(), Some(aside))
            }
        };
        let (mut found, length) = parse(&bytes);
        found.set_aside = set_aside;
        let file = platform::open_private_append(path)?;
        if found.torn > 0 {
            file.set_len(length)?;
            file.sync_all()?;
        }
        let position = dropped(found.records.first()) + (found.records.len() + found.damaged) as u64;
        let (path, file) = (path.to_owned(), Some(file));
        let mut journal =
            Self { path, file, length, position, base: 0, ragged: false, unnamed: true, unreadable: false };
        journal.name()?;
        Ok((journal, found))
    }

    /// Appends a record; when it returns, the record survives a power cut.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let line = line(record)?;
        if self.length + line.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("the command journal is full"));
        }
        let mut file = self.opened()?;
        self.name()?;
        if self.ragged {
            // Half a line would swallow the next one.
            file.set_len(self.length)?;
            self.ragged = false;
        }
        self.ragged = true;
        file.write_all(&line)?;
        file.sync_data()?;
        self.ragged = false;
        self.file = Some(file);
        self.length += line.len() as u64;
        self.position += 1;
        Ok(())
    }

    /// Whether the file is not where it was: somebody removed it, or put another in its place.
    pub fn is_gone(&self) -> bool {
        self.file.as_ref().is_some_and(|file| !disk::is_in_place(file, &self.path))
    }

    /// The file to append to.
    fn opened(&mut self) -> io::Result<File> {
        if let Some(file) = &self.file {
            return file.try_clone();
        }
        self.put_aside()?;
        self.unnamed = true;
        platform::open_private_append(&self.path)
    }

    fn put_aside(&mut self) -> io::Result<()> {
        if self.unreadable {
            set_aside(&self.path)?;
            self.unreadable = false;
        }
        Ok(())
    }

    /// How many records it has had.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether most of the file is likely of no use any more.
    pub fn wants_compaction(&self) -> bool {
        self.length > COMPACT_ABOVE && self.length > self.base * 2
    }

    /// Replaces the whole file; the old one stays until the new one is on disk. The first record is told how many the file
    /// no longer has.
    pub fn compact(&mut self, mut records: Vec<Record>) -> io::Result<()> {
        let left = records.len() as u64;
        if let Some(Record::Journal { position, .. }) = records.first_mut() {
            *position = Some(self.position.saturating_sub(left));
        }
        let temporary = self.path.with_extension("new");
        self.path.parent().map_or(Ok(()), platform::make_private_dir)?;
        self.put_aside()?;
        remove(&temporary)?;
        let mut file = platform::open_private_append(&temporary)?;
        let mut length = 0;
        for record in &records {
            let line = line(record)?;
            file.write_all(&line)?;
            length += line.len() as u64;
        }
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        // From here on the old file has no name: whatever fails, nothing may be appended to it any more.
        (self.file, self.length, self.base) = (Some(file), length, length);
        (self.ragged, self.unnamed) = (false, true);
        self.position = self.position.max(left);
        self.name()
    }

    /// From here on the disk refuses every record.
    #[cfg(test)]
    pub(super) fn refuse(&mut self) {
        self.file = Some(File::open(&self.path).unwrap());
    }

    /// As after so many records, none of which was ever cleared away.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        self.length = MAX_BYTES;
    }

    /// Makes the file's name survive a power cut.
    fn name(&mut self) -> io::Result<()> {
        if self.unnamed {
            self.path.parent().map_or(Ok(()), sync_dir)?;
            self.unnamed = false;
        }
        Ok(())
    }
}

fn line(record: &Record) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(record)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes())
}

/// How many records compactions left out.
fn dropped(first: Option<&Record>) -> u64 {
    match first {
        Some(Record::Journal { position, .. }) => position.unwrap_or_default(),
        _ => 0,
    }
}

/// The file's bytes; a missing one has none. What can't be read, or holds no record at all, is told as a fault.
fn read_whole(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(format!("it has {} bytes, and a journal never more than {MAX_BYTES}", metadata.len()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    let (found, _) = parse(&bytes);
    if found.records.is_empty() && !bytes.is_empty() {
        return Err("it holds no record".to_owned());
    }
    Ok(bytes)
}

/// Moves what lies at `path` out of the way, in place of what was moved before.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("unreadable");
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The records, and how far the file is whole lines.
fn parse(bytes: &[u8]) -> (Found, u64) {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut found = Found { torn: (bytes.len() - whole) as u64, ..Found::default() };
    for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match read(line) {
            Some(record) => found.records.push(record),
            None => found.damaged += 1,
        }
    }
    (found, whole as u64)
}

fn read(line: &[u8]) -> Option<Record> {
    let (checksum, json) = line.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if crc32fast::hash(json) != checksum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use homepot::model::{CommandId, CommandState};

    use super::*;

    fn record(n: u128) -> Record {
        let command_id = CommandId(uuid::Uuid::from_u128(n));
        let reason = Some("line one\nline two".to_owned());
        Record::Ended { command_id, state: CommandState::Failed, result: None, reason }
    }

    fn journal(records: u128) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("commands.journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        (0..records).for_each(|n| journal.append(&record(n)).unwrap());
        (directory, path)
    }

    #[test]
    fn what_was_appended_is_found_again() {
        let (_directory, path) = journal(3);
        let (_, found) = Journal::open(&path).unwrap();
        assert_eq!(found.records, [record(0), record(1), record(2)]);
        assert_eq!((found.damaged, found.torn), (0, 0));
    }

    #[test]
    fn a_tail_torn_at_any_byte_is_cut_off_and_the_journal_goes_on() {
        let (_directory, path) = journal(2);
        let whole = fs::read(&path).unwrap();
        let last = whole.len() / 2;
        for cut in last + 1..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, found) = Journal::open(&path).unwrap();
            assert_eq!(found.records, [record(0)], "cut at {cut}");
            assert_eq!((found.damaged, found.torn), (0, (cut - last) as u64));
            journal.append(&record(7)).unwrap();
            assert_eq!(Journal::open(&path).unwrap().1.records, [record(0), record(7)]);
        }
    }

    #[test]
    fn a_damaged_line_does_not_hide_the_ones_after_it() {
        let (_directory, path) = journal(3);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let (_, found) = Journal::open(&path).unwrap();
        assert_eq!((found.records, found.damaged), (vec![record(0), record(2)], 1));
    }

    #[test]
    fn compaction_replaces_the_file_and_appending_goes_on() {
        let (_directory, path) = journal(3);
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.compact(vec![record(2)]).unwrap();
        journal.append(&record(9)).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1.records, [record(2), record(9)]);
    }

    /// Before the rename the old file counts, after it the new one, and what lies beside it is never read.
    #[test]
    fn a_compaction_cut_short_at_any_byte_leaves_the_old_journal() {
        let (directory, path) = journal(3);
        let temporary = directory.path().join("commands.new");
        let new = line(&record(8)).unwrap();
        for cut in 0..=new.len() {
            fs::write(&temporary, &new[..cut]).unwrap();
            let (mut journal, found) = Journal::open(&path).unwrap();
            assert_eq!(found.records, [record(0), record(1), record(2)]);
            assert!(!temporary.exists() && found.set_aside.is_none());
            fs::write(&temporary, &new[..cut]).unwrap();
            journal.compact(vec![record(0), record(1), record(2)]).unwrap();
            assert!(!temporary.exists());
        }
        fs::write(&temporary, &new).unwrap();
        fs::rename(&temporary, &path).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1.records, [record(8)]);
    }

    #[test]
    fn how_many_records_a_journal_has_had_outlives_compactions() {
        let (_directory, path) = journal(30);
        let (mut journal, _) = Journal::open(&path).unwrap();
        assert_eq!(journal.position(), 30);
        let head = || Record::Journal { journal_id: "j".to_owned(), position: None };
        journal.compact(vec![head(), record(29)]).unwrap();
        assert_eq!(journal.position(), 30);
        journal.append(&record(30)).unwrap();
        assert_eq!(Journal::open(&path).unwrap().0.position(), 31);
        // More than it ever had: it never counts backwards.
        journal.compact([vec![head()], (0..40).map(record).collect()].concat()).unwrap();
        assert_eq!((journal.position(), Journal::open(&path).unwrap().0.position()), (41, 41));
    }

    #[test]
    fn a_compaction_that_fails_changes_nothing() {
        let (directory, path) = journal(2);
        let (mut journal, _) = Journal::open(&path).unwrap();
        // Something that can't be replaced by a file is in the way.
        fs::create_dir_all(directory.path().join("commands.new/x")).unwrap();
        journal.compact(vec![record(8)]).unwrap_err();
        journal.append(&record(7)).unwrap();
        fs::remove_dir_all(directory.path().join("commands.new")).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1.records, [record(0), record(1), record(7)]);
    }

    #[test]
    fn a_record_that_was_written_in_part_is_overwritten_by_the_next() {
        let (_directory, path) = journal(1);
        let (mut journal, _) = Journal::open(&path).unwrap();
        // As an append leaves it that the disk cut short.
        journal.file.as_mut().unwrap().write_all(b"0badcafe {half").unwrap();
        journal.ragged = true;
        journal.append(&record(7)).unwrap();
        let (_, found) = Journal::open(&path).unwrap();
        assert_eq!((found.records, found.damaged), (vec![record(0), record(7)], 0));
    }

    #[test]
    fn what_is_no_journal_is_kept_beside_it_and_the_journal_starts_anew() {
        let (directory, path) = journal(0);
        let aside = directory.path().join("commands.unreadable");
        for foreign in [&b"PK\x03\x04 not ours\n\n"[..], b"\0\0\0\0\0\0", b"{\"record\":\"received\"}\n"] {
            fs::write(&path, foreign).unwrap();
            let (mut journal, found) = Journal::open(&path).unwrap();
            assert_eq!((found.set_aside.as_deref(), found.damaged, found.torn), (Some(aside.as_path()), 0, 0));
            assert_eq!(fs::read(&aside).unwrap(), foreign);
            journal.append(&record(1)).unwrap();
            assert_eq!(Journal::open(&path).unwrap().1.records, [record(1)]);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::remove_file(&aside).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1.set_aside.as_deref(), Some(aside.as_path()));
        assert!(path.is_file() && aside.is_dir());
    }

    #[test]
    fn a_journal_neither_grows_nor_is_read_past_its_bound() {
        let (_directory, path) = journal(1);
        let (mut journal, _) = Journal::open(&path).unwrap();
        let length = journal.length;
        journal.length = MAX_BYTES;
        assert!(journal.append(&record(2)).unwrap_err().to_string().contains("full"));
        journal.length = length;
        journal.append(&record(2)).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        let (_, found) = Journal::open(&path).unwrap();
        assert!(found.records.is_empty() && found.set_aside.is_some());
    }
}
