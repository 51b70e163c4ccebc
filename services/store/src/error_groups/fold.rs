//! Folding: many errors become few rows, and each is counted once.
//!
//! A group belongs to one reporter, and groups of a reporter change only under the lock of its row in `error_reporters`. So
//! batches can't wait for each other in a circle, and the number of groups is exact however many come at once.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz},
};
use homepot::model::{DeviceSource, ErrorReport, OperatorName, masked};

use super::ErrorDevice;
use crate::{StoreError, row, schema::devices, statement::Statement};

/// Groups of one reporter in an hour, those for what goes beyond left out.
pub const MAX_GROUPS: i32 = 100;
/// The category of what goes beyond.
const OVERFLOW: &str = "overflow";

/// An error to count.
#[derive(Clone, Debug, PartialEq)]
pub struct NewError {
    /// What went wrong.
    pub report: ErrorReport,
    /// The device it happened on.
    pub device: Option<ErrorDevice>,
    /// Who logged it; `None`: the device itself.
    pub operator: Option<OperatorName>,
    /// Real or simulated.
    pub source: DeviceSource,
    /// When it came.
    pub at: DateTime<Utc>,
}

/// Whose groups are bounded together, in which hour.
type Reporter = (DateTime<Utc>, String);
type Fingerprint = [u8; 16];

impl NewError {
    fn reporter(&self) -> Reporter {
        let operator = self.operator.as_ref().map_or("", OperatorName::as_str);
        let device = self.device.as_ref().map(|device| device.pk.to_string()).unwrap_or_default();
        let hour = self.at.duration_trunc(TimeDelta::hours(1)).unwrap_or(self.at);
        (hour, format!("{}:{operator}:{device}", self.source.as_str()))
    }

    fn fingerprint(&self, reporter: &str, overflow: bool) -> Fingerprint {
        let report = &self.report;
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        part(reporter);
        part(report.severity.as_str());
        if !overflow {
            // An overflow group has none of these, and no other has this many parts.
            part(&report.category);
            part(report.error_code.as_deref().unwrap_or_default());
            part(report.endpoint.as_deref().unwrap_or_default());
            part(&masked(&report.message));
        }
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        fingerprint
    }
}

/// Errors of a batch that go into one row.
struct Folded<'a> {
    reporter: Reporter,
    fingerprint: Fingerprint,
    overflow: bool,
    count: i64,
    first: DateTime<Utc>,
    newest: &'a NewError,
}

impl<'a> Folded<'a> {
    fn of(error: &'a NewError) -> Self {
        let reporter = error.reporter();
        let fingerprint = error.fingerprint(&reporter.1, false);
        Self { reporter, fingerprint, overflow: false, count: 1, first: error.at, newest: error }
    }

    fn into_overflow(mut self) -> Self {
        self.fingerprint = self.newest.fingerprint(&self.reporter.1, true);
        self.overflow = true;
        self
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        if other.newest.at >= self.newest.at {
            self.newest = other.newest;
        }
    }
}

/// Rows by what tells them apart.
#[derive(Default)]
struct Rows<'a>(BTreeMap<(Reporter, Fingerprint), Folded<'a>>);

impl<'a> Rows<'a> {
    fn add(&mut self, new: Folded<'a>) {
        match self.0.entry((new.reporter.clone(), new.fingerprint)) {
            std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().add(&new),
            std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(new)),
        }
    }
}

/// Counts errors, all or none, but for those of devices that are gone; tells of each whether it is counted.
pub fn fold(conn: &mut PgConnection, errors: &[NewError]) -> Result<Vec<bool>, StoreError> {
    conn.transaction(|conn| {
        let devices = lock_devices(conn, errors)?;
        let counts = |error: &NewError| error.device.as_ref().is_none_or(|device| devices.contains(&device.pk));
        let mut asked = Rows::default();
        errors.iter().filter(|error| counts(error)).map(Folded::of).for_each(|folded| asked.add(folded));
        let mut reporters = lock_reporters(conn, &asked)?;
        let known = known(conn, &asked)?;
        let mut rows = Rows::default();
        for ((reporter, fingerprint), folded) in asked.0 {
            let groups = reporters.entry(reporter.clone()).or_default();
            if known.contains(&(reporter.0, fingerprint)) {
                rows.add(folded);
            } else if *groups < MAX_GROUPS {
                *groups += 1;
                rows.add(folded);
            } else {
                rows.add(folded.into_overflow());
            }
        }
        upsert(conn, &rows)?;
        count_groups(conn, &reporters)?;
        Ok(errors.iter().map(counts).collect())
    })
}

/// The devices that are there, and stay until the transaction ends: what is removed with them is all that is counted of them.
fn lock_devices(conn: &mut PgConnection, errors: &[NewError]) -> Result<HashSet<i64>, StoreError> {
    let named: HashSet<i64> = errors.iter().filter_map(|error| Some(error.device.as_ref()?.pk)).collect();
    if named.is_empty() {
        return Ok(named);
    }
    let there: Vec<i64> = devices::table
        .filter(devices::device.eq_any(named))
        .select(devices::device)
        .order(devices::device)
        .for_key_share()
        .load(conn)?;
    Ok(there.into_iter().collect())
}

// In order, as all do: two batches then never hold what the other waits for.
const LOCK: &str = "\
INSERT INTO error_reporters (hour, reporter, groups)
SELECT hour, reporter, 0 FROM unnest({arrays}) AS asked ({columns}) ORDER BY hour, reporter COLLATE \"C\"
ON CONFLICT (hour, reporter) DO UPDATE SET groups = error_reporters.groups
RETURNING hour, reporter, groups";

#[derive(QueryableByName)]
#[diesel(table_name = crate::schema::error_reporters)]
struct Locked {
    hour: DateTime<Utc>,
    reporter: String,
    groups: i32,
}

fn lock_reporters(conn: &mut PgConnection, asked: &Rows<'_>) -> Result<HashMap<Reporter, i32>, StoreError> {
    let mut reporters: Vec<_> = asked.0.keys().map(|(reporter, _)| reporter).collect();
    reporters.dedup();
    let locked: Vec<Locked> = Statement::new(LOCK)
        .column::<Timestamptz, _>("hour", reporters.iter().map(|(hour, _)| *hour))
        .column::<Text, _>("reporter", reporters.iter().map(|(_, reporter)| reporter.as_str()))
        .load(conn)?;
    Ok(locked.into_iter().map(|row| ((row.hour, row.reporter), row.groups)).collect())
}

const KNOWN: &str = "\
SELECT hour, fingerprint FROM unnest({arrays}) AS asked ({columns}) JOIN error_groups USING (hour, fingerprint)";

#[derive(QueryableByName)]
#[diesel(table_name = crate::schema::error_groups)]
struct Known {
    hour: DateTime<Utc>,
    fingerprint: Vec<u8>,
}

fn known(conn: &mut PgConnection, asked: &Rows<'_>) -> Result<HashSet<(DateTime<Utc>, Fingerprint)>, StoreError> {
    let keys: Vec<_> = asked.0.keys().collect();
    let rows: Vec<Known> = Statement::new(KNOWN)
        .column::<Timestamptz, _>("hour", keys.iter().map(|(reporter, _)| reporter.0))
        .column::<Binary, _>("fingerprint", keys.iter().map(|(_, fingerprint)| fingerprint.as_slice()))
        .load(conn)?;
    let short = |row: Known| Some((row.hour, row.fingerprint.try_into().ok()?));
    Ok(rows.into_iter().filter_map(short).collect())
}

const UPSERT: &str = "\
INSERT INTO error_groups AS g ({columns}) SELECT * FROM unnest({arrays})
ON CONFLICT (hour, fingerprint) DO UPDATE SET count = g.count + excluded.count,
    first_seen_at = least(g.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(g.last_seen_at, excluded.last_seen_at), message = excluded.message,
    stack_trace = excluded.stack_trace, user_id = excluded.user_id, context = excluded.context";

fn upsert(conn: &mut PgConnection, rows: &Rows<'_>) -> Result<(), StoreError> {
    let rows: Vec<_> = rows.0.values().collect();
    let named = |row: &&Folded<'_>, value: fn(&ErrorReport) -> Option<&String>| {
        Some(&row.newest.report).filter(|_| !row.overflow).and_then(value).cloned()
    };
    Statement::new(UPSERT)
        .column::<Timestamptz, _>("hour", rows.iter().map(|row| row.reporter.0))
        .column::<Binary, _>("fingerprint", rows.iter().map(|row| row.fingerprint.as_slice()))
        .column::<Timestamptz, _>("first_seen_at", rows.iter().map(|row| row.first))
        .column::<Timestamptz, _>("last_seen_at", rows.iter().map(|row| row.newest.at))
        .column::<BigInt, _>("count", rows.iter().map(|row| row.count))
        .column::<Nullable<BigInt>, _>(
            "device",
            rows.iter().map(|row| row.newest.device.as_ref().map(|device| device.pk)),
        )
        .column::<Bool, _>("overflow", rows.iter().map(|row| row.overflow))
        .column::<Text, _>("source", rows.iter().map(|row| row.newest.source.as_str()))
        .column::<Text, _>("severity", rows.iter().map(|row| row.newest.report.severity.as_str()))
        .column::<Text, _>(
            "category",
            rows.iter().map(|row| match row.overflow {
                true => OVERFLOW,
                false => row.newest.report.category.as_str(),
            }),
        )
        .column::<Nullable<Text>, _>(
            "site_id",
            rows.iter().map(|row| row.newest.device.as_ref().map(|device| device.site_id.as_str())),
        )
        .column::<Nullable<Text>, _>(
            "operator",
            rows.iter().map(|row| row.newest.operator.as_ref().map(OperatorName::as_str)),
        )
        .column::<Nullable<Text>, _>(
            "error_code",
            rows.iter().map(|row| named(row, |report| report.error_code.as_ref())),
        )
        .column::<Nullable<Text>, _>("endpoint", rows.iter().map(|row| named(row, |report| report.endpoint.as_ref())))
        .column::<Text, _>("message", rows.iter().map(|row| row.newest.report.message.as_str()))
        .column::<Nullable<Text>, _>("stack_trace", rows.iter().map(|row| row.newest.report.stack_trace.as_deref()))
        .column::<Nullable<Text>, _>("user_id", rows.iter().map(|row| row.newest.report.user_id.as_deref()))
        .column::<Nullable<Jsonb>, _>("context", rows.iter().map(|row| row::json(row.newest.report.context.as_ref())))
        .execute(conn)?;
    Ok(())
}

const COUNT: &str = "\
UPDATE error_reporters r SET groups = new.groups FROM unnest({arrays}) AS new ({columns})
WHERE r.hour = new.hour AND r.reporter = new.reporter AND r.groups <> new.groups";

fn count_groups(conn: &mut PgConnection, reporters: &HashMap<Reporter, i32>) -> Result<(), StoreError> {
    let reporters: Vec<_> = reporters.iter().collect();
    Statement::new(COUNT)
        .column::<Timestamptz, _>("hour", reporters.iter().map(|(reporter, _)| reporter.0))
        .column::<Text, _>("reporter", reporters.iter().map(|(reporter, _)| reporter.1.as_str()))
        .column::<Integer, _>("groups", reporters.iter().map(|(_, groups)| **groups))
        .execute(conn)?;
    Ok(())
}
