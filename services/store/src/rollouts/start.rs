//! Starting a rollout: which devices it is for, and in which phase each, is settled here, once.

use std::collections::{BTreeSet, HashMap};

use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Integer, Nullable, Text, Uuid as SqlUuid},
};
use homepot::model::{
    DeviceTarget, ReleaseId, Rollout, RolloutId, RolloutOrder, SiteScope, Target, UpdateState, check_expected_devices,
};
use serde_json::Value;
use uuid::Uuid;

use super::{device::read_targets, read::found};
use crate::{
    StoreError,
    devices::DeviceRef,
    runs::Starter,
    schema::{device_updates, rollouts},
    statement::Statement,
    target::{resolve, stored_target},
};

/// What came of starting.
#[derive(Clone, Debug, PartialEq)]
pub enum Started {
    /// It runs.
    New(Rollout),
    /// The caller gave this idempotency key to an earlier rollout.
    Existing(Rollout),
}

/// A device that a rollout might reach.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The device.
    pub device: DeviceRef,
    /// What it has, by its last report; `None`: it never said, or takes no releases.
    pub targets: Option<Vec<DeviceTarget>>,
    /// The values that it was last told; `None`: none.
    pub told: Option<ToldValues>,
}

/// The values that a device was last told.
#[derive(Clone, Debug)]
pub struct ToldValues {
    /// For this release.
    pub release_id: ReleaseId,
    /// All of them.
    pub sealed: Vec<u8>,
    /// Whether the device has confirmed that release with them.
    pub is_confirmed: bool,
}

/// What a rollout settles for a device when it starts: its values, sealed, or why it is left out.
pub type Settled = Result<Option<Vec<u8>>, String>;

/// The devices that a rollout with this target would have now, by id; where it could not be started, the same error.
pub fn candidates(conn: &mut PgConnection, target: &Target, scope: &SiteScope) -> Result<Vec<Candidate>, StoreError> {
    let mut devices = resolve(conn, target, scope)?;
    devices.sort_unstable_by(|a, b| a.device_id.cmp(&b.device_id));
    let pks: Vec<i64> = devices.iter().map(|device| device.pk).collect();
    type Row = (i64, Value, Option<Uuid>, Option<String>, Option<Vec<u8>>);
    let rows: Vec<Row> = device_updates::table
        .filter(device_updates::device.eq_any(&pks))
        .filter(device_updates::reported_at.is_not_null())
        .select((
            device_updates::device,
            device_updates::targets,
            device_updates::release_id,
            device_updates::state,
            device_updates::sealed_values,
        ))
        .load(conn)?;
    let read = |(pk, targets, release_id, state, sealed): Row| {
        let told = release_id.zip(sealed).map(|(release_id, sealed)| ToldValues {
            release_id: ReleaseId(release_id),
            sealed,
            is_confirmed: state.as_deref() == Some(UpdateState::Confirmed.as_str()),
        });
        Ok((pk, (read_targets(&targets)?, told)))
    };
    let mut known = rows.into_iter().map(read).collect::<Result<HashMap<_, _>, StoreError>>()?;
    let candidate = |device: DeviceRef| {
        let (targets, told) = known.remove(&device.pk).unzip();
        Candidate { targets, told: told.flatten(), device }
    };
    Ok(devices.into_iter().map(candidate).collect())
}

/// Keeps a rollout with its devices: those that `order` names now and the scope allows. `settle` says for each, in the same order,
/// which values it gets or why it is left out.
pub fn insert(
    conn: &mut PgConnection,
    rollout_id: RolloutId,
    order: &RolloutOrder,
    starter: &Starter,
    settle: impl FnOnce(&mut PgConnection, &[Candidate]) -> Result<Vec<Settled>, StoreError>,
) -> Result<Started, StoreError> {
    let Starter { name: created_by, scope, expected_devices } = starter;
    conn.transaction(|conn| {
        if let Some(existing) = by_key(conn, order, created_by)? {
            return Ok(Started::Existing(existing));
        }
        let devices = candidates(conn, &order.target, scope)?;
        check_expected_devices(devices.len() as u64, *expected_devices)?;
        if !insert_rollout(conn, rollout_id, order, created_by, &devices)? {
            // Somebody was quicker with the same key.
            let existing = by_key(conn, order, created_by)?.ok_or(diesel::result::Error::NotFound)?;
            return Ok(Started::Existing(existing));
        }
        let pks = devices.iter().map(|candidate| candidate.device.pk);
        let (taken, left_out): (Vec<_>, Vec<_>) =
            pks.zip(settle(conn, &devices)?).partition(|(_, settled)| settled.is_ok());
        let phases = order.phases.of(u32::try_from(taken.len()).unwrap_or(u32::MAX));
        let phases = phases.map(|phase| i32::try_from(phase).unwrap_or(i32::MAX)).collect::<Vec<_>>();
        let state = |settled: &Settled| match settled {
            Ok(_) => UpdateState::Waiting.as_str(),
            Err(_) => UpdateState::Skipped.as_str(),
        };
        let (all, none) = (|| taken.iter().chain(&left_out), vec![0; left_out.len()]);
        Statement::new("INSERT INTO rollout_devices (rollout_id, {columns}) SELECT {rollout}, * FROM unnest({arrays})")
            .value::<SqlUuid, _>("rollout", rollout_id.0)
            .column::<BigInt, _>("device", all().map(|(pk, _)| *pk))
            .column::<Integer, _>("phase", phases.into_iter().chain(none))
            .column::<Text, _>("state", all().map(|(_, settled)| state(settled)))
            .column::<Nullable<Text>, _>("reason", all().map(|(_, settled)| settled.as_ref().err().cloned()))
            .column::<Nullable<Binary>, _>("sealed_values", all().map(|(_, settled)| settled.clone().ok().flatten()))
            .execute(conn)?;
        Ok(Started::New(found(conn, rollout_id)?))
    })
}

fn by_key(conn: &mut PgConnection, order: &RolloutOrder, created_by: &str) -> Result<Option<Rollout>, StoreError> {
    let Some(key) = &order.idempotency_key else { return Ok(None) };
    let id: Option<Uuid> = rollouts::table
        .filter(rollouts::created_by.eq(created_by))
        .filter(rollouts::idempotency_key.eq(key))
        .select(rollouts::rollout_id)
        .first(conn)
        .optional()?;
    id.map(|id| found(conn, RolloutId(id))).transpose()
}

fn insert_rollout(
    conn: &mut PgConnection,
    rollout_id: RolloutId,
    order: &RolloutOrder,
    created_by: &str,
    devices: &[Candidate],
) -> Result<bool, StoreError> {
    let sites: BTreeSet<_> = devices.iter().map(|candidate| candidate.device.site_id.as_str()).collect();
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let millis = |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    let inserted = diesel::insert_into(rollouts::table)
        .values((
            rollouts::rollout_id.eq(rollout_id.0),
            rollouts::release_id.eq(order.release_id.0),
            rollouts::target.eq(stored_target(&order.target)),
            rollouts::site_ids.eq(sites.into_iter().collect::<Vec<_>>()),
            rollouts::phases.eq(order.phases.texts()),
            rollouts::soak_ms.eq(millis(order.soak)),
            rollouts::silence_ms.eq(millis(order.silence)),
            rollouts::max_in_flight.eq(int(order.max_in_flight)),
            rollouts::max_in_flight_per_site.eq(int(order.max_in_flight_per_site)),
            rollouts::max_failure_percent.eq(int(order.max_failure_percent)),
            rollouts::created_by.eq(created_by),
            rollouts::idempotency_key.eq(&order.idempotency_key),
            rollouts::description.eq(&order.description),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(inserted == 1)
}
