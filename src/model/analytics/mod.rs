//! What people and applications do: their activity, and errors with their repeats.

mod activity;
mod error;
mod mask;
mod words;

pub use self::{
    activity::{Activity, ActivityFilter, ActivitySum, StoredActivity},
    error::{ErrorFilter, ErrorGroup, ErrorReport, ErrorSum},
    mask::masked,
    words::{ActivityGrouping, ActivityType, ErrorGrouping, Severity},
};
use super::{DeviceSource, Faults, JsonBounds};

/// Bounds of an activity's metadata.
pub const MAX_METADATA: JsonBounds = JsonBounds { bytes: 4_096, keys: 64, depth: 4 };
/// Bounds of an error's context.
pub const MAX_CONTEXT: JsonBounds = JsonBounds { bytes: 8_192, keys: 64, depth: 4 };

/// What a filter says of the source; `None` when it says nothing.
fn read_source(faults: &mut Faults, source: i32) -> Option<DeviceSource> {
    faults.take(DeviceSource::from_proto("source", source)).flatten()
}
