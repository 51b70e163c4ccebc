//! What the updater takes from the server, asks of it and tells it.

use std::time::Duration;

use homepot_release::{CheckedValues, Digest, VerifiedManifest};

/// What happens to the updater. Whoever drives it hands in one at a time.
#[derive(Debug)]
pub enum Event {
    /// The server wants this device to have a release. Refuse by [`Event::Refuse`] what is not verified.
    Offer(Box<Offer>),
    /// What the server wants was refused before it came here: a signature, a selector, a value.
    Refuse {
        /// The generation that was refused.
        generation: u64,
        /// Why, for people.
        reason: String,
    },
    /// A part of an artifact came.
    Chunk {
        /// The artifact.
        digest: Digest,
        /// Where the bytes begin.
        offset: u64,
        /// The bytes, at most as many as were asked for.
        bytes: Vec<u8>,
    },
    /// A part did not come.
    ChunkFailed {
        /// The artifact.
        digest: Digest,
        /// Why, for people.
        reason: String,
        /// Whether it will never come. Otherwise it is tried again, at growing distances.
        is_final: bool,
    },
    /// The release may be put in place now: the window is open, nobody holds the device, and the server still wants it.
    Apply {
        /// The generation that this is said of.
        generation: u64,
    },
    /// The release has to wait.
    Hold {
        /// The generation that this is said of.
        generation: u64,
        /// What it waits for, for people.
        reason: String,
    },
    /// The server does not want the release any more. One on probation is undone.
    Cancel {
        /// The generation that this is said of.
        generation: u64,
    },
    /// The server has the report of this end.
    Acknowledge {
        /// The generation of the report.
        generation: u64,
        /// Its state.
        state: State,
    },
    /// A session began. A new agent that can attach proves itself sooner.
    Attached,
    /// Time went by: see [`Updater::wake_after`](super::Updater::wake_after).
    Tick,
}

/// A release for this device.
#[derive(Debug)]
pub struct Offer {
    /// Counts up with each change of what the device should have. A newer one takes the place of an older one.
    pub generation: u64,
    /// The release.
    pub manifest: VerifiedManifest,
    /// The values of its variables, checked against it.
    pub values: CheckedValues,
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the server for a part of an artifact, and answer with a chunk or its failure. There is at most one at a time.
    Fetch {
        /// The artifact.
        digest: Digest,
        /// Where the part begins.
        offset: u64,
        /// How many bytes it has.
        length: u64,
    },
    /// All is ready: answer [`Event::Apply`] as soon as the release may be put in place, and [`Event::Hold`] while it may not.
    AskToApply {
        /// The generation.
        generation: u64,
    },
    /// Something changed that the server should know: send [`Updater::report`](super::Updater::report).
    Report,
    /// The agent itself was replaced, put back or confirmed: end this process, so that the launcher starts what is there now. Nothing
    /// else is done until then.
    Restart,
}

/// How far a release is on this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its artifacts are being fetched.
    Downloading,
    /// All is there and checked, and waits for the word to be put in place.
    Waiting,
    /// Its files are being put in place.
    Applying,
    /// Its files are in place, and have to prove themselves.
    Probation,
    /// It is in place and well. An end.
    Confirmed,
    /// It was refused. An end.
    Rejected,
    /// It could not be put in place, and nothing was touched. An end.
    Failed,
    /// The old files are back. An end.
    RolledBack,
    /// The old files can't be brought back. It is tried again, and a later report replaces this one.
    RollbackFailed,
    /// It was taken back before it was in place, or undone since. An end.
    Cancelled,
}

/// What the device says about its releases. Send it when something changed, and after each new session, until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The newest generation that the device knows; 0 before the first.
    pub generation: u64,
    /// How far it is; `None` before the first.
    pub state: Option<State>,
    /// Why it is there, for people. It holds no value of a variable.
    pub reason: String,
    /// How many bytes of its artifacts are there.
    pub offset: u64,
    /// Whether the server has this report already, as far as the device knows. Only ends are acknowledged.
    pub acknowledged: bool,
    /// What is really there, of each target of the configuration.
    pub targets: Vec<TargetReport>,
}

/// What is really in a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetReport {
    /// The target's name.
    pub name: String,
    /// The digest of the file that is there; `None`: there is none, or it can't be read.
    pub sha256: Option<Digest>,
    /// The digest that was confirmed last; `None`: no release was, so there is no drift.
    pub expected: Option<Digest>,
    /// The counter of the release that was confirmed last; 0: none.
    pub counter: u64,
    /// Why the file can't be read; empty: it can, or there is none.
    pub fault: String,
}

impl TargetReport {
    /// Whether something else is there than was confirmed. While a newer release is on probation, that is so by intent.
    pub fn has_drifted(&self) -> bool {
        self.expected.is_some() && self.sha256 != self.expected
    }
}

/// The time since the boot, by a clock that nobody sets: see [`crate::platform::since_boot`].
pub type SinceBoot = Duration;
