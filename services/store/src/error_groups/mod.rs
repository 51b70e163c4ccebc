//! Errors of applications, each with its repeats of one hour folded into it.

mod fold;
mod read;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use homepot::model::{DeviceSource, SiteId};

pub use self::{
    fold::{MAX_GROUPS, NewError, fold},
    read::{Seen, list, sums},
};
use crate::{StoreError, schema::error_reporters};

/// How long it is known how many groups a reporter had in an hour: an error is folded seconds after it came.
const KEEP_REPORTERS: TimeDelta = TimeDelta::hours(3);

/// A device that an error names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDevice {
    /// The store's own number for it.
    pub pk: i64,
    /// Its site.
    pub site_id: SiteId,
    /// Real or simulated.
    pub source: DeviceSource,
}

/// Forgets how many groups reporters had in hours that are over.
pub(crate) fn forget_reporters(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let over = error_reporters::table.filter(error_reporters::hour.lt(now - KEEP_REPORTERS));
    Ok(diesel::delete(over).execute(conn)?)
}
