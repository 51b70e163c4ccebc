//! The agent as a target of its own: a launcher and agents that live one after the other on a disk that loses power before every
//! operation. The program is always a whole one, old or new, and in the end the other target and the journal are with it.

use std::collections::BTreeMap;

use super::{
    super::{
        Dir, Event, SinceBoot, State, Targets, Timing, Updater,
        disk::{
            Disk as _,
            model::{Fault, Loss, ModelDisk},
        },
        journal,
        own::{self, AGENT, Choice, Own, PROGRAM, Starts},
    },
    world::{Model, Script, World, offer, targets as usual_targets},
};

const OLD: &[u8] = b"old agent";
const NEW: &[u8] = b"new agent";
const INSTALLED: &[u8] = b"installed agent";
const CONFIG: &str = "config";
const NEW_CONFIG: &[u8] = b"new config";

fn program_dir() -> Dir {
    Dir::Target("/state/program".into())
}

fn config(disk: &ModelDisk) -> Option<Vec<u8>> {
    disk.get(&super::world::etc(), "pos.toml")
}

/// What becomes of the new agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Well,
    /// Its health checks fail.
    Unwell,
    /// It never comes as far as its updater. That it hangs is the same for the launcher's files.
    Crashes,
    /// It does not even tell its version.
    Broken,
}

struct Device {
    world: World,
    script: Script,
    fate: Fate,
    /// Whether a release put an agent there before.
    existed: bool,
    is_attached: bool,
}

impl Device {
    fn new(fate: Fate, existed: bool) -> Self {
        let script = Script::default();
        match fate {
            Fate::Unwell => script.fail("health"),
            Fate::Broken => script.fail("/state/program/.homepot-agent.homepot-new"),
            Fate::Well | Fate::Crashes => {}
        }
        Self { world: World::new(), script, fate, existed, is_attached: true }
    }

    fn disk(&self) -> ModelDisk {
        let disk = ModelDisk::default();
        disk.put(&super::world::etc(), "pos.toml", b"old config");
        if self.existed {
            disk.put(&program_dir(), PROGRAM, OLD);
        }
        disk
    }

    fn release(&mut self) -> Event {
        let files = [(AGENT, NEW, false), (CONFIG, NEW_CONFIG, false)];
        offer(1, &self.world.release_with(1, &files, |manifest| manifest.health.clear()))
    }

    /// An agent of this program starts; `None`: the disk can't be used.
    fn open(&self, disk: &ModelDisk, choice: Choice, boot: &str, now: SinceBoot) -> Option<Model> {
        let usual = usual_targets().targets.remove(CONFIG)?;
        let Dir::Target(directory) = program_dir() else { unreachable!() };
        let running = match choice {
            Choice::Installed => None,
            Choice::Program | Choice::Trial(_) => {
                let stat = disk.clone().stat(&program_dir(), PROGRAM).ok()??;
                Some((stat.device, stat.inode))
            }
        };
        let targets = Targets {
            targets: BTreeMap::from([(AGENT.to_owned(), own::target(directory)), (CONFIG.to_owned(), usual)]),
            checks: BTreeMap::new(),
            own: Some(Own { running, digest: None }),
        };
        Updater::open(disk.clone(), self.script.clone(), targets, Timing::default(), boot, now).ok()
    }

    /// Lets the launcher start agents until one of them has nothing to do any more; `None`: the power went.
    fn live(&mut self, disk: &ModelDisk, boot: &str) -> Option<State> {
        let (mut starts, mut now) = (Starts::default(), SinceBoot::from_secs(1_000));
        for _ in 0..12 {
            let choice = own::choose(&mut disk.clone(), &program_dir(), &mut starts).ok()?;
            let program = disk.get(&program_dir(), PROGRAM).filter(|_| choice != Choice::Installed);
            let program = program.unwrap_or_else(|| INSTALLED.to_vec());
            now += SinceBoot::from_secs(1);
            if program == NEW && self.fate == Fate::Crashes {
                continue;
            }
            let mut updater = self.open(disk, choice, boot, now)?;
            if self.is_attached {
                self.world.feed(&mut updater, Event::Attached, now, false);
            }
            if updater.state().is_none() {
                let release = self.release();
                self.world.feed(&mut updater, release, now, false);
            }
            self.world.settle(&mut updater, &mut now);
            if !updater.is_leaving {
                return updater.state();
            }
        }
        // Whoever has no power goes round in circles, and so do we if something is wrong.
        disk.clone().stat(&program_dir(), PROGRAM).ok()?;
        panic!("the launcher and the agent come to no end: {:?}", self.fate);
    }

    /// Panics unless the program is a whole one that may run.
    fn has_a_whole_program(&self, disk: &ModelDisk, when: &str) {
        let found = disk.get(&program_dir(), PROGRAM);
        let may_be = match &found {
            None => !self.existed,
            Some(found) => found == NEW || (self.existed && found == OLD),
        };
        assert!(may_be, "{found:?}: {when}");
    }

    /// Panics unless all is as the end says.
    fn agrees(&self, disk: &ModelDisk, state: Option<State>, when: &str) {
        let is_new = state == Some(State::Confirmed);
        let before = self.existed.then(|| OLD.to_vec());
        let wanted = if is_new { (Some(NEW.to_vec()), NEW_CONFIG) } else { (before, &b"old config"[..]) };
        assert_eq!((disk.get(&program_dir(), PROGRAM), config(disk)), (wanted.0, Some(wanted.1.to_vec())), "{when}");
        assert_eq!(is_new, is_new && self.fate == Fate::Well, "{when}");
        let names = disk.names(&program_dir());
        assert!(names.iter().all(|name| name == PROGRAM), "{names:?} is left: {when}");
    }
}

#[test]
fn a_new_agent_starts_proves_itself_and_one_that_is_no_good_is_taken_back() {
    for existed in [false, true] {
        let end = |fate, is_attached| {
            let mut device = Device { is_attached, ..Device::new(fate, existed) };
            let disk = device.disk();
            let state = device.live(&disk, "boot");
            device.agrees(&disk, state, &format!("{fate:?}"));
            (state, journal::read(&mut disk.clone()).unwrap().job.unwrap().reason)
        };
        assert_eq!(end(Fate::Well, true), (Some(State::Confirmed), String::new()));
        assert_eq!(end(Fate::Well, false).0, Some(State::Confirmed), "a lost server undoes nothing");
        let (state, reason) = end(Fate::Unwell, true);
        assert!(state == Some(State::RolledBack) && reason.contains("health check"), "{reason}");
        let (state, reason) = end(Fate::Crashes, true);
        assert!(state == Some(State::RolledBack) && reason.contains("started the new agent 3 times"), "{reason}");
        let (state, reason) = end(Fate::Broken, true);
        assert!(state == Some(State::Failed) && reason.contains("does not tell its version"), "{reason}");
    }
}

#[test]
fn an_agent_that_never_attached_has_to_be_well_for_the_whole_probation() {
    let mut device = Device { is_attached: false, ..Device::new(Fate::Well, true) };
    let (disk, now) = (device.disk(), SinceBoot::from_secs(1_000));
    let mut updater = device.open(&disk, Choice::Program, "boot", now).unwrap();
    let release = device.release();
    device.world.feed(&mut updater, release, now, false);
    assert!(updater.is_leaving && updater.wake_after(now).is_none());
    // Nothing is done by the one that leaves.
    let late = now + Timing::default().probation * 2;
    device.world.feed(&mut updater, Event::Tick, late, false);
    assert_eq!(updater.state(), Some(State::Probation));
    let mut new = device.open(&disk, Choice::Program, "boot", now).unwrap();
    let mut at = now;
    while new.state() == Some(State::Probation) {
        assert!(at <= now + Timing::default().probation);
        device.world.feed(&mut new, Event::Tick, at, false);
        at += new.wake_after(at).unwrap_or_default();
    }
    assert_eq!((new.state(), at), (Some(State::Confirmed), now + Timing::default().probation));
}

#[test]
fn a_program_that_is_not_the_new_agent_does_not_confirm_it() {
    let mut device = Device::new(Fate::Well, true);
    let (disk, now) = (device.disk(), SinceBoot::from_secs(1_000));
    let mut updater = device.open(&disk, Choice::Program, "boot", now).unwrap();
    let release = device.release();
    device.world.feed(&mut updater, release, now, false);
    // Somebody starts the installed one by hand.
    let mut installed = device.open(&disk, Choice::Installed, "boot", now).unwrap();
    assert_eq!(installed.state(), Some(State::RolledBack));
    assert!(installed.report(now).reason.contains("another program runs"));
    device.agrees(&disk, installed.state(), "started by hand");
}

#[test]
fn after_every_power_cut_the_program_is_whole_and_in_the_end_all_is_old_or_new() {
    let losses = [Loss::Nothing, Loss::Everything, Loss::Bytes, Loss::Names, Loss::Reordered];
    let losses: Vec<_> = losses.into_iter().chain((0..6).map(Loss::Some)).collect();
    let (mut cuts, mut again_cut) = (0, 0);
    for (fate, existed) in
        [Fate::Well, Fate::Unwell, Fate::Crashes].into_iter().flat_map(|fate| [(fate, false), (fate, true)])
    {
        let mut device = Device::new(fate, existed);
        let mut ends = Vec::new();
        for at in 0.. {
            let cut = device.disk();
            let begin = cut.operations();
            cut.set_fault(Some(Fault::Crash(begin + at)));
            device.live(&cut, "boot");
            if cut.operations() <= begin + at {
                break;
            }
            for loss in &losses {
                cuts += 1;
                let when = format!("{fate:?}, existed {existed}, cut at operation {at}, {loss:?}");
                let found = cut.after(*loss);
                device.has_a_whole_program(&found, &when);
                let state = device.live(&found, "second boot");
                device.agrees(&found, state, &when);
                ends.extend(state);
                // And again while that goes on.
                if *loss != Loss::Some(at as u64 % 6) || at % 3 != 0 {
                    continue;
                }
                for again in (0..).step_by(5) {
                    let mended = cut.after(*loss);
                    mended.set_fault(Some(Fault::Crash(again)));
                    device.live(&mended, "second boot");
                    if mended.operations() <= again {
                        break;
                    }
                    again_cut += 1;
                    let when = format!("{when}, then at {again}");
                    let found = mended.after(Loss::Some(again as u64));
                    device.has_a_whole_program(&found, &when);
                    let state = device.live(&found, "third boot");
                    device.agrees(&found, state, &when);
                }
            }
        }
        assert!(
            ends.contains(&State::RolledBack) && (fate == Fate::Well) == ends.contains(&State::Confirmed),
            "{fate:?}"
        );
    }
    // So that a change of the test can't make it look at nothing.
    assert!(cuts > 3_000 && again_cut > 1_000, "{cuts} cuts and {again_cut} in the middle of mending");
}

#[test]
fn a_disk_that_takes_nothing_starts_no_bad_agent_for_ever() {
    let mut device = Device::new(Fate::Crashes, true);
    let (disk, now) = (device.disk(), SinceBoot::from_secs(1_000));
    let mut updater = device.open(&disk, Choice::Program, "boot", now).unwrap();
    let release = device.release();
    device.world.feed(&mut updater, release, now, false);
    disk.set_fault(Some(Fault::From(0, rustix::io::Errno::ROFS)));
    let mut starts = Starts::default();
    let mut choose = || own::choose(&mut disk.clone(), &program_dir(), &mut starts);
    for _ in 0..3 {
        assert!(matches!(choose().unwrap(), Choice::Trial(_)));
    }
    // Nothing can be put back: the launcher starts the installed one then.
    assert!(choose().is_err());
    disk.set_fault(None);
    assert_eq!(choose().unwrap(), Choice::Program);
    assert_eq!(disk.get(&program_dir(), PROGRAM), Some(OLD.to_vec()));
}
