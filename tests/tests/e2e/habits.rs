//! Habits that a test can hold.

use std::path::{Path, PathBuf};

use homepot_tests::workspace;

/// The newest migration of the version before, of which `tests/upgrade` holds a database.
const BEFORE: &str = "2026-11-24-000010_removed";
/// From this one on a schema says which programs it bears.
const BEARS: &str = "2026-11-28-000310_schema_bears";
/// With this a comment of a migration says why no server of the version before needs what it takes away.
const CONTRACTS: &str = "-- Contracts:";

/// What takes something away from the version before, or wants something of it that it does not know.
fn takes_away(sql: &str) -> Option<&str> {
    let sql = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let statements =
        sql.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase());
    let rules = [
        ("DROP TABLE", "drops a table"),
        ("DROP COLUMN", "drops a column"),
        ("DROP FUNCTION", "drops a function"),
        ("DROP VIEW", "drops a view"),
        (" RENAME ", "renames something"),
        ("SET NOT NULL", "wants a value where none was needed"),
        ("ADD CONSTRAINT", "adds a rule that rows of the version before may break"),
        ("SET DATA TYPE", "changes a type"),
    ];
    // What a function would do when it is called, the migration does not do.
    let mut statements = statements.into_iter().filter(|statement| !statement.starts_with("EXECUTE FORMAT("));
    statements.find_map(|statement| {
        let found = rules.iter().find(|(words, _)| statement.contains(words)).map(|(_, told)| *told);
        let wants = statement.starts_with("ALTER TABLE")
            && statement
                .split("ADD COLUMN")
                .skip(1)
                .any(|column| column.contains("NOT NULL") && !column.contains("DEFAULT"));
        found.or(wants.then_some("adds a column that the version before does not fill"))
    })
}

#[test]
fn migrations_add_to_what_the_version_before_uses_and_take_nothing_away() {
    let mut seen = 0;
    for directory in std::fs::read_dir(workspace().join("migrations")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = directory.file_name().unwrap().to_string_lossy().into_owned();
        assert!(directory.join("down.sql").is_file(), "{name} has no way back");
        if name.as_str() <= BEFORE {
            continue;
        }
        let sql = std::fs::read_to_string(directory.join("up.sql")).unwrap();
        seen += 1;
        if let Some(told) = takes_away(&sql) {
            assert!(
                sql.contains(CONTRACTS),
                "{name} {told}. Replicas of the version before still run with it: expand first, and contract in a later \
                 version. Where no version needs it any more, a comment that begins with '{CONTRACTS}' says why."
            );
            assert!(
                name.as_str() < BEARS || sql.contains("UPDATE schema_bears SET oldest_migration"),
                "{name} {told}, so it has to raise what schema_bears says: programs that are too old then refuse to start"
            );
        }
    }
    assert!(seen > 5, "the walk itself works: {seen}");
}

#[test]
fn what_takes_something_away_is_recognized() {
    let harmless = "CREATE TABLE a (b text NOT NULL); ALTER TABLE c ADD COLUMN d int NOT NULL DEFAULT 0; -- DROP TABLE e\nDROP INDEX f;";
    assert_eq!(takes_away(harmless), None);
    for (sql, due) in [
        ("DROP TABLE a;", "drops a table"),
        ("ALTER TABLE a\n  DROP  COLUMN b;", "drops a column"),
        ("ALTER TABLE a RENAME b TO c;", "renames something"),
        ("ALTER TABLE a ALTER b SET NOT NULL;", "wants a value where none was needed"),
        (
            "ALTER TABLE a ADD COLUMN b int NOT NULL, ADD COLUMN c int DEFAULT 0;",
            "adds a column that the version before does not fill",
        ),
    ] {
        assert_eq!(takes_away(sql), Some(due), "{sql}");
    }
}

/// A module with modules of its own is `x/mod.rs`, never `x.rs` beside `x/`: one look at a directory shows all of it.
#[test]
fn a_module_and_what_it_holds_lie_in_one_directory() {
    let mut seen = 0;
    for room in [
        "agent/src",
        "benches/src",
        "contract-build/src",
        "host/src",
        "packing/src",
        "services",
        "simulator/src",
        "src",
        "tests",
    ] {
        walk(&workspace().join(room), &mut |directory| {
            let beside = directory.with_extension("rs");
            assert!(!beside.is_file(), "{} belongs into the directory beside it, as mod.rs", beside.display());
            seen += 1;
        });
    }
    assert!(seen > 50, "the walk itself works: {seen}");
}

/// Calls `look` with every directory that holds Rust files.
fn walk(directory: &Path, look: &mut impl FnMut(&Path)) {
    let entries: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    if entries.iter().any(|path| path.extension().is_some_and(|ending| ending == "rs")) {
        look(directory);
    }
    for path in entries.iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap().to_string_lossy();
        if !name.starts_with('.') && name != "target" && name != "libpq" {
            walk(path, look);
        }
    }
}
