//! Starting rollouts: for a target, or in the place of an earlier rollout.

use std::{process::ExitCode, time::Duration};

use homepot::{model::to_proto_duration, pb::rollout::v1 as pb};
use homepot_host::settings::parse_time;

use super::{
    super::kit::{
        ask::ask,
        calls::answer,
        out::{Out, note},
        target::{Selection, confirm},
    },
    get,
    waiting::wait,
};
use crate::client::Client;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Start {
    /// The release.
    #[arg(value_name = "RELEASE_ID")]
    release_id: String,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct Replace {
    /// The rollout to replace.
    #[arg(value_name = "ROLLOUT_ID")]
    rollout_id: String,
    /// The release.
    #[arg(value_name = "RELEASE_ID")]
    release_id: String,
    #[command(flatten)]
    how: How,
}

/// How a rollout goes.
#[derive(Debug, clap::Args)]
struct How {
    /// How many devices a phase brings the rollout to, such as 10 or 25%. Can be repeated; the last phase has all that are left
    /// [default: 1, 5%, 25%, 100%].
    #[arg(long = "phase", value_name = "REACH")]
    phases: Vec<String>,
    /// How long a phase lasts after its last device is done, such as 1h [default: 10m].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    soak: Option<Duration>,
    /// The most devices under way at the same time: 1 to 10000 [default: 100].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    max_in_flight: Option<u32>,
    /// The most devices under way at the same time at one site [default: 1].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    max_in_flight_per_site: Option<u32>,
    /// How many percent of the devices that have begun may fail. Among fewer than 20 none may [default: 5].
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(..=100))]
    max_failure_percent: Option<u32>,
    /// A device that says nothing for longer counts as failed, such as 30m [default: 1h].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    silence: Option<Duration>,
    /// Purpose of the rollout, for people.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    description: String,
    /// Idempotency key: a repeat with the same key starts nothing new.
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
    /// Do not ask for confirmation.
    #[arg(short = 'y', long)]
    yes: bool,
    /// Wait until the rollout has ended or is halted, and show its progress.
    #[arg(long)]
    wait: bool,
    /// How long to wait, such as 10m [default: no limit].
    #[arg(long, requires = "wait", value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
}

pub(super) async fn start(client: &Client, out: &Out, args: Start) -> anyhow::Result<ExitCode> {
    let Start { release_id, selection, how } = args;
    confirm(client, &selection, &install(client, &release_id).await?, how.yes).await?;
    send(
        client,
        out,
        pb::StartRolloutRequest { target: Some(selection.target()), release_id, ..Default::default() },
        how,
    )
    .await
}

pub(super) async fn replace(client: &Client, out: &Out, args: Replace) -> anyhow::Result<ExitCode> {
    let Replace { rollout_id, release_id, how } = args;
    let (what, earlier) = (install(client, &release_id).await?, get(client, &rollout_id).await?);
    let progress = earlier.progress.unwrap_or_default();
    let begun = progress.in_flight + progress.confirmed + progress.failed + progress.cancelled;
    let told = format!(
        "{what} for the devices that have begun with {} {}, {begun} at most",
        earlier.release_name, earlier.release_version
    );
    anyhow::ensure!(how.yes || ask(&told)?, "nothing was started");
    send(
        client,
        out,
        pb::StartRolloutRequest { release_id, replaces_rollout_id: rollout_id, ..Default::default() },
        how,
    )
    .await
}

/// What a rollout does, in words.
async fn install(client: &Client, release_id: &str) -> anyhow::Result<String> {
    let found = client.releases().get_release(pb::GetReleaseRequest { release_id: release_id.to_owned() }).await;
    let release = answer(found)?.release.unwrap_or_default();
    Ok(format!("install {} {}", release.name, release.version))
}

async fn send(client: &Client, out: &Out, whom: pb::StartRolloutRequest, how: How) -> anyhow::Result<ExitCode> {
    let request = pb::StartRolloutRequest {
        phases: how.phases,
        soak: how.soak.map(to_proto_duration),
        max_in_flight: how.max_in_flight.unwrap_or_default(),
        max_in_flight_per_site: how.max_in_flight_per_site.unwrap_or_default(),
        max_failure_percent: how.max_failure_percent,
        silence: how.silence.map(to_proto_duration),
        idempotency_key: how.key,
        description: how.description,
        ..whom
    };
    let started = answer(client.rollouts().start_rollout(request).await)?;
    if started.existed {
        note("the key names an earlier rollout, which is this one; nothing new was started");
    }
    let (rollout, existed) = (started.rollout.unwrap_or_default(), [("existed", started.existed.into())]);
    if rollout.state() == pb::RolloutState::AwaitingApproval {
        note(format_args!(
            "{} asks for the approval of a second person, who runs: homepot ctl rollouts approve {}",
            rollout.approval_site_ids.join(", "),
            rollout.rollout_id
        ));
    }
    if !how.wait {
        out.changed(&rollout, &existed)?;
        return Ok(ExitCode::SUCCESS);
    }
    // First of all, so that it is known also when the wait is broken off.
    note(format_args!("rollout {}", rollout.rollout_id));
    let (rollout, status) = wait(client, out, rollout, how.timeout).await?;
    out.changed(&rollout, &existed)?;
    Ok(status.into())
}
