//! Rollouts: one release for many devices, in phases. All that drives a rollout is in here and in its rows, so any replica can go
//! on where another one died.

mod changed;
mod counts;
mod device;
mod drive;
mod lies;
mod read;
mod start;

pub use self::{
    changed::{Watched, WatchedFilter, changed_of, changed_since},
    counts::{Counts, counts},
    device::{Reported, desired, find_update, report},
    drive::{Advanced, abort, advance, pause, resume},
    read::{devices, find, list},
    start::{Candidate, Settled, Started, ToldValues, candidates, insert},
};

/// The states of devices that are under way, as SQL has them.
const IN_FLIGHT: &str = "('offered', 'downloading', 'verified', 'held', 'applying', 'probation')";
