//! Updates over the air: a good release reaches this machine and the shop, and a bad one halts by itself.
//!
//! The demo plays the person who signs, so the private key lies in its data directory. Elsewhere it lies with people.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use homepot::pb::{
    command::v1::Target,
    common::v1::DeviceSource,
    registry::v1 as registry_pb,
    rollout::v1::{self as pb, RolloutState, UpdateState},
};
use homepot_host::secret_file;
use homepot_release::{Envelope, Kind, PrivateKey, build, key};

use super::shop;
use crate::{
    client::{Client, refusal},
    terminal::{say, wall_clock},
};

const TARGET: &str = "prices";
/// With this release no device is well: the check of this machine says so, and the shop's scenario (`demo_shop`).
const BROKEN: &str = "broken-prices";
const SOON: Duration = Duration::from_millis(100);

/// Whoever signs, with what this machine's agent is told about updates.
pub(super) struct Publisher {
    key: PrivateKey,
    signed_root: Vec<u8>,
    /// The trust root, for the agent and the simulator.
    pub(super) root: PathBuf,
    /// The agent's configuration.
    pub(super) config: PathBuf,
}

impl Publisher {
    /// Makes the key and the trust root, or finds those of the last time.
    pub(super) fn open(data: &Path) -> anyhow::Result<Self> {
        // A target's path holds no symbolic link.
        let directory = data.canonicalize()?.join("updates");
        fs::create_dir_all(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        let file = directory.join("release-key.pem");
        if !file.exists() {
            key::write_new_file(&file, &PrivateKey::generate()?)?;
        }
        let key = PrivateKey::from_pem(&secret_file::read_private(&file)?)?;
        let (public, id) = (key.public(), key.public().id());
        let role = format!("threshold = 1\nkeys = [\"{id}\"]\n");
        let text = format!(
            "version = 1\nexpires = 2999-01-01T00:00:00Z\nkeys = [\"{public}\"]\n[root]\n{role}[release]\n{role}"
        );
        let signed_root = signed(Kind::Root, build::root(&text)?.encode(), &key)?;
        let (root, config, target) =
            (directory.join("root.signed"), directory.join("agent.toml"), directory.join("prices.toml"));
        let check = directory.join("prices-are-sound");
        fs::write(&root, &signed_root)?;
        fs::write(&check, format!("#!/bin/sh\n! grep -q broken '{}'\n", target.display()))?;
        fs::set_permissions(&check, fs::Permissions::from_mode(0o755))?;
        let text = format!(
            "update_root_file = {root:?}\nupdate_probation = \"3s\"\nupdate_healthy_for = \"1s\"\n\
             [targets.{TARGET}]\npath = {target:?}\nhealth = [{check:?}]\n"
        );
        fs::write(&config, text)?;
        Ok(Self { key, signed_root, root, config })
    }

    /// Brings a good release to this machine and the shop, and then a bad one.
    pub(super) async fn show(&self, client: &Client, device_id: &str) -> anyhow::Result<()> {
        let request = pb::AddTrustRootRequest { signed_root: self.signed_root.clone() };
        client.releases().add_trust_root(request).await.map_err(|status| refusal(&status))?;
        let devices = wait_ready(client, device_id).await?;
        // Higher than any before it, also those of earlier demos.
        let counter = u64::try_from(wall_clock().timestamp()).unwrap_or_default();

        let release = self.publish(client, "prices", counter, "coffee = 2.40\n").await?;
        let rollout = start(client, &release, &devices).await?;
        say(format_args!(
            "  release prices {counter} is signed, and goes to one device, then to all {}",
            devices.len()
        ));
        let first = ended(client, &rollout).await?;
        say(format_args!("  {} has it, and its health checks pass", first.device_id));
        // Whose line is lost just now has it later.
        let enough = |rollout: &pb::Rollout| {
            let progress = rollout.progress.unwrap_or_default();
            u64::from(progress.confirmed) + shop::AWAY >= u64::from(progress.total)
        };
        let done = wait(client, &rollout, enough).await?.progress.unwrap_or_default();
        say(format_args!("  {} of {} devices have it", done.confirmed, done.total));

        let release = self.publish(client, BROKEN, counter + 1, "coffee = broken\n").await?;
        let rollout = start(client, &release, &devices).await?;
        say(format_args!("  a broken release, signed as well, goes the same way"));
        let first = ended(client, &rollout).await?;
        say(format_args!("  {} puts back what it had: {}", first.device_id, first.reason));
        let halted = wait(client, &rollout, |rollout| rollout.state() == RolloutState::Halted).await?;
        say(format_args!("  the rollout halts by itself, and no other device was touched: {}", halted.reason));
        let request = pb::AbortRolloutRequest { rollout_id: rollout, reason: "it was to halt".to_owned() };
        client.rollouts().abort_rollout(request).await.map_err(|status| refusal(&status))?;
        Ok(())
    }

    /// Uploads a signed release of one file; its id.
    async fn publish(&self, client: &Client, name: &str, counter: u64, content: &str) -> anyhow::Result<String> {
        let text = format!(
            "name = \"{name}\"\nversion = \"{counter}\"\ncounter = {counter}\nexpires = 2999-01-01T00:00:00Z\n\
             [targets.{TARGET}]\nfile = \"prices.toml\"\n"
        );
        // Another file each time, so that there is something to fetch.
        let content = format!("# release {counter}\n{content}");
        let built = build::release(&text, counter, |_: &Path| Ok::<_, io::Error>(content.as_bytes()))?;
        for file in &built.artifacts {
            let request = pb::UploadArtifactRequest {
                sha256: file.sha256.to_string(),
                size: u32::try_from(file.size)?,
                offset: 0,
                data: content.clone().into_bytes(),
            };
            client.releases().upload_artifact(request).await.map_err(|status| refusal(&status))?;
        }
        let request = pb::CreateReleaseRequest { signed_release: signed(Kind::Release, built.payload, &self.key)? };
        let created = client.releases().create_release(request).await.map_err(|status| refusal(&status))?;
        Ok(created.into_inner().release.context("the server keeps no release")?.release_id)
    }
}

fn signed(kind: Kind, payload: Vec<u8>, key: &PrivateKey) -> anyhow::Result<Vec<u8>> {
    let mut envelope = Envelope::new(kind, payload);
    envelope.sign(kind, key)?;
    Ok(envelope.encode())
}

/// Waits until this machine and the shop have said what their targets hold, and tells who they are.
async fn wait_ready(client: &Client, device_id: &str) -> anyhow::Result<Vec<String>> {
    let request = registry_pb::ListDevicesRequest {
        label_selector: shop::selector(),
        source: DeviceSource::Simulated.into(),
        page_size: shop::DEVICES,
        ..Default::default()
    };
    let listed = client.registry().list_devices(request).await.map_err(|status| refusal(&status))?.into_inner();
    let shop = listed.devices.into_iter().map(|device| device.device_id);
    let mut devices: Vec<_> = [device_id.to_owned()].into_iter().chain(shop).collect();
    let mut silent = devices.clone();
    loop {
        let mut still = Vec::new();
        for device_id in silent {
            let request = pb::GetDeviceUpdateRequest { device_id: device_id.clone() };
            let update = client.rollouts().get_device_update(request).await.map_err(|status| refusal(&status))?;
            if update.into_inner().reported_at.is_none() {
                still.push(device_id);
            }
        }
        silent = still;
        if silent.len() as u64 <= shop::AWAY && !silent.iter().any(|silent| silent == device_id) {
            // Who never said anything takes no part.
            devices.retain(|device| !silent.contains(device));
            return Ok(devices);
        }
        tokio::time::sleep(SOON).await;
    }
}

async fn start(client: &Client, release_id: &str, devices: &[String]) -> anyhow::Result<String> {
    let request = pb::StartRolloutRequest {
        release_id: release_id.to_owned(),
        target: Some(Target { device_ids: devices.to_vec(), ..Default::default() }),
        phases: vec!["1".to_owned(), "100%".to_owned()],
        soak: Some(prost_types::Duration::default()),
        max_in_flight_per_site: shop::DEVICES,
        description: "homepot demo".to_owned(),
        ..Default::default()
    };
    let started = client.rollouts().start_rollout(request).await.map_err(|status| refusal(&status))?;
    Ok(started.into_inner().rollout.context("the server started nothing")?.rollout_id)
}

/// Waits until a device of the rollout has an end, and tells the first.
async fn ended(client: &Client, rollout_id: &str) -> anyhow::Result<pb::RolloutDevice> {
    let ends = [UpdateState::Confirmed, UpdateState::RolledBack, UpdateState::Failed, UpdateState::Rejected];
    loop {
        let request = pb::ListRolloutDevicesRequest {
            rollout_id: rollout_id.to_owned(),
            states: ends.map(i32::from).to_vec(),
            ..Default::default()
        };
        let listed = client.rollouts().list_rollout_devices(request).await.map_err(|status| refusal(&status))?;
        if let Some(device) = listed.into_inner().devices.into_iter().next() {
            return Ok(device);
        }
        tokio::time::sleep(SOON).await;
    }
}

async fn wait(client: &Client, rollout_id: &str, holds: impl Fn(&pb::Rollout) -> bool) -> anyhow::Result<pb::Rollout> {
    loop {
        let request = pb::GetRolloutRequest { rollout_id: rollout_id.to_owned() };
        let got = client.rollouts().get_rollout(request).await.map_err(|status| refusal(&status))?.into_inner();
        let rollout = got.rollout.context("the server lost the rollout")?;
        if holds(&rollout) {
            return Ok(rollout);
        }
        tokio::time::sleep(SOON).await;
    }
}
