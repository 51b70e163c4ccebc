//! Rollouts: one release for many devices, in phases. All that drives a rollout is in here and in its rows, so any replica can go
//! on where another one died.

mod approval;
mod changed;
mod counts;
mod device;
mod drive;
mod gate;
mod lies;
mod mend;
mod policy;
mod read;
mod replace;
mod start;
mod window;

pub use self::{
    approval::{Approved, approve},
    changed::{Watched, WatchedFilter, changed_of, changed_since},
    counts::{Counts, counts},
    device::{Reported, desired, find_update, report},
    drive::{Advanced, abort, advance, pause, resume},
    gate::{Wait, next_turns},
    mend::{MendLimits, mend},
    policy::{find_policy, set_policy},
    read::{devices, find, list},
    replace::start,
    start::{Candidate, Settled, Started, ToldValues, candidates, insert},
    window::check_time_zone,
};

/// The states of devices that are under way, as SQL has them.
pub(crate) const IN_FLIGHT: &str = "('offered', 'downloading', 'verified', 'held', 'applying', 'probation')";
