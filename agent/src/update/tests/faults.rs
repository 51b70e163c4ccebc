//! The disk refuses every single operation, once or from then on: the release ends with a reason and the old files are there.

use rustix::io::Errno;

use super::{
    super::{
        State,
        disk::model::{Fault, Loss},
    },
    world::{Script, World, agrees, disk, is_tidy, offer, open, reboot},
};
use crate::update::SinceBoot;

const START: SinceBoot = SinceBoot::from_secs(1_000);

/// Runs an update on a disk with this fault until nothing more happens. Returns how it ended, and whether the fault was met.
fn run(make: impl Fn(usize) -> Fault, at: usize) -> (Option<State>, bool) {
    let mut world = World::new();
    let (disk, script) = (disk(), Script::default());
    let begin = disk.operations();
    let fault = make(begin + at);
    disk.set_fault(Some(fault));
    let when = format!("{fault:?}, operation {at}");
    let manifest = world.usual(1);
    let mut now = START;
    let mut updater = match open(&disk, &script, now) {
        Ok(updater) => updater,
        Err(_) => {
            agrees(&disk, None, &when);
            disk.set_fault(None);
            open(&disk, &script, now).unwrap()
        }
    };
    world.feed(&mut updater, offer(1, &manifest), now, false);
    world.settle(&mut updater, &mut now);
    let was_met = disk.operations() > begin + at;
    let first = updater.state();
    let report = updater.report(now);
    match first {
        Some(State::Failed | State::RolledBack | State::RollbackFailed) => {
            assert!(!report.reason.is_empty(), "{when}");
            assert!(!report.reason.contains("hunter2"), "{when}");
        }
        // It is well, and only the journal can't say so yet.
        Some(State::Confirmed | State::Probation) => {}
        state => panic!("{state:?}: {when}"),
    }
    if first != Some(State::RollbackFailed) {
        agrees(&disk, first, &when);
    }
    // A power cut now, with the disk well again.
    for loss in [Loss::Nothing, Loss::Everything, Loss::Some(at as u64)] {
        let found = disk.after(loss);
        let mut later = SinceBoot::from_secs(5);
        let mut updater = reboot(&found, &script, later);
        agrees(&found, updater.state(), &format!("{when}, then a cut"));
        world.settle(&mut updater, &mut later);
        agrees(&found, updater.state(), &format!("{when}, then a cut, at the end"));
    }
    // The disk is well again, and nobody started anything.
    disk.set_fault(None);
    now += SinceBoot::from_secs(60);
    world.settle(&mut updater, &mut now);
    let end = updater.state();
    assert!(matches!(end, Some(State::Failed | State::RolledBack | State::Confirmed)), "{end:?}: {when}");
    agrees(&disk, end, &when);
    // The next release goes in, whatever became of this one.
    let manifest = world.usual(2);
    world.feed(&mut updater, offer(2, &manifest), now, false);
    world.settle(&mut updater, &mut now);
    assert_eq!(updater.state(), Some(State::Confirmed), "{when}");
    agrees(&disk, updater.state(), &when);
    is_tidy(&disk, &when);
    (first, was_met)
}

fn everywhere(make: impl Fn(usize) -> Fault) -> Vec<State> {
    let mut ends = Vec::new();
    for at in 0.. {
        let (end, was_met) = run(&make, at);
        if !was_met {
            break;
        }
        ends.extend(end);
    }
    assert!(ends.len() > 50, "{}", ends.len());
    ends
}

#[test]
fn an_operation_that_fails_once_leaves_no_mixture() {
    for errno in [Errno::NOSPC, Errno::ROFS, Errno::IO] {
        let ends = everywhere(|at| Fault::Once(at, errno));
        assert!(ends.contains(&State::Failed) && ends.contains(&State::Confirmed), "{errno}");
    }
}

#[test]
fn a_disk_that_is_full_from_some_moment_on_still_lets_the_old_files_come_back() {
    let ends = everywhere(|at| Fault::From(at, Errno::NOSPC));
    assert!(ends.contains(&State::Failed) && ends.contains(&State::RolledBack));
    // All room that it takes to go back was taken before the first file was touched.
    assert!(!ends.contains(&State::RollbackFailed));
}

#[test]
fn a_disk_that_breaks_for_good_is_told_and_mended_as_soon_as_it_works() {
    for errno in [Errno::ROFS, Errno::IO] {
        let ends = everywhere(|at| Fault::From(at, errno));
        assert!(ends.contains(&State::Failed) && ends.contains(&State::RollbackFailed), "{errno}");
    }
}

/// A write of the journal that fails at its very end may be on disk all the same, and then nothing can be written to say otherwise.
#[test]
fn a_journal_that_says_more_than_the_agent_knows_is_found_out_at_the_next_start() {
    let ends = everywhere(Fault::ThenFull);
    assert!(ends.contains(&State::Failed) && ends.contains(&State::RolledBack) && ends.contains(&State::Probation));
}
