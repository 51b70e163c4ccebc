//! Whatever is said to the updater in whatever order, with power cuts and failing programs in between: the targets are all old or all
//! new whenever it answers, and generations never go back.

use homepot_release::VerifiedManifest;
use proptest::prelude::*;

use super::{
    super::{
        Action, Event, SinceBoot, State,
        disk::model::{Fault, Loss, ModelDisk},
    },
    world::{Script, World, disk, is_tidy, offer, open, places},
};

#[derive(Clone, Debug)]
enum Step {
    Offer(u64),
    Refuse(u64),
    Answer,
    Lose(bool),
    Apply(u64),
    Hold(u64),
    Cancel(u64),
    Acknowledge(u64, bool),
    Wait(u64),
    Health(bool),
    Restart(u64),
    Cut(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let generation = || 1_u64..6;
    prop_oneof![
        3 => generation().prop_map(Step::Offer),
        1 => generation().prop_map(Step::Refuse),
        12 => Just(Step::Answer),
        1 => any::<bool>().prop_map(Step::Lose),
        6 => generation().prop_map(Step::Apply),
        1 => generation().prop_map(Step::Hold),
        1 => generation().prop_map(Step::Cancel),
        1 => (generation(), any::<bool>()).prop_map(|(generation, well)| Step::Acknowledge(generation, well)),
        4 => (0_u64..40).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Health),
        1 => any::<u64>().prop_map(Step::Restart),
        2 => (0_usize..60, any::<u64>()).prop_map(|(at, seed)| Step::Cut(at, seed)),
    ]
}

/// What the targets hold with the release of a generation; 0: before the first.
fn content(generation: u64) -> Vec<Option<String>> {
    match generation {
        0 => places().map(|(_, _, _, old)| old.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())).to_vec(),
        _ => ["config", "fresh", "logo"].map(|name| Some(format!("{name} {generation}"))).to_vec(),
    }
}

fn found(disk: &ModelDisk) -> Vec<Option<String>> {
    places().map(|(_, dir, file, _)| disk.get(&dir, file).map(|bytes| String::from_utf8(bytes).unwrap())).to_vec()
}

fn release(world: &mut World, generation: u64) -> VerifiedManifest {
    let text = |name: &str| format!("{name} {generation}");
    let (config, fresh, logo) = (text("config"), text("fresh"), text("logo"));
    let files: [(&str, &[u8], bool); 3] =
        [("config", config.as_bytes(), true), ("fresh", fresh.as_bytes(), false), ("logo", logo.as_bytes(), false)];
    world.release(generation, &files)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_targets_are_all_old_or_all_new_whatever_happens(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let releases: Vec<_> = (1..6).map(|generation| release(&mut world, generation)).collect();
        let (mut disk, script) = (disk(), Script::default());
        let mut now = SinceBoot::from_secs(1_000);
        let mut updater = open(&disk, &script, now).unwrap();
        let (mut fetch, mut newest) = (None, 0);
        for step in steps {
            let event = match step.clone() {
                Step::Offer(generation) => offer(generation, &releases[generation as usize - 1]),
                Step::Refuse(generation) => Event::Refuse { generation, reason: "unsigned".to_owned() },
                Step::Answer => match fetch.take() {
                    Some((digest, offset)) => {
                        let bytes = world.artifacts[&digest][offset..].to_vec();
                        Event::Chunk { digest, offset: offset as u64, bytes }
                    }
                    None => Event::Tick,
                },
                Step::Lose(is_final) => match fetch.take() {
                    Some((digest, _)) => Event::ChunkFailed { digest, reason: "busy".to_owned(), is_final },
                    None => Event::Tick,
                },
                Step::Apply(generation) => Event::Apply { generation },
                Step::Hold(generation) => Event::Hold { generation, reason: "open".to_owned() },
                Step::Cancel(generation) => Event::Cancel { generation },
                Step::Acknowledge(generation, well) => {
                    let state = if well { State::Confirmed } else { State::RolledBack };
                    Event::Acknowledge { generation, state }
                }
                Step::Wait(seconds) => {
                    now += SinceBoot::from_secs(seconds);
                    Event::Tick
                }
                Step::Health(well) => {
                    if well { script.mend("health") } else { script.fail("health") }
                    Event::Tick
                }
                Step::Restart(seed) => {
                    disk = disk.after(Loss::Some(seed));
                    updater = open(&disk, &script, now).unwrap();
                    Event::Tick
                }
                Step::Cut(at, seed) => {
                    // The power goes a little later, in the middle of what comes next.
                    disk.set_fault(Some(Fault::Crash(disk.operations() + at)));
                    updater.handle(Event::Apply { generation: newest }, now);
                    updater.handle(Event::Tick, now);
                    disk = disk.after(Loss::Some(seed));
                    updater = open(&disk, &script, now).unwrap();
                    fetch = None;
                    newest = 0;
                    Event::Tick
                }
            };
            for action in updater.handle(event, now) {
                if let Action::Fetch { digest, offset, .. } = action {
                    fetch = Some((digest, offset as usize));
                }
            }
            let generation = updater.report(now).generation;
            prop_assert!(generation >= newest, "{newest} came before {generation}: {step:?}");
            newest = generation;
            let installed = updater.known().get("logo").and_then(|known| known.installed);
            let confirmed = releases.iter().position(|release| Some(release.digest()) == installed);
            let wanted = match updater.state() {
                Some(State::Probation) => generation,
                _ => confirmed.map_or(0, |at| at as u64 + 1),
            };
            prop_assert_eq!(found(&disk), content(wanted), "{:?} after {:?}", updater.state(), step);
            if updater.state() == Some(State::Confirmed) {
                prop_assert_eq!(wanted, generation);
                is_tidy(&disk, "confirmed");
            }
            // Nothing waits for a time that never comes.
            let is_open = matches!(updater.state(), Some(State::Downloading | State::Probation));
            prop_assert!(!is_open || updater.wake_after(now).is_some(), "{:?} after {step:?}", updater.state());
        }
    }
}
