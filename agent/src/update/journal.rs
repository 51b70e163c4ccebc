//! The updater's journal: one small file that is replaced as a whole.
//!
//! `crc32 u32, little-endian | record as protobuf`. A record gains fields under new numbers and never changes what one means, so that an
//! older agent reads the journal of a newer one. The file is private: while a release is not yet in place it holds the values of its
//! variables, secrets among them.

use std::io;

use homepot_release::Digest;

use super::{
    disk::{Attributes, Dir, Disk},
    future,
    targets::Place,
};

/// What this agent understands. It goes up only where an older agent must not touch the journal of a newer one.
const READER: u32 = 0;
const NAME: &str = "journal";
const NEW: &str = "journal.new";
const UNREADABLE: &str = "journal.unreadable";
/// A manifest has at most 48 KiB, and values at most as much again.
const MAX_BYTES: u64 = 1024 * 1024;

/// All that the updater keeps.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Record {
    /// The newest job, until another takes its place.
    #[prost(message, optional, tag = "1")]
    pub(super) job: Option<Job>,
    /// What is known about each target.
    #[prost(message, repeated, tag = "2")]
    pub(super) targets: Vec<TargetRecord>,
    /// The least [`READER`] that understands this. A record with a higher one is left as it is: nothing is guessed.
    #[prost(uint32, tag = "3")]
    pub(super) reader: u32,
    /// What a newer agent wrote, see [`future`]; not under this tag.
    #[prost(bytes = "vec", tag = "2047")]
    pub(super) unknown: Vec<u8>,
}

/// One generation of what the device should have. Its `Debug` is left out because of the values.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Job {
    #[prost(uint64, tag = "1")]
    pub(super) generation: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) manifest: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) counter: u64,
    #[prost(message, repeated, tag = "4")]
    pub(super) files: Vec<JobFile>,
    #[prost(string, repeated, tag = "5")]
    pub(super) validators: Vec<String>,
    #[prost(string, repeated, tag = "6")]
    pub(super) health: Vec<String>,
    /// The values of the variables; empty once they are not needed any more.
    #[prost(bytes = "vec", tag = "7")]
    pub(super) values: Vec<u8>,
    #[prost(enumeration = "Phase", tag = "8")]
    pub(super) phase: i32,
    #[prost(string, tag = "9")]
    pub(super) reason: String,
    #[prost(bool, tag = "10")]
    pub(super) acknowledged: bool,
    /// What is replaced; known from `Applying` on.
    #[prost(message, repeated, tag = "11")]
    pub(super) changes: Vec<Change>,
    /// The boot in which probation began.
    #[prost(string, tag = "12")]
    pub(super) boot: String,
    /// When probation ends, in milliseconds of that boot.
    #[prost(uint64, tag = "13")]
    pub(super) deadline: u64,
    /// How often the agent has started while the job was on probation.
    #[prost(uint32, tag = "14")]
    pub(super) starts: u32,
    /// Whether any of the values is a secret, so that no output of programs is told.
    #[prost(bool, tag = "15")]
    pub(super) has_secrets: bool,
    #[prost(bytes = "vec", tag = "2047")]
    pub(super) unknown: Vec<u8>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({}, {:?}, {:?})", self.generation, self.phase(), self.reason)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JobFile {
    #[prost(string, tag = "1")]
    pub(super) target: String,
    #[prost(bytes = "vec", tag = "2")]
    sha256: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) size: u64,
    #[prost(bool, tag = "4")]
    pub(super) template: bool,
    /// The digest of what goes into the target, known from `Applying` on.
    #[prost(bytes = "vec", tag = "5")]
    content: Vec<u8>,
}

impl JobFile {
    pub(super) fn new(file: &homepot_release::manifest::File) -> Self {
        let sha256 = file.sha256.as_bytes().to_vec();
        Self { target: file.target.clone(), sha256, size: file.size, template: file.template, content: Vec::new() }
    }

    pub(super) fn set_content(&mut self, content: &Digest) {
        self.content = content.as_bytes().to_vec();
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The digest of the artifact.
    pub(super) fn digest(&self) -> Digest {
        digest(&self.sha256)
    }
}

/// A target whose file is replaced.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Change {
    #[prost(string, tag = "1")]
    pub(super) target: String,
    /// Whether there was a file before.
    #[prost(bool, tag = "2")]
    pub(super) existed: bool,
    /// Where it lies. The configuration may say something else when the old file has to come back.
    #[prost(string, tag = "3")]
    directory: String,
    #[prost(string, tag = "4")]
    file: String,
    /// The digest of the new file.
    #[prost(bytes = "vec", tag = "5")]
    content: Vec<u8>,
}

impl Change {
    /// `None`: the path is not UTF-8, which the configuration can't say.
    pub(super) fn new(target: &str, existed: bool, place: &Place, content: &Digest) -> Option<Self> {
        let Dir::Target(directory) = &place.dir else { return None };
        Some(Self {
            target: target.to_owned(),
            existed,
            directory: directory.to_str()?.to_owned(),
            file: place.file.clone(),
            content: content.as_bytes().to_vec(),
        })
    }

    pub(super) fn place(&self) -> Place {
        Place { dir: Dir::Target(self.directory.clone().into()), file: self.file.clone() }
    }

    /// The digest of the new file.
    pub(super) fn content(&self) -> Digest {
        digest(&self.content)
    }
}

/// What is known about a target.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TargetRecord {
    #[prost(string, tag = "1")]
    pub(super) target: String,
    /// The highest counter that ever was put in place.
    #[prost(uint64, tag = "2")]
    pub(super) highest: u64,
    /// The manifest of that counter.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) highest_manifest: Vec<u8>,
    /// What is in place and confirmed; none before the first.
    #[prost(message, optional, tag = "4")]
    pub(super) installed: Option<Installed>,
    /// The artifact that was in place before that. It is kept, because going back is likely.
    #[prost(bytes = "vec", tag = "5")]
    pub(super) previous_artifact: Vec<u8>,
    #[prost(bytes = "vec", tag = "2047")]
    pub(super) unknown: Vec<u8>,
}

/// A file that is in place.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Installed {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) manifest: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) counter: u64,
    /// The artifact; of a template, before it was rendered.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) artifact: Vec<u8>,
    /// The file itself.
    #[prost(bytes = "vec", tag = "4")]
    pub(super) content: Vec<u8>,
}

/// How far a job is, as far as that has to survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Phase {
    /// A newer agent wrote something that this one does not know.
    Unspecified = 0,
    /// Nothing of the targets was touched.
    Accepted = 1,
    /// Targets may be old or new.
    Applying = 2,
    /// All targets are new.
    Probation = 3,
    Confirmed = 4,
    Rejected = 5,
    Failed = 6,
    RolledBack = 7,
    /// Some targets may be new. Bringing back the old ones is tried again and again.
    RollbackFailed = 8,
    Cancelled = 9,
}

impl Record {
    pub(super) fn target(&mut self, name: &str) -> &mut TargetRecord {
        let found = self.targets.iter().position(|target| target.target == name);
        let at = found.unwrap_or_else(|| {
            self.targets.push(TargetRecord { target: name.to_owned(), ..TargetRecord::default() });
            self.targets.len() - 1
        });
        &mut self.targets[at]
    }
}

/// Reads a digest that this agent wrote.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(bytes).unwrap_or_else(|| Digest::of(b""))
}

/// Reads the journal; one that is missing is empty. A damaged one is kept under another name and told, and an empty one takes its place:
/// what is in the targets stays as it is.
pub(super) fn read<D: Disk>(disk: &mut D) -> io::Result<Record> {
    let Some(mut file) = disk.open(&Dir::State, NAME)? else { return Ok(Record::default()) };
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut is_whole = disk.stat_open(&file)?.size <= MAX_BYTES;
    while is_whole {
        match disk.read(&mut file, &mut buffer)? {
            0 => break,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
        is_whole = bytes.len() as u64 <= MAX_BYTES;
    }
    if let Some(record) = parse(&bytes).filter(|_| is_whole) {
        if record.reader > READER {
            let fault = "a newer agent wrote the journal of updates so that this one does not understand it; it is left as it is";
            return Err(io::Error::new(io::ErrorKind::Unsupported, fault));
        }
        return Ok(record);
    }
    tracing::error!(
        kept_as = UNREADABLE,
        "the journal of updates is damaged; it starts anew, and the targets stay as they are"
    );
    disk.rename(&Dir::State, NAME, UNREADABLE)?;
    disk.sync_dir(&Dir::State)?;
    Ok(Record::default())
}

/// Replaces the journal; when it returns, the new one survives a power cut. After an error either of the two may be there.
pub(super) fn write<D: Disk>(disk: &mut D, record: &Record) -> io::Result<()> {
    let payload = future::encode(record);
    let mut bytes = crc32fast::hash(&payload).to_le_bytes().to_vec();
    bytes.extend_from_slice(&payload);
    disk.remove(&Dir::State, NEW)?;
    let mut file = disk.create(&Dir::State, NEW, Attributes::PRIVATE)?;
    disk.write(&mut file, &bytes)?;
    disk.sync(&mut file)?;
    disk.rename(&Dir::State, NEW, NAME)?;
    disk.sync_dir(&Dir::State)
}

fn parse(bytes: &[u8]) -> Option<Record> {
    let (checksum, payload) = bytes.split_first_chunk::<4>()?;
    if crc32fast::hash(payload) != u32::from_le_bytes(*checksum) {
        return None;
    }
    future::decode(payload)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::{super::disk::model::ModelDisk, *};

    fn record() -> Record {
        let job = Job { generation: 7, values: b"hunter2".to_vec(), reason: "why".to_owned(), ..Job::default() };
        let mut record = Record { job: Some(job), ..Record::default() };
        record.target("pos").highest = 9;
        record
    }

    #[test]
    fn what_was_written_is_read_and_shows_no_value() {
        let mut disk = ModelDisk::default();
        assert_eq!(read(&mut disk).unwrap(), Record::default());
        write(&mut disk, &record()).unwrap();
        assert_eq!(read(&mut disk).unwrap(), record());
        assert!(!format!("{:?}", record()).contains(&format!("{:?}", b"hunter2".to_vec())));
        assert_eq!(disk.mode(&Dir::State, NAME), 0o600);
    }

    #[test]
    fn a_damaged_journal_is_set_aside_wherever_the_damage_is() {
        let mut disk = ModelDisk::default();
        write(&mut disk, &record()).unwrap();
        let whole = disk.get(&Dir::State, NAME).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            disk.put(&Dir::State, NAME, &bytes);
            assert_eq!(read(&mut disk).unwrap(), Record::default(), "byte {at}");
            assert_eq!(disk.get(&Dir::State, UNREADABLE), Some(bytes));
            assert_eq!(disk.get(&Dir::State, NAME), None);
        }
        for length in 0..whole.len() {
            disk.put(&Dir::State, NAME, &whole[..length]);
            assert_eq!(read(&mut disk).unwrap(), Record::default(), "{length} bytes");
        }
    }

    #[test]
    fn a_journal_of_a_newer_agent_is_read() {
        let mut disk = ModelDisk::default();
        // Field 99, which nobody knows here.
        let news = vec![0x9a, 0x06, 1, b'x'];
        let framed = |payload: Vec<u8>| [crc32fast::hash(&payload).to_le_bytes().to_vec(), payload].concat();
        let bytes = framed([record().encode_to_vec(), news.clone()].concat());
        disk.put(&Dir::State, NAME, &bytes);
        let read_again = read(&mut disk).unwrap();
        assert_eq!(read_again, Record { unknown: news, ..record() });
        write(&mut disk, &read_again).unwrap();
        assert_eq!(disk.get(&Dir::State, NAME), Some(bytes), "nothing of it is lost");

        // One that this agent must not touch stays as it is.
        let bytes = framed(Record { reader: READER + 1, ..record() }.encode_to_vec());
        disk.put(&Dir::State, NAME, &bytes);
        assert_eq!(read(&mut disk).unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert_eq!(disk.get(&Dir::State, NAME), Some(bytes));
    }
}
