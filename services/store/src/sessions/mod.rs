//! The newest session of each device, when the device was last heard of, and when it came and went.

mod keep;
mod record;
mod touch;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    result::Error as DieselError,
    sql_query,
    sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz},
};
use homepot::model::{DeviceStatus, Hello, StateCause};

use self::record::{COLUMNS, Recorded};
pub use self::{
    keep::{Kept, keep},
    touch::{Touch, touch},
};
use crate::{
    StoreError,
    commands::by_index,
    row,
    schema::{device_keys, devices, sessions},
    statement::Statement,
};

diesel::define_sql_function! {
    /// The later of two times; NULL counts as never.
    fn greatest(a: Nullable<Timestamptz>, b: Nullable<Timestamptz>) -> Nullable<Timestamptz>;
}

/// The stream that a session is to begin on.
pub struct Stream<'a> {
    /// When it was opened.
    pub opened: Instant,
    /// Whether its device still holds it.
    pub is_open: &'a dyn Fn() -> bool,
}

/// What came of beginning a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It began, with this epoch.
    Epoch(i64),
    /// The device has attached by a newer stream meanwhile, and that session goes on.
    Late,
    /// Its stream is gone. Nothing has changed.
    Gone,
}

/// Begins a session; every older one is fenced off from here on.
///
/// Attempts wait for the database, and those of one device may get to it in another order than they were made. So an older
/// attempt takes nothing from a newer one, nor does one whose stream is gone.
pub fn begin(
    conn: &mut PgConnection,
    pk: i64,
    hello: &Hello,
    replica: &str,
    heartbeat: Duration,
    stream: &Stream<'_>,
) -> Result<Begun, StoreError> {
    conn.transaction(|conn| {
        let recorded = lock(conn, pk)?.ok_or(DieselError::NotFound)?;
        if !(stream.is_open)() {
            return Ok(Begun::Gone);
        }
        // Under the lock, both together: as long as it was waited for, the stream was open.
        let age = stream.opened.elapsed();
        let moment: DateTime<Utc> = diesel::select(row::time_of_this_moment()).get_result(conn)?;
        // The question took a while, and the moment lies somewhere in it. An attempt is late only if it is in any case.
        let (opened_at, at_the_latest) = (moment - stream.opened.elapsed(), moment - age);
        if recorded.is_newer_than(hello, at_the_latest, moment) {
            return Ok(Begun::Late);
        }
        let (at, was) = (recorded.now, recorded.status()?);
        let other_boot = recorded.boot_id.clone().filter(|boot_id| {
            let told = !boot_id.is_empty() && !hello.boot_id.is_empty();
            told && *boot_id != hello.boot_id && recorded.attached && recorded.fresh
        });
        let mut record = recorded.open()?;
        record.session_epoch += 1;
        let epoch = record.session_epoch;
        if was == DeviceStatus::Online {
            record.touch();
        } else {
            let detail = format!("it attached its stream; agent {}", hello.agent_version);
            record.change(DeviceStatus::Online, at, StateCause::Attached, detail);
        }
        if let Some(other) = other_boot {
            let detail = || {
                let boot = &hello.boot_id;
                format!("machines of the boots {other} and {boot} take its session from one another: two use its key")
            };
            if record.taken_over(detail) {
                metrics::counter!("homepot_sessions_contested_total").increment(1);
                let device_id = crate::devices::id_of(conn, pk)?;
                tracing::warn!(
                    device_id,
                    epoch,
                    other_boot = other,
                    boot_id = hello.boot_id,
                    "machines take a device's session from one another: its key is in use twice and should be rotated"
                );
            }
        }
        let now = row::database_time().nullable();
        let capabilities: Vec<_> = hello.capabilities.iter().map(|capability| capability.as_str()).collect();
        diesel::update(sessions::table.find(pk))
            .set((
                sessions::session_epoch.eq(epoch),
                sessions::last_seen_at.eq(greatest(sessions::last_seen_at, now)),
                sessions::attached_at.eq(now),
                sessions::ended.eq(false),
                sessions::heartbeat_ms.eq(row::millis(heartbeat)),
                sessions::replica.eq(Some(replica)),
                sessions::agent_version.eq(Some(&hello.agent_version)),
                sessions::boot_id.eq(Some(&hello.boot_id)),
                sessions::capabilities.eq(Some(capabilities)),
                sessions::journal_id.eq(&hello.journal_id),
                sessions::clock_skew_ms.eq(hello.device_time.map(|time| (time - at).num_milliseconds())),
                sessions::opened_at.eq(Some(opened_at)),
                sessions::since_boot_ms.eq(hello.since_boot.map(since_boot_ms)),
            ))
            .execute(conn)?;
        record::write(conn, &[record])?;
        Ok(Begun::Epoch(epoch))
    })
}

fn since_boot_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Ends the session of that epoch, for `cause`, in words `detail`; false: a newer one has begun, or the device was removed.
pub fn end(conn: &mut PgConnection, pk: i64, epoch: i64, cause: StateCause, detail: &str) -> Result<bool, StoreError> {
    conn.transaction(|conn| {
        let Some(recorded) = lock(conn, pk)? else { return Ok(false) };
        if recorded.session_epoch != epoch {
            return Ok(false);
        }
        let at = recorded.now;
        let mut record = recorded.open()?;
        diesel::update(sessions::table.find(pk))
            .set((sessions::ended.eq(true), sessions::attached_at.eq(None::<DateTime<Utc>>)))
            .execute(conn)?;
        match record.status {
            DeviceStatus::Online => record.change(DeviceStatus::Offline, at, cause, detail.to_owned()),
            _ => record.touch(),
        }
        record::write(conn, &[record])?;
        Ok(true)
    })
}

/// `None`: the device was removed.
fn lock(conn: &mut PgConnection, pk: i64) -> Result<Option<Recorded>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM sessions s WHERE s.device = $1 FOR NO KEY UPDATE");
    Ok(sql_query(query).bind::<BigInt, _>(pk).get_result(conn).optional()?)
}

/// Notes in this transaction that what watches show of a device has changed.
pub(crate) fn mark_changed(conn: &mut PgConnection, pk: i64) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(pk))
        .set((
            sessions::changed_at.eq(row::database_time()),
            sessions::version.eq(sessions::version + 1),
            sessions::change_untold.eq(false),
        ))
        .execute(conn)?;
    Ok(())
}

/// How a device's newest session stands, for the replica that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct NewestSession {
    /// The device.
    #[diesel(sql_type = BigInt, column_name = "device")]
    pub pk: i64,
    /// The newest session.
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// False once the device is shut out.
    #[diesel(sql_type = Bool)]
    pub active: bool,
    /// Whether the key that the session came with is neither revoked nor expired.
    #[diesel(sql_type = Bool)]
    pub key_is_good: bool,
    /// Raised when what was verified before may no longer count.
    #[diesel(sql_type = Integer)]
    pub credential_version: i32,
    /// Whether the newest session could claim a command.
    #[diesel(sql_type = Bool)]
    pub waiting: bool,
    /// Whether machines take its session from one another.
    #[diesel(sql_type = Bool)]
    pub contested: bool,
}

/// Whether a key still opens its device's sessions: between the door and the session's begin it may have ended.
pub fn may_begin(conn: &mut PgConnection, pk: i64, credential_version: i32, key_id: &str) -> Result<bool, StoreError> {
    let not_expired = device_keys::expires_at.is_null().or(device_keys::expires_at.gt(row::database_time().nullable()));
    let key = device_keys::table.inner_join(devices::table).filter(
        device_keys::device
            .eq(pk)
            .and(device_keys::key_id.eq(key_id))
            .and(device_keys::revoked_at.is_null())
            .and(not_expired)
            .and(devices::active)
            .and(devices::credential_version.eq(credential_version)),
    );
    Ok(diesel::select(diesel::dsl::exists(key)).get_result(conn)?)
}

/// How sessions stand, in one look: each by its device and the public letters of the key it came with.
pub fn standing<K: AsRef<str>>(conn: &mut PgConnection, held: &[(i64, K)]) -> Result<Vec<NewestSession>, StoreError> {
    // The same condition as a session's claim, see `commands::claim`.
    by_index(conn, |conn| {
        let standing = Statement::new(
            "SELECT s.device, s.session_epoch AS epoch, d.active, d.credential_version,
        s.contested_since IS NOT NULL AS contested, EXISTS (
            SELECT FROM device_keys k
            WHERE k.device = s.device AND k.key_id = held.key_id
                AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
        ) AS key_is_good, EXISTS (
            SELECT FROM commands c
            WHERE c.device = s.device AND c.state IN ('queued', 'sent', 'acknowledged')
                AND c.cancel_requested_at IS NULL
                AND CASE
                    WHEN c.state = 'queued' THEN c.expires_at > now()
                    ELSE c.session_epoch IS DISTINCT FROM s.session_epoch
                        AND (c.journal_id = s.journal_id OR (c.safe_to_repeat AND c.expires_at > now()))
                END
        ) OR EXISTS (
            SELECT FROM commands c
            WHERE c.device = s.device AND c.state IN ('sent', 'acknowledged') AND c.cancel_requested_at IS NOT NULL
                AND c.cancel_told IS DISTINCT FROM s.session_epoch
                AND (c.session_epoch = s.session_epoch OR c.journal_id = s.journal_id)
        ) AS waiting
        FROM unnest({arrays}) AS held ({columns}) JOIN sessions s USING (device) JOIN devices d USING (device)",
        )
        .column::<BigInt, _>("device", held.iter().map(|(pk, _)| *pk))
        .column::<Text, _>("key_id", held.iter().map(|(_, key_id)| key_id.as_ref()))
        .load(conn)?;
        Ok(standing)
    })
}
