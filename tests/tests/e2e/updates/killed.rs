//! The real agent is killed at random moments while releases come, and ends each of them.

use std::{
    fs,
    time::{Duration, Instant},
};

use fastrand::Rng;
use homepot::pb::rollout::v1::UpdateState;
use tokio::time::sleep;

use super::world::World;

const RELEASES: u64 = 6;
/// Many parts.
const BYTES: usize = 4 * 1024 * 1024;
/// The agent is killed for no longer than this in each release: on probation, three starts are one too many.
const KILLED_FOR: Duration = Duration::from_secs(3);

#[tokio::test]
async fn an_agent_that_is_killed_at_random_moments_ends_each_release_and_its_target_is_always_whole() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let mut world = World::build_patient().await;
    let content = |number: u64| {
        let mut random = Rng::with_seed(number);
        (0..BYTES).map(|_| random.u8(b'a'..=b'z')).collect::<Vec<_>>()
    };
    let mut old = Vec::new();
    let mut kills = 0;
    for number in 1..=RELEASES {
        let new = content(number);
        let is_whole = |world: &World| {
            let found = fs::read(world.target()).unwrap_or_default();
            assert!(found == old || found == new, "{} bytes, seed {seed}", found.len());
            found == new
        };
        let mut release = world.publish(&new).await;
        let mut rollout = world.start(&release).await;
        let begin = Instant::now();
        let mut starts_on_probation = 0;
        while begin.elapsed() < KILLED_FOR && starts_on_probation < 2 {
            let until = Instant::now() + Duration::from_millis(random.u64(0..700));
            while Instant::now() < until {
                is_whole(&world);
                sleep(Duration::from_millis(20)).await;
            }
            world.agent.kill9();
            kills += 1;
            starts_on_probation += u32::from(is_whole(&world));
            world.agent.restart();
        }
        // What was cut short while the file was put in place is undone, and offered again as a new release.
        loop {
            let end = world.end(&rollout).await;
            if end.state() == UpdateState::Confirmed {
                break;
            }
            assert_eq!(end.state(), UpdateState::RolledBack, "{}, seed {seed}", end.reason);
            assert!(!is_whole(&world), "seed {seed}");
            release = world.publish(&new).await;
            rollout = world.start(&release).await;
        }
        assert!(is_whole(&world), "seed {seed}");
        let directory = world.target().parent().unwrap().to_owned();
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("homepot-")).collect();
        assert!(left.is_empty(), "{left:?}, seed {seed}");
        old = new;
    }
    println!("{kills} kills in {RELEASES} releases");
}
