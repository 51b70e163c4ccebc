//! `homepot ctl rollouts`.

mod records;
mod waiting;

use std::{process::ExitCode, time::Duration};

use homepot::{model::to_proto_duration, pb::rollout::v1 as pb};
use homepot_host::settings::parse_time;

use self::{
    records::{DEVICE_STATE, DEVICE_STATES, STATE, STATES},
    waiting::wait,
};
use super::kit::{
    args::{DeviceId, Limit},
    calls::{all, answer},
    out::{Out, note},
    status,
    target::{Selection, confirm},
    words,
};
use crate::client::Client;

/// The one rollout that an action is about.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RolloutId {
    /// The rollout.
    #[arg(value_name = "ROLLOUT_ID")]
    rollout_id: String,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Start a rollout: tell devices to install a release, phase by phase.
    ///
    /// Shows how many devices match and asks for confirmation, unless it is one device or --yes is given. `plan` shows
    /// them one by one.
    Start(Box<Start>),
    /// Show what a rollout would do to which device, and start nothing.
    Plan {
        /// The release.
        #[arg(value_name = "RELEASE_ID")]
        release_id: String,
        #[command(flatten)]
        selection: Selection,
        /// As for `start`.
        #[arg(long = "phase", value_name = "REACH")]
        phases: Vec<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// List rollouts, newest first.
    List {
        /// Only rollouts in this state.
        #[arg(long, value_parser = words::choice(STATE, STATES, pb::RolloutState::from_str_name))]
        state: Option<pb::RolloutState>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one rollout with its progress.
    Get(RolloutId),
    /// Wait until a rollout has ended or is halted, and show its progress.
    #[command(after_help = status::HELP)]
    Wait {
        #[command(flatten)]
        rollout: RolloutId,
        /// How long to wait, such as 10m [default: no limit].
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        timeout: Option<Duration>,
    },
    /// List the devices of a rollout, and how far each one is.
    Devices {
        #[command(flatten)]
        rollout: RolloutId,
        /// Only devices in this state. Can be repeated.
        #[arg(long = "state", value_name = "STATE",
            value_parser = words::choice(DEVICE_STATE, DEVICE_STATES, pb::UpdateState::from_str_name))]
        states: Vec<pb::UpdateState>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show what one device should have and what it really has.
    Device(DeviceId),
    /// Pause a rollout: no further device begins until it is resumed. Devices that have begun go on.
    Pause {
        #[command(flatten)]
        rollout: RolloutId,
        /// Reason, for people.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
    },
    /// Resume a rollout that was paused, or that was halted by its failures.
    Resume(RolloutId),
    /// End a rollout: no further device begins, and devices that have not begun to apply the release are told not to.
    Abort {
        #[command(flatten)]
        rollout: RolloutId,
        /// Reason, for people.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// The release.
    #[arg(value_name = "RELEASE_ID")]
    release_id: String,
    #[command(flatten)]
    selection: Selection,
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

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut rollouts = client.rollouts();
    let changed = match action {
        Action::Start(args) => return start(client, out, *args).await,
        Action::Plan { release_id, selection, phases, limit } => {
            let devices = all(limit.limit, async |page_size, page_token| {
                let (release_id, phases) = (release_id.clone(), phases.clone());
                let target = Some(selection.target());
                let request = pb::PlanRolloutRequest { release_id, target, phases, page_size, page_token };
                let page = rollouts.plan_rollout(request).await?.into_inner();
                Ok((page.devices, page.next_page_token))
            });
            out.list(&devices.await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::List { state, limit } => {
            let state = state.unwrap_or_default().into();
            let list = all(limit.limit, async |page_size, page_token| {
                let page = rollouts.list_rollouts(pb::ListRolloutsRequest { state, page_size, page_token }).await?;
                let page = page.into_inner();
                Ok((page.rollouts, page.next_page_token))
            });
            out.list(&list.await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Get(RolloutId { rollout_id }) => {
            out.detail(&get(client, &rollout_id).await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Wait { rollout: RolloutId { rollout_id }, timeout } => {
            let (rollout, status) = wait(client, out, get(client, &rollout_id).await?, timeout).await?;
            out.changed(&rollout, &[])?;
            return Ok(status.into());
        }
        Action::Devices { rollout: RolloutId { rollout_id }, states, limit } => {
            let states: Vec<i32> = states.into_iter().map(Into::into).collect();
            let devices = all(limit.limit, async |page_size, page_token| {
                let (rollout_id, states) = (rollout_id.clone(), states.clone());
                let request = pb::ListRolloutDevicesRequest { rollout_id, states, page_size, page_token };
                let page = rollouts.list_rollout_devices(request).await?.into_inner();
                Ok((page.devices, page.next_page_token))
            });
            out.list(&devices.await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Device(DeviceId { device_id }) => {
            let found = answer(rollouts.get_device_update(pb::GetDeviceUpdateRequest { device_id }).await)?;
            out.detail(&found)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Pause { rollout: RolloutId { rollout_id }, reason } => {
            answer(rollouts.pause_rollout(pb::PauseRolloutRequest { rollout_id, reason }).await)?.rollout
        }
        Action::Resume(RolloutId { rollout_id }) => {
            answer(rollouts.resume_rollout(pb::ResumeRolloutRequest { rollout_id }).await)?.rollout
        }
        Action::Abort { rollout: RolloutId { rollout_id }, reason } => {
            answer(rollouts.abort_rollout(pb::AbortRolloutRequest { rollout_id, reason }).await)?.rollout
        }
    };
    out.changed(&changed.unwrap_or_default(), &[])?;
    Ok(ExitCode::SUCCESS)
}

async fn start(client: &Client, out: &Out, args: Start) -> anyhow::Result<ExitCode> {
    let found = client.releases().get_release(pb::GetReleaseRequest { release_id: args.release_id.clone() }).await;
    let release = answer(found)?.release.unwrap_or_default();
    let what = format!("install {} {}", release.name, release.version);
    confirm(client, &args.selection, &what, args.yes).await?;
    let request = pb::StartRolloutRequest {
        release_id: args.release_id,
        target: Some(args.selection.target()),
        phases: args.phases,
        soak: args.soak.map(to_proto_duration),
        max_in_flight: args.max_in_flight.unwrap_or_default(),
        max_in_flight_per_site: args.max_in_flight_per_site.unwrap_or_default(),
        max_failure_percent: args.max_failure_percent,
        silence: args.silence.map(to_proto_duration),
        idempotency_key: args.key,
        description: args.description,
        expected_devices: None,
    };
    let started = answer(client.rollouts().start_rollout(request).await)?;
    if started.existed {
        note("the key names an earlier rollout, which is this one; nothing new was started");
    }
    let (rollout, existed) = (started.rollout.unwrap_or_default(), [("existed", started.existed.into())]);
    if !args.wait {
        out.changed(&rollout, &existed)?;
        return Ok(ExitCode::SUCCESS);
    }
    // First of all, so that it is known also when the wait is broken off.
    note(format_args!("rollout {}", rollout.rollout_id));
    let (rollout, status) = wait(client, out, rollout, args.timeout).await?;
    out.changed(&rollout, &existed)?;
    Ok(status.into())
}

async fn get(client: &Client, rollout_id: &str) -> anyhow::Result<pb::Rollout> {
    let request = pb::GetRolloutRequest { rollout_id: rollout_id.to_owned() };
    Ok(answer(client.rollouts().get_rollout(request).await)?.rollout.unwrap_or_default())
}
