//! The agent itself as a target: what the updater leaves for the launcher, and what the launcher does with it.
//!
//! The file lies in a directory of its own in the agent's state directory, and is replaced as every target is. Because the launcher
//! has to choose a program before any agent runs, it finds beside the file what it needs, and never reads the journal:
//!
//! | file | written by | what |
//! |---|---|---|
//! | `trial` | the updater, before it replaces the program | the program is on probation; whether there was one before; how long it may take to reach its loop |
//! | `starts` | the launcher, before each start of a program on probation | how often it was started |
//! | `taken-back` | the launcher | why it put back what was there before; the agent reports it |
//!
//! The launcher is not updated over the air, so that what these files mean never changes.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use homepot_release::{Digest, digest::Hasher};

use super::{
    disk::{Attributes, Dir, Disk},
    engine::Updater,
    journal::Change,
    report::Action,
    runner::Runner,
    store::BUFFER_BYTES,
    targets::{Place, Target},
};
use crate::commands::builtin::ProgramRule;

/// The name of the target. No target of the configuration may have it.
pub use homepot_release::manifest::AGENT;
/// The directory of the program, in the agent's state directory.
pub const DIRECTORY: &str = "program";
/// The program in it.
pub const PROGRAM: &str = "homepot-agent";
const TRIAL: &str = "trial";
const STARTS: &str = "starts";
const TAKEN_BACK: &str = "taken-back";
const NEW: &str = "new";
/// A program on probation is started this often, and then taken back.
const MAX_STARTS: u32 = 3;
/// Where the note does not say how long a program may take to reach its loop.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most of a note that is read, in bytes.
const MAX_BYTES: u64 = 4096;

/// A file's number on its disk, and the disk's: two names with one of them are one file.
pub type FileId = (u64, u64);

/// What this process is, for the updater of an agent that may replace itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The program in the state directory, where this process is that; `None`: it is the installed one.
    pub running: Option<FileId>,
    /// The digest of the installed program, where this process is that: before the first release it is what the target has.
    pub digest: Option<Digest>,
}

impl Own {
    /// What this process is, of the programs in `directory` and elsewhere.
    pub fn of_this_process(directory: &Path) -> Self {
        // Where somebody has just replaced the installed program, that of this process can't be told.
        let Ok(own) = std::env::current_exe() else { return Self::default() };
        let number = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        let running = number(&own).filter(|own| number(&directory.join(PROGRAM)) == Some(*own));
        let digest = if running.is_some() { None } else { digest_of(&own).ok() };
        Self { running, digest }
    }
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let (mut file, mut hasher, mut buffer) = (fs::File::open(path)?, Hasher::new(), vec![0; BUFFER_BYTES]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// The target.
pub fn target(directory: PathBuf) -> Target {
    Target {
        directory,
        file: PROGRAM.to_owned(),
        attributes: Attributes { mode: 0o755, owner: None, group: None },
        reload: None,
        validator: None,
        health: None,
    }
}

/// What the launcher starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The program that was installed with the launcher: there is no other.
    Installed,
    /// The program in the state directory, which has proved itself.
    Program,
    /// The program in the state directory, which is on probation. It has to reach its loop within this time.
    Trial(Duration),
}

/// What the launcher knows beside what is on disk: a disk that takes nothing must not let it start a bad program for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Starts(u32);

/// Chooses what to start, and counts the start of a program on probation. One that was started too often is taken back first.
pub fn choose<D: Disk>(disk: &mut D, dir: &Dir, starts: &mut Starts) -> io::Result<Choice> {
    if disk.stat(dir, PROGRAM)?.is_none() {
        return Ok(Choice::Installed);
    }
    let Some(trial) = read(disk, dir, TRIAL)? else { return Ok(Choice::Program) };
    if let Some(reason) = read(disk, dir, TAKEN_BACK)? {
        // The power went meanwhile.
        return take_back(disk, dir, &reason, starts);
    }
    let kept = read(disk, dir, STARTS)?.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
    starts.0 = starts.0.max(kept);
    if starts.0 >= MAX_STARTS {
        let reason = format!("the launcher started the new agent {MAX_STARTS} times, and it never proved itself");
        return take_back(disk, dir, &reason, starts);
    }
    starts.0 += 1;
    if let Err(error) = write(disk, dir, STARTS, &starts.0.to_string()) {
        tracing::warn!(%error, "the start of the new agent can't be counted on disk; it is counted in memory");
    }
    let patience = trial.split_whitespace().nth(1).and_then(|text| text.parse().ok());
    Ok(Choice::Trial(patience.map_or(PATIENCE, Duration::from_millis)))
}

/// Whether the program has yet to prove itself.
pub fn is_on_trial<D: Disk>(disk: &mut D, dir: &Dir) -> bool {
    disk.stat(dir, TRIAL).is_ok_and(|stat| stat.is_some())
}

/// Puts back what was there before the program on probation, and says what to start. Doing it again is harmless.
fn take_back<D: Disk>(disk: &mut D, dir: &Dir, reason: &str, starts: &mut Starts) -> io::Result<Choice> {
    let Some(trial) = read(disk, dir, TRIAL)? else { return Ok(Choice::Program) };
    tracing::error!(reason, "the new agent is taken back");
    // First of all, so that the way back is gone to its end whatever happens.
    if let Err(error) = write(disk, dir, TAKEN_BACK, reason) {
        tracing::warn!(%error, "why the new agent is taken back can't be kept");
    }
    let place = Place { dir: dir.clone(), file: PROGRAM.to_owned() };
    if trial.starts_with("none") {
        disk.remove(dir, PROGRAM)?;
    } else if disk.stat(dir, &place.old_name())?.is_some() {
        disk.rename(dir, &place.old_name(), PROGRAM)?;
    }
    disk.sync_dir(dir)?;
    *starts = Starts::default();
    disk.remove(dir, TRIAL)?;
    disk.remove(dir, STARTS)?;
    disk.sync_dir(dir)?;
    Ok(if disk.stat(dir, PROGRAM)?.is_some() { Choice::Program } else { Choice::Installed })
}

/// Removes what an earlier probation may have left. Until that is on disk, no copy may be made that the launcher could take for the
/// last good program.
pub(super) fn forget<D: Disk>(disk: &mut D, dir: &Dir) -> io::Result<()> {
    for name in [TRIAL, STARTS, TAKEN_BACK, NEW] {
        disk.remove(dir, name)?;
    }
    disk.sync_dir(dir)
}

/// Says that the program is on probation. What was there before has to be kept already.
pub(super) fn begin<D: Disk>(disk: &mut D, dir: &Dir, existed: bool, patience: Duration) -> io::Result<()> {
    let before = if existed { "kept" } else { "none" };
    write(disk, dir, TRIAL, &format!("{before} {}", crate::milliseconds(patience)))
}

/// Removes the notes of a probation that is over.
pub(super) fn sweep<D: Disk>(disk: &mut D, dir: &Dir) -> io::Result<()> {
    let is_there = [TRIAL, STARTS, TAKEN_BACK].map(|name| disk.stat(dir, name).map(|stat| stat.is_some()));
    if is_there.into_iter().collect::<io::Result<Vec<_>>>()?.contains(&true) {
        forget(disk, dir)?;
    }
    Ok(())
}

fn read<D: Disk>(disk: &mut D, dir: &Dir, name: &str) -> io::Result<Option<String>> {
    let Some(mut file) = disk.open(dir, name)? else { return Ok(None) };
    let (mut bytes, mut buffer) = (Vec::new(), [0; 512]);
    while (bytes.len() as u64) < MAX_BYTES {
        match disk.read(&mut file, &mut buffer)? {
            0 => break,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn write<D: Disk>(disk: &mut D, dir: &Dir, name: &str, text: &str) -> io::Result<()> {
    disk.remove(dir, NEW)?;
    let mut file = disk.create(dir, NEW, Attributes::PRIVATE)?;
    disk.write(&mut file, text.as_bytes())?;
    disk.sync(&mut file)?;
    disk.rename(dir, NEW, name)?;
    disk.sync_dir(dir)
}

/// Whether the agent is among what changes.
pub(super) fn is_replaced(changes: &[Change]) -> bool {
    of_agent(changes).is_some()
}

pub(super) fn of_agent(changes: &[Change]) -> Option<Place> {
    changes.iter().find(|change| change.target == AGENT).map(Change::place)
}

impl<D: Disk, R: Runner> Updater<D, R> {
    /// Tries the new program where it lies, before it takes the place of the old one: one that is cut short or of another kind of
    /// machine does not even tell its version.
    pub(super) fn try_agent(&mut self, changes: &[Change]) -> Result<(), String> {
        let (Some(place), Some(job)) = (of_agent(changes), self.job().cloned()) else { return Ok(()) };
        let program = self.disk.path(&place.dir, &place.new_name());
        let rule = ProgramRule { program, args: vec!["--version".to_owned()] };
        let run = self.run(&rule, &job, AGENT, self.timing.program);
        run.map_err(|fault| format!("the new agent does not tell its version: {fault}"))
    }

    /// Why the launcher took the new agent back, if it did.
    pub(super) fn taken_back(&mut self, changes: &[Change]) -> Option<String> {
        let place = of_agent(changes)?;
        read(&mut self.disk, &place.dir, TAKEN_BACK).ok().flatten().filter(|reason| !reason.trim().is_empty())
    }

    /// An agent on probation is the one that has to run.
    pub(super) fn runs_another(&mut self, changes: &[Change]) -> Result<(), String> {
        if is_replaced(changes) && self.file_of_agent(changes) != self.running() {
            let fault =
                "another program runs than the new agent: without the launcher, or with another state directory";
            return Err(fault.to_owned());
        }
        Ok(())
    }

    /// Ends this process where the launcher has another program by now.
    pub(super) fn leave_if_replaced(&mut self, changes: &[Change]) {
        if is_replaced(changes) && self.file_of_agent(changes) != self.running() {
            self.leave();
        }
    }

    /// Ends this process once a new agent has proved itself: its launcher need not stay beside it, and becomes it.
    pub(super) fn leave_launcher(&mut self, changes: &[Change]) {
        if is_replaced(changes) {
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.is_leaving = true;
        self.actions.push(Action::Restart);
    }

    fn running(&self) -> Option<FileId> {
        self.targets.own.and_then(|own| own.running)
    }

    fn file_of_agent(&mut self, changes: &[Change]) -> Option<FileId> {
        let place = of_agent(changes)?;
        let stat = self.disk.stat(&place.dir, &place.file).ok().flatten();
        stat.map(|stat| (stat.device, stat.inode))
    }
}
