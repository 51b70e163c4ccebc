//! Runs: the same command for many devices, some at a time. All that drives a run is in here and in its rows, so any replica
//! can go on where another one died.

mod changed;
mod drive;
mod read;
mod retention;
mod start;

pub(crate) use self::retention::delete_before;
pub use self::{
    changed::{Watched, WatchedFilter, changed_of, changed_since},
    drive::{Advanced, advance, cancel, pause, resume},
    read::{devices, find, list},
    start::{Started, Starter, insert, preview},
};
