//! The agent as a target of its own: real programs under the launcher. A new agent starts and proves itself, and one that crashes,
//! hangs or is none gives way to the last good one.

use std::{fs, path::PathBuf, process::Command, sync::LazyLock, time::Duration};

use fastrand::Rng;
use homepot::pb::rollout::v1::{RolloutDevice, UpdateState};
use homepot_release::Digest;
use homepot_tests::{eventually, processes_with, program};
use tokio::time::sleep;

use super::world::World;

const AGENT: &str = "agent";
/// Far above what it takes.
const LONG: &str = "60s";

/// The agent without what only debuggers read, so that it is no larger than a release may be.
static STRIPPED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let stripped = directory.path().join("agent");
    let done = Command::new("strip").arg("-o").arg(&stripped).arg(program("homepot-agent")).status().unwrap();
    assert!(done.success());
    fs::read(stripped).unwrap()
});

/// A build of its own: what stands behind a program's end changes nothing.
fn build(name: &str) -> Vec<u8> {
    [STRIPPED.as_slice(), name.as_bytes()].concat()
}

/// A program that tells its version, and then does this.
fn script(rest: &str) -> Vec<u8> {
    format!("#!/bin/sh\n[ \"$1\" = --version ] && exit 0\n{rest}\n").into_bytes()
}

impl World {
    fn program(&self) -> PathBuf {
        self.agent.state_dir().join("program/homepot-agent")
    }

    /// Rolls out a new agent to its end.
    async fn replace(&self, content: &[u8], end: UpdateState) -> RolloutDevice {
        let release = self.publisher.publish(&self.server, "agent", AGENT, content).await;
        let rollout = self.start(&release).await;
        self.until(&rollout, end).await
    }

    /// Waits until the device has the agent with this digest, and knows it as that of a release.
    async fn has(&self, content: &[u8]) {
        let sha256 = Digest::of(content).to_string();
        let update = self
            .update(|update| update.targets.iter().any(|target| target.target == AGENT && target.sha256 == sha256))
            .await;
        let target = update.targets.iter().find(|target| target.target == AGENT).unwrap();
        assert!(target.counter > 0 && !target.drifted, "{target:?}");
    }

    /// Nothing but the program lies in its directory.
    async fn is_tidy(&self) {
        let directory = self.program().parent().unwrap().to_owned();
        eventually("an empty directory", async || {
            let names: Vec<_> = fs::read_dir(&directory).ok()?.map(|entry| entry.unwrap().file_name()).collect();
            (names.iter().all(|name| name == "homepot-agent")).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_new_agent_takes_over_and_one_that_crashes_or_is_none_gives_way() {
    let mut world = World::build_launched(LONG).await;
    let installed = fs::read(program("homepot-agent")).unwrap();
    let sha256 = Digest::of(&installed).to_string();
    let agent = |update: &homepot::pb::rollout::v1::GetDeviceUpdateResponse| {
        update.targets.iter().find(|target| target.target == AGENT).cloned()
    };
    let update = world.update(|update| agent(update).is_some()).await;
    let before = agent(&update).unwrap();
    assert_eq!((before.sha256, before.counter, before.drifted), (sha256, 0, false), "it tells what runs before any");

    // From the installed one.
    let process = world.agent.process().id();
    let crashes = script("exit 2");
    let device = world.replace(&crashes, UpdateState::RolledBack).await;
    assert!(device.reason.contains("started the new agent 3 times"), "{}", device.reason);
    assert!(!world.program().exists(), "there was none before");
    world.is_tidy().await;

    let first = build("first");
    world.replace(&first, UpdateState::Confirmed).await;
    assert_eq!(fs::read(world.program()).unwrap(), first);
    world.has(&first).await;
    world.is_tidy().await;
    let state = world.agent.state_dir().display().to_string();
    eventually("no second process", async || (processes_with(&state) == [process]).then_some(())).await;
    assert_eq!(world.agent.process().id(), process, "for whoever started it, it is one process all the time");

    // From one that a release brought.
    let second = build("second");
    world.replace(&second, UpdateState::Confirmed).await;
    world.has(&second).await;
    let device = world.replace(&crashes, UpdateState::RolledBack).await;
    assert!(device.reason.contains("started the new agent 3 times"), "{}", device.reason);
    assert_eq!(fs::read(world.program()).unwrap(), second);
    world.has(&second).await;
    let device = world.replace(&second[..second.len() / 2], UpdateState::Failed).await;
    assert!(device.reason.contains("does not tell its version"), "{}", device.reason);
    world.has(&second).await;
    world.is_tidy().await;

    // It ends as it ever did.
    world.agent.process().terminate();
    let ended = world.agent.process_mut().ended(Duration::from_secs(20)).await;
    assert!(ended.success(), "{ended}");
    world.agent.kill9();

    // Somebody puts another program there.
    fs::remove_file(world.program()).unwrap();
    fs::copy(program("homepot-agent"), world.program()).unwrap();
    world.agent.restart();
    world.update(|update| agent(update).is_some_and(|target| target.drifted)).await;
}

#[tokio::test]
async fn a_new_agent_that_hangs_is_taken_back() {
    let world = World::build_launched("3s").await;
    let device = world.replace(&script("exec sleep 1000"), UpdateState::RolledBack).await;
    assert!(device.reason.contains("started the new agent 3 times"), "{}", device.reason);
    assert!(!world.program().exists());
    world.is_tidy().await;
}

#[tokio::test]
async fn launcher_and_agent_that_are_killed_anywhere_leave_the_old_or_the_new_one() {
    let mut world = World::build_launched(LONG).await;
    let mut old = build("before");
    world.replace(&old, UpdateState::Confirmed).await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    for round in 0..3 {
        let new = build(&format!("round {round}"));
        let release = world.publisher.publish(&world.server, "agent", AGENT, &new).await;
        let rollout = world.start(&release).await;
        for _ in 0..4 {
            sleep(Duration::from_millis(random.u64(0..1_500))).await;
            world.agent.kill9_all();
            let found = fs::read(world.program()).unwrap();
            assert!(found == old || found == new, "{} bytes, seed {seed}", found.len());
            world.agent.restart();
        }
        let end = world.end(&rollout).await.state();
        if end == UpdateState::Confirmed {
            old = new;
        }
        assert_eq!(Digest::of(&fs::read(world.program()).unwrap()), Digest::of(&old), "{end:?}, seed {seed}");
        world.has(&old).await;
        world.is_tidy().await;
    }
}
