//! The power goes after every single operation, while files are put in place and while the old ones come back, and everything that
//! was not synced is lost or kept in many ways: the targets are all old or all new, and the journal says which.

use super::{
    super::{
        Dir, Disk as _, Event, SinceBoot, State,
        disk::model::{Fault, Loss, ModelDisk},
    },
    world::{Script, World, agrees, disk, etc, is_new, is_tidy, offer, open},
};

const START: SinceBoot = SinceBoot::from_secs(1_000);

fn losses() -> Vec<Loss> {
    let all = [Loss::Nothing, Loss::Everything, Loss::Bytes, Loss::Names, Loss::Reordered];
    all.into_iter().chain((0..8).map(Loss::Some)).collect()
}

/// A whole update from the offer to its end, as far as the disk goes.
fn run(world: &mut World, disk: &ModelDisk, script: &Script) {
    let manifest = world.usual(1);
    let Ok(mut updater) = open(disk, script, START) else { return };
    let mut now = START;
    world.feed(&mut updater, offer(1, &manifest), now, false);
    world.settle(&mut updater, &mut now);
}

/// Starts again, and looks whether all is as it should be, at once and at the end.
fn recover(world: &mut World, disk: &ModelDisk, script: &Script, when: &str) -> Option<State> {
    let mut now = START + SinceBoot::from_secs(1);
    let mut updater = open(disk, script, now).unwrap();
    agrees(disk, updater.state(), when);
    if updater.state().is_none() {
        let manifest = world.usual(1);
        world.feed(&mut updater, offer(1, &manifest), now, false);
    }
    world.settle(&mut updater, &mut now);
    let state = updater.state();
    assert!(matches!(state, Some(State::Confirmed | State::RolledBack)), "{state:?}: {when}");
    agrees(disk, state, when);
    is_tidy(disk, when);
    // It is the same for whoever starts after that.
    assert_eq!(open(disk, script, now).unwrap().state(), state, "{when}");
    state
}

fn cut_everywhere(healthy: bool) -> (usize, usize, Vec<State>) {
    let mut world = World::new();
    let script = Script::default();
    if !healthy {
        script.fail("health");
    }
    let (mut cuts, mut second_cuts, mut ends) = (0, 0, Vec::new());
    for at in 0.. {
        let cut = disk();
        let begin = cut.operations();
        cut.set_fault(Some(Fault::Crash(begin + at)));
        run(&mut world, &cut, &script);
        if cut.operations() <= begin + at {
            break;
        }
        for loss in losses() {
            cuts += 1;
            let when = format!("cut at operation {at}, {loss:?}");
            let found = cut.after(loss);
            ends.extend(recover(&mut world, &found, &script, &when));
            // And again while that is mended: a start alone is what counts, the rest is tried above.
            let is_tried_again = matches!(loss, Loss::Nothing | Loss::Everything | Loss::Some(0));
            for again in (0..).take_while(|_| is_tried_again) {
                let mended = cut.after(loss);
                mended.set_fault(Some(Fault::Crash(again)));
                drop(open(&mended, &script, START));
                if mended.operations() <= again {
                    break;
                }
                for loss in [Loss::Nothing, Loss::Reordered, Loss::Some(again as u64)] {
                    second_cuts += 1;
                    recover(&mut world, &mended.after(loss), &script, &format!("{when}, then at {again}, {loss:?}"));
                }
            }
        }
    }
    (cuts, second_cuts, ends)
}

#[test]
fn after_every_power_cut_all_targets_are_old_or_all_are_new_and_the_journal_says_which() {
    let (cuts, second_cuts, ends) = cut_everywhere(true);
    // So that a change of the test can't make it look at nothing.
    assert!(cuts > 1_000 && second_cuts > 5_000, "{cuts} cuts and {second_cuts} in the middle of mending");
    assert!(ends.contains(&State::Confirmed) && ends.contains(&State::RolledBack));
    println!("{cuts} cuts and {second_cuts} in the middle of mending");
}

#[test]
fn after_every_power_cut_of_a_release_that_is_not_well_the_old_files_come_back() {
    let (cuts, second_cuts, ends) = cut_everywhere(false);
    assert!(cuts > 1_000 && second_cuts > 5_000, "{cuts} cuts and {second_cuts} in the middle of mending");
    assert!(ends.iter().all(|end| *end == State::RolledBack));
}

#[test]
fn nothing_is_replaced_before_the_word_and_a_cut_while_waiting_changes_nothing() {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let manifest = world.usual(1);
    let mut updater = open(&disk, &script, START).unwrap();
    world.feed(&mut updater, offer(1, &manifest), START, true);
    assert_eq!(updater.state(), Some(State::Waiting));
    agrees(&disk, updater.state(), "waiting");
    for loss in losses() {
        let found = disk.after(loss);
        let mut updater = open(&found, &script, START).unwrap();
        world.feed(&mut updater, Event::Tick, START, true);
        assert_eq!(updater.state(), Some(State::Waiting));
        agrees(&found, updater.state(), "waiting again");
    }
}

/// Something else has changed a file of the release that is in place, and the store has lost an artifact. The server offers the release
/// once more, and again after each restart, as it does.
#[test]
fn a_power_cut_while_drift_is_mended_leaves_what_was_changed_or_the_release_and_in_the_end_it_is_mended() {
    const CHANGED: &[u8] = b"changed by hand";
    let (mut world, script, installed) = (World::new(), Script::default(), disk());
    let manifest = world.usual(1);
    let mut now = START;
    let mut updater = open(&installed, &script, now).unwrap();
    world.feed(&mut updater, offer(1, &manifest), now, false);
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::Confirmed));
    drop(updater);
    installed.put(&etc(), "pos.toml", CHANGED);
    let artifact = installed.names(&Dir::Store).pop().unwrap();
    installed.clone().remove(&Dir::Store, &artifact).unwrap();
    installed.clone().sync_dir(&Dir::Store).unwrap();

    let is_changed = |disk: &ModelDisk| disk.get(&etc(), "pos.toml").as_deref() == Some(CHANGED);
    let mend = |world: &World, disk: &ModelDisk, generation: u64, now: &mut SinceBoot| {
        let mut updater = open(disk, &script, *now).ok()?;
        let before = (updater.state(), is_changed(disk), is_new(disk));
        world.feed(&mut updater, offer(generation, &manifest), *now, false);
        world.settle(&mut updater, now);
        Some((before, updater.state()))
    };
    let (mut cuts, mut ends) = (0, Vec::new());
    for at in 0.. {
        let cut = installed.after(Loss::Nothing);
        let begin = cut.operations();
        cut.set_fault(Some(Fault::Crash(begin + at)));
        mend(&world, &cut, 2, &mut now.clone());
        if cut.operations() <= begin + at {
            break;
        }
        for loss in losses() {
            cuts += 1;
            let when = format!("cut at operation {at}, {loss:?}");
            let (found, mut now) = (cut.after(loss), now + SinceBoot::from_secs(1));
            let ((state, was_changed, is_new_then), end) = mend(&world, &found, 2, &mut now).unwrap();
            assert!(was_changed || is_new_then == Some(true), "{state:?}, neither the one nor the other: {when}");
            is_tidy(&found, &when);
            match end {
                Some(State::Confirmed) => assert_eq!(is_new(&found), Some(true), "{when}"),
                Some(State::RolledBack) => {
                    assert!(is_changed(&found), "{when}");
                    // The server tries again later.
                    mend(&world, &found, 3, &mut now).unwrap();
                    assert_eq!(is_new(&found), Some(true), "{when}");
                }
                other => panic!("{other:?}: {when}"),
            }
            ends.extend(end);
        }
    }
    assert!(cuts > 500 && ends.contains(&State::Confirmed) && ends.contains(&State::RolledBack), "{cuts} cuts");
}
