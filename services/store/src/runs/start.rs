//! Starting a run: which devices it is for is settled here, once.

use std::collections::BTreeSet;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid},
};
use homepot::model::{Run, RunId, RunOrder, SiteScope, Target, check_expected_devices};

use super::read::found;
use crate::{
    StoreError,
    devices::DeviceRef,
    row,
    schema::runs,
    statement::Statement,
    target::{resolve, stored_target},
};

/// What came of starting.
#[derive(Clone, Debug, PartialEq)]
pub enum Started {
    /// It runs.
    New(Run),
    /// The caller gave this idempotency key to an earlier run.
    Existing(Run),
}

/// Who starts a run or a rollout, and what it takes for granted.
#[derive(Clone, Debug)]
pub struct Starter {
    /// Its name.
    pub name: String,
    /// Where it may act.
    pub scope: SiteScope,
    /// How many devices it means to reach; `None`: it does not say.
    pub expected_devices: Option<u32>,
}

/// Keeps a run with its devices: those that `order` names now and the scope allows. `judge` says why a device is left out.
pub fn insert(
    conn: &mut PgConnection,
    run_id: RunId,
    order: &RunOrder,
    starter: &Starter,
    judge: impl Fn(&DeviceRef) -> Option<String>,
) -> Result<Started, StoreError> {
    let Starter { name: created_by, scope, expected_devices } = starter;
    conn.transaction(|conn| {
        if let Some(existing) = by_key(conn, order, created_by)? {
            return Ok(Started::Existing(existing));
        }
        let devices = resolve(conn, &order.target, scope)?;
        check_expected_devices(devices.len() as u64, *expected_devices)?;
        if !insert_run(conn, run_id, order, created_by, &devices)? {
            // Somebody was quicker with the same key.
            let existing = by_key(conn, order, created_by)?.ok_or(diesel::result::Error::NotFound)?;
            return Ok(Started::Existing(existing));
        }
        Statement::new("INSERT INTO run_devices (run_id, {columns}) SELECT {run}, * FROM unnest({arrays})")
            .value::<SqlUuid, _>("run", run_id.0)
            .column::<BigInt, _>("device", devices.iter().map(|device| device.pk))
            .column::<Nullable<Text>, _>("skipped", devices.iter().map(judge))
            .execute(conn)?;
        Ok(Started::New(found(conn, run_id)?))
    })
}

/// The devices that a run with this target would have now, by id; where it could not be started, the same error.
pub fn preview(conn: &mut PgConnection, target: &Target, scope: &SiteScope) -> Result<Vec<DeviceRef>, StoreError> {
    let mut devices = resolve(conn, target, scope)?;
    devices.sort_unstable_by(|a, b| a.device_id.cmp(&b.device_id));
    Ok(devices)
}

fn by_key(conn: &mut PgConnection, order: &RunOrder, created_by: &str) -> Result<Option<Run>, StoreError> {
    let Some(key) = &order.idempotency_key else { return Ok(None) };
    let id: Option<uuid::Uuid> = runs::table
        .filter(runs::created_by.eq(created_by))
        .filter(runs::idempotency_key.eq(key))
        .select(runs::run_id)
        .first(conn)
        .optional()?;
    id.map(|id| found(conn, RunId(id))).transpose()
}

fn insert_run(
    conn: &mut PgConnection,
    run_id: RunId,
    order: &RunOrder,
    created_by: &str,
    devices: &[DeviceRef],
) -> Result<bool, StoreError> {
    let sites: BTreeSet<_> = devices.iter().map(|device| device.site_id.as_str()).collect();
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let inserted = diesel::insert_into(runs::table)
        .values((
            runs::run_id.eq(run_id.0),
            runs::command_type.eq(order.command_type.as_str()),
            runs::requested_type.eq(order.command_type.spelling()),
            runs::payload.eq(row::json(order.payload.as_ref())),
            runs::target.eq(stored_target(&order.target)),
            runs::site_ids.eq(sites.into_iter().collect::<Vec<_>>()),
            runs::max_in_flight.eq(int(order.max_in_flight)),
            runs::max_failures.eq(int(order.max_failures)),
            runs::time_to_live_ms.eq(i64::try_from(order.time_to_live.as_millis()).unwrap_or(i64::MAX)),
            runs::run_timeout_ms.eq(row::millis(order.run_timeout)),
            runs::created_by.eq(created_by),
            runs::idempotency_key.eq(&order.idempotency_key),
            runs::description.eq(&order.description),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(inserted == 1)
}
