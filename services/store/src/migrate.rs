//! The migrations, built into the binary.

use diesel::{PgConnection, connection::SimpleConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    StoreError,
    lane::Lane,
    locks::{self, Lock},
    restored, samples,
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Runs what is pending. diesel takes no lock of its own: without ours, of three replicas that start at once two crash.
///
/// Answers what was ended because this database turned out to be restored from a dump.
pub(crate) fn run(conn: &mut PgConnection) -> Result<Option<restored::Ended>, StoreError> {
    unhurried(conn, |conn| {
        let done = conn.run_pending_migrations(MIGRATIONS).map_err(failed)?;
        if !done.is_empty() {
            tracing::info!(count = done.len(), "migrated the database");
        }
        let ended = restored::notice(conn)?;
        if let Some(restored::Ended { commands, runs }) = ended {
            tracing::warn!(
                commands,
                runs,
                "this database was restored from a backup: commands that were under way in it are unknown now, and runs are \
                halted"
            );
        }
        // At each start: a server that dies between the two would leave devices without a newest sample.
        let restored = samples::latest::restore(conn)?;
        if restored > 0 {
            tracing::info!(devices = restored, "took the newest samples of devices from history");
        }
        Ok(ended)
    })
}

/// Undoes all of them.
#[cfg(feature = "test-support")]
pub(crate) fn revert_all(conn: &mut PgConnection) -> Result<(), StoreError> {
    unhurried(conn, |conn| conn.revert_all_migrations(MIGRATIONS).map(drop).map_err(failed))
}

/// Under the lock, with as much time as it takes: another replica's migration may be a long one.
fn unhurried<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    conn.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0")?;
    let outcome = locks::hold_in_session(conn, Lock::Migrations, work);
    conn.batch_execute(&Lane::Upkeep.session_settings())?;
    outcome
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Migration(error.to_string())
}
