//! The simulated shop: `homepot-sim` plays it, beside this machine as the one real device.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{
        analytics::v1 as analytics_pb,
        command::v1::{self as command_pb, RunState, Target},
        common::v1::DeviceSource,
        registry::v1 as registry_pb,
        telemetry::v1 as telemetry_pb,
    },
};

use crate::{
    client::{Client, refusal},
    terminal::say,
};

/// What the fleet is called; its sites and devices begin with it.
pub(super) const NAME: &str = "shop";
pub(super) const DEVICES: u32 = 24;
pub(super) const SITES: u32 = 3;
/// How far back the past of new devices goes.
pub(super) const HISTORY: &str = "6h";
/// One is about to die and may be restarting, another's line may be lost.
pub(super) const AWAY: u64 = 3;
const SOON: Duration = Duration::from_millis(100);
/// From one command to the next, for as long as the demo stays up.
const COMMANDS_EVERY: Duration = Duration::from_secs(5);
const COMMANDS: [&str; 4] = ["PING", "RUN_DIAGNOSTICS", "PING", "RESTART_APP"];

/// Its devices, by the label that the simulator's tokens give.
pub(super) fn selector() -> String {
    format!("simulation={NAME}")
}

/// Waits until the shop's devices hold their streams.
pub(super) async fn wait_online(client: &Client) -> anyhow::Result<()> {
    loop {
        let request = registry_pb::SummarizeFleetRequest {
            label_selector: selector(),
            source: DeviceSource::Simulated.into(),
            ..Default::default()
        };
        let summary = client.registry().summarize_fleet(request).await.map_err(|status| refusal(&status))?.into_inner();
        let is_online = |count: &&registry_pb::StatusCount| count.status() == registry_pb::DeviceStatus::Online;
        let online = summary.by_status.iter().find(is_online).map_or(0, |count| count.devices);
        if summary.total >= DEVICES.into() && online + AWAY >= summary.total {
            say(format_args!(
                "  simulated shop: {online} of {} devices online at {} sites, {HISTORY} of history, marked as simulated",
                summary.total,
                summary.by_site.len()
            ));
            return Ok(());
        }
        tokio::time::sleep(SOON).await;
    }
}

/// Queues RUN_DIAGNOSTICS for all of them, and shows the outcomes.
pub(super) async fn diagnose(client: &Client) -> anyhow::Result<()> {
    let target = Target { label_selector: selector(), source: DeviceSource::Simulated.into(), ..Default::default() };
    let request = command_pb::StartRunRequest {
        target: Some(target),
        command_type: "RUN_DIAGNOSTICS".to_owned(),
        max_in_flight: DEVICES,
        max_failures: DEVICES,
        // One that is away does not hold up the demo.
        time_to_live: Some(prost_types::Duration { seconds: 5, nanos: 0 }),
        description: "homepot demo".to_owned(),
        ..Default::default()
    };
    let started = client.command().start_run(request).await.map_err(|status| refusal(&status))?.into_inner();
    let mut run = started.run.context("the server started nothing")?;
    while run.state() == RunState::Running {
        tokio::time::sleep(SOON).await;
        let request = command_pb::GetRunRequest { run_id: run.run_id.clone() };
        let answer = client.command().get_run(request).await.map_err(|status| refusal(&status))?;
        run = answer.into_inner().run.context("the server lost the run")?;
    }
    let progress = run.progress.unwrap_or_default();
    say(format_args!(
        "  RUN_DIAGNOSTICS on all of them: {} succeeded, {} failed (some do, that is in the scenario)",
        progress.succeeded, progress.failed
    ));
    Ok(())
}

/// Finds the device in the worst state, and shows it.
pub(super) async fn show_failing(client: &Client) -> anyhow::Result<()> {
    let request =
        telemetry_pb::LatestRequest { source: DeviceSource::Simulated.into(), page_size: 1_000, ..Default::default() };
    let latest = client.telemetry().latest(request).await.map_err(|status| refusal(&status))?.into_inner();
    let errors = |sample: &telemetry_pb::DeviceSample| sample.sample.as_ref()?.error_rate;
    let worst = latest
        .samples
        .iter()
        .filter(|sample| sample.device_id.starts_with(NAME))
        .max_by(|a, b| errors(a).unwrap_or_default().total_cmp(&errors(b).unwrap_or_default()));
    let Some((device, sample)) = worst.and_then(|worst| Some((&worst.device_id, worst.sample.as_ref()?))) else {
        return Ok(());
    };
    let hottest = sample.temperatures.iter().map(|t| t.celsius).fold(0.0, f64::max);
    say(format_args!(
        "  {device} is failing: {:.0} % of its operations, {hottest:.0} °C",
        sample.error_rate.unwrap_or_default()
    ));
    Ok(())
}

/// Waits until something that the shop's people did after `since` is there: what an earlier demo left tells nothing of this one.
pub(super) async fn wait_traffic(client: &Client, since: DateTime<Utc>) -> anyhow::Result<()> {
    loop {
        let filter = analytics_pb::ActivityFilter {
            source: DeviceSource::Simulated.into(),
            start_time: Some(to_proto_timestamp(since)),
            ..Default::default()
        };
        let request = analytics_pb::ListActivitiesRequest { filter: Some(filter), page_size: 1, ..Default::default() };
        let found = client.analytics().list_activities(request).await.map_err(|status| refusal(&status))?.into_inner();
        if let Some(activity) = found.activities.first().and_then(|stored| stored.activity.as_ref()) {
            say(format_args!(
                "  simulated people use it, last seen at {}, and its applications fail now and then",
                activity.page_url
            ));
            return Ok(());
        }
        tokio::time::sleep(SOON).await;
    }
}

/// Queues commands for one device after the other, until it is dropped.
pub(super) async fn keep_busy(client: &Client) -> std::convert::Infallible {
    let mut turn = 0_usize;
    loop {
        tokio::time::sleep(COMMANDS_EVERY).await;
        if let Err(error) = queue_one(client, turn).await {
            tracing::debug!(%error, "no command for the simulated shop");
        }
        turn += 1;
    }
}

async fn queue_one(client: &Client, turn: usize) -> anyhow::Result<()> {
    let request = registry_pb::ListDevicesRequest {
        label_selector: selector(),
        source: DeviceSource::Simulated.into(),
        page_size: DEVICES,
        ..Default::default()
    };
    let devices =
        client.registry().list_devices(request).await.map_err(|status| refusal(&status))?.into_inner().devices;
    // Seven is no divisor of two dozen, so all have their turn.
    let device = devices.get(turn * 7 % devices.len().max(1)).context("the shop has no devices")?;
    let request = command_pb::QueueRequest {
        device_id: device.device_id.clone(),
        command_type: COMMANDS[turn % COMMANDS.len()].to_owned(),
        ..Default::default()
    };
    client.command().queue(request).await.map_err(|status| refusal(&status))?;
    Ok(())
}
