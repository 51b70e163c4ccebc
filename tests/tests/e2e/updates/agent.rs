//! The real agent: a release reaches its file, proves itself, and is undone where it does not.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use homepot::pb::{
    command::v1::Target,
    rollout::v1::{
        GetDeviceUpdateRequest, GetDeviceUpdateResponse, ListRolloutDevicesRequest, Release, RolloutDevice,
        StartRolloutRequest, UpdateState,
    },
};
use homepot_release::Digest;
use homepot_tests::{Agent, AgentOptions, Publisher, Server, data_parent, eventually};
use tempfile::TempDir;

pub(super) const SITE: &str = "site";
const DEVICE: &str = "till";
const TARGET: &str = "prices";

pub(super) struct World {
    pub(super) server: Server,
    publisher: Publisher,
    agent: Agent,
    /// Its configuration, the trust root, and the files of its targets.
    pub(super) directory: TempDir,
}

impl World {
    /// An agent with one target, whose health check wants the file not to say `broken`.
    pub(super) async fn build() -> Self {
        let (server, publisher, directory) = (Server::start().await, Publisher::default(), data_parent());
        server.create_site(SITE, false).await;
        let token = server.enrollment_token(SITE).await;
        let root = directory.path().join("root.signed");
        publisher.introduce(&server, Some(&root)).await;
        let target = directory.path().join("prices.toml");
        let holds = directory.path().join("holds");
        fs::create_dir(&holds).unwrap();
        let check = directory.path().join("check");
        fs::write(&check, format!("#!/bin/sh\n! grep -q broken {}\n", target.display())).unwrap();
        fs::set_permissions(&check, fs::Permissions::from_mode(0o755)).unwrap();
        let config = directory.path().join("agent.toml");
        let text = format!(
            "update_root_file = {root:?}\nhold_directory = {holds:?}\nupdate_probation = \"3s\"\nupdate_healthy_for = \"1s\"\n\
             [targets.{TARGET}]\npath = {target:?}\nmode = \"0640\"\nhealth = [{check:?}]\n"
        );
        fs::write(&config, text).unwrap();
        let options =
            AgentOptions::new(SITE, DEVICE).enrollment_token(&token).arg("--config").arg(config.to_str().unwrap());
        let agent = Agent::start(&server, options);
        let world = Self { server, publisher, agent, directory };
        world.update(|update| update.reported_at.is_some()).await;
        world
    }

    fn target(&self) -> PathBuf {
        self.directory.path().join("prices.toml")
    }

    pub(super) fn content(&self) -> String {
        fs::read_to_string(self.target()).unwrap_or_default()
    }

    pub(super) async fn publish(&self, content: &[u8]) -> Release {
        self.publisher.publish(&self.server, "prices", TARGET, content).await
    }

    pub(super) async fn start(&self, release: &Release) -> String {
        let request = StartRolloutRequest {
            release_id: release.release_id.clone(),
            target: Some(Target { device_ids: vec![DEVICE.to_owned()], ..Default::default() }),
            ..Default::default()
        };
        let started = self.server.admin().rollouts.start_rollout(request).await.unwrap().into_inner();
        started.rollout.unwrap().rollout_id
    }

    async fn device(&self, rollout_id: &str) -> RolloutDevice {
        let request = ListRolloutDevicesRequest { rollout_id: rollout_id.to_owned(), ..Default::default() };
        let mut listed = self.server.admin().rollouts.list_rollout_devices(request).await.unwrap().into_inner();
        listed.devices.pop().unwrap()
    }

    /// Waits until the device has this state in a rollout.
    pub(super) async fn until(&self, rollout_id: &str, state: UpdateState) -> RolloutDevice {
        eventually(state.as_str_name(), async || {
            Some(self.device(rollout_id).await).filter(|device| device.state() == state)
        })
        .await
    }

    async fn update(&self, wanted: impl Fn(&GetDeviceUpdateResponse) -> bool) -> GetDeviceUpdateResponse {
        eventually("what the device has", async || {
            let request = GetDeviceUpdateRequest { device_id: DEVICE.to_owned() };
            let update = self.server.admin().rollouts.get_device_update(request).await.ok()?.into_inner();
            Some(update).filter(|update| wanted(update))
        })
        .await
    }
}

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
