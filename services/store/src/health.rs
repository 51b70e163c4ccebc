//! Checks whether Postgres works: whether it accepts writes.

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Bool, Integer, Text},
};

use crate::{StoreError, sqlstate::Trouble, watchdog::Backend};

/// Asks Postgres for nothing.
pub fn ping(conn: &mut PgConnection) -> Result<(), StoreError> {
    sql_query("SELECT 1").execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Node {
    #[diesel(sql_type = Bool)]
    read_only: bool,
}

const READ_ONLY: &str = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS read_only";

/// Whether this node takes writes at all.
pub(crate) fn is_read_only(conn: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(sql_query(READ_ONLY).get_result::<Node>(conn)?.read_only)
}

/// Writes a table of a hundred pages and takes it back: its disk must have room for what is new, not only for what
/// fits into pages that are there. Changes the catalogue, so it is for a database that is in trouble already.
pub(crate) fn probe_write(conn: &mut PgConnection) -> Result<(), StoreError> {
    sql_query("SELECT probe_new_table()").execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Encoding {
    #[diesel(sql_type = Text)]
    encoding: String,
}

/// Whether a server can start on it: an error that passes where it takes no writes, one that does not where texts of all
/// languages can't be kept.
pub(crate) fn check_database(conn: &mut PgConnection) -> Result<(), StoreError> {
    let found: Encoding = sql_query("SELECT current_setting('server_encoding') AS encoding").get_result(conn)?;
    if found.encoding != "UTF8" {
        return Err(StoreError::Unsuitable(format!(
            "its encoding is {}, and texts of devices and people need UTF8; make one with CREATE DATABASE … ENCODING \
             'UTF8' TEMPLATE template0",
            found.encoding
        )));
    }
    if is_read_only(conn)? {
        return Err(StoreError::Lost { trouble: Trouble::ReadOnly });
    }
    Ok(())
}

#[derive(QueryableByName)]
struct OwnBackend {
    #[diesel(sql_type = Integer)]
    pid: i32,
    #[diesel(sql_type = Text)]
    started: String,
}

/// The server process that serves this connection.
pub(crate) fn backend(conn: &mut PgConnection) -> Result<Backend, StoreError> {
    let query =
        "SELECT pid, coalesce(backend_start::text, '') AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let found: OwnBackend = sql_query(query).get_result(conn)?;
    Ok(Backend { pid: found.pid, started: found.started })
}

/// Ends a server process of ours that nobody is connected to any more.
pub(crate) fn end_backend(conn: &mut PgConnection, backend: &Backend) -> Result<(), StoreError> {
    sql_query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2")
        .bind::<Integer, _>(backend.pid)
        .bind::<Text, _>(&backend.started)
        .execute(conn)?;
    Ok(())
}
