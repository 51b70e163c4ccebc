//! Advisory locks, which replicas that share a database take against each other. One number each, chosen once.

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bool},
};

use crate::StoreError;

/// What is locked.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    /// Migrations run one replica at a time.
    Migrations,
    /// Who counts operators before changing them goes alone.
    Operators,
    /// Writers of samples share it; who closes minutes for them has it alone.
    Rollups,
    /// Partitions, rollups and retention are looked after by one replica at a time.
    Maintenance,
}

impl Lock {
    fn number(self) -> i64 {
        match self {
            Self::Migrations => 0x686f_6d65_0001,
            // 0x686f_6d65_0002 is for partitions; the functions that make and drop them take it.
            Self::Operators => 0x686f_6d65_0003,
            Self::Rollups => 0x686f_6d65_0004,
            Self::Maintenance => 0x686f_6d65_0005,
        }
    }
}

/// Waits for `lock` and holds it until the transaction ends.
pub(crate) fn hold_in_transaction(conn: &mut PgConnection, lock: Lock) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(lock.number()).execute(conn)?;
    Ok(())
}

/// Waits for `lock` and shares it with others who do, until the transaction ends.
pub(crate) fn share_in_transaction(conn: &mut PgConnection, lock: Lock) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock_shared($1)").bind::<BigInt, _>(lock.number()).execute(conn)?;
    Ok(())
}

/// Holds `lock` for as long as `work` takes, across its transactions; `None`, at once, where somebody else has it.
pub(crate) fn try_in_session<T>(
    conn: &mut PgConnection,
    lock: Lock,
    work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let tried: Tried =
        sql_query("SELECT pg_try_advisory_lock($1) AS ours").bind::<BigInt, _>(lock.number()).get_result(conn)?;
    if !tried.ours {
        return Ok(None);
    }
    let outcome = work(conn);
    let unlocked = sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(lock.number()).execute(conn);
    let outcome = outcome?;
    unlocked?;
    Ok(Some(outcome))
}

#[derive(QueryableByName)]
struct Tried {
    #[diesel(sql_type = Bool)]
    ours: bool,
}

/// Waits for `lock` and holds it for as long as `work` takes, across its transactions.
pub(crate) fn hold_in_session<T>(
    conn: &mut PgConnection,
    lock: Lock,
    work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(lock.number()).execute(conn)?;
    let outcome = work(conn);
    let unlocked = sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(lock.number()).execute(conn);
    let outcome = outcome?;
    unlocked?;
    Ok(outcome)
}
