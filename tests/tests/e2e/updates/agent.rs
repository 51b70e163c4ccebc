//! The real agent: a release reaches its file, proves itself, and is undone where it does not.

use std::{fs, os::unix::fs::PermissionsExt as _};

use homepot::pb::{
    registry::v1::{Labels, UpdateDeviceRequest},
    rollout::v1::UpdateState,
};
use homepot_release::Digest;
use homepot_tests::Publisher;

use super::world::{DEVICE, TARGET, World};

#[tokio::test]
async fn a_release_is_put_in_place_and_one_that_is_not_well_is_undone() {
    let world = World::build().await;
    // More than one part.
    let first = "a = 1\n".repeat(100_000);
    let release = world.publish(first.as_bytes()).await;
    let rollout = world.start(&release).await;
    let device = world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(device.fetched_bytes, first.len() as u64);
    assert_eq!(world.content(), first);
    assert_eq!(fs::metadata(world.target()).unwrap().permissions().mode() & 0o7777, 0o640);
    let update = world.update(|update| update.targets[0].counter > 0).await;
    assert_eq!(update.targets[0].sha256, Digest::of(first.as_bytes()).to_string());
    assert!(!update.targets[0].drifted);

    let broken = world.publish(b"broken\n").await;
    let rollout = world.start(&broken).await;
    let device = world.until(&rollout, UpdateState::RolledBack).await;
    assert!(device.reason.contains("health check"), "{}", device.reason);
    assert_eq!(world.content(), first);

    // Later ones go on from there.
    let good = world.publish(b"b = 2\n").await;
    let rollout = world.start(&good).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), "b = 2\n");
    // And nobody goes back to an older one, whatever the server says.
    let rollout = world.start(&release).await;
    let device = world.until(&rollout, UpdateState::Rejected).await;
    assert!(device.reason.contains("older") || device.reason.contains("counter"), "{}", device.reason);
    assert_eq!(world.content(), "b = 2\n");
}

#[tokio::test]
async fn an_agent_that_is_killed_on_probation_goes_on_and_a_change_by_hand_is_told() {
    let mut world = World::build().await;
    let release = world.publish(b"a = 1\n").await;
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Probation).await;
    world.agent.kill9();
    assert_eq!(world.content(), "a = 1\n", "it is in place, or was put back: never in between");
    world.agent.restart();
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), "a = 1\n");
}

#[tokio::test]
async fn a_release_that_nobody_signed_for_this_device_is_refused_by_the_device_itself() {
    let world = World::build().await;
    // The server is given a root by somebody else, which follows from no root of the device.
    let stranger = Publisher::default();
    world.server.database().run("DELETE FROM trust_roots").await;
    stranger.introduce(&world.server, None).await;
    let release = stranger.publish(&world.server, "prices", TARGET, b"evil = 1\n").await;
    let rollout = world.start(&release).await;
    let device = world.until(&rollout, UpdateState::Rejected).await;
    assert!(device.reason.contains("sign"), "{}", device.reason);
    assert_eq!(world.content(), "");
}

#[tokio::test]
async fn labels_in_a_selector_are_those_of_the_agents_own_configuration() {
    let world = World::build_labelled("ring", "canary").await;
    let publish = async |value: &str| {
        let rest = format!("[selector]\nlabels = {{ ring = \"{value}\" }}\n[targets.{TARGET}]\nfile = \"content\"\n");
        world.publisher.publish_with(&world.server, TARGET, format!("{value}\n").as_bytes(), &rest).await
    };
    // Those that operators give it on the server are theirs, and let nothing in.
    let request = UpdateDeviceRequest {
        device_id: DEVICE.to_owned(),
        labels: Some(Labels { labels: [("ring".to_owned(), "stable".to_owned())].into() }),
        ..Default::default()
    };
    world.server.admin().registry.update_device(request).await.unwrap();
    let rollout = world.start(&publish("stable").await).await;
    let device = world.until(&rollout, UpdateState::Rejected).await;
    assert!(device.reason.contains("labels"), "{}", device.reason);
    let rollout = world.start(&publish("canary").await).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), "canary\n");
}

#[tokio::test]
async fn an_agent_grows_by_little_while_it_fetches_and_applies_a_large_file() {
    let world = World::build_patient().await;
    let pid = world.agent.process().id();
    // From here on the kernel counts anew what the process has at most.
    fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    let before = peak_kib(pid);
    let mut random = fastrand::Rng::with_seed(8);
    let content: Vec<_> = (0..8 << 20).map(|_| random.u8(..)).collect();
    let rollout = world.start(&world.publish(&content).await).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    let grown = peak_kib(pid) - before;
    println!("{before} KiB before, and {grown} KiB more");
    assert!(grown <= 2 * 1024, "{before} KiB before, and {grown} KiB more");
}

/// The most memory that a process has had.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}
