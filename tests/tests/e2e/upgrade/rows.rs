//! Every row of every table, before and after.

use std::collections::BTreeMap;

use homepot_tests::{Database, PATIENCE, eventually};
use serde_json::Value;

use super::Old;

/// The rows of each table, in an order of their own.
type Tables = BTreeMap<String, Vec<Value>>;

/// Columns that the new version changes by intention.
const CHANGED: [(&str, &[&str]); 2] = [
    // The key of tickets has left the database; nobody who has an older dump knows what is in it now.
    ("secrets", &["secret"]),
    // How far samples are folded: it moves on by itself.
    ("rollup_progress", &["claimed_to", "rolled_to"]),
];
/// Tables whose rows go by intention: minutes that got a late sample are marked until they are folded again.
const EMPTIED: [&str; 1] = ["rollup_late"];
/// Tables that get further rows by intention: what was folded since, and the migrations.
const GROWN: [&str; 3] = ["__diesel_schema_migrations", "rollup_1m", "rollup_1h"];
/// Columns that tell when this server was last here.
const MARKS: [(&str, &[&str]); 3] = [
    ("maintenance_clock", &["last_round"]),
    ("server_secrets", &["seen_at"]),
    ("rollup_progress", &["claimed_to", "rolled_to"]),
];

/// All of it. The tables are asked of Postgres, so that none can be forgotten.
async fn tables(database: &Database) -> Tables {
    let names = "SELECT c.relname AS name FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition";
    let mut tables = Tables::new();
    for row in database.rows(names).await {
        let name = row["name"].as_str().unwrap();
        let mut rows = database.rows(&format!("SELECT * FROM {name}")).await;
        rows.sort_by_cached_key(Value::to_string);
        tables.insert(name.to_owned(), rows);
    }
    tables
}

/// The rows without some of their columns.
fn without(rows: &[Value], columns: &[&str]) -> Vec<Value> {
    let without = |row: &Value| {
        let mut row = row.as_object().unwrap().clone();
        row.retain(|column, _| !columns.contains(&column.as_str()));
        row.into()
    };
    rows.iter().map(without).collect()
}

fn columns_of<'a>(table: &str, excused: &[(&str, &'a [&'a str])]) -> &'a [&'a str] {
    excused.iter().find(|(name, _)| *name == table).map_or(&[], |(_, columns)| columns)
}

/// The rows with the columns of an earlier version only.
fn as_before(rows: &[Value], before: &Value) -> Vec<Value> {
    let before = before.as_object().unwrap();
    let as_before = |row: &Value| {
        let row = row.as_object().unwrap().iter().filter(|(column, _)| before.contains_key(*column));
        row.map(|(column, value)| (column.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
    };
    rows.iter().map(as_before).collect()
}

/// Takes each of `wanted` out of `rows` once; answers those that are not there, and what is left.
fn take(wanted: Vec<Value>, rows: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let mut left: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in rows {
        left.entry(row.to_string()).or_default().push(row);
    }
    let missing =
        wanted.into_iter().filter(|row| left.get_mut(&row.to_string()).and_then(Vec::pop).is_none()).collect();
    (missing, left.into_values().flatten().collect())
}

/// Waits until a round of maintenance has ended that began after `before`.
async fn round(database: &Database, before: &Value) {
    let ended = async || {
        let row = database.rows("SELECT last_round FROM maintenance_clock").await.remove(0);
        (row["last_round"].as_str() > before.as_str()).then_some(())
    };
    eventually("a round of maintenance", ended).await;
}

async fn last_round(database: &Database) -> Value {
    database.rows("SELECT last_round FROM maintenance_clock").await.remove(0)["last_round"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_keeps_every_row_of_every_table_and_a_second_start_changes_nothing() {
    let old = Old::load().await;
    let database = old.cluster.database();
    let before = tables(&database).await;
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "{table} is empty, so nothing is known of its upgrade");
    }

    let mut upgraded = old.upgrade().await;
    // The first round is the first change of what the migration put there.
    let newest = database.rows("SELECT max(received_at) AS newest FROM device_latest").await.remove(0);
    round(&database, &newest["newest"]).await;
    let after = tables(&database).await;
    for (table, rows) in &before {
        let mut now = as_before(&after[table], &rows[0]);
        // What has ended is moved.
        if table == "commands" {
            now.extend(as_before(&after["commands_ended"], &rows[0]));
        }
        if EMPTIED.contains(&table.as_str()) {
            assert_eq!(now, Vec::<Value>::new(), "{table}");
            continue;
        }
        let changed = columns_of(table, &CHANGED);
        let (missing, more) = take(without(rows, changed), without(&now, changed));
        assert_eq!(missing, Vec::<Value>::new(), "{table} lost rows; new in it are {more:#?}");
        assert!(more.is_empty() || GROWN.contains(&table.as_str()), "{table} got more rows: {more:#?}");
    }
    assert_ne!(before["secrets"], after["secrets"], "an old dump must not hold a secret that counts");
    // A dump of the old version is what an upgrade in place finds: it is no backup that was restored.
    let identity = &after["database_identity"];
    assert_eq!((identity.len(), &identity[0]["restored_at"]), (1, &Value::Null));

    let status = upgraded.server.stop(PATIENCE).await;
    assert!(status.success(), "{status}");
    let (first, last) = (tables(&database).await, last_round(&database).await);
    upgraded.server.restart().await;
    round(&database, &last).await;
    let second = tables(&database).await;
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (table, rows) in &first {
        let marks = columns_of(table, &MARKS);
        assert_eq!(without(&second[table], marks), without(rows, marks), "{table}");
    }
}
