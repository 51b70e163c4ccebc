//! Keys of devices, as hashes.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use homepot::model::{DeviceId, DeviceSource, ProofKey};

use crate::{
    StoreError,
    devices::{self as aggregate, DeviceRef, REF, RefRow},
    row,
    schema::{device_keys, devices, sessions},
    secrets::{Columns, NewSecret, StoredSecret},
    sessions as session,
};

/// What is needed to check a caller that says it is a device.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The device.
    pub device: DeviceRef,
    /// What it is.
    pub source: DeviceSource,
    /// Raised when what was verified before may no longer count.
    pub credential_version: i32,
    /// The live key of the id asked for.
    pub key: Option<LiveKey>,
    /// What its proofs are checked by; `None`: its key is enough.
    pub proof_key: Option<ProofKey>,
}

/// A key that is neither revoked nor expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKey {
    /// What is kept of it.
    pub secret: StoredSecret,
    /// When it ends; `None`: not by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Of each pair of a device and a key's public id, the device with that key where it is live; `None`: no such device.
///
/// One query, however many are asked for: every call of a device begins with one of these.
pub fn find(conn: &mut PgConnection, wanted: &[(DeviceId, String)]) -> Result<Vec<Option<Credential>>, StoreError> {
    type Key = (String, Columns, Option<DateTime<Utc>>);
    type Found = (RefRow, i32, Option<Vec<u8>>, Option<Key>);
    let device_ids: Vec<_> = wanted.iter().map(|(device_id, _)| device_id.as_str()).collect();
    let key_ids: Vec<_> = wanted.iter().map(|(_, key_id)| key_id.as_str()).collect();
    let live_key = device_keys::device
        .eq(devices::device)
        .and(device_keys::key_id.eq_any(key_ids))
        .and(device_keys::revoked_at.is_null())
        .and(device_keys::expires_at.is_null().or(device_keys::expires_at.gt(row::database_time().nullable())));
    let found: Vec<Found> = devices::table
        .inner_join(sessions::table)
        .left_join(device_keys::table.on(live_key))
        .filter(devices::device_id.eq_any(device_ids))
        .select((
            REF,
            devices::credential_version,
            devices::proof_key,
            (device_keys::key_id, (device_keys::hash, device_keys::check_tag), device_keys::expires_at).nullable(),
        ))
        .load(conn)?;

    // A device has a row for each of its keys that anybody asks for.
    let mut credentials: HashMap<String, (Credential, HashMap<String, LiveKey>)> = HashMap::new();
    for (device, credential_version, proof_key, key) in found {
        let device = aggregate::device_ref(device)?;
        let id = device.device_id.as_str().to_owned();
        let proof_key = proof_key.map(|key| row::key("devices.proof_key", &key)).transpose()?;
        let credential = Credential { source: device.source, device, credential_version, key: None, proof_key };
        let (_, keys) = credentials.entry(id).or_insert_with(|| (credential, HashMap::new()));
        keys.extend(key.map(|(key_id, secret, expires_at)| {
            (key_id, LiveKey { secret: StoredSecret::from_columns(secret), expires_at })
        }));
    }
    let answer = |(device_id, key_id): &(DeviceId, String)| {
        let (credential, keys) = credentials.get(device_id.as_str())?;
        Some(Credential { key: keys.get(key_id).cloned(), ..credential.clone() })
    };
    Ok(wanted.iter().map(answer).collect())
}

/// Adds a key. Older ones end after `overlap`, or when they would have anyway; tells when at the latest.
/// `None`: no such device.
pub fn rotate(
    conn: &mut PgConnection,
    device_id: &DeviceId,
    key: &NewSecret,
    overlap: Duration,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    conn.transaction(|conn| {
        let Some(device) = lock_device(conn, device_id)? else { return Ok(None) };
        let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
        let end = now + TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        diesel::update(device_keys::table.filter(device_keys::device.eq(device)))
            .filter(device_keys::revoked_at.is_null())
            .filter(device_keys::expires_at.is_null().or(device_keys::expires_at.gt(Some(end))))
            .set(device_keys::expires_at.eq(Some(end)))
            .execute(conn)?;
        insert(conn, device, key)?;
        Ok(Some(end))
    })
}

/// Ends every key of a device, its proof key too, and what was verified with them; tells how many were live. Whoever is given
/// its next key is the device: one that lost its state comes back so. `None`: no such device.
pub fn revoke_all(conn: &mut PgConnection, device_id: &DeviceId) -> Result<Option<u32>, StoreError> {
    conn.transaction(|conn| {
        let Some(device) = lock_device(conn, device_id)? else { return Ok(None) };
        let revoked = revoke(conn, device)?;
        diesel::update(devices::table.find(device))
            .set((
                devices::credential_version.eq(devices::credential_version + 1),
                devices::proof_key.eq(None::<Vec<u8>>),
                devices::updated_at.eq(row::database_time()),
            ))
            .execute(conn)?;
        session::mark_changed(conn, device)?;
        Ok(Some(revoked))
    })
}

/// Two changes of one device's keys go one after the other; none begins once it was removed.
fn lock_device(conn: &mut PgConnection, device_id: &DeviceId) -> Result<Option<i64>, StoreError> {
    let device = devices::table
        .filter(devices::device_id.eq(device_id.as_str()))
        .filter(devices::removed_at.is_null())
        .select(devices::device)
        .for_no_key_update()
        .first(conn)
        .optional()?;
    Ok(device)
}

pub(crate) fn insert(conn: &mut PgConnection, device: i64, key: &NewSecret) -> Result<(), StoreError> {
    diesel::insert_into(device_keys::table)
        .values((
            device_keys::device.eq(device),
            device_keys::key_id.eq(&key.public_id),
            device_keys::hash.eq(&key.hash),
            device_keys::check_tag.eq(Some(key.check_tag.as_slice())),
        ))
        .execute(conn)?;
    Ok(())
}

pub(crate) fn revoke(conn: &mut PgConnection, device: i64) -> Result<u32, StoreError> {
    // One that ran out already is marked too, and not counted.
    let live = device_keys::expires_at.is_null().or(device_keys::expires_at.gt(row::database_time().nullable()));
    let of_device = device_keys::device.eq(device).and(device_keys::revoked_at.is_null());
    let count: i64 = device_keys::table.filter(of_device).filter(live).count().get_result(conn)?;
    diesel::update(device_keys::table.filter(of_device))
        .set(device_keys::revoked_at.eq(row::database_time().nullable()))
        .execute(conn)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
