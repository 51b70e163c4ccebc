//! Enrolment: a device's row, its first key and the use of a token, all or nothing. A real device takes the id of a simulated
//! one over: that one is removed and another device begins.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{prelude::*, result::Error as DieselError};
use homepot::model::{Device, DeviceSource, DeviceStatus, Enrollment, Labels, MAX_LABELS, StateCause};
use serde_json::Value;

use super::{find, labels, removal};
use crate::{
    StoreError, device_keys, row,
    schema::{device_states, devices, enrollment_tokens, sessions},
    secrets::NewSecret,
    sites,
};

/// A device to enrol; its key is hashed already.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// What it says of itself.
    pub enrollment: Enrollment,
    /// What it is, as the server decided.
    pub source: DeviceSource,
    /// Its key.
    pub key: NewSecret,
    /// The token that lets it in; `None`: open enrolment, or an operator.
    pub token_id: Option<String>,
    /// Hash of what lets it ask again when the answer got lost.
    pub claim_hash: Option<Vec<u8>>,
    /// What its token marks it with.
    pub labels: Labels,
}

/// What came of an enrolment.
#[allow(clippy::large_enum_variant)] // returned once a device's life, never kept
#[derive(Clone, Debug, PartialEq)]
pub enum Enrolled {
    /// It is enrolled, with the given key.
    Device(Device),
    /// The same, in place of a simulated device of that id, of which nothing is left.
    TookOver(Device),
    /// The id is taken at this site.
    Taken,
    /// The id is taken at another site.
    TakenElsewhere,
    /// There is no such site, or it was removed.
    SiteMissing,
    /// The token is not good, or not for this site.
    TokenSpent,
}

/// Ends the transaction, undoing it.
enum Abort {
    TokenSpent,
    Store(StoreError),
}

impl From<DieselError> for Abort {
    fn from(error: DieselError) -> Self {
        Self::Store(error.into())
    }
}

impl From<StoreError> for Abort {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Enrols a device and spends one use of its token. A device whose answer got lost, that proves it by its claim and was
/// never seen, gets new keys and spends nothing.
pub fn enroll(conn: &mut PgConnection, new: &NewDevice) -> Result<Enrolled, StoreError> {
    removal::retried(conn, |conn| match conn.transaction(|conn| enroll_in_transaction(conn, new)) {
        Ok(answer) => Ok(answer),
        Err(Abort::TokenSpent) => Ok(Enrolled::TokenSpent),
        Err(Abort::Store(error)) => Err(error),
    })
}

fn enroll_in_transaction(conn: &mut PgConnection, new: &NewDevice) -> Result<Enrolled, Abort> {
    // Under a lock: whoever removes the site waits for this device, or it is found removed here.
    if !sites::is_open(conn, &new.enrollment.site_id)? {
        return Ok(Enrolled::SiteMissing);
    }
    // Before anything of a device is told: who holds no good token learns nothing of ids.
    let uses_left = uses_left(conn, new)?;
    if uses_left.is_none() {
        return Ok(Enrolled::TokenSpent);
    }
    if let Some(device) = insert(conn, new, &new.labels)? {
        add_rest(conn, new, device)?;
        return Ok(Enrolled::Device(enrolled(conn, new)?));
    }
    if uses_left != Some(0)
        && let Some(device) = take_over(conn, new)?
    {
        add_rest(conn, new, device)?;
        return Ok(Enrolled::TookOver(enrolled(conn, new)?));
    }
    match claim_again(conn, new)? {
        Enrolled::Taken if uses_left == Some(0) => Ok(Enrolled::TokenSpent),
        Enrolled::Taken if !is_at_this_site(conn, new)? => Ok(Enrolled::TakenElsewhere),
        answer => Ok(answer),
    }
}

fn is_at_this_site(conn: &mut PgConnection, new: &NewDevice) -> Result<bool, Abort> {
    let device = devices::table
        .filter(devices::device_id.eq(new.enrollment.device_id.as_str()))
        .filter(devices::site_id.eq(new.enrollment.site_id.as_str()));
    Ok(diesel::select(diesel::dsl::exists(device)).get_result(conn)?)
}

fn add_rest(conn: &mut PgConnection, new: &NewDevice, device: i64) -> Result<(), Abort> {
    diesel::insert_into(sessions::table).values(sessions::device.eq(device)).execute(conn)?;
    device_keys::insert(conn, device, &new.key)?;
    spend_token(conn, new)
}

fn enrolled(conn: &mut PgConnection, new: &NewDevice) -> Result<Device, Abort> {
    Ok(find(conn, &new.enrollment.device_id)?.ok_or(DieselError::NotFound)?)
}

/// Puts a real device in the place of a simulated one of its site, and begins its history with that. A new row, not the old
/// one changed: whatever still comes in for the simulated device finds no row. `None`: there is none that it may take over.
fn take_over(conn: &mut PgConnection, new: &NewDevice) -> Result<Option<i64>, Abort> {
    if new.source != DeviceSource::Real {
        return Ok(None);
    }
    let found: Option<(i64, Value, Value)> = devices::table
        .filter(devices::device_id.eq(new.enrollment.device_id.as_str()))
        .filter(devices::site_id.eq(new.enrollment.site_id.as_str()))
        .filter(devices::source.eq(DeviceSource::Simulated.as_str()))
        .filter(devices::removed_at.is_null())
        .select((devices::device, devices::labels, devices::token_labels))
        .for_update()
        .first(conn)
        .optional()?;
    let Some((simulated, labels, of_token)) = found else { return Ok(None) };
    let labels = labels::read("devices.labels", labels)?;
    let of_token = labels::read("devices.token_labels", of_token)?;
    let kept = labels.into_iter().filter(|(key, value)| of_token.get(key) != Some(value)).collect();
    removal::purge_within(conn, &[simulated])?;
    let device = insert(conn, new, &merged(kept, &new.labels))?;
    if let Some(device) = device {
        enter_takeover(conn, new, device)?;
    }
    Ok(device)
}

/// What operators set, and what the token gives where there is room.
fn merged(mut kept: Labels, of_token: &Labels) -> Labels {
    for (key, value) in of_token {
        if kept.len() < MAX_LABELS {
            kept.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    kept
}

fn enter_takeover(conn: &mut PgConnection, new: &NewDevice, device: i64) -> Result<(), Abort> {
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    let by = new.token_id.as_ref().map_or("openly".to_owned(), |id| format!("with the token {id}"));
    let at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let detail = format!(
        "a real agent took over the identity of a simulated device: it enrolled {by} at {at}, all before is gone"
    );
    diesel::insert_into(device_states::table)
        .values((
            device_states::device.eq(device),
            device_states::at.eq(now),
            device_states::session_epoch.eq(0),
            device_states::changes_not_shown.eq(0),
            device_states::flapping.eq(false),
            device_states::status.eq(DeviceStatus::Unknown.as_str()),
            device_states::cause.eq(StateCause::TookOver.as_str()),
            device_states::detail.eq(detail),
        ))
        .execute(conn)?;
    Ok(())
}

/// What the token has left; `None` when it is not good for this site.
fn uses_left(conn: &mut PgConnection, new: &NewDevice) -> Result<Option<i32>, Abort> {
    let Some(token_id) = &new.token_id else { return Ok(Some(i32::MAX)) };
    let uses_left = enrollment_tokens::table
        .find(token_id)
        .filter(enrollment_tokens::site_id.eq(new.enrollment.site_id.as_str()))
        .filter(enrollment_tokens::revoked_at.is_null())
        .filter(enrollment_tokens::expires_at.gt(row::database_time()))
        .select(enrollment_tokens::uses_left)
        .first(conn)
        .optional()?;
    Ok(uses_left)
}

/// Takes one use, last before the commit: the token's row stays locked no longer than needed while a fleet enrols.
fn spend_token(conn: &mut PgConnection, new: &NewDevice) -> Result<(), Abort> {
    let Some(token_id) = &new.token_id else { return Ok(()) };
    let spent = diesel::update(enrollment_tokens::table.find(token_id))
        .filter(enrollment_tokens::revoked_at.is_null())
        .filter(enrollment_tokens::expires_at.gt(row::database_time()))
        .filter(enrollment_tokens::uses_left.gt(0))
        .set(enrollment_tokens::uses_left.eq(enrollment_tokens::uses_left - 1))
        .execute(conn)?;
    if spent == 1 { Ok(()) } else { Err(Abort::TokenSpent) }
}

/// The new row's number; `None`: the id is taken.
fn insert(conn: &mut PgConnection, new: &NewDevice, labels: &Labels) -> Result<Option<i64>, Abort> {
    let enrollment = &new.enrollment;
    let device = diesel::insert_into(devices::table)
        .values((
            devices::device_id.eq(enrollment.device_id.as_str()),
            devices::site_id.eq(enrollment.site_id.as_str()),
            devices::name.eq(&enrollment.name),
            devices::device_type.eq(enrollment.device_type.as_str()),
            devices::ip_address.eq(&enrollment.ip_address),
            devices::mac_address.eq(&enrollment.mac_address),
            devices::firmware_version.eq(&enrollment.firmware_version),
            devices::config.eq(row::json(enrollment.config.as_ref())),
            devices::source.eq(new.source.as_str()),
            devices::claim_hash.eq(&new.claim_hash),
            devices::proof_key.eq(enrollment.proof_key.as_ref().map(|key| key.as_slice())),
            devices::labels.eq(labels::json(labels)),
            devices::token_labels.eq(labels::json(&new.labels)),
        ))
        .on_conflict(devices::device_id)
        .do_nothing()
        .returning(devices::device)
        .get_result(conn)
        .optional()?;
    Ok(device)
}

/// Gives new keys to a device that never got its first.
fn claim_again(conn: &mut PgConnection, new: &NewDevice) -> Result<Enrolled, Abort> {
    let Some(claim_hash) = &new.claim_hash else { return Ok(Enrolled::Taken) };
    // Locked, so that neither another claim nor the device's first session slips in between.
    let unseen = devices::table
        .inner_join(sessions::table)
        .filter(devices::device_id.eq(new.enrollment.device_id.as_str()))
        .filter(devices::site_id.eq(new.enrollment.site_id.as_str()))
        .filter(devices::claim_hash.eq(claim_hash))
        .filter(devices::active)
        .filter(sessions::last_seen_at.is_null())
        .select(devices::device)
        .for_update()
        .first::<i64>(conn)
        .optional()?;
    let Some(device) = unseen else { return Ok(Enrolled::Taken) };
    device_keys::revoke(conn, device)?;
    device_keys::insert(conn, device, &new.key)?;
    diesel::update(devices::table.find(device))
        .set((
            devices::credential_version.eq(devices::credential_version + 1),
            devices::proof_key.eq(new.enrollment.proof_key.as_ref().map(|key| key.as_slice())),
            devices::updated_at.eq(row::database_time()),
        ))
        .execute(conn)?;
    Ok(Enrolled::Device(enrolled(conn, new)?))
}
