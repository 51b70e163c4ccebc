//! What devices measured: all of it by day, and the newest of each device apart.

mod columns;
mod partitions;
mod read;
mod write;

use homepot::model::Sample;

pub use self::{
    partitions::{DAYS_AHEAD, DAYS_BACK, ensure_partitions},
    read::{LatestFilter, latest, query},
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
