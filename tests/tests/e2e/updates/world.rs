//! A server, somebody who makes releases, and one real agent with targets.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use homepot::pb::{
    command::v1::Target,
    rollout::v1::{
        GetDeviceUpdateRequest, GetDeviceUpdateResponse, ListRolloutDevicesRequest, Release, RolloutDevice,
        StartRolloutRequest, UpdateState,
    },
};
use homepot_tests::{Agent, AgentOptions, Publisher, Server, data_parent, eventually};
use tempfile::TempDir;

pub(super) const SITE: &str = "site";
pub(super) const DEVICE: &str = "till";
pub(super) const TARGET: &str = "prices";

pub(super) struct World {
    pub(super) server: Server,
    pub(super) publisher: Publisher,
    pub(super) agent: Agent,
    /// Its configuration, the trust root, the files of its targets and the hold directory.
    pub(super) directory: TempDir,
}

impl World {
    /// An agent with one target, whose health check wants the file not to say `broken`.
    pub(super) async fn build() -> Self {
        Self::build_on(Server::start().await, "0640").await
    }

    /// The same on this server, with this mode for the target's file.
    pub(super) async fn build_on(server: Server, mode: &str) -> Self {
        Self::build_with(server, "update_probation = \"3s\"\n", mode, |options| options).await
    }

    /// One whose configuration says that it has this label.
    pub(super) async fn build_labelled(name: &str, value: &str) -> Self {
        let settings = format!("update_probation = \"3s\"\n[labels]\n{name} = \"{value}\"\n");
        Self::build_with(Server::start().await, &settings, "0640", |options| options).await
    }

    /// One that has all the time it needs to prove itself.
    pub(super) async fn build_patient() -> Self {
        Self::build_with(Server::start().await, "update_probation = \"60s\"\n", "0640", |options| options).await
    }

    /// An agent that the launcher starts, and that may replace itself.
    pub(super) async fn build_launched(probation: &str) -> Self {
        let settings = format!("update_self = true\nupdate_probation = \"{probation}\"\n");
        Self::build_with(Server::start().await, &settings, "0640", AgentOptions::launched).await
    }

    async fn build_with(
        server: Server,
        settings: &str,
        mode: &str,
        options: impl FnOnce(AgentOptions) -> AgentOptions,
    ) -> Self {
        let (publisher, directory) = (Publisher::default(), data_parent());
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
        let validator = directory.path().join("validator");
        fs::write(&validator, format!("#!/bin/sh\n! test -e {}\n", directory.path().join("refuses").display()))
            .unwrap();
        fs::set_permissions(&validator, fs::Permissions::from_mode(0o755)).unwrap();
        let config = directory.path().join("agent.toml");
        let text = format!(
            "update_root_file = {root:?}\nhold_directory = {holds:?}\nupdate_healthy_for = \"1s\"\n{settings}\
             [targets.{TARGET}]\npath = {target:?}\nmode = \"{mode}\"\nhealth = [{check:?}]\n\
             validator = [{validator:?}]\n"
        );
        fs::write(&config, text).unwrap();
        let usual =
            AgentOptions::new(SITE, DEVICE).enrollment_token(&token).arg("--config").arg(config.to_str().unwrap());
        let agent = Agent::start(&server, options(usual));
        let world = Self { server, publisher, agent, directory };
        world.update(|update| update.reported_at.is_some()).await;
        world
    }

    pub(super) fn target(&self) -> PathBuf {
        self.directory.path().join("prices.toml")
    }

    pub(super) fn content(&self) -> String {
        fs::read_to_string(self.target()).unwrap_or_default()
    }

    /// From now on the validator of the target refuses every file.
    pub(super) fn refuse_files(&self) {
        fs::write(self.directory.path().join("refuses"), "").unwrap();
    }

    /// Something else than a release changes the file, and the agent, which starts, notices.
    pub(super) fn change_by_hand(&mut self, content: &str) {
        self.agent.kill9();
        fs::write(self.target(), content).unwrap();
        self.agent.restart();
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

    pub(super) async fn device(&self, rollout_id: &str) -> RolloutDevice {
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

    /// Waits until the device has put a release in place, or has put back what it had.
    pub(super) async fn end(&self, rollout_id: &str) -> RolloutDevice {
        eventually("an end", async || {
            let device = self.device(rollout_id).await;
            matches!(device.state(), UpdateState::Confirmed | UpdateState::RolledBack).then_some(device)
        })
        .await
    }

    pub(super) async fn update(&self, wanted: impl Fn(&GetDeviceUpdateResponse) -> bool) -> GetDeviceUpdateResponse {
        eventually("what the device has", async || {
            let request = GetDeviceUpdateRequest { device_id: DEVICE.to_owned() };
            let update = self.server.admin().rollouts.get_device_update(request).await.ok()?.into_inner();
            Some(update).filter(|update| wanted(update))
        })
        .await
    }
}
