//! The migrations, built into the binary.

use std::{collections::BTreeSet, time::Duration};

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    migration::MigrationSource,
    pg::Pg,
    sql_query,
    sql_types::{Nullable, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    Store, StoreError, health,
    lane::Lane,
    locks::{self, Lock},
    restored, samples, users,
};

/// How often a server that waits for the schema looks at it.
const SCHEMA_LOOK: Duration = Duration::from_millis(500);

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// What a server that waits for `homepot migrate` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// So many of the migrations that this program knows.
    Migrations(usize),
    /// Rights of this server's database user; the statement that gives the first of them.
    Rights(String),
}

/// How the schema stands to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SchemaState {
    /// Everything that this program needs is there. There may be more, of a newer program.
    Current,
    /// Something is still to come.
    Behind(Awaited),
    /// The schema no longer bears this program.
    TooNew {
        /// The oldest migration that a program has to know.
        needs: String,
        /// The newest one that this program knows.
        knows: String,
    },
}

impl Store {
    /// Waits until the schema has everything that this program needs, however long that takes; `told` hears of each look
    /// that found it lacking, with what is still to come. It changes nothing, and fails where the schema is too new, or
    /// where watches could not see the transactions of this server's user.
    pub async fn wait_for_schema(&self, mut told: impl FnMut(Awaited)) -> Result<(), StoreError> {
        let look = |conn: &mut PgConnection| {
            let state = state(conn)?;
            if state == SchemaState::Current {
                users::check_own(conn)?;
            }
            Ok(state)
        };
        loop {
            match self.lane(Lane::Upkeep).run("look_at_schema", look).await {
                Ok(SchemaState::Current) => return Ok(()),
                Ok(SchemaState::Behind(awaited)) => told(awaited),
                Ok(SchemaState::TooNew { needs, knows }) => return Err(StoreError::SchemaTooNew { needs, knows }),
                Err(error) if error.is_passing() => tracing::warn!(%error, "look at the database's schema"),
                Err(error) => return Err(error),
            }
            tokio::time::sleep(SCHEMA_LOOK).await;
        }
    }
}

/// How the schema stands. It only reads, so that a user without the right to create anything can ask.
fn state(conn: &mut PgConnection) -> Result<SchemaState, StoreError> {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(failed)?;
    let known: BTreeSet<String> = migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    let made = match made(conn)? {
        Seen::Nothing => return Ok(SchemaState::Behind(Awaited::Migrations(known.len()))),
        Seen::Forbidden(lacks) => return Ok(SchemaState::Behind(Awaited::Rights(lacks))),
        Seen::Made(made) => made,
    };
    if let Some(needs) = made.needs.filter(|needs| !known.contains(needs)) {
        return Ok(SchemaState::TooNew { needs, knows: known.into_iter().next_back().unwrap_or_default() });
    }
    Ok(match known.difference(&made.applied).count() {
        // Rights of what it does not know yet can't be told.
        0 => match users::lacks_rights(conn)? {
            None => SchemaState::Current,
            Some(lacks) => SchemaState::Behind(Awaited::Rights(lacks)),
        },
        pending => SchemaState::Behind(Awaited::Migrations(pending)),
    })
}

enum Seen {
    /// There is no schema.
    Nothing,
    /// This user may not even look; the statement that changes that.
    Forbidden(String),
    Made(Made),
}

struct Made {
    applied: BTreeSet<String>,
    needs: Option<String>,
}

#[derive(QueryableByName)]
struct Tables {
    #[diesel(sql_type = Nullable<Text>)]
    applied: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    bears: Option<String>,
    /// What gives the right to read them, where it is lacking.
    #[diesel(sql_type = Nullable<Text>)]
    forbidden: Option<String>,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// What was made so far.
fn made(conn: &mut PgConnection) -> Result<Seen, StoreError> {
    let tables: Tables = sql_query(
        "SELECT a::text AS applied, b::text AS bears, CASE WHEN NOT has_table_privilege(a, 'SELECT')
            OR NOT has_table_privilege(b, 'SELECT') THEN format('GRANT SELECT ON TABLE %s TO %I', a, current_user) END AS forbidden
        FROM (SELECT to_regclass('__diesel_schema_migrations') AS a, to_regclass('schema_bears') AS b) t",
    )
    .get_result(conn)?;
    if tables.applied.is_none() {
        return Ok(Seen::Nothing);
    }
    if let Some(lacks) = tables.forbidden {
        return Ok(Seen::Forbidden(lacks));
    }
    let applied: Vec<Version> = sql_query("SELECT version::text FROM __diesel_schema_migrations").load(conn)?;
    let needs: Vec<Version> = match tables.bears {
        Some(_) => sql_query("SELECT oldest_migration AS version FROM schema_bears").load(conn)?,
        None => Vec::new(),
    };
    let needs = needs.into_iter().next().map(|row| row.version);
    Ok(Seen::Made(Made { applied: applied.into_iter().map(|row| row.version).collect(), needs }))
}

/// Whether a server can work with this database as it is.
pub(crate) fn check(conn: &mut PgConnection) -> Result<(), StoreError> {
    health::check_database(conn)?;
    match state(conn)? {
        SchemaState::Current => users::check_own(conn),
        SchemaState::TooNew { needs, knows } => Err(StoreError::SchemaTooNew { needs, knows }),
        SchemaState::Behind(Awaited::Rights(lacks)) => {
            Err(StoreError::Rights(format!("the database user lacks rights; have the schema's owner run: {lacks};")))
        }
        SchemaState::Behind(Awaited::Migrations(pending)) => {
            Err(StoreError::Unsuitable(format!("it lacks {pending} of the migrations that this server needs")))
        }
    }
}

fn refuse_too_new(conn: &mut PgConnection) -> Result<(), StoreError> {
    match state(conn)? {
        SchemaState::TooNew { needs, knows } => Err(StoreError::SchemaTooNew { needs, knows }),
        SchemaState::Current | SchemaState::Behind(_) => Ok(()),
    }
}

/// Runs what is pending, and gives `database_users` the rights of servers. diesel takes no lock of its own: without ours, of three
/// replicas that start at once two crash.
///
/// Answers what was ended because this database turned out to be restored from a dump.
pub(crate) fn run(conn: &mut PgConnection, database_users: &[String]) -> Result<Option<restored::Ended>, StoreError> {
    users::check_may_migrate(conn)?;
    unhurried(conn, |conn| {
        refuse_too_new(conn)?;
        let done = conn.run_pending_migrations(MIGRATIONS).map_err(failed)?;
        if !done.is_empty() {
            tracing::info!(count = done.len(), "migrated the database");
        }
        users::close(conn)?;
        users::grant(conn, database_users)?;
        users::check_own(conn)?;
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
