//! The mark beside the journal: how far the journal had come when a command last started that must not start twice.
//!
//! A journal says nothing of records that it no longer has. A power cut tears off only what was never synced, and nothing
//! of that had started; but a file can also be cut, or put back from a backup, and then a command that ran seems to wait. So
//! the mark is synced after the record of such a start and before the start itself. A journal that ends before its
//! mark has lost records, and so may one whose mark is a copy: it goes on as another journal.
//!
//! What a mark can't tell is that the whole disk went back in time. The server can: see [`super::Book::knows_all`].

use std::{
    fs::{File, Metadata},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    platform,
    state::{disk, sync_dir},
};

/// Written over in place, so that it needs no new room on a full disk.
const BYTES: usize = 256;

/// The file.
#[derive(Debug)]
pub struct Mark {
    path: PathBuf,
    file: Option<File>,
}

/// What the file says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marked {
    journal_id: String,
    /// Records that the journal had.
    position: u64,
    /// The file that this was written to: a copy is another one.
    file: String,
}

/// What was found when the mark was opened.
#[derive(Debug)]
pub struct Found(Result<Option<Marked>, &'static str>);

impl Mark {
    /// Opens the file, makes it where it is missing, and reads it. Where that is impossible nothing starts that needs it.
    pub fn open(path: &Path) -> (Self, Found) {
        let mut mark = Self { path: path.to_owned(), file: None };
        let found = match mark.read() {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "can't read the mark of the command journal");
                Err("the mark beside it can't be read")
            }
        };
        (mark, Found(found))
    }

    /// Notes how far the journal is; when this returns, it survives a power cut.
    pub fn set(&mut self, journal_id: &str, position: u64) -> io::Result<()> {
        if self.file.as_ref().is_some_and(|file| !disk::is_in_place(file, &self.path)) {
            // Removed under the running agent; what is written to it now, nobody would find.
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create(&self.path)?),
        };
        let marked = Marked { journal_id: journal_id.to_owned(), position, file: identity(&file.metadata()?) };
        let json = serde_json::to_string(&marked)?;
        let line = format!("{:08x} {json}", crc32fast::hash(json.as_bytes()));
        file.rewind()?;
        file.write_all(format!("{line:<width$}\n", width = BYTES - 1).as_bytes())?;
        file.sync_data()
    }

    fn read(&mut self) -> io::Result<Result<Option<Marked>, &'static str>> {
        let file = match create(&self.path) {
            Ok(file) => self.file.insert(file).try_clone()?,
            // A disk that takes nothing can still be read.
            Err(_) => match File::open(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
                opened => opened?,
            },
        };
        let mut text = Vec::new();
        (&file).take(BYTES as u64).read_to_end(&mut text)?;
        if text.is_empty() {
            return Ok(Ok(None));
        }
        let Some(marked) = parse(&text) else { return Ok(Err("the mark beside it is damaged")) };
        if marked.file != identity(&file.metadata()?) {
            return Ok(Err("the mark beside it is a copy, so that both may be from an earlier time"));
        }
        Ok(Ok(Some(marked)))
    }

    /// From here on the disk refuses to write it.
    #[cfg(test)]
    pub(super) fn refuse(&mut self) {
        self.file = Some(File::open(&self.path).unwrap());
    }
}

impl Found {
    /// Why a journal that has come to `position` can't be believed; `None`: it can. `has_mark`: it is of an agent that
    /// keeps a mark; those of before had none.
    pub fn fault(&self, journal_id: &str, position: u64, has_mark: bool) -> Option<&'static str> {
        match &self.0 {
            Err(fault) => Some(fault),
            Ok(None) => has_mark.then_some("the mark beside it is missing"),
            Ok(Some(marked)) if marked.journal_id != journal_id => Some("the mark beside it is of another journal"),
            Ok(Some(marked)) if marked.position > position => Some("its last records are missing"),
            Ok(Some(_)) => None,
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    path.parent().map_or(Ok(()), platform::make_private_dir)?;
    let file = platform::open_private(path)?;
    path.parent().map_or(Ok(()), sync_dir)?;
    Ok(file)
}

/// Tells a file from its copy: number and time of birth, as far as the file system has them.
fn identity(metadata: &Metadata) -> String {
    let born = metadata.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{}-{}", platform::file_number(metadata), born.map_or(0, |born| born.as_nanos()))
}

fn parse(text: &[u8]) -> Option<Marked> {
    let (checksum, json) = std::str::from_utf8(text).ok()?.trim_end().split_once(' ')?;
    let whole = u32::from_str_radix(checksum, 16).ok()? == crc32fast::hash(json.as_bytes());
    whole.then(|| serde_json::from_str(json).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(path: &Path) -> Found {
        Mark::open(path).1
    }

    #[test]
    fn a_journal_that_ends_before_its_mark_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("commands.mark");
        let (mut mark, nothing) = Mark::open(&path);
        assert_eq!(nothing.fault("j", 0, false), None);
        assert!(nothing.fault("j", 0, true).is_some());
        mark.set("j", 100_000).unwrap();
        mark.set("j", 7).unwrap();
        for (journal_id, position, believed) in [("j", 7, true), ("j", 8, true), ("j", 6, false), ("k", 7, false)] {
            assert_eq!(found(&path).fault(journal_id, position, true).is_none(), believed);
        }
    }

    #[test]
    fn a_copy_of_a_mark_is_told_from_it() {
        let directory = tempfile::tempdir().unwrap();
        let (path, copy) = (directory.path().join("commands.mark"), directory.path().join("copy"));
        Mark::open(&path).0.set("j", 7).unwrap();
        fs::copy(&path, &copy).unwrap();
        assert!(found(&copy).fault("j", 7, true).is_some());
        fs::rename(&copy, &path).unwrap();
        assert!(found(&path).fault("j", 7, true).is_some());
    }

    #[test]
    fn a_mark_that_is_damaged_anywhere_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("commands.mark");
        Mark::open(&path).0.set("j", 7).unwrap();
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len(), BYTES);
        let text = whole.trim_ascii_end().len();
        for at in 0..text {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(found(&path).fault("j", 7, true).is_some(), "at {at}");
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(found(&path).fault("j", 7, true), None);
    }
}
