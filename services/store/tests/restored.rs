//! A database that was restored from a dump, by the programs that an operator uses.

use std::process::Command;

use homepot::model::{CommandId, CommandState, Event};
use homepot_store::{
    PgConnection,
    commands::{self, Speaker, Word},
    restored,
    test_support::TestDatabase,
};

use crate::fixture::*;

/// Runs one of Postgres' own programs.
fn postgres(program: &str, arguments: &[&str]) {
    let mut places: Vec<_> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    let program = places.into_iter().map(|place| place.join(program)).find(|path| path.is_file()).unwrap();
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn command(conn: &mut PgConnection, pk: i64, said: &[Event]) -> CommandId {
    let command_id = queue_this(conn, pk, new_command("d", "RESTART_APP"));
    if !said.is_empty() {
        assert_eq!(commands::claim_by_poller(conn, pk, 1).unwrap().len(), 1);
    }
    for event in said {
        let word = Word { command_id, speaker: Speaker::Poller { pk }, event: *event, result: None, reason: None };
        commands::change(conn, &[word]).unwrap();
    }
    command_id
}

fn states(conn: &mut PgConnection, ids: &[CommandId]) -> Vec<CommandState> {
    ids.iter().map(|id| commands::find(conn, *id).unwrap().unwrap().state).collect()
}

/// A command in each state, and their ids.
fn fill(conn: &mut PgConnection, pk: i64) -> [CommandId; 5] {
    let over = command(conn, pk, &[Event::Acknowledged, Event::Ended(CommandState::Succeeded)]);
    let running = command(conn, pk, &[Event::Started]);
    let acknowledged = command(conn, pk, &[Event::Acknowledged]);
    let sent = command(conn, pk, &[]);
    assert_eq!(commands::claim_by_poller(conn, pk, 1).unwrap().len(), 1);
    let queued = command(conn, pk, &[]);
    let all = [queued, sent, acknowledged, running, over];
    let expected = [
        CommandState::Queued,
        CommandState::Sent,
        CommandState::Acknowledged,
        CommandState::Running,
        CommandState::Succeeded,
    ];
    assert_eq!(states(conn, &all), expected);
    all
}

const UNKNOWN: [CommandState; 5] = [
    CommandState::Unknown,
    CommandState::Unknown,
    CommandState::Unknown,
    CommandState::Unknown,
    CommandState::Succeeded,
];

#[tokio::test]
async fn the_first_start_on_a_restored_dump_ends_what_was_under_way_and_hands_nothing_out_again() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let all = fill(&mut conn, d.pk);
    let dump = tempfile::tempdir().unwrap();
    let file = dump.path().join("homepot.dump").display().to_string();
    postgres("pg_dump", &["--format=custom", "--file", &file, "--dbname", &database.url()]);
    let restored = TestDatabase::empty().await;
    postgres("pg_restore", &["--no-owner", "--dbname", &restored.url(), &file]);

    let before = states(&mut conn, &all);
    for _ in 0..2 {
        // The database that was dumped is what it was, however often a server starts on it.
        assert_eq!(database.store().migrate().await.unwrap(), None);
    }
    assert_eq!(states(&mut conn, &all), before);

    let ended = restored.store().migrate().await.unwrap();
    assert_eq!(ended, Some(restored::Ended { commands: 4, runs: 0 }));
    let mut conn = restored.connect();
    assert_eq!(states(&mut conn, &all), UNKNOWN);
    assert_eq!(commands::claim_by_poller(&mut conn, d.pk, 10).unwrap(), []);
    let history = commands::find(&mut conn, all[0]).unwrap().unwrap().history;
    assert_eq!(history.last().unwrap().cause, "the database was restored from a backup");
    // It is noticed once.
    let later = command(&mut conn, d.pk, &[]);
    assert_eq!(restored.store().migrate().await.unwrap(), None);
    assert_eq!(states(&mut conn, &[later]), [CommandState::Queued]);
    // What the device knows is still taken.
    let word = Word {
        command_id: all[0],
        speaker: Speaker::Poller { pk: d.pk },
        event: Event::Ended(CommandState::Succeeded),
        result: None,
        reason: None,
    };
    commands::change(&mut conn, &[word]).unwrap();
    assert_eq!(states(&mut conn, &all[..1]), [CommandState::Succeeded]);
}

#[tokio::test]
async fn a_database_is_told_that_its_files_were_put_back() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let all = fill(&mut conn, d.pk);
    assert_eq!(restored::end_under_way(&mut conn).unwrap(), restored::Ended { commands: 4, runs: 0 });
    assert_eq!(states(&mut conn, &all), UNKNOWN);
    assert_eq!(restored::end_under_way(&mut conn).unwrap(), restored::Ended::default());
}
