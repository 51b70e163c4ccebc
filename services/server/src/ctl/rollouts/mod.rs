//! `homepot ctl rollouts`.

mod records;
mod start;
mod waiting;

use std::{process::ExitCode, time::Duration};

use homepot::pb::rollout::v1 as pb;
use homepot_host::settings::parse_time;

use self::{
    records::{DEVICE_STATE, DEVICE_STATES, STATE, STATES},
    start::{Replace, Start, replace, start},
    waiting::wait,
};
use super::kit::{
    args::{DeviceId, Limit},
    calls::{all, answer},
    out::Out,
    status,
    target::Selection,
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
    /// Start a rollout in the place of another one: for the devices that have begun with that, which is aborted.
    ///
    /// Devices go back to no older release. To go back, build the old files with a higher counter, and sign that.
    Replace(Box<Replace>),
    /// Approve a rollout that somebody else started, where a site asks for the approval of a second person.
    Approve(RolloutId),
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
        /// Only rollouts of this release.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "RELEASE_ID")]
        release: String,
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

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut rollouts = client.rollouts();
    let changed = match action {
        Action::Start(args) => return start(client, out, *args).await,
        Action::Replace(args) => return replace(client, out, *args).await,
        Action::Approve(RolloutId { rollout_id }) => {
            answer(rollouts.approve_rollout(pb::ApproveRolloutRequest { rollout_id }).await)?.rollout
        }
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
        Action::List { state, release, limit } => {
            let state = state.unwrap_or_default().into();
            let list = all(limit.limit, async |page_size, page_token| {
                let release_id = release.clone();
                let request = pb::ListRolloutsRequest { state, release_id, page_size, page_token };
                let page = rollouts.list_rollouts(request).await?.into_inner();
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

async fn get(client: &Client, rollout_id: &str) -> anyhow::Result<pb::Rollout> {
    let request = pb::GetRolloutRequest { rollout_id: rollout_id.to_owned() };
    Ok(answer(client.rollouts().get_rollout(request).await)?.rollout.unwrap_or_default())
}
