//! Enrolment: a device's row, its first key and the use of a token, all or nothing.

use chrono::Utc;
use diesel::{prelude::*, result::Error as DieselError};
use homepot::model::{Device, DeviceSource, Enrollment};

use super::find;
use crate::{
    StoreError, device_keys, row,
    schema::{devices, enrollment_tokens, sessions, sites},
};

/// A device to enrol; its key is hashed already.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// What it says of itself.
    pub enrollment: Enrollment,
    /// What it is, as the server decided.
    pub source: DeviceSource,
    /// The public letters of its key.
    pub key_id: String,
    /// The key as a PHC string.
    pub key_hash: String,
    /// The token that lets it in; `None`: open enrolment, or an operator.
    pub token_id: Option<String>,
    /// Hash of what lets it ask again when the answer got lost.
    pub claim_hash: Option<Vec<u8>>,
}

/// What came of an enrolment.
#[allow(clippy::large_enum_variant)] // returned once a device's life, never kept
#[derive(Clone, Debug, PartialEq)]
pub enum Enrolled {
    /// It is enrolled, with the given key.
    Device(Device),
    /// The id is taken.
    Taken,
    /// There is no such site.
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
    match conn.transaction(|conn| enroll_in_transaction(conn, new)) {
        Ok(answer) => Ok(answer),
        Err(Abort::TokenSpent) => Ok(Enrolled::TokenSpent),
        Err(Abort::Store(error)) => Err(error),
    }
}

fn enroll_in_transaction(conn: &mut PgConnection, new: &NewDevice) -> Result<Enrolled, Abort> {
    let site_id = new.enrollment.site_id.as_str();
    let site: Option<String> = sites::table.find(site_id).select(sites::site_id).first(conn).optional()?;
    if site.is_none() {
        return Ok(Enrolled::SiteMissing);
    }
    // Before anything of a device is told: who holds no good token learns nothing of ids.
    let uses_left = uses_left(conn, new)?;
    if uses_left.is_none() {
        return Ok(Enrolled::TokenSpent);
    }
    let Some(device) = insert(conn, new)? else {
        let answer = claim_again(conn, new)?;
        let spent = answer == Enrolled::Taken && uses_left == Some(0);
        return Ok(if spent { Enrolled::TokenSpent } else { answer });
    };
    spend_token(conn, new)?;
    diesel::insert_into(sessions::table).values(sessions::device.eq(device)).execute(conn)?;
    device_keys::insert(conn, device, &new.key_id, &new.key_hash)?;
    enrolled(conn, new)
}

fn enrolled(conn: &mut PgConnection, new: &NewDevice) -> Result<Enrolled, Abort> {
    let device = find(conn, &new.enrollment.device_id)?.ok_or(DieselError::NotFound)?;
    Ok(Enrolled::Device(device))
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
fn insert(conn: &mut PgConnection, new: &NewDevice) -> Result<Option<i64>, Abort> {
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
    device_keys::insert(conn, device, &new.key_id, &new.key_hash)?;
    diesel::update(devices::table.find(device))
        .set((devices::credential_version.eq(devices::credential_version + 1), devices::updated_at.eq(Utc::now())))
        .execute(conn)?;
    enrolled(conn, new)
}
