//! What rollouts bring to the devices, and what lies there in the end: each release brings the same bytes to two targets, so that
//! files of two releases beside each other show at once.

pub mod looks;
pub(super) mod rollouts;

use std::{fmt, fs, io, os::unix::fs::MetadataExt as _, path::Path};

/// The targets of each device.
pub(super) const TARGETS: [&str; 2] = ["prices", "menu"];
/// Several parts of a transfer.
const BYTES: usize = 150_000;

/// What the release of this number brings to each target.
pub(super) fn content(number: u64) -> Vec<u8> {
    let line = format!("release {number}\n");
    line.bytes().cycle().take(BYTES).collect()
}

/// What lies at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing: no release came yet.
    Nothing,
    /// The whole file of a release.
    Whole {
        /// The release's number.
        number: u64,
        /// Of the file. A file that is put in place once more is another one.
        inode: u64,
    },
    /// Something that no release brought.
    Broken,
}

impl Found {
    /// Reads the file.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let file = match fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            file => file?,
        };
        let inode = file.metadata()?.ino();
        let bytes = io::read_to_string(file).unwrap_or_default();
        let number = bytes.lines().next().and_then(|line| line.strip_prefix("release ")?.parse().ok());
        Ok(match number {
            Some(number) if content(number) == bytes.as_bytes() => Self::Whole { number, inode },
            _ => Self::Broken,
        })
    }

    /// The release that it is of.
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::Whole { number, .. } => Some(number),
            Self::Nothing | Self::Broken => None,
        }
    }
}

/// Whether all of them are of one release, or there is none.
pub(super) fn is_one_release(found: [Found; 2]) -> bool {
    found[0].number() == found[1].number() && !found.contains(&Found::Broken)
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Whole { number, inode } => write!(f, "{number}@{inode}"),
            Self::Broken => f.write_str("broken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_all_of_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("prices");
        assert_eq!(Found::at(&path).unwrap(), Found::Nothing);
        let mut bytes = content(17);
        fs::write(&path, &bytes).unwrap();
        let whole = Found::at(&path).unwrap();
        assert_eq!(whole.number(), Some(17));
        assert!(is_one_release([whole, whole]) && !is_one_release([whole, Found::Nothing]));
        bytes.pop();
        fs::write(&path, &bytes).unwrap();
        assert_eq!(Found::at(&path).unwrap(), Found::Broken);
        assert!(!is_one_release([Found::Broken, Found::Broken]));
        bytes.extend(content(18));
        fs::write(&path, &bytes).unwrap();
        assert_eq!(Found::at(&path).unwrap(), Found::Broken);
    }
}
