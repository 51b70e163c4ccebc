//! What the demo does with a running server and agent, and what it shows of it.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use homepot::{
    model::{CommandState, JsonBounds, Secret, from_proto_timestamp, from_struct},
    pb::{
        command::v1 as command_pb, registry::v1 as registry_pb, session::v1 as session_pb,
        telemetry::v1 as telemetry_pb,
    },
};
use prost_types::Timestamp;
use tonic::Code;

use crate::{
    client::{Client, refusal},
    terminal::say,
};

/// Between two questions about something that is about to happen.
const SOON: Duration = Duration::from_millis(100);
/// Between two questions about the command: it goes through its states in milliseconds.
const VERY_SOON: Duration = Duration::from_millis(5);

/// A code that signs the demo's admin in at the dashboard, once.
pub(super) async fn sign_in_code(client: &Client) -> anyhow::Result<Secret> {
    let made = client.session().create_sign_in_code(session_pb::CreateSignInCodeRequest {}).await;
    Ok(Secret::presented(made.map_err(|status| refusal(&status))?.into_inner().code))
}

/// Makes the site that devices on this machine may enrol at; it may be there already.
pub(super) async fn make_site(client: &Client, site_id: &str) -> anyhow::Result<()> {
    let request = registry_pb::CreateSiteRequest {
        site_id: site_id.to_owned(),
        name: "Demo site".to_owned(),
        description: "Made by homepot demo".to_owned(),
        open_enrollment: true,
        ..Default::default()
    };
    match client.registry().create_site(request).await {
        Ok(_) => say(format_args!("  site {site_id} made; devices on this machine may enrol")),
        Err(status) if status.code() == Code::AlreadyExists => say(format_args!("  site {site_id} is there already")),
        Err(status) => return Err(refusal(&status)),
    }
    Ok(())
}

/// Waits until the device holds its stream.
pub(super) async fn wait_online(client: &Client, device_id: &str) -> anyhow::Result<()> {
    loop {
        let request = registry_pb::GetPresenceRequest { device_id: device_id.to_owned() };
        match client.registry().get_presence(request).await {
            Ok(answer) => {
                let presence = answer.into_inner().presence.unwrap_or_default();
                if presence.status() == registry_pb::DeviceStatus::Online && presence.attached_at.is_some() {
                    say(format_args!("  device {device_id} is online, session {}", presence.session_epoch));
                    return Ok(());
                }
            }
            // It has not enrolled yet.
            Err(status) if status.code() == Code::NotFound => {}
            Err(status) => return Err(refusal(&status)),
        }
        tokio::time::sleep(SOON).await;
    }
}

/// Waits for a sample stored after `since`, and shows it.
pub(super) async fn wait_sample(client: &Client, device_id: &str, since: DateTime<Utc>) -> anyhow::Result<()> {
    loop {
        let request = telemetry_pb::LatestRequest { device_ids: vec![device_id.to_owned()], ..Default::default() };
        let answer = client.telemetry().latest(request).await.map_err(|status| refusal(&status))?.into_inner();
        let newest = answer.samples.into_iter().next().unwrap_or_default();
        let stored = newest.received_at.as_ref().and_then(|time| from_proto_timestamp("received_at", time).ok());
        if let (Some(stored), Some(sample)) = (stored, newest.sample)
            && stored >= since
        {
            say(format_args!("  first sample stored: {}", summary(&sample)));
            return Ok(());
        }
        tokio::time::sleep(SOON).await;
    }
}

fn summary(sample: &telemetry_pb::Sample) -> String {
    let percent = |name: &str, value: Option<f64>| Some(format!("{name} {:.1} %", value?));
    let values = [
        percent("cpu", sample.cpu_percent),
        percent("memory", sample.memory_percent),
        percent("disk", sample.disk_percent),
    ];
    values.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Queues a PING and shows its way to the end.
pub(super) async fn ping(client: &Client, device_id: &str) -> anyhow::Result<()> {
    let request = command_pb::QueueRequest {
        device_id: device_id.to_owned(),
        command_type: "PING".to_owned(),
        ..Default::default()
    };
    let queued = client.command().queue(request).await.map_err(|status| refusal(&status))?.into_inner();
    let mut command = queued.command.context("the server queued nothing")?;
    let mut shown = 0;
    loop {
        let way = way(&command);
        for (word, after) in &way[shown..] {
            say(format_args!("  PING {word:<13}+{:.1} ms", after.as_secs_f64() * 1000.0));
        }
        shown = way.len();
        if command.finished_at.is_some() {
            break;
        }
        tokio::time::sleep(VERY_SOON).await;
        let request = command_pb::GetRequest { command_id: command.command_id.clone() };
        let answer = client.command().get(request).await.map_err(|status| refusal(&status))?;
        command = answer.into_inner().command.context("the server lost the command")?;
    }
    anyhow::ensure!(
        command.state() == command_pb::CommandState::Succeeded,
        "the PING ended as {}: {}",
        word(command.state),
        command.reason
    );
    let bounds = JsonBounds { bytes: usize::MAX, keys: usize::MAX, depth: 32 };
    let result = command.result.as_ref().and_then(|result| from_struct("result", result, bounds).ok());
    say(format_args!("  PING answered     {}", serde_json::Value::Object(result.unwrap_or_default())));
    Ok(())
}

/// The states a command has been through, each with the time since it was queued; all by the server's clock.
fn way(command: &command_pb::Command) -> Vec<(&'static str, Duration)> {
    let read = |time: &Option<Timestamp>| from_proto_timestamp("time", time.as_ref()?).ok();
    let Some(created) = read(&command.created_at) else { return Vec::new() };
    let steps = [
        ("queued", &command.created_at),
        ("sent", &command.sent_at),
        ("acknowledged", &command.acknowledged_at),
        ("running", &command.started_at),
        (word(command.state), &command.finished_at),
    ];
    let after = |time: DateTime<Utc>| (time - created).to_std().unwrap_or_default();
    steps.into_iter().filter_map(|(word, time)| Some((word, after(read(time)?)))).collect()
}

fn word(state: i32) -> &'static str {
    CommandState::from_proto("state", state).map_or("unknown", CommandState::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_way_is_told_in_the_order_it_went() {
        let at = |nanos| Some(Timestamp { seconds: 7, nanos });
        let mut command = command_pb::Command {
            state: command_pb::CommandState::Sent.into(),
            created_at: at(0),
            sent_at: at(2_000_000),
            ..Default::default()
        };
        let told: Vec<_> = way(&command).into_iter().map(|(word, after)| (word, after.as_millis())).collect();
        assert_eq!(told, [("queued", 0), ("sent", 2)]);
        command.state = command_pb::CommandState::Failed.into();
        (command.acknowledged_at, command.started_at, command.finished_at) =
            (at(3_000_000), at(4_000_000), at(5_000_000));
        let told: Vec<_> = way(&command).into_iter().map(|(word, _)| word).collect();
        assert_eq!(told, ["queued", "sent", "acknowledged", "running", "failed"]);
    }
}
