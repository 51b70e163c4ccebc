use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use homepot::model::{CommandType, Delivery};
use tempfile::TempDir;

use super::*;

const ID: CommandId = CommandId(uuid::Uuid::from_u128(1));

fn now(boot: &str) -> Moment {
    Moment { wall: Utc::now(), uptime_ms: 1_000, boot_id: boot.to_owned() }
}

fn arrival(n: u128, command_type: &str) -> Arrival {
    let delivery = Delivery {
        command_id: CommandId(uuid::Uuid::from_u128(n)),
        command_type: CommandType::parse(command_type).unwrap(),
        payload: None,
        time_to_live: Duration::from_secs(600),
        run_timeout: Duration::from_secs(1),
        created_at: Utc::now(),
        server_time: Some(Utc::now()),
    };
    Arrival { delivery, under_way: Some(Duration::ZERO), at: now("a") }
}

fn outcome(state: CommandState) -> Outcome {
    Outcome { command_id: ID, state, result: None, reason: None }
}

fn ended(book: &Book, id: CommandId) -> Option<CommandState> {
    match book.standing(id) {
        Progress::Ended(outcome) => Some(outcome.state),
        _ => None,
    }
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("commands.journal");
    (directory, path)
}

fn open(path: &Path, boot: &str) -> Book {
    Book::open(path, &now(boot)).unwrap()
}

/// Every point at which the process can vanish, and what the next run makes of it.
#[test]
fn at_every_crash_point_the_command_is_settled_once_and_stays_so() {
    for (steps, boot, expected) in [
        (1, "a", None),
        (2, "a", Some(CommandState::Unknown)),
        (2, "b", Some(CommandState::Succeeded)),
        (3, "a", Some(CommandState::Failed)),
        (4, "b", Some(CommandState::Failed)),
    ] {
        let (_directory, path) = place();
        let mut book = open(&path, "a");
        assert_eq!(book.receive(arrival(1, "REBOOT")).unwrap(), Progress::Waiting);
        if steps >= 2 {
            book.start(ID, "a").unwrap();
        }
        if steps >= 3 {
            book.end(outcome(CommandState::Failed));
        }
        if steps >= 4 {
            book.forget(ID);
        }
        let journal_id = book.journal_id().to_owned();
        drop(book);
        for _ in 0..2 {
            let book = open(&path, boot);
            assert_eq!(
                (ended(&book, ID), book.journal_id()),
                (expected, journal_id.as_str()),
                "{steps} steps, boot {boot}"
            );
            assert_eq!(book.next(&now(boot)), None, "nothing starts before it is delivered again");
            assert_eq!(book.standing(ID) == Progress::Waiting, steps == 1);
            assert_eq!(book.pending_outcomes(), usize::from((2..4).contains(&steps)));
        }
    }
}

#[test]
fn an_end_the_disk_refused_counts_until_a_restart_which_calls_it_unknown() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    book.receive(arrival(1, "RESTART_APP")).unwrap();
    book.start(ID, "a").unwrap();
    let before = fs::read(&path).unwrap();
    book.end(outcome(CommandState::Succeeded));
    // The record never reached the disk.
    fs::write(&path, before).unwrap();
    assert_eq!(ended(&book, ID), Some(CommandState::Succeeded));
    assert_eq!(ended(&open(&path, "a"), ID), Some(CommandState::Unknown));
}

#[test]
fn what_was_cancelled_stays_so_after_a_restart_known_before_or_not() {
    for known in [true, false] {
        let (_directory, path) = place();
        let mut book = open(&path, "a");
        if known {
            book.receive(arrival(1, "RESTART_APP")).unwrap();
        }
        book.cancel(ID, "wrong till").unwrap();
        drop(book);
        let mut book = open(&path, "a");
        let Progress::Ended(outcome) = book.receive(arrival(1, "RESTART_APP")).unwrap() else { panic!() };
        assert_eq!((outcome.state, outcome.reason.as_deref()), (CommandState::Cancelled, Some("wrong till")));
        assert_eq!(book.next(&now("a")), None);
    }
}

#[test]
fn what_the_disk_refuses_neither_starts_nor_ends() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    book.receive(arrival(1, "RESTART_APP")).unwrap();
    book.journal.refuse();
    book.start(ID, "a").unwrap_err();
    book.cancel(ID, "").unwrap_err();
    book.decline(outcome(CommandState::Rejected)).unwrap_err();
    book.expire(&Moment { uptime_ms: u64::MAX, ..now("a") }).unwrap_err();
    assert_eq!(book.standing(ID), Progress::Waiting);
    book.receive(arrival(2, "PING")).unwrap_err();
    book.cancel(arrival(2, "PING").delivery.command_id, "").unwrap_err();
    assert_eq!(book.standing(arrival(2, "PING").delivery.command_id), Progress::New);
}

#[test]
fn a_journal_has_an_id_of_its_own_that_compaction_keeps() {
    let ((_one, one), (_other, other)) = (place(), place());
    let id = open(&one, "a").journal_id().to_owned();
    assert_eq!(id.len(), 32);
    assert_ne!(id, open(&other, "a").journal_id());
    let mut book = open(&one, "a");
    book.receive(arrival(1, "PING")).unwrap();
    book.compact().unwrap();
    book.receive(arrival(2, "PING")).unwrap();
    let again = open(&one, "a");
    assert_eq!((again.journal_id(), again.unfinished().count()), (id.as_str(), 2));
    assert!(fs::read_to_string(&one).unwrap().lines().next().unwrap().contains(&id));
}

#[test]
fn a_journal_of_the_former_format_is_taken_over_with_all_it_holds() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    book.receive(arrival(1, "PING")).unwrap();
    drop(book);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.split_once('\n').unwrap().1).unwrap();
    let book = open(&path, "a");
    assert_eq!(book.standing(ID), Progress::Waiting);
    assert_eq!(open(&path, "a").journal_id(), book.journal_id());
}

/// A bit that flips anywhere in a whole line, the first one included.
#[test]
fn a_damaged_journal_vouches_for_nothing_that_waits_and_goes_on_under_another_id() {
    let (directory, path) = place();
    let mut book = open(&path, "a");
    for n in 1..=4 {
        book.receive(arrival(n, "RESTART_APP")).unwrap();
    }
    let command = |n| CommandId(uuid::Uuid::from_u128(n));
    book.start(command(2), "a").unwrap();
    book.end(Outcome { command_id: command(2), ..outcome(CommandState::Succeeded) });
    let (before, whole) = (book.journal_id().to_owned(), fs::read(&path).unwrap());
    drop(book);
    let newlines: Vec<_> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for end in newlines {
        let mut bytes = whole.clone();
        bytes[end - 2] ^= 1;
        fs::write(&path, bytes).unwrap();
        let mut book = open(&path, "a");
        assert_ne!(book.journal_id(), before);
        for n in [1, 3, 4] {
            assert!(matches!(ended(&book, command(n)), Some(CommandState::Unknown) | None), "{n}");
            assert_ne!(book.standing(command(n)), Progress::Waiting);
        }
        assert_ne!(book.standing(command(2)), Progress::Waiting);
        assert_eq!(book.next(&now("a")), None);
        // It is whole again, and says the same ever after.
        let id = book.journal_id().to_owned();
        let standings: Vec<_> = book.unfinished().collect();
        book.receive(arrival(9, "PING")).unwrap();
        let again = open(&path, "a");
        assert_eq!(again.journal_id(), id);
        assert_eq!(again.unfinished().take(standings.len()).collect::<Vec<_>>(), standings);
    }
    assert!(!directory.path().join("commands.unreadable").exists());
}

#[test]
fn a_power_cut_in_the_middle_of_a_record_is_no_damage() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    book.receive(arrival(1, "PING")).unwrap();
    let (id, before) = (book.journal_id().to_owned(), fs::read(&path).unwrap().len());
    book.start(ID, "a").unwrap();
    drop(book);
    let whole = fs::read(&path).unwrap();
    for cut in before..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let book = open(&path, "a");
        assert_eq!((book.journal_id(), book.standing(ID)), (id.as_str(), Progress::Waiting));
    }
}

#[test]
fn a_journal_that_is_none_of_ours_starts_anew_with_an_id() {
    let (directory, path) = place();
    fs::write(&path, "somebody's notes\n").unwrap();
    let book = open(&path, "a");
    assert_eq!((book.journal_id().len(), book.unfinished().count()), (32, 0));
    assert_eq!(fs::read_to_string(directory.path().join("commands.unreadable")).unwrap(), "somebody's notes\n");
    assert_eq!(open(&path, "a").journal_id(), book.journal_id());
}

#[test]
fn a_journal_that_is_full_is_cleared_first() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    book.journal.fill();
    assert_eq!(book.receive(arrival(1, "PING")).unwrap(), Progress::Waiting);
    assert_eq!(open(&path, "a").standing(ID), Progress::Waiting);
}

/// However much goes through it, the file holds little more than what is open.
#[test]
fn the_file_is_written_anew_before_it_grows_out_of_proportion() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    for n in 1..=60 {
        let mut arrival = arrival(n, "RESTART_APP");
        arrival.delivery.payload = serde_json::json!({ "x": "y".repeat(60_000) }).as_object().cloned();
        let id = arrival.delivery.command_id;
        book.receive(arrival).unwrap();
        book.start(id, "a").unwrap();
        book.end(Outcome { command_id: id, ..outcome(CommandState::Succeeded) });
        book.forget(id);
        assert!(fs::metadata(&path).unwrap().len() < 400_000);
    }
    let again = open(&path, "a");
    assert_eq!((again.journal_id(), again.pending_outcomes()), (book.journal_id(), 0));
    assert_eq!(ended(&again, CommandId(uuid::Uuid::from_u128(60))), Some(CommandState::Succeeded));
}

#[test]
fn a_journal_that_is_removed_under_a_running_agent_is_written_anew_under_its_id() {
    let (directory, path) = place();
    let state = directory.path().join("state");
    let path = state.join(path.file_name().unwrap());
    fs::create_dir(&state).unwrap();
    let mut book = open(&path, "a");
    let journal_id = book.journal_id().to_owned();
    book.receive(arrival(1, "RESTART_APP")).unwrap();
    book.start(ID, "a").unwrap();
    for remove in [|path: &Path| fs::remove_file(path), |path: &Path| fs::remove_dir_all(path.parent().unwrap())] {
        remove(&path).unwrap();
        book.put_back();
        assert!(path.exists());
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(book.receive(arrival(2, "PING")).unwrap(), Progress::Waiting);
    drop(book);
    let book = open(&path, "a");
    assert_eq!(book.journal_id(), journal_id);
    assert_eq!(ended(&book, ID), Some(CommandState::Unknown), "that it started was not forgotten");
    assert_eq!(book.standing(arrival(2, "PING").delivery.command_id), Progress::Waiting);
}

/// The journal's lines, as they lie on the disk.
fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_journal_cut_at_any_record_is_another_one_where_it_lost_that_a_command_started() {
    for (left, expected) in [(2, None), (3, Some(CommandState::Unknown)), (4, Some(CommandState::Failed))] {
        let (_directory, path) = place();
        let mut book = open(&path, "a");
        let journal_id = book.journal_id().to_owned();
        book.receive(arrival(1, "RESTART_APP")).unwrap();
        book.start(ID, "a").unwrap();
        book.end(outcome(CommandState::Failed));
        drop(book);
        let whole = lines(&path);
        assert_eq!(whole.len(), 4);
        fs::write(&path, whole[..left].concat()).unwrap();
        for _ in 0..2 {
            let book = open(&path, "a");
            let end = expected.unwrap_or(CommandState::Unknown);
            assert_eq!(ended(&book, ID), Some(end), "{left} lines are left");
            assert_eq!(book.journal_id() == journal_id, expected.is_some(), "{left} lines are left");
        }
    }
}

#[test]
fn what_may_run_twice_needs_no_mark() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    let journal_id = book.journal_id().to_owned();
    book.mark.refuse();
    book.receive(arrival(1, "PING")).unwrap();
    book.start(ID, "a").unwrap();
    drop(book);
    fs::write(&path, lines(&path)[..2].concat()).unwrap();
    let book = open(&path, "a");
    assert_eq!((book.standing(ID), book.journal_id()), (Progress::Waiting, journal_id.as_str()));
}

#[test]
fn a_command_whose_start_can_not_be_marked_does_not_start_and_says_so() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    book.mark.refuse();
    book.receive(arrival(1, "RESTART_APP")).unwrap();
    book.start(ID, "a").unwrap_err();
    assert_eq!((ended(&book, ID), book.next(&now("a"))), (Some(CommandState::Failed), None));
    assert_eq!(ended(&open(&path, "a"), ID), Some(CommandState::Failed));
}

#[test]
fn the_journal_of_an_agent_without_a_mark_keeps_its_id_and_gets_one() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    let journal_id = book.journal_id().to_owned();
    book.receive(arrival(1, "RESTART_APP")).unwrap();
    drop(book);
    // As that agent wrote it.
    let json = format!(r#"{{"record":"journal","journal_id":"{journal_id}"}}"#);
    let head = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
    fs::write(&path, head + &lines(&path)[1]).unwrap();
    fs::remove_file(path.with_extension("mark")).unwrap();

    let mut book = open(&path, "a");
    assert_eq!((book.standing(ID), book.journal_id()), (Progress::Waiting, journal_id.as_str()));
    book.receive(arrival(1, "RESTART_APP")).unwrap();
    book.start(ID, "a").unwrap();
    drop(book);
    fs::write(&path, lines(&path)[..2].concat()).unwrap();
    assert_ne!(open(&path, "a").journal_id(), journal_id);
    fs::remove_file(path.with_extension("mark")).unwrap();
    assert_eq!(ended(&open(&path, "a"), ID), Some(CommandState::Unknown));
}

#[test]
fn a_journal_that_lacks_what_it_told_starts_anew_and_what_runs_goes_on() {
    let (_directory, path) = place();
    let mut book = open(&path, "a");
    let (journal_id, other) = (book.journal_id().to_owned(), CommandId(uuid::Uuid::from_u128(2)));
    for n in [1, 2] {
        book.receive(arrival(n, "RESTART_APP")).unwrap();
    }
    book.start(ID, "a").unwrap();
    assert!(book.knows_all(&[ID, other]) && !book.knows_all(&[ID, CommandId(uuid::Uuid::from_u128(3))]));
    book.start_anew().unwrap();
    assert_ne!(book.journal_id(), journal_id);
    assert_eq!((book.standing(ID), ended(&book, other)), (Progress::Running, Some(CommandState::Unknown)));
    assert_eq!(open(&path, "a").journal_id(), book.journal_id());
}
