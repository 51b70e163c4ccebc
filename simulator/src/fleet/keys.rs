//! Where a fleet's keys lie between runs: a file of the fleet's name that only its owner may read.
//!
//! A key is shown once, so without this file a fleet could never come back. A line is a device: its id, its key and, where
//! there is one, the ticket of its last session, or what it keeps of releases; of two lines the later one holds.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use homepot::model::{DeviceId, Secret};
use parking_lot::Mutex;

use super::updates::Kept;

const HEAD: &str = "homepot-sim fleet, claim";
const CLAIM_BYTES: usize = 32;

/// The keys of a fleet. Nobody else can have them open.
#[derive(Debug)]
pub(super) struct Keys {
    path: PathBuf,
    /// With it a device whose first answer got lost can ask again.
    claim: [u8; CLAIM_BYTES],
    file: Mutex<File>,
}

/// What is known of a device from an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) key: Secret,
    pub(super) ticket: Option<String>,
    /// What it keeps of releases.
    pub(super) kept: Kept,
    /// Enrolled by this run.
    pub(super) is_new: bool,
}

impl Keys {
    /// Opens the file of that fleet, or begins it.
    pub(super) fn open(directory: &Path, fleet: &str) -> anyhow::Result<(Self, HashMap<DeviceId, Known>)> {
        let shown = directory.display();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("can't make the state directory {shown}"))?;
        let path = directory.join(format!("{fleet}.keys"));
        let shown = path.display();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("can't open {shown}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                anyhow::bail!("another homepot-sim runs the fleet '{fleet}' ({shown}); choose another --name")
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("can't lock {shown}")),
        }
        let (claim, known) = read(&mut file).with_context(|| format!("can't read {shown}"))?;
        let claim = match claim {
            Some(claim) => claim,
            None => {
                let mut claim = [0; CLAIM_BYTES];
                getrandom::fill(&mut claim).map_err(|error| anyhow::anyhow!("no source of chance: {error}"))?;
                writeln!(file, "{HEAD} {}", hex(&claim)).with_context(|| format!("can't write {shown}"))?;
                claim
            }
        };
        Ok((Self { path, claim, file: Mutex::new(file) }, known))
    }

    /// Where they lie.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the device of that number shows when it asks for its key again.
    pub(super) fn claim(&self, number: u32) -> [u8; CLAIM_BYTES] {
        let mut claim = self.claim;
        claim.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, of_number)| *byte ^= of_number);
        claim
    }

    /// Keeps a key, before it is used.
    pub(super) fn note_key(&self, device_id: &DeviceId, key: &Secret) -> std::io::Result<()> {
        self.write(&format!("{device_id} {}\n", key.reveal()))
    }

    /// Keeps a ticket. Without it the next run is only slower.
    pub(super) fn note_ticket(&self, device_id: &DeviceId, ticket: Option<&str>) {
        if let Some(ticket) = ticket {
            let _ = self.write(&format!("{device_id} - {ticket}\n"));
        }
    }

    /// Keeps what a device has of releases. Where the disk takes nothing, the next run begins anew with them.
    pub(super) fn note_update(&self, device_id: &DeviceId, kept: &Kept) {
        if let Ok(kept) = serde_json::to_string(kept) {
            let _ = self.write(&format!("{device_id} + {kept}\n"));
        }
    }

    /// One call a line, so that lines of many tasks never mix.
    fn write(&self, line: &str) -> std::io::Result<()> {
        self.file.lock().write_all(line.as_bytes())
    }

    /// Forgets all devices.
    pub(super) fn clear(&self) -> std::io::Result<()> {
        self.file.lock().set_len(0)
    }
}

type Read = (Option<[u8; CLAIM_BYTES]>, HashMap<DeviceId, Known>);

/// A line that was cut short by a crash is no line, and is taken away.
fn read(file: &mut File) -> std::io::Result<Read> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_string(&mut text)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
    }
    let (mut claim, mut known) = (None, HashMap::<DeviceId, Known>::new());
    for line in text[..whole].lines() {
        if let Some(text) = line.strip_prefix(HEAD) {
            claim = unhex(text.trim());
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let (id, key, more) = (words.next().unwrap_or_default(), words.next(), words.next());
        let (Ok(id), Some(key)) = (DeviceId::parse(id), key) else { continue };
        match (known.get_mut(&id), key) {
            (Some(known), "-") => known.ticket = more.map(str::to_owned),
            (Some(known), "+") => {
                known.kept = more.and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default();
            }
            (None, "-" | "+") => {}
            (_, key) => {
                known.insert(
                    id,
                    Known { key: Secret::presented(key), ticket: None, kept: Kept::default(), is_new: false },
                );
            }
        }
    }
    Ok((claim, known))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; CLAIM_BYTES]> {
    let digit = |at: usize| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..CLAIM_BYTES).map_while(digit).collect();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn id(text: &str) -> DeviceId {
        DeviceId::parse(text).unwrap()
    }

    #[test]
    fn keys_and_tickets_are_there_again_and_for_their_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("deep");
        let (keys, known) = Keys::open(&directory, "shop").unwrap();
        assert!(known.is_empty());
        let claim = keys.claim(7);
        assert_ne!(claim, keys.claim(8));
        keys.note_key(&id("till-1"), &Secret::presented("k1")).unwrap();
        keys.note_key(&id("till-2"), &Secret::presented("k2")).unwrap();
        keys.note_ticket(&id("till-1"), Some("t1"));
        keys.note_ticket(&id("till-1"), Some("t2"));
        let mode = std::fs::metadata(keys.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(keys);
        let (keys, known) = Keys::open(&directory, "shop").unwrap();
        assert_eq!(keys.claim(7), claim);
        let wanted = |key, ticket: Option<&str>| Known {
            key: Secret::presented(key),
            ticket: ticket.map(str::to_owned),
            kept: Kept::default(),
            is_new: false,
        };
        assert_eq!(known[&id("till-1")], wanted("k1", Some("t2")));
        assert_eq!(known[&id("till-2")], wanted("k2", None));
        keys.clear().unwrap();
        drop(keys);
        assert!(Keys::open(&directory, "shop").unwrap().1.is_empty());
    }

    #[test]
    fn a_key_that_was_cut_short_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let (keys, _) = Keys::open(directory.path(), "shop").unwrap();
        keys.note_key(&id("till-1"), &Secret::presented("whole")).unwrap();
        keys.write("till-2 hal").unwrap();
        drop(keys);
        let (keys, known) = Keys::open(directory.path(), "shop").unwrap();
        assert_eq!(known.keys().collect::<Vec<_>>(), [&id("till-1")]);
        keys.note_key(&id("till-2"), &Secret::presented("new")).unwrap();
        drop(keys);
        let (_, known) = Keys::open(directory.path(), "shop").unwrap();
        assert_eq!(known[&id("till-2")].key, Secret::presented("new"));
    }

    #[test]
    fn a_fleet_is_run_once_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let _keys = Keys::open(directory.path(), "shop").unwrap();
        let error = Keys::open(directory.path(), "shop").unwrap_err().to_string();
        assert!(error.contains("another homepot-sim runs the fleet 'shop'"), "{error}");
        assert!(Keys::open(directory.path(), "other").is_ok());
    }
}
