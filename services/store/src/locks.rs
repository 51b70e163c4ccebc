//! Advisory locks, which replicas that share a database take against each other. One number each, chosen once.

use diesel::{PgConnection, RunQueryDsl, sql_query, sql_types::BigInt};

use crate::StoreError;

/// What is locked.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    /// Migrations run one replica at a time.
    Migrations,
    /// Partitions are made one replica at a time.
    Partitions,
    /// Who counts operators before changing them goes alone.
    Operators,
}

impl Lock {
    fn number(self) -> i64 {
        match self {
            Self::Migrations => 0x686f_6d65_0001,
            Self::Partitions => 0x686f_6d65_0002,
            Self::Operators => 0x686f_6d65_0003,
        }
    }
}

/// Waits for `lock` and holds it until the transaction ends.
pub(crate) fn hold_in_transaction(conn: &mut PgConnection, lock: Lock) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(lock.number()).execute(conn)?;
    Ok(())
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
