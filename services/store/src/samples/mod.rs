//! What devices measured: all of it by day, and the newest of each device apart.

pub(crate) mod corrections;
pub(crate) mod latest;
mod probe;
mod read;
mod record;
mod write;

use homepot::model::Sample;

pub(crate) use self::read::{merged, rows_of_hour};
pub use self::{
    latest::{changed_since, latest, watched},
    probe::probe,
    read::list,
    write::write,
};

/// A sample to store; with its `collected_at`, the device is its identity.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSample {
    /// The device.
    pub device: i64,
    /// What it measured.
    pub sample: Sample,
}

/// What the writer of samples knows of them. Only speed depends on it: what is there already is stored once in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// They are new, but for a rare retry.
    New,
    /// Some of them were sent before and may be there.
    Repeats,
}
