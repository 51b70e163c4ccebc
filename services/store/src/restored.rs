//! A database that was restored from a backup: what it says of commands that were under way is out of date.
//!
//! Since the backup was made they may have run, may have been cancelled, and others may have been queued. Handing them over
//! would run them twice, so they end as unknown, and runs stop until an operator has looked.
//!
//! A dump that was restored is noticed by the first start on it: the restored table has another number, or its cluster
//! another identifier. A cluster whose files were put back has both as before: then an operator says so (`homepot restored`).

use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types::BigInt};

use crate::{StoreError, identity::Identity};

/// What was ended because the database was restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Commands that are unknown now.
    pub commands: usize,
    /// Runs that are halted now.
    pub runs: usize,
}

// An event of the model's machine: Restored. A later word of the device still changes it.
const END_COMMANDS: &str = "\
UPDATE commands SET state = 'unknown', finished_at = now(), changed_at = now(),
    reason = 'the database was restored from a backup, and can''t say what became of it since',
    history = history || history_step('unknown', now(), 'the database was restored from a backup')
WHERE state IN ('queued', 'sent', 'acknowledged', 'running')";

const HALT_RUNS: &str = "\
UPDATE runs SET state = 'halted',
    reason = 'the database was restored from a backup; devices that had no command in it may have had one since'
WHERE state IN ('running', 'paused')";

#[derive(QueryableByName)]
struct Recorded {
    #[diesel(sql_type = BigInt)]
    system_identifier: i64,
    #[diesel(sql_type = BigInt)]
    own_oid: i64,
}

/// Ends what was under way if this database is not the one that it says it is. `None`: it is.
pub(crate) fn notice(conn: &mut PgConnection) -> Result<Option<Ended>, StoreError> {
    conn.transaction(|conn| {
        let is = Identity::read(conn)?;
        let says: Vec<Recorded> =
            sql_query("SELECT system_identifier, own_oid FROM database_identity FOR UPDATE").load(conn)?;
        let restored = says
            .first()
            .is_some_and(|says| (says.system_identifier, says.own_oid) != (is.system_identifier, is.own_oid));
        if says.is_empty() {
            sql_query("INSERT INTO database_identity (system_identifier, own_oid) VALUES ($1, $2)")
                .bind::<BigInt, _>(is.system_identifier)
                .bind::<BigInt, _>(is.own_oid)
                .execute(conn)?;
        } else if restored {
            sql_query("UPDATE database_identity SET system_identifier = $1, own_oid = $2")
                .bind::<BigInt, _>(is.system_identifier)
                .bind::<BigInt, _>(is.own_oid)
                .execute(conn)?;
        }
        if restored { end_under_way(conn).map(Some) } else { Ok(None) }
    })
}

/// Ends what was under way when the backup was made.
pub fn end_under_way(conn: &mut PgConnection) -> Result<Ended, StoreError> {
    conn.transaction(|conn| {
        // Runs first: a replica that drives one waits for its row, and then finds it halted.
        let runs = sql_query(HALT_RUNS).execute(conn)?;
        let commands = sql_query(END_COMMANDS).execute(conn)?;
        sql_query("UPDATE database_identity SET restored_at = now()").execute(conn)?;
        Ok(Ended { commands, runs })
    })
}
