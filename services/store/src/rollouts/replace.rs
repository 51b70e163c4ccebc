//! A rollout in the place of an earlier one: for the devices that have begun with that.

use diesel::prelude::*;
use homepot::{
    Error,
    model::{DeviceSelection, RolloutId, RolloutOrder, SiteScope},
};

use super::{
    drive::{abort, lock},
    start::{Candidate, Settled, Started, insert, with_targets},
};
use crate::{
    StoreError, devices,
    runs::Starter,
    schema::{devices as devices_table, rollout_devices},
};

/// Starts a rollout, and aborts the one that it replaces, if any, in the same step. Tells whom that concerns.
pub fn start(
    conn: &mut PgConnection,
    rollout_id: RolloutId,
    order: &RolloutOrder,
    starter: &Starter,
    settle: impl FnOnce(&mut PgConnection, &[Candidate]) -> Result<Vec<Settled>, StoreError>,
) -> Result<(Started, Vec<i64>), StoreError> {
    conn.transaction(|conn| {
        if let Some(earlier) = order.replaces {
            // No further device begins with it meanwhile.
            lock(conn, earlier)?;
        }
        let started = insert(conn, rollout_id, order, starter, settle)?;
        let mut to_tell = Vec::new();
        if let (Some(earlier), Started::New(_)) = (order.replaces, &started) {
            let reason = format!("replaced by rollout {rollout_id}, which {} started", starter.name);
            to_tell = abort(conn, earlier, &reason)?.map(|(_, to_tell)| to_tell).unwrap_or_default();
        }
        Ok((started, to_tell))
    })
}

/// The devices that have begun with a rollout, are still there and within reach.
pub(super) fn reached_by(
    conn: &mut PgConnection,
    earlier: RolloutId,
    scope: &SiteScope,
) -> Result<Vec<Candidate>, StoreError> {
    let ids: Vec<String> = rollout_devices::table
        .inner_join(devices_table::table)
        .filter(rollout_devices::rollout_id.eq(earlier.0))
        .filter(rollout_devices::generation.is_not_null())
        .select(devices_table::device_id)
        .load(conn)?;
    let device_ids =
        ids.iter().map(|id| crate::row::checked("devices.device_id", id)).collect::<Result<_, StoreError>>()?;
    let found = if ids.is_empty() {
        Vec::new()
    } else {
        let selection = DeviceSelection { device_ids, ..DeviceSelection::all(scope.clone()) };
        devices::matching(conn, &selection, None)?
    };
    if found.is_empty() {
        let fault = "names a rollout with which no device has begun; abort it, and start another one for a target";
        return Err(Error::invalid("replaces_rollout_id", fault).into());
    }
    with_targets(conn, found)
}
