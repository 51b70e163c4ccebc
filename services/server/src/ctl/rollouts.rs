//! `homepot ctl rollouts`.

use std::{ops::ControlFlow, process::ExitCode, time::Duration};

use homepot::{model::to_proto_duration, pb::rollout::v1 as pb};
use homepot_host::settings::parse_time;
use serde_json::{Value, json};

use super::kit::{
    args::{DeviceId, Limit},
    calls::{all, answer, follow},
    out::{Out, note},
    progress::{Progress, Step},
    record::{Cell, Column, Record, column, key, wide},
    source::source,
    status::{self, Status},
    target::{Selection, confirm, in_words, of_target},
    words,
};
use crate::client::Client;

const STATE: &str = "ROLLOUT_STATE_";
const STATES: &[&str] = &["running", "paused", "halted", "completed", "aborted"];
const DEVICE_STATE: &str = "UPDATE_STATE_";
const DEVICE_STATES: &[&str] = &[
    "waiting",
    "offered",
    "downloading",
    "verified",
    "held",
    "applying",
    "probation",
    "confirmed",
    "rejected",
    "failed",
    "rolled_back",
    "rollback_failed",
    "superseded",
    "cancelled",
    "unreachable",
    "skipped",
];

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

impl Record for pb::Rollout {
    const COLUMNS: &'static [Column<Self>] = &[
        column("ROLLOUT", |r, _| (&r.rollout_id).into()),
        column("RELEASE", |r, _| format!("{} {}", r.release_name, r.release_version).into()),
        key("STATE", |r, _| Cell::state(state_word(r))),
        column("PHASE", |r, _| format!("{} of {}", r.phase, r.phases.len()).into()),
        column("STARTED", |r, style| style.time(&r.created_at)),
        column("BY", |r, _| (&r.created_by).into()),
        column("PROGRESS", |r, _| line(&r.progress.unwrap_or_default()).into()),
        wide("ENDED", |r, style| style.time(&r.finished_at)),
        wide("TARGET", |r, _| r.target.as_ref().map(in_words).unwrap_or_default().into()),
        wide("PHASES", |r, _| r.phases.join(", ").into()),
        wide("RELEASE ID", |r, _| (&r.release_id).into()),
        column("REASON", |r, _| (&r.reason).into()),
        wide("DESCRIPTION", |r, _| (&r.description).into()),
    ];

    const NAME: Option<&'static str> = Some("rollout_id");

    fn json(&self) -> Value {
        let p = self.progress.unwrap_or_default();
        json!({
            "rollout_id": self.rollout_id, "release_id": self.release_id, "release_name": self.release_name,
            "release_version": self.release_version, "target": self.target.as_ref().map(of_target),
            "phases": self.phases, "phase": self.phase, "soak_seconds": words::seconds(&self.soak),
            "max_in_flight": self.max_in_flight, "max_in_flight_per_site": self.max_in_flight_per_site,
            "max_failure_percent": self.max_failure_percent, "silence_seconds": words::seconds(&self.silence),
            "state": state_word(self), "reason": words::text(&self.reason),
            "progress": {
                "total": p.total, "waiting": p.waiting, "in_flight": p.in_flight, "confirmed": p.confirmed,
                "failed": p.failed, "cancelled": p.cancelled, "skipped": p.skipped,
            },
            "created_by": self.created_by, "idempotency_key": words::text(&self.idempotency_key),
            "description": words::text(&self.description), "created_at": words::time(&self.created_at),
            "finished_at": words::time(&self.finished_at),
        })
    }

    fn full() -> Self {
        Self { target: Some(Default::default()), ..Self::default() }
    }
}

fn state_word(rollout: &pb::Rollout) -> String {
    words::word(rollout.state().as_str_name(), STATE)
}

fn device_state(state: pb::UpdateState) -> String {
    words::word(state.as_str_name(), DEVICE_STATE)
}

/// The progress in words.
fn line(progress: &pb::RolloutProgress) -> String {
    let mut line = format!("{} of {} confirmed, {} in flight", progress.confirmed, progress.total, progress.in_flight);
    let rest = [(progress.failed, "failed"), (progress.cancelled, "cancelled"), (progress.skipped, "left out")];
    for (count, word) in rest.into_iter().filter(|(count, _)| *count > 0) {
        line.push_str(&format!(", {count} {word}"));
    }
    line
}

impl Record for pb::RolloutDevice {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        wide("SOURCE", |d, _| source(d.source).into()),
        column("PHASE", |d, _| d.phase.to_string().into()),
        key("STATE", |d, _| Cell::state(device_state(d.state()))),
        column("SINCE", |d, style| style.time(&d.changed_at)),
        wide("FETCHED", |d, _| d.fetched_bytes.to_string().into()),
        column("REASON", |d, _| (&d.reason).into()),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "phase": self.phase,
            "state": device_state(self.state()), "reason": words::text(&self.reason),
            "fetched_bytes": self.fetched_bytes, "changed_at": words::time(&self.changed_at),
            "source": source(self.source),
        })
    }
}

impl Record for pb::PlannedDevice {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        wide("SOURCE", |d, _| source(d.source).into()),
        key("PHASE", |d, _| if d.phase == 0 { "left out".into() } else { d.phase.to_string().into() }),
        column("CHANGES", |d, _| changes(d).into()),
        column("REASON", |d, _| (&d.reason).into()),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        let change = |change: &pb::TargetChange| {
            json!({
                "target": change.target, "from_sha256": words::text(&change.from_sha256),
                "to_sha256": change.to_sha256,
            })
        };
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "phase": self.phase,
            "reason": words::text(&self.reason), "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "source": source(self.source),
        })
    }
}

fn changes(device: &pb::PlannedDevice) -> String {
    if device.changes.is_empty() && device.phase > 0 {
        return "none: it has this release".to_owned();
    }
    let short = |sha256: &str| match sha256.get(..12) {
        Some(short) => short.to_owned(),
        None => "nothing".to_owned(),
    };
    let change = |change: &pb::TargetChange| {
        format!("{}: {} → {}", change.target, short(&change.from_sha256), short(&change.to_sha256))
    };
    device.changes.iter().map(change).collect::<Vec<_>>().join(", ")
}

impl Record for pb::GetDeviceUpdateResponse {
    const COLUMNS: &'static [Column<Self>] = &[
        column("GENERATION", |d, _| d.generation.to_string().into()),
        key("STATE", |d, _| match d.state() {
            pb::UpdateState::Unspecified => "never told".into(),
            state => Cell::state(device_state(state)),
        }),
        column("RELEASE ID", |d, _| (&d.release_id).into()),
        column("ROLLOUT", |d, _| (&d.rollout_id).into()),
        column("TARGETS", |d, _| d.targets.iter().map(target).collect::<Vec<_>>().join(", ").into()),
        column("REPORTED", |d, style| style.time(&d.reported_at)),
        column("REASON", |d, _| (&d.reason).into()),
    ];

    fn json(&self) -> Value {
        let target = |target: &pb::DeviceTarget| {
            json!({
                "target": target.target, "sha256": words::text(&target.sha256), "counter": target.counter,
                "drifted": target.drifted,
            })
        };
        let state = Some(self.state()).filter(|state| *state != pb::UpdateState::Unspecified).map(device_state);
        json!({
            "generation": self.generation, "state": state, "release_id": words::text(&self.release_id),
            "rollout_id": words::text(&self.rollout_id), "reason": words::text(&self.reason),
            "targets": self.targets.iter().map(target).collect::<Vec<_>>(),
            "reported_at": words::time(&self.reported_at),
        })
    }
}

fn target(target: &pb::DeviceTarget) -> String {
    let has = target.sha256.get(..12).unwrap_or("nothing");
    let drifted = if target.drifted { ", drifted" } else { "" };
    format!("{}: {has}{drifted}", target.target)
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

/// Follows a rollout until it stands still, or for `timeout`; answers it as it was last heard of.
async fn wait(
    client: &Client,
    out: &Out,
    mut rollout: pb::Rollout,
    timeout: Option<Duration>,
) -> anyhow::Result<(pb::Rollout, Status)> {
    let rollout_id = rollout.rollout_id.clone();
    let (mut rollouts, mut progress) = (client.rollouts(), Progress::new());
    let open = async |cursor| rollouts.watch(pb::WatchRequest { rollout_id: rollout_id.clone(), cursor }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        rollout = match news.and_then(|mut news| news.rollouts.pop()) {
            Some(news) => news,
            // It is open from now on, or nothing has changed for a while: what was missed before shows here.
            None => get(client, &rollout_id).await?,
        };
        progress.tell(step(&rollout));
        Ok(if stands_still(&rollout) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let followed = follow(open, take);
    let ended = match timeout {
        Some(timeout) => tokio::time::timeout(timeout, followed).await,
        None => Ok(followed.await),
    };
    progress.end();
    match ended {
        Ok(ended) => ended?,
        Err(_) => {
            let state = state_word(&rollout);
            note(format_args!("still {state}; it goes on: homepot ctl rollouts wait {rollout_id}"));
            return Ok((rollout, status::STILL_UNDER_WAY));
        }
    }
    let status = end(&rollout);
    if status != status::SUCCEEDED {
        tell_failures(&rollout);
    }
    Ok((rollout, status))
}

fn step(rollout: &pb::Rollout) -> Step {
    let progress = rollout.progress.unwrap_or_default();
    let state = state_word(rollout);
    let words = format!("phase {} of {}: {}; {state}", rollout.phase, rollout.phases.len(), line(&progress));
    let done = progress.confirmed + progress.failed + progress.cancelled + progress.skipped;
    Step { done, total: progress.total, state, words }
}

/// Whether nothing more happens by itself.
fn stands_still(rollout: &pb::Rollout) -> bool {
    use pb::RolloutState as State;
    match rollout.state() {
        State::Halted | State::Completed | State::Aborted => true,
        State::Unspecified | State::Running | State::Paused => false,
    }
}

/// The exit status of a rollout that stands still.
fn end(rollout: &pb::Rollout) -> Status {
    let progress = rollout.progress.unwrap_or_default();
    let all = rollout.state() == pb::RolloutState::Completed && progress.confirmed == progress.total;
    if all { status::SUCCEEDED } else { status::FAILED }
}

fn tell_failures(rollout: &pb::Rollout) {
    let rollout_id = &rollout.rollout_id;
    if !rollout.reason.is_empty() {
        note(format_args!("{}: {}", state_word(rollout), rollout.reason));
    }
    note(format_args!("what became of each device: homepot ctl rollouts devices {rollout_id}"));
    if rollout.state() == pb::RolloutState::Halted {
        note(format_args!("to go on: homepot ctl rollouts resume {rollout_id}"));
        note(format_args!("to end it: homepot ctl rollouts abort {rollout_id}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_words_of_the_protocol() {
        for word in DEVICE_STATES {
            let name = format!("{DEVICE_STATE}{}", word.to_uppercase());
            assert_eq!(pb::UpdateState::from_str_name(&name).map(device_state).as_deref(), Some(*word));
        }
        assert_eq!(DEVICE_STATES.len(), (1..).take_while(|number| pb::UpdateState::try_from(*number).is_ok()).count());
    }

    #[test]
    fn progress_is_told_in_words_with_what_went_wrong() {
        let progress = pb::RolloutProgress { total: 60, in_flight: 2, confirmed: 27, failed: 1, ..Default::default() };
        assert_eq!(line(&progress), "27 of 60 confirmed, 2 in flight, 1 failed");
    }
}
