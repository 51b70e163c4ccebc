//! What others learned the hard way, each as a test: docs/design/ota.md has the list.

use homepot_release::Digest;

use super::{
    super::{
        Action, Dir, Event, SinceBoot, State, Timing, Updater,
        disk::model::{Fault, Loss},
    },
    world::{Model, PIN, Script, World, agrees, disk, etc, is_tidy, offer, open, rule, targets},
};

const START: SinceBoot = SinceBoot::from_secs(1_000);
const SECOND: SinceBoot = SinceBoot::from_secs(1);

/// A device that has release 1 and is well.
fn installed(world: &mut World) -> (crate::update::disk::model::ModelDisk, Script, Model, SinceBoot) {
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let (mut updater, mut now) = (open(&disk, &script, START).unwrap(), START);
    world.feed(&mut updater, offer(1, &manifest), now, false);
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::Confirmed));
    (disk, script, updater, now)
}

#[test]
fn success_is_told_only_after_the_checks_passed_and_by_what_is_really_there() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    world.feed(&mut updater, offer(1, &manifest), START, false);
    assert_eq!(updater.state(), Some(State::Probation), "the files are there, and nothing is proven");
    assert_eq!((script.count("validate"), script.count("reload"), script.count("health")), (3, 1, 0));
    let mut now = START;
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::Confirmed));
    assert!(now - START >= Timing::default().healthy_for, "they passed for a while");
    assert!(script.count("answers") >= 3, "the check that the release names");
    let report = updater.report(now);
    assert!(
        report.targets.iter().all(|target| target.sha256.is_some() && !target.has_drifted() && target.counter == 1)
    );
    assert_eq!(report.targets[2].sha256, Some(Digest::of(b"new logo")));
    is_tidy(&disk, "confirmed");
}

#[test]
fn a_release_that_is_not_well_is_undone_in_time_and_tells_why() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    script.fail("answers");
    let manifest = world.usual(1);
    let (mut updater, mut now) = (open(&disk, &script, START).unwrap(), START);
    world.feed(&mut updater, offer(1, &manifest), now, false);
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::RolledBack));
    agrees(&disk, updater.state(), "not well");
    assert!(now - START <= Timing::default().probation + SECOND);
    assert_eq!(script.count("reload"), 2, "for the new files, and for the old ones");
    let reason = updater.report(now).reason;
    assert!(reason.contains("did not prove itself in time") && reason.contains("pos-answers"), "{reason}");
    assert!(!reason.contains(PIN), "a program's output may quote a secret: {reason}");
    // Its counter counts all the same: nothing older may come.
    assert_eq!(updater.known()["logo"].highest.map(|(counter, _)| counter), Some(1));
    assert_eq!(updater.known()["logo"].installed, None);
}

#[test]
fn a_lost_server_and_a_lost_report_undo_nothing() {
    let mut world = World::new();
    let (_, _, mut updater, now) = installed(&mut world);
    // Days go by, and nobody acknowledges.
    let later = now + 100_000 * SECOND;
    world.feed(&mut updater, Event::Tick, later, false);
    assert_eq!((updater.state(), updater.report(later).acknowledged), (Some(State::Confirmed), false));
    // It is told again when the server asks again, until it is acknowledged.
    let manifest = world.usual(1);
    assert_eq!(updater.handle(offer(1, &manifest), later), [Action::Report]);
    updater.handle(Event::Acknowledge { generation: 1, state: State::RolledBack }, later);
    assert!(!updater.report(later).acknowledged, "that was another report");
    updater.handle(Event::Acknowledge { generation: 1, state: State::Confirmed }, later);
    assert!(updater.report(later).acknowledged);
}

#[test]
fn what_the_server_does_not_have_ends_the_release_and_what_fails_for_now_is_asked_for_ever_more_rarely() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    let mut actions = updater.handle(offer(1, &manifest), START);
    let Some(Action::Fetch { digest, .. }) = actions.pop() else { panic!("{actions:?}") };
    let (mut now, mut waits) = (START, Vec::new());
    for _ in 0..8 {
        let failed = Event::ChunkFailed { digest, reason: "busy".to_owned(), is_final: false };
        assert_eq!(updater.handle(failed, now), []);
        let wait = updater.wake_after(now).unwrap();
        assert_eq!(updater.handle(Event::Tick, now + wait - SECOND / 2), []);
        now += wait;
        assert!(matches!(updater.handle(Event::Tick, now)[..], [Action::Fetch { .. }]));
        waits.push(wait.as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    updater.handle(Event::ChunkFailed { digest, reason: "404".to_owned(), is_final: true }, now);
    assert_eq!(updater.state(), Some(State::Failed));
    assert!(updater.report(now).reason.contains("404"));
    assert_eq!(updater.wake_after(now), None);
    agrees(&disk, updater.state(), "failed");
}

#[test]
fn bytes_that_were_not_signed_end_the_release_after_a_few_tries() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    let mut actions = updater.handle(offer(1, &manifest), START);
    let mut tries = 0;
    while let Some(Action::Fetch { digest, offset, length }) = actions.pop() {
        tries += 1;
        // Once too long, then of the right length.
        let bytes = vec![b'x'; length as usize + usize::from(tries == 1)];
        actions = updater.handle(Event::Chunk { digest, offset, bytes }, START);
        actions.retain(|action| matches!(action, Action::Fetch { .. }));
    }
    assert_eq!((tries, updater.state()), (3, Some(State::Failed)));
    assert!(disk.names(&Dir::Store).is_empty());
}

#[test]
fn a_broken_release_does_not_block_the_one_that_mends_it() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    script.fail("health");
    let (first, second) = (world.usual(1), world.usual(2));
    let (mut updater, mut now) = (open(&disk, &script, START).unwrap(), START);
    world.feed(&mut updater, offer(1, &first), now, false);
    assert_eq!(updater.state(), Some(State::Probation));
    world.feed(&mut updater, offer(2, &second), now, false);
    script.mend("reload");
    // The first is undone within its time, and then the second goes in.
    for _ in 0..20 {
        now += 10 * SECOND;
        if updater.report(now).generation == 2 {
            script.mend("health");
        }
        world.feed(&mut updater, Event::Tick, now, false);
    }
    assert_eq!((updater.report(now).generation, updater.state()), (2, Some(State::Confirmed)));
    agrees(&disk, updater.state(), "mended");
}

#[test]
fn a_newer_release_takes_the_place_of_one_that_waits_and_an_older_one_is_late() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let (first, second) = (world.usual(1), world.usual(2));
    let mut updater = open(&disk, &script, START).unwrap();
    world.feed(&mut updater, offer(1, &first), START, true);
    updater.handle(Event::Hold { generation: 1, reason: "the shop is open".to_owned() }, START);
    assert_eq!((updater.state(), updater.report(START).reason.as_str()), (Some(State::Waiting), "the shop is open"));
    world.feed(&mut updater, offer(2, &second), START, true);
    // What was said of the first has no meaning any more.
    assert_eq!(updater.handle(Event::Apply { generation: 1 }, START), []);
    assert_eq!(updater.handle(Event::Cancel { generation: 1 }, START), []);
    assert_eq!((updater.report(START).generation, updater.state()), (2, Some(State::Waiting)));
    world.feed(&mut updater, offer(1, &first), START, true);
    assert_eq!(updater.report(START).generation, 2);
    agrees(&disk, updater.state(), "waiting");
    updater.handle(Event::Cancel { generation: 2 }, START);
    assert_eq!(updater.handle(Event::Apply { generation: 2 }, START), [], "it was taken back");
    assert_eq!(updater.state(), Some(State::Cancelled));
    is_tidy(&disk, "cancelled");
}

#[test]
fn one_that_is_taken_back_on_probation_is_undone() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    world.feed(&mut updater, offer(1, &manifest), START, false);
    world.feed(&mut updater, Event::Cancel { generation: 1 }, START, false);
    assert_eq!(updater.state(), Some(State::Cancelled));
    agrees(&disk, updater.state(), "taken back");
}

#[test]
fn three_starts_or_a_deadline_that_passed_undo_a_release_and_a_new_boot_begins_anew() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    world.feed(&mut updater, offer(1, &manifest), START, false);
    let start = |disk: &_, boot: &str, now| {
        Updater::open(
            super::super::disk::model::ModelDisk::clone(disk),
            script.clone(),
            targets(),
            Timing::default(),
            boot,
            now,
        )
        .unwrap()
    };
    let crashed = disk.after(Loss::Everything);
    for n in 0..3 {
        let state = start(&crashed, "boot", START + SECOND).state();
        assert_eq!(state, Some(if n < 2 { State::Probation } else { State::RolledBack }), "start {n}");
    }
    let late = disk.after(Loss::Everything);
    assert_eq!(start(&late, "boot", START + 121 * SECOND).state(), Some(State::RolledBack));
    agrees(&late, Some(State::RolledBack), "late");
    let rebooted = disk.after(Loss::Everything);
    let mut updater = start(&rebooted, "another boot", 5 * SECOND);
    assert_eq!(updater.state(), Some(State::Probation), "the clock of another boot says nothing");
    let mut now = 5 * SECOND;
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::Confirmed));
}

#[test]
fn a_poisoned_artifact_is_fetched_again_and_what_nobody_needs_goes() {
    let mut world = World::new();
    let (disk, _, mut updater, mut now) = installed(&mut world);
    let store = |bytes: &[u8]| disk.names(&Dir::Store).contains(&Digest::of(bytes).to_string());
    let mut next = |world: &mut World, generation, logo: &[u8]| {
        let manifest = world.release(generation, &[("logo", logo, false)]);
        world.feed(&mut updater, offer(generation, &manifest), now, false);
        world.settle(&mut updater, &mut now);
        assert_eq!(updater.state(), Some(State::Confirmed));
    };
    next(&mut world, 2, b"logo 2");
    assert!(store(b"new logo") && store(b"logo 2"), "going back is likely");
    // A full disk left an empty file under the old name.
    disk.put(&Dir::Store, &Digest::of(b"new logo").to_string(), b"");
    next(&mut world, 3, b"new logo");
    next(&mut world, 4, b"logo 4");
    assert!(store(b"new logo") && store(b"logo 4") && !store(b"logo 2"));
    assert!(store(b"new fresh"), "what other targets have stays");
}

#[test]
fn a_device_without_room_says_so_before_it_fetches() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    disk.set_free(1_000_000);
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    assert_eq!(updater.handle(offer(1, &manifest), START), [Action::Report, Action::Report]);
    let reason = updater.report(START).reason;
    assert!(reason.contains("bytes of disk space") && reason.contains("1000000 are free"), "{reason}");
    assert_eq!(updater.state(), Some(State::Failed));
}

#[test]
fn what_the_configuration_does_not_name_and_what_a_validator_refuses_touches_nothing() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let mut updater = open(&disk, &script, START).unwrap();
    let unknown = world.release(1, &[("shadow", b"x", false)]);
    world.feed(&mut updater, offer(1, &unknown), START, false);
    let report = updater.report(START);
    assert_eq!((report.state, report.reason.contains("no target shadow")), (Some(State::Rejected), true));
    let unknown =
        world.release_with(2, &[("logo", b"x", false)], |manifest| manifest.health = vec!["shell".to_owned()]);
    world.feed(&mut updater, offer(2, &unknown), START, false);
    assert!(updater.report(START).reason.contains("no check shell"));
    updater.handle(Event::Refuse { generation: 3, reason: "too_few_signatures".to_owned() }, START);
    assert_eq!((updater.state(), updater.report(START).generation), (Some(State::Rejected), 3));
    script.fail("validate");
    let manifest = world.usual(4);
    world.feed(&mut updater, offer(4, &manifest), START, false);
    let report = updater.report(START);
    assert_eq!(report.state, Some(State::Failed));
    assert!(report.reason.contains("validator of config") && !report.reason.contains(PIN), "{}", report.reason);
    assert!(script.ran.borrow()[0].starts_with("validate /state/staged-config"), "{:?}", script.ran.borrow());
    agrees(&disk, updater.state(), "refused");
    is_tidy(&disk, "refused");
    assert_eq!(script.count("reload"), 0);
}

#[test]
fn drift_is_seen_and_a_file_that_nobody_wrote_to_is_not_read_again() {
    let mut world = World::new();
    let (disk, _, mut updater, mut now) = installed(&mut world);
    for _ in 0..2 {
        now += 60 * SECOND;
        assert!(updater.look(now).iter().all(|target| !target.has_drifted()));
    }
    let before = disk.operations();
    updater.look(now);
    assert_eq!(disk.operations() - before, 2 * 3, "it opened each file and asked for its look, and read none");
    disk.put(&etc(), "pos.toml", b"changed by hand");
    let found = updater.look(now);
    let drifted: Vec<_> =
        found.iter().filter(|target| target.has_drifted()).map(|target| target.name.as_str()).collect();
    assert_eq!((drifted, found[0].sha256), (vec!["config"], Some(Digest::of(b"changed by hand"))));
    // The same release under a new generation mends it.
    let manifest = world.usual(1);
    world.feed(&mut updater, offer(2, &manifest), now, false);
    world.settle(&mut updater, &mut now);
    assert!(updater.look(now).iter().all(|target| !target.has_drifted()));
    agrees(&disk, updater.state(), "mended");
}

#[test]
fn a_release_that_changes_nothing_reloads_nothing() {
    let mut world = World::new();
    let (disk, script, mut updater, now) = installed(&mut world);
    let reloads = script.count("reload");
    let manifest = world.usual(2);
    world.feed(&mut updater, offer(2, &manifest), now, false);
    assert_eq!((updater.state(), script.count("reload")), (Some(State::Confirmed), reloads));
    assert_eq!(updater.known()["logo"].highest.map(|(counter, _)| counter), Some(2));
    agrees(&disk, updater.state(), "nothing changed");
}

#[test]
fn a_file_that_somebody_changes_on_probation_is_no_success() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let (mut updater, mut now) = (open(&disk, &script, START).unwrap(), START);
    world.feed(&mut updater, offer(1, &manifest), now, false);
    disk.put(&etc(), "pos.toml", b"changed by hand");
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::RolledBack));
    assert!(updater.report(now).reason.contains("config was changed by something else"));
}

#[test]
fn a_file_that_is_swapped_between_check_and_use_is_not_put_in_place() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    for (dir, name) in [(Dir::Store, Digest::of(b"new logo").to_string()), (Dir::State, "staged-config".to_owned())] {
        let mut updater = open(&disk, &script, START).unwrap();
        let generation = updater.report(START).generation + 1;
        world.feed(&mut updater, offer(generation, &manifest), START, true);
        disk.put(&dir, &name, b"bad logo");
        updater.handle(Event::Apply { generation }, START);
        assert_eq!(updater.state(), Some(State::Failed));
        assert!(updater.report(START).reason.contains("changed after it was checked"));
        agrees(&disk, updater.state(), "swapped");
    }
}

#[test]
fn secrets_leave_the_journal_as_soon_as_the_files_are_in_place() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    world.feed(&mut updater, offer(1, &manifest), START, true);
    let holds = || disk.get(&Dir::State, "journal").unwrap().windows(PIN.len()).any(|part| part == PIN.as_bytes());
    assert!(holds(), "it is needed after a restart");
    assert_eq!(disk.mode(&Dir::State, "staged-config"), 0o600);
    updater.handle(Event::Apply { generation: 1 }, START);
    assert!(!holds());
    assert_eq!(disk.mode(&etc(), "pos.toml"), 0o644);
}

#[test]
fn a_reload_that_fails_undoes_the_release() {
    let mut world = World::new();
    let disk = disk();
    let script = Script::default();
    script.fail("reload");
    let manifest = world.usual(1);
    let (mut updater, mut now) = (open(&disk, &script, START).unwrap(), START);
    world.feed(&mut updater, offer(1, &manifest), now, false);
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::RolledBack));
    let reason = updater.report(now).reason;
    assert!(
        reason.contains("a reload failed: reload ended with") && reason.contains("the old files are back, but"),
        "{reason}"
    );
    agrees(&disk, updater.state(), "no reload");
}

#[test]
fn a_target_that_left_the_configuration_is_still_undone() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    world.feed(&mut updater, offer(1, &manifest), START, false);
    let mut fewer = targets();
    fewer.targets.clear();
    fewer.checks.insert("pos-answers".to_owned(), rule("answers", &[]));
    script.fail("answers");
    let mut now = START + SECOND;
    let mut updater = Updater::open(disk.clone(), script.clone(), fewer, Timing::default(), "boot", now).unwrap();
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::RolledBack));
    agrees(&disk, updater.state(), "left");
}

#[test]
fn once_proven_nothing_undoes_a_release_though_the_journal_can_not_say_so() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let (mut updater, mut now) = (open(&disk, &script, START).unwrap(), START);
    world.feed(&mut updater, offer(1, &manifest), now, false);
    disk.set_fault(Some(Fault::From(0, rustix::io::Errno::NOSPC)));
    world.settle(&mut updater, &mut now);
    assert!(now - START > 2 * Timing::default().probation);
    world.feed(&mut updater, Event::Cancel { generation: 1 }, now, false);
    assert_eq!(updater.state(), Some(State::Probation));
    agrees(&disk, updater.state(), "proven");
    disk.set_fault(None);
    now += 60 * SECOND;
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::Confirmed));
}
