//! A partition a day, made before the first sample of that day can arrive.

use chrono::{Days, NaiveDate};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query};

use crate::{
    StoreError,
    locks::{self, Lock},
};

/// Partitions kept ready behind today: samples may be seven days old, by a clock that stands elsewhere in the day.
pub const DAYS_BACK: u32 = 8;
/// Partitions kept ready ahead of today.
pub const DAYS_AHEAD: u32 = 2;

#[derive(QueryableByName)]
struct Partition {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// Makes what is missing from `back` days before `today` to `ahead` days after it. Safe when replicas do it at once.
pub fn ensure_partitions(conn: &mut PgConnection, today: NaiveDate, back: u32, ahead: u32) -> Result<(), StoreError> {
    let first = today.checked_sub_days(Days::new(back.into())).unwrap_or(NaiveDate::MIN);
    let days: Vec<_> = first.iter_days().take((back + ahead + 1) as usize).collect();
    // Nearly every call ends here, without a lock.
    if missing(conn, &days)?.is_empty() {
        return Ok(());
    }
    conn.transaction(|conn| {
        locks::hold_in_transaction(conn, Lock::Partitions)?;
        for day in missing(conn, &days)? {
            make(conn, day)?;
        }
        Ok(())
    })
}

fn missing(conn: &mut PgConnection, days: &[NaiveDate]) -> Result<Vec<NaiveDate>, StoreError> {
    let partitions: Vec<Partition> = sql_query(
        "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'samples'::regclass",
    )
    .load(conn)?;
    let exists = |day: &NaiveDate| partitions.iter().any(|partition| partition.name == name(*day));
    Ok(days.iter().filter(|day| !exists(day)).copied().collect())
}

fn name(day: NaiveDate) -> String {
    format!("samples_{}", day.format("%Y%m%d"))
}

/// Made apart and then attached, which takes a lock that lets writers go on; `PARTITION OF` would stop them.
fn make(conn: &mut PgConnection, day: NaiveDate) -> Result<(), StoreError> {
    let name = name(day);
    let next = day.succ_opt().unwrap_or(NaiveDate::MAX);
    conn.batch_execute(&format!(
        "CREATE TABLE {name} (LIKE samples INCLUDING ALL);
        ALTER TABLE samples ATTACH PARTITION {name} FOR VALUES FROM ('{day} 00:00:00+00') TO ('{next} 00:00:00+00')"
    ))?;
    tracing::info!(partition = name, "made a partition");
    Ok(())
}
