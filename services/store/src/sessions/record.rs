//! What is recorded of a device coming and going: its status, and an entry of its history.
//!
//! Whatever changes a status locks the row first and records the change in the same transaction. The rule itself,
//! [`Damping`], knows no SQL; rows are read and written many at a time.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz},
};
use homepot::model::{CONTESTED, Damping, DeviceStatus, FLAPPING, Hello, StateCause};

use crate::{StoreError, row, statement::Statement};

/// Watches are told of a device that comes and goes all the time this often.
pub(super) const TOLD_APART: TimeDelta = TimeDelta::seconds(30);

/// The columns of a [`Recorded`], of a table called `s`.
pub(super) const COLUMNS: &str = "s.device, s.session_epoch, s.last_seen_at, s.heartbeat_ms, s.boot_id, s.status, \
    s.status_since, s.flap_penalty, s.flap_penalty_at, s.flapping_since, s.flapping_until, s.changes_not_shown, \
    s.takeover_penalty, s.takeover_penalty_at, s.contested_since, s.contested_until, s.changed_at, \
    is_online(s.ended, s.last_seen_at, s.heartbeat_ms) AS fresh, \
    s.attached_at IS NOT NULL AS attached, s.attached_at, s.opened_at, s.since_boot_ms, clock_timestamp() AS now";

/// A locked row.
#[derive(QueryableByName)]
pub(super) struct Recorded {
    #[diesel(sql_type = BigInt)]
    pub(super) device: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) session_epoch: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) last_seen_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Integer)]
    pub(super) heartbeat_ms: i32,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) boot_id: Option<String>,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    status_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Double)]
    flap_penalty: f64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    flap_penalty_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    flapping_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    flapping_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Integer)]
    changes_not_shown: i32,
    #[diesel(sql_type = Double)]
    takeover_penalty: f64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    takeover_penalty_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    contested_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    contested_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    changed_at: DateTime<Utc>,
    /// Whether it is online, by the clock.
    #[diesel(sql_type = Bool)]
    pub(super) fresh: bool,
    /// Whether a stream is attached.
    #[diesel(sql_type = Bool)]
    pub(super) attached: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    attached_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    opened_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    since_boot_ms: Option<i64>,
    /// The database's clock, once the row was locked: what is recorded of a device follows in time.
    #[diesel(sql_type = Timestamptz)]
    pub(super) now: DateTime<Utc>,
}

impl Recorded {
    pub(super) fn status(&self) -> Result<DeviceStatus, StoreError> {
        row::checked("sessions.status", &self.status)
    }

    /// Whether the session that is there came by a newer attempt than one whose stream was opened at `opened_at`.
    ///
    /// Within one boot the device's own clock says so. Else it is newer if its stream was opened later, and it has begun while
    /// this attempt waited; where the database's clock was set back in between, no such time is believed.
    pub(super) fn is_newer_than(&self, hello: &Hello, opened_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        if !self.attached || !self.fresh {
            return false;
        }
        let same_boot = !hello.boot_id.is_empty() && self.boot_id.as_ref() == Some(&hello.boot_id);
        if let (true, Some(theirs), Some(ours)) = (same_boot, self.since_boot_ms, hello.since_boot) {
            return theirs > super::since_boot_ms(ours);
        }
        let meanwhile = self.attached_at.is_some_and(|at| (opened_at..=now).contains(&at));
        meanwhile && self.opened_at.is_some_and(|theirs| theirs > opened_at)
    }

    /// Begins to write down what happens to it.
    pub(super) fn open(self) -> Result<Record, StoreError> {
        Ok(Record {
            device: self.device,
            session_epoch: self.session_epoch,
            status: self.status()?,
            status_since: self.status_since,
            flaps: Damping {
                count: self.flap_penalty,
                counted_at: self.flap_penalty_at,
                since: self.flapping_since,
                until: self.flapping_until,
            },
            changes_not_shown: self.changes_not_shown,
            takeovers: Damping {
                count: self.takeover_penalty,
                counted_at: self.takeover_penalty_at,
                since: self.contested_since,
                until: self.contested_until,
            },
            changed_at: self.changed_at,
            now: self.now,
            tell: false,
            entries: Vec::new(),
        })
    }
}

/// A row as it will be, with the entries of its history.
pub(super) struct Record {
    device: i64,
    pub(super) session_epoch: i64,
    pub(super) status: DeviceStatus,
    status_since: Option<DateTime<Utc>>,
    flaps: Damping,
    changes_not_shown: i32,
    takeovers: Damping,
    changed_at: DateTime<Utc>,
    now: DateTime<Utc>,
    /// Whether watches are told now; else when enough time has passed.
    tell: bool,
    entries: Vec<Entry>,
}

struct Entry {
    at: DateTime<Utc>,
    status: DeviceStatus,
    cause: StateCause,
    detail: String,
    flapping: bool,
    changes_not_shown: i32,
}

impl Record {
    /// It came or went, at `at`.
    pub(super) fn change(&mut self, status: DeviceStatus, at: DateTime<Utc>, cause: StateCause, detail: String) {
        (self.status, self.status_since) = (status, Some(at));
        if self.flaps.note(self.now, FLAPPING) {
            let detail = format!("{detail}; it comes and goes too often, changes are only counted from here on");
            self.enter(at, StateCause::Flapping, detail);
        } else if self.flaps.since.is_some() {
            self.changes_not_shown += 1;
            self.touch();
        } else {
            self.enter(at, cause, detail);
        }
    }

    /// A machine of another boot took its session; `true` when with this two machines use its key.
    pub(super) fn taken_over(&mut self, detail: impl FnOnce() -> String) -> bool {
        let begins = self.takeovers.note(self.now, CONTESTED);
        if begins {
            self.enter(self.now, StateCause::Contested, detail());
        }
        begins
    }

    /// It has stopped coming and going.
    pub(super) fn settle(&mut self) {
        self.flaps.settle();
        self.enter(self.now, StateCause::Settled, "it has stopped coming and going all the time".to_owned());
    }

    /// Something that watches show has changed. Of a device of which that happens all the time they are told seldom.
    pub(super) fn touch(&mut self) {
        let restless = self.flaps.since.is_some() || self.takeovers.since.is_some();
        self.tell |= !restless || self.now - self.changed_at >= TOLD_APART;
    }

    fn enter(&mut self, at: DateTime<Utc>, cause: StateCause, detail: String) {
        let (status, flapping) = (self.status, self.flaps.since.is_some());
        let changes_not_shown = std::mem::take(&mut self.changes_not_shown);
        self.entries.push(Entry { at, status, cause, detail, flapping, changes_not_shown });
        self.tell = true;
    }
}

const UPDATE: &str = "\
UPDATE sessions s SET status = r.status, status_since = r.status_since,
    flap_penalty = r.flap_penalty, flap_penalty_at = r.flap_penalty_at,
    flapping_since = r.flapping_since, flapping_until = r.flapping_until, changes_not_shown = r.changes_not_shown,
    takeover_penalty = r.takeover_penalty, takeover_penalty_at = r.takeover_penalty_at,
    contested_since = r.contested_since, contested_until = r.contested_until,
    change_untold = NOT r.tell, version = s.version + r.tell::integer,
    changed_at = CASE WHEN r.tell THEN now() ELSE s.changed_at END
FROM unnest({arrays}) AS r ({columns})
WHERE s.device = r.device";

const INSERT: &str = "INSERT INTO device_states ({columns}) SELECT * FROM unnest({arrays})";

/// Writes rows and their entries. The rows are locked by this transaction.
pub(super) fn write(conn: &mut PgConnection, records: &[Record]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    Statement::new(UPDATE)
        .column::<BigInt, _>("device", records.iter().map(|r| r.device))
        .column::<Text, _>("status", records.iter().map(|r| r.status.as_str()))
        .column::<Nullable<Timestamptz>, _>("status_since", records.iter().map(|r| r.status_since))
        .column::<Double, _>("flap_penalty", records.iter().map(|r| r.flaps.count))
        .column::<Nullable<Timestamptz>, _>("flap_penalty_at", records.iter().map(|r| r.flaps.counted_at))
        .column::<Nullable<Timestamptz>, _>("flapping_since", records.iter().map(|r| r.flaps.since))
        .column::<Nullable<Timestamptz>, _>("flapping_until", records.iter().map(|r| r.flaps.until))
        .column::<Integer, _>("changes_not_shown", records.iter().map(|r| r.changes_not_shown))
        .column::<Double, _>("takeover_penalty", records.iter().map(|r| r.takeovers.count))
        .column::<Nullable<Timestamptz>, _>("takeover_penalty_at", records.iter().map(|r| r.takeovers.counted_at))
        .column::<Nullable<Timestamptz>, _>("contested_since", records.iter().map(|r| r.takeovers.since))
        .column::<Nullable<Timestamptz>, _>("contested_until", records.iter().map(|r| r.takeovers.until))
        .column::<Bool, _>("tell", records.iter().map(|r| r.tell))
        .execute(conn)?;
    let entries: Vec<_> = records.iter().flat_map(|r| r.entries.iter().map(move |entry| (r, entry))).collect();
    if entries.is_empty() {
        return Ok(());
    }
    Statement::new(INSERT)
        .column::<BigInt, _>("device", entries.iter().map(|(r, _)| r.device))
        .column::<Timestamptz, _>("at", entries.iter().map(|(_, e)| e.at))
        .column::<BigInt, _>("session_epoch", entries.iter().map(|(r, _)| r.session_epoch))
        .column::<Integer, _>("changes_not_shown", entries.iter().map(|(_, e)| e.changes_not_shown))
        .column::<Bool, _>("flapping", entries.iter().map(|(_, e)| e.flapping))
        .column::<Text, _>("status", entries.iter().map(|(_, e)| e.status.as_str()))
        .column::<Text, _>("cause", entries.iter().map(|(_, e)| e.cause.as_str()))
        .column::<Text, _>("detail", entries.iter().map(|(_, e)| e.detail.as_str()))
        .execute(conn)?;
    Ok(())
}
