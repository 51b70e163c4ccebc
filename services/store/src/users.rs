//! Database users of servers. The user who migrates owns the schema; servers may run as other users, which may read and write
//! rows and call the schema's functions, and nothing more.
//!
//! The migration gives them that ([`grant`]). One right it can't give: to see everybody's transactions, without which watches
//! would miss changes. So a server whose transactions the owner can't see refuses to start ([`check_own`]), and a look for changes
//! that meets one fails ([`cant_see`]).

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{Array, Bool, Text},
};

use crate::StoreError;

/// What `$1` lacks, as the statements that give it. Tables and functions count that belong to whoever owns ours; partitions are
/// reached through their table. `$2`: tables that only the migration writes.
const LACKING: &str = "\
WITH own AS (SELECT relnamespace AS home, array[relowner,
        (SELECT proowner FROM pg_proc WHERE oid = 'watch_horizon()'::regprocedure)] AS owners
    FROM pg_class WHERE oid = 'samples'::regclass),
called AS (SELECT oid, rolname FROM pg_roles WHERE rolname = $1)
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), rolname) AS statement
FROM called WHERE NOT has_database_privilege(oid, current_database(), 'CONNECT')
UNION ALL SELECT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, rolname)
FROM own JOIN pg_namespace n ON n.oid = own.home, called WHERE NOT has_schema_privilege(called.oid, n.oid, 'USAGE')
UNION ALL SELECT format('GRANT %s ON TABLE %s TO %I', lacks.rights, c.oid::regclass, rolname)
FROM own JOIN pg_class c ON c.relnamespace = own.home AND c.relowner = ANY (own.owners), called, LATERAL (
    SELECT string_agg(wanted, ', ') AS rights
    FROM unnest(CASE WHEN c.relname = ANY ($2) OR c.relkind = 'v' THEN array['SELECT'] ELSE array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END) wanted
    WHERE NOT has_table_privilege(called.oid, c.oid, wanted)) lacks
WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND lacks.rights IS NOT NULL
UNION ALL SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', c.oid::regclass, rolname)
FROM own JOIN pg_class c ON c.relnamespace = own.home AND c.relowner = ANY (own.owners), called
WHERE c.relkind = 'S' AND NOT has_sequence_privilege(called.oid, c.oid, 'USAGE')
UNION ALL SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, rolname)
FROM own JOIN pg_proc p ON p.pronamespace = own.home AND p.proowner = ANY (own.owners), called
WHERE p.prokind = 'f' AND NOT has_function_privilege(called.oid, p.oid, 'EXECUTE')";

/// The SQLSTATE of a right that is lacking.
const FORBIDDEN: &str = "42501";

const ONLY_READ: [&str; 2] = ["__diesel_schema_migrations", "schema_bears"];

#[derive(QueryableByName)]
struct Lacking {
    #[diesel(sql_type = Text)]
    statement: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn lacking(conn: &mut PgConnection, user: &str) -> Result<Vec<String>, StoreError> {
    let found: Vec<Lacking> =
        sql_query(LACKING).bind::<Text, _>(user).bind::<Array<Text>, _>(ONLY_READ.as_slice()).load(conn)?;
    Ok(found.into_iter().map(|lacking| lacking.statement).collect())
}

/// Gives `users` the rights of a server, where they lack them.
pub(crate) fn grant(conn: &mut PgConnection, users: &[String]) -> Result<(), StoreError> {
    conn.transaction(|conn| {
        for user in users {
            let exists: Answer =
                sql_query("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS yes").bind::<Text, _>(user).get_result(conn)?;
            if !exists.yes {
                return Err(StoreError::Rights(format!(
                    "HOMEPOT_DATABASE_USERS: Postgres has no user {user}; make it first, such as by CREATE ROLE {} LOGIN PASSWORD '…'",
                    quoted(conn, user)?
                )));
            }
            let statements = lacking(conn, user)?;
            let may_not = format!("the user {} may not give {user} all that a server needs", current_user(conn)?);
            let refused = |statement: &str| {
                StoreError::Rights(format!("{may_not}; have the owner or a superuser run: {statement};"))
            };
            for statement in &statements {
                conn.batch_execute(statement).map_err(|error| match StoreError::from(error) {
                    error if error.sql_state().is_some_and(|code| code.as_str() == FORBIDDEN) => refused(statement),
                    error => error,
                })?;
            }
            // Postgres only warns where the migrating user may not pass on what it has.
            if let Some(first) = lacking(conn, user)?.first() {
                return Err(refused(first));
            }
            if !statements.is_empty() {
                tracing::info!(user, rights = statements.len(), "gave a database user the rights of a server");
            }
        }
        Ok::<_, StoreError>(())
    })?;
    for user in users {
        check_seen(conn, user)?;
    }
    Ok(())
}

/// Takes the right to call what runs with the owner's rights from everybody else. A dump that was restored without its rights
/// (`pg_restore --no-acl`) gives it to all.
pub(crate) fn close(conn: &mut PgConnection) -> Result<(), StoreError> {
    let open: Vec<Lacking> = sql_query(
        "SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', p.oid::regprocedure) AS statement
        FROM pg_proc p JOIN pg_proc w ON w.oid = 'watch_horizon()'::regprocedure AND w.pronamespace = p.pronamespace
        WHERE p.prosecdef AND p.proowner = w.proowner
            AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) WHERE grantee = 0))",
    )
    .load(conn)?;
    open.iter().try_for_each(|open| Ok(conn.batch_execute(&open.statement)?))
}

/// Whether this connection's user has the rights of a server; the first right that it lacks otherwise.
pub(crate) fn lacks_rights(conn: &mut PgConnection) -> Result<Option<String>, StoreError> {
    let user = current_user(conn)?;
    Ok(lacking(conn, &user)?.into_iter().next())
}

/// Refuses a user whose transactions watches can't see.
pub(crate) fn check_own(conn: &mut PgConnection) -> Result<(), StoreError> {
    let user: Name = sql_query("SELECT session_user::text AS name").get_result(conn)?;
    check_seen(conn, &user.name)
}

/// Refuses a migration by a user that may not make tables.
pub(crate) fn check_may_migrate(conn: &mut PgConnection) -> Result<(), StoreError> {
    let may: Answer = sql_query("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS yes")
        .get_result(conn)?;
    if may.yes {
        return Ok(());
    }
    Err(StoreError::Rights(format!(
        "the user {} may not make tables, so it can't bring the schema up to date; run `homepot migrate` as the schema's \
         owner, and servers with HOMEPOT_MIGRATIONS=wait",
        current_user(conn)?
    )))
}

fn check_seen(conn: &mut PgConnection, user: &str) -> Result<(), StoreError> {
    let sees: Answer = sql_query(
        "SELECT pg_has_role(proowner, $1, 'USAGE') OR pg_has_role(proowner, 'pg_read_all_stats', 'USAGE') AS yes
        FROM pg_proc WHERE oid = 'watch_horizon()'::regprocedure",
    )
    .bind::<Text, _>(user)
    .get_result(conn)?;
    if sees.yes { Ok(()) } else { Err(cant_see(conn, user)?) }
}

/// The owner of the schema's functions does not see the transactions of `users`.
pub(crate) fn cant_see(conn: &mut PgConnection, users: &str) -> Result<StoreError, StoreError> {
    let owner: Name = sql_query(
        "SELECT pg_get_userbyid(proowner)::text AS name FROM pg_proc WHERE oid = 'watch_horizon()'::regprocedure",
    )
    .get_result(conn)?;
    Ok(StoreError::Rights(format!(
        "{}, who owns the schema, can't see transactions of {users}, so watches would miss changes; have a superuser run: \
         GRANT pg_read_all_stats TO {};",
        owner.name,
        quoted(conn, &owner.name)?
    )))
}

fn current_user(conn: &mut PgConnection) -> Result<String, StoreError> {
    Ok(sql_query("SELECT current_user::text AS name").get_result::<Name>(conn)?.name)
}

/// A name as it stands in SQL.
fn quoted(conn: &mut PgConnection, name: &str) -> Result<String, StoreError> {
    Ok(sql_query("SELECT quote_ident($1) AS name").bind::<Text, _>(name).get_result::<Name>(conn)?.name)
}
