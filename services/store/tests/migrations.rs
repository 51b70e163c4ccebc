//! Migrations: up, down, up again, by three at once, and as `schema.rs` has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
use homepot::model::Metric;
use homepot_store::{
    Awaited, PgConnection, Store, StoreConfig, sites,
    test_support::{TestDatabase, revert_all_migrations},
};

use crate::fixture::*;

#[derive(QueryableByName, Debug)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    column_type: String,
}

/// Rollups are left out: their columns are as many as metrics, and no code names them one by one.
const COLUMNS: &str = "\
SELECT c.relname::text AS table_name, a.attname::text AS column_name,
    CASE WHEN a.attnotnull THEN '' ELSE 'Nullable ' END || format_type(a.atttypid, a.atttypmod) AS column_type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relname <> '__diesel_schema_migrations' AND c.relname NOT IN ('rollup_1m', 'rollup_1h', 'rollup_late')
ORDER BY c.relname, a.attname COLLATE \"C\"";

type Schema = BTreeMap<String, Vec<(String, String)>>;

fn in_database(conn: &mut PgConnection) -> Schema {
    let mut schema = Schema::new();
    for column in sql_query(COLUMNS).load::<Column>(conn).unwrap() {
        schema.entry(column.table_name).or_default().push((column.column_name, column.column_type));
    }
    schema
}

/// What the `table!` macros say, in Postgres's words.
fn in_code() -> Schema {
    let mut schema = Schema::new();
    let mut table = String::new();
    let files = [
        include_str!("../src/schema/mod.rs"),
        include_str!("../src/schema/of_commands.rs"),
        include_str!("../src/schema/updates.rs"),
    ];
    for line in files.iter().flat_map(|file| file.lines()).map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name.to_owned();
        } else if let Some((column, kind)) = line.split_once(" -> ").filter(|_| line.ends_with(',')) {
            schema.entry(table.clone()).or_default().push((column.to_owned(), in_postgres(kind.trim_end_matches(','))));
        }
    }
    // A macro has the columns of both tables of commands.
    let mut columns = schema.remove("$name").unwrap();
    schema.insert("commands".to_owned(), columns.clone());
    columns.push(("filed_at".to_owned(), in_postgres("Timestamptz")));
    schema.insert("commands_ended".to_owned(), columns);
    macro_rules! metrics {
        ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
            [$((stringify!($name), stringify!($column))),*]
        };
    }
    let metrics = homepot::metric_table!(metrics);
    let metrics = metrics.map(|(name, kind)| (name.to_owned(), in_postgres(&format!("Nullable<{kind}>"))));
    schema.entry("samples".to_owned()).or_default().extend(metrics);
    schema.values_mut().for_each(|columns| columns.sort());
    schema
}

/// A type of diesel's, in Postgres's words.
fn in_postgres(kind: &str) -> String {
    let inner = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
    let nullable = if inner.is_some() { "Nullable " } else { "" };
    let name = match inner.unwrap_or(kind) {
        "Text" => "text",
        "Timestamptz" => "timestamp with time zone",
        "BigInt" => "bigint",
        "Integer" => "integer",
        "Bool" => "boolean",
        "Jsonb" => "jsonb",
        "Binary" => "bytea",
        "Uuid" => "uuid",
        "Double" => "double precision",
        "Float" => "real",
        "Array<Text>" => "text[]",
        other => panic!("{other}"),
    };
    format!("{nullable}{name}")
}

#[tokio::test]
async fn the_code_knows_every_table_and_column_as_the_migrations_make_them() {
    let database = TestDatabase::new().await;
    let code = in_code();
    assert!(code.len() >= 9);
    assert_eq!(in_database(&mut database.connect()), code);
}

#[tokio::test]
async fn a_rollup_has_five_columns_of_each_metric() {
    let database = TestDatabase::new().await;
    let parts = |metric: Metric| {
        let value = if metric.is_single() { "real" } else { "double precision" };
        let parts =
            [("count", "integer"), ("min", value), ("max", value), ("sum", "double precision"), ("last", value)];
        parts.map(|(part, kind)| (format!("{}_{part}", metric.name()), format!("Nullable {kind}")))
    };
    let keys = [("device", "bigint"), ("bucket", "timestamp with time zone")];
    let keys = keys.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    let mut expected: Vec<_> = Metric::ALL.into_iter().flat_map(parts).chain(keys).collect();
    expected.sort();
    for table in ["rollup_1m", "rollup_1h"] {
        let columns = COLUMNS.replace(
            "AND c.relname NOT IN ('rollup_1m', 'rollup_1h', 'rollup_late')",
            &format!("AND c.relname = '{table}'"),
        );
        let found: Vec<Column> = sql_query(columns).load(&mut database.connect()).unwrap();
        let mut found: Vec<_> = found.into_iter().map(|column| (column.column_name, column.column_type)).collect();
        found.sort();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn down_leaves_nothing_and_up_works_again() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let before = in_database(&mut conn);
    enrolled(&mut conn, "d", "s");
    revert_all_migrations(&mut conn).unwrap();
    let left = "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace \
        AND relname NOT LIKE '\\_\\_diesel%'";
    assert_eq!(sql_query(left).execute(&mut conn).unwrap(), 0);
    database.store().migrate().await.unwrap();
    assert_eq!(in_database(&mut conn), before);
    assert!(sites::find(&mut conn, &site_id("s")).unwrap().is_none());
}

#[tokio::test]
async fn three_replicas_that_migrate_at_once_all_come_up() {
    let database = TestDatabase::empty().await;
    let mut running = Vec::new();
    for _ in 0..3 {
        let store = Store::open(StoreConfig { threads: 2, ..StoreConfig::new(database.url()) }).await.unwrap();
        running.push(tokio::spawn(async move { store.migrate().await }));
    }
    for task in running {
        task.await.unwrap().unwrap();
    }
    assert_eq!(in_database(&mut database.connect()), in_code());
    // And nothing is held any more.
    let held = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = \
        (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(sql_query(held).execute(&mut database.connect()).unwrap(), 0);
}

#[tokio::test]
async fn every_foreign_key_has_an_index_where_its_rows_are_looked_up() {
    let database = TestDatabase::new().await;
    // The leading column of some index; without it, removing a row of the other table reads this one whole.
    let bare = "SELECT 1 FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 \
        AND k.conrelid <> 'enrollment_tokens'::regclass AND NOT EXISTS (SELECT FROM pg_index i \
        WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1])";
    assert_eq!(sql_query(bare).execute(&mut database.connect()).unwrap(), 0);
}

#[derive(QueryableByName)]
struct Judged {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    just_within: bool,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    just_beyond: bool,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    never: bool,
}

#[tokio::test]
async fn the_database_judges_presence_by_the_bound_that_the_code_has() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let bound = homepot::model::OFFLINE_AFTER_HEARTBEATS;
    let judge = format!(
        "SELECT heard_lately(now() - interval '{} ms', 1000) AS just_within,
            is_online(false, now() - interval '{} ms', 1000) AS just_beyond, heard_lately(NULL, 1000) AS never",
        bound * 1000.0,
        bound * 1000.0 + 1.0,
    );
    let judged: Judged = sql_query(judge).get_result(&mut conn).unwrap();
    assert_eq!((judged.just_within, judged.just_beyond, judged.never), (true, false, false));
}

#[tokio::test]
async fn a_schema_is_waited_for_without_a_right_to_change_it_and_one_that_is_too_new_is_refused() {
    let database = TestDatabase::empty().await;
    let open = async || Store::open(StoreConfig { threads: 2, ..StoreConfig::new(database.url()) }).await.unwrap();
    let (waiting, migrating) = (open().await, open().await);
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let waits = tokio::spawn(async move { waiting.wait_for_schema(|awaited| told.send(awaited).unwrap()).await });
    let awaited = hears.recv().await.unwrap();
    assert!(matches!(awaited, Awaited::Migrations(10..)), "{awaited:?}");
    let made = "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(sql_query(made).execute(&mut database.connect()).unwrap(), 0, "waiting makes nothing");
    migrating.migrate().await.unwrap();
    waits.await.unwrap().unwrap();

    // A newer program has migrated it since, and the schema still bears this one.
    let mut conn = database.connect();
    sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')").execute(&mut conn).unwrap();
    migrating.wait_for_schema(|_| panic!("nothing is lacking")).await.unwrap();
    migrating.migrate().await.unwrap();

    sql_query("UPDATE schema_bears SET oldest_migration = '99990101000000'").execute(&mut conn).unwrap();
    for refused in [migrating.wait_for_schema(|_| ()).await.unwrap_err(), migrating.migrate().await.unwrap_err()] {
        let told = refused.to_string();
        assert!(told.contains("99990101000000") && told.contains("start a newer version of homepot"), "{told}");
    }
}

#[test]
fn each_migration_has_a_number_of_its_own() {
    // Of two with the same number only one would run, and nothing would tell.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut numbers = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let number = name.split('_').next().unwrap_or_default().to_owned();
        assert!(numbers.insert(number), "{name} has the number of another one");
    }
    assert!(!numbers.is_empty());
}
