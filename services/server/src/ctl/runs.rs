//! `homepot ctl runs`.

use std::{ops::ControlFlow, process::ExitCode, time::Duration};

use homepot::{
    model::to_proto_duration,
    pb::{command::v1 as pb, common::v1::DeviceSource},
};
use homepot_host::settings::parse_time;
use serde_json::{Value, json};

use super::kit::{
    args::{Limit, RunId},
    calls::{all, answer, follow},
    order::Order,
    out::{Out, note},
    progress::{Progress, Step},
    record::{Cell, Column, Record, column, key, wide},
    source::{source, source_parser},
    states::{command_state, command_state_parser},
    status::{self, Status},
    target::{Selection, confirm, in_words, of_target},
    words,
};
use crate::client::Client;

const STATE: &str = "RUN_STATE_";
const STATES: &[&str] = &["running", "paused", "halted", "completed", "cancelled"];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Start a run: queue the same command for many devices, a few at a time.
    ///
    /// Shows how many devices match and asks for confirmation, unless it is one device or --yes is given.
    #[command(after_help = status::HELP)]
    Start(Box<Start>),
    /// List runs, newest first.
    List {
        /// Only runs in this state.
        #[arg(long, value_parser = words::choice(STATE, STATES, pb::RunState::from_str_name))]
        state: Option<pb::RunState>,
        /// Only runs for real or for simulated devices.
        #[arg(long, value_parser = source_parser())]
        source: Option<DeviceSource>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one run with its progress.
    Get(RunId),
    /// List the devices of a run with the outcome on each.
    Devices {
        #[command(flatten)]
        run: RunId,
        /// Only devices whose command is in this state. Can be repeated.
        #[arg(long = "state", value_name = "STATE", value_parser = command_state_parser())]
        states: Vec<pb::CommandState>,
        /// Only devices whose turn has not come. With --state or --skipped, devices that match any of them.
        #[arg(long)]
        waiting: bool,
        /// Only devices that were skipped.
        #[arg(long)]
        skipped: bool,
        /// Only real or only simulated devices.
        #[arg(long, value_parser = source_parser())]
        source: Option<DeviceSource>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Pause a run: nothing more is queued until it is resumed. Commands that are queued already continue.
    Pause {
        #[command(flatten)]
        run: RunId,
        /// Reason, for people.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
    },
    /// Resume a run that was paused, or that was halted by its failures.
    Resume {
        #[command(flatten)]
        run: RunId,
        /// How many devices may fail in all [default: as many as failed so far if it was halted, otherwise unchanged].
        #[arg(long, value_name = "COUNT")]
        max_failures: Option<u32>,
        /// The most commands under way at the same time from now on [default: unchanged].
        #[arg(long, value_name = "COUNT")]
        max_in_flight: Option<u32>,
    },
    /// Cancel a run: devices whose turn has not come are skipped, commands that have not started are cancelled.
    Cancel {
        #[command(flatten)]
        run: RunId,
        /// Reason, for people.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
    },
    /// Wait until a run has ended or is halted, and show its progress.
    #[command(after_help = status::HELP)]
    Wait {
        #[command(flatten)]
        run: RunId,
        /// How long to wait, such as 10m [default: no limit].
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        timeout: Option<Duration>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Start {
    #[command(flatten)]
    order: Order,
    #[command(flatten)]
    selection: Selection,
    /// The most commands under way at the same time: 1 to 1000 [default: 10].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    max_in_flight: Option<u32>,
    /// How many devices may fail. One more failure halts the run.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    max_failures: u32,
    /// Time to live: how long each command may wait before it starts, such as 10m [default: 1h].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    ttl: Option<Duration>,
    /// Purpose of the run, for people.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    description: String,
    /// Do not ask for confirmation.
    #[arg(short = 'y', long)]
    yes: bool,
    /// Wait until the run has ended or is halted, and show its progress.
    #[arg(long)]
    wait: bool,
    /// How long to wait, such as 10m [default: no limit].
    #[arg(long, requires = "wait", value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
}

impl Record for pb::Run {
    const COLUMNS: &'static [Column<Self>] = &[
        column("RUN", |r, _| (&r.run_id).into()),
        column("TYPE", |r, _| (&r.command_type).into()),
        key("STATE", |r, _| Cell::state(state_word(r))),
        column("STARTED", |r, style| style.time(&r.created_at)),
        column("BY", |r, _| (&r.created_by).into()),
        column("PROGRESS", |r, _| line(&r.progress.unwrap_or_default()).into()),
        wide("ENDED", |r, style| style.time(&r.finished_at)),
        wide("TARGET", |r, _| r.target.as_ref().map(in_words).unwrap_or_default().into()),
        wide("IN FLIGHT", |r, _| format!("up to {}", r.max_in_flight).into()),
        wide("FAILURES", |r, _| format!("up to {}", r.max_failures).into()),
        wide("PAYLOAD", |r, _| words::compact(&r.payload).into()),
        wide("KEY", |r, _| (&r.idempotency_key).into()),
        column("REASON", |r, _| (&r.reason).into()),
        wide("DESCRIPTION", |r, _| (&r.description).into()),
    ];

    const NAME: Option<&'static str> = Some("run_id");

    fn json(&self) -> Value {
        let p = self.progress.unwrap_or_default();
        json!({
            "run_id": self.run_id, "command_type": self.command_type, "payload": words::object(&self.payload),
            "target": self.target.as_ref().map(of_target),
            "max_in_flight": self.max_in_flight, "max_failures": self.max_failures,
            "time_to_live_seconds": words::seconds(&self.time_to_live),
            "run_timeout_seconds": words::seconds(&self.run_timeout), "state": state_word(self),
            "reason": words::text(&self.reason),
            "progress": {
                "total": p.total, "waiting": p.waiting, "in_flight": p.in_flight, "succeeded": p.succeeded,
                "failed": p.failed, "cancelled": p.cancelled, "skipped": p.skipped,
            },
            "created_by": self.created_by, "idempotency_key": words::text(&self.idempotency_key),
            "description": words::text(&self.description), "created_at": words::time(&self.created_at),
            "finished_at": words::time(&self.finished_at),
        })
    }

    fn full() -> Self {
        Self { target: Some(pb::Target::default()), ..Self::default() }
    }
}

/// A run's state as a word.
fn state_word(run: &pb::Run) -> String {
    words::word(run.state().as_str_name(), STATE)
}

impl Record for pb::RunDevice {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        wide("SOURCE", |d, _| source(d.source).into()),
        key("STATE", |d, _| match stands(d) {
            Some(state) => Cell::state(state),
            None if d.skipped => "left out".into(),
            None => "waiting".into(),
        }),
        column("COMMAND", |d, _| (&d.command_id).into()),
        column("REASON", |d, _| (&d.reason).into()),
        wide("RESULT", |d, _| words::compact(&d.result).into()),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "command_id": words::text(&self.command_id),
            "state": stands(self), "reason": words::text(&self.reason), "skipped": self.skipped,
            "result": words::object(&self.result), "source": source(self.source),
        })
    }
}

/// Where a device's command stands; `None` while it has none.
fn stands(device: &pb::RunDevice) -> Option<String> {
    match device.state() {
        pb::CommandState::Unspecified => None,
        state => Some(command_state(state)),
    }
}

/// Devices with an outcome.
fn done(progress: &pb::RunProgress) -> u32 {
    progress.succeeded + progress.failed + progress.cancelled + progress.skipped
}

/// The progress in words.
fn line(progress: &pb::RunProgress) -> String {
    let mut line = format!("{} of {} done, {} in flight", done(progress), progress.total, progress.in_flight);
    let rest = [(progress.failed, "failed"), (progress.cancelled, "cancelled"), (progress.skipped, "left out")];
    for (count, word) in rest.into_iter().filter(|(count, _)| *count > 0) {
        line.push_str(&format!(", {count} {word}"));
    }
    line
}

fn step(run: &pb::Run) -> Step {
    let progress = run.progress.unwrap_or_default();
    let words = match run.state() {
        pb::RunState::Running => line(&progress),
        _ => format!("{}; {}", line(&progress), state_word(run)),
    };
    Step { done: done(&progress), total: progress.total, state: state_word(run), words }
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut ledger = client.command();
    let changed = match action {
        Action::Start(args) => return start(client, out, *args).await,
        Action::Wait { run: RunId { run_id }, timeout } => {
            let run = get(client, &run_id).await?;
            let (run, status) = wait(client, out, run, timeout).await?;
            out.changed(&run, &[])?;
            return Ok(status.into());
        }
        Action::List { state, source, limit } => {
            let (state, source) = (state.unwrap_or_default().into(), source.unwrap_or_default().into());
            let runs = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListRunsRequest { state, page_size, page_token, source };
                let page = ledger.list_runs(request).await?.into_inner();
                Ok((page.runs, page.next_page_token))
            });
            out.list(&runs.await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Get(RunId { run_id }) => {
            out.detail(&get(client, &run_id).await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Devices { run: RunId { run_id }, states, waiting, skipped, source, limit } => {
            let source = source.unwrap_or_default().into();
            let states: Vec<i32> = states.into_iter().map(Into::into).collect();
            let devices = all(limit.limit, async |page_size, page_token| {
                let (run_id, states) = (run_id.clone(), states.clone());
                let request =
                    pb::ListRunDevicesRequest { run_id, states, waiting, skipped, page_size, page_token, source };
                let page = ledger.list_run_devices(request).await?.into_inner();
                Ok((page.devices, page.next_page_token))
            });
            out.list(&devices.await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Pause { run: RunId { run_id }, reason } => {
            answer(ledger.pause_run(pb::PauseRunRequest { run_id, reason }).await)?.run
        }
        Action::Resume { run: RunId { run_id }, max_failures, max_in_flight } => {
            let request = pb::ResumeRunRequest { run_id, max_failures, max_in_flight };
            answer(ledger.resume_run(request).await)?.run
        }
        Action::Cancel { run: RunId { run_id }, reason } => {
            answer(ledger.cancel_run(pb::CancelRunRequest { run_id, reason }).await)?.run
        }
    };
    out.changed(&changed.unwrap_or_default(), &[])?;
    Ok(ExitCode::SUCCESS)
}

async fn start(client: &Client, out: &Out, args: Start) -> anyhow::Result<ExitCode> {
    let payload = args.order.payload()?;
    confirm(client, &args.selection, &args.order.command_type.to_uppercase(), args.yes).await?;
    let request = pb::StartRunRequest {
        target: Some(args.selection.target()),
        payload,
        run_timeout: args.order.run_timeout(),
        command_type: args.order.command_type,
        idempotency_key: args.order.key,
        max_in_flight: args.max_in_flight.unwrap_or_default(),
        max_failures: args.max_failures,
        time_to_live: args.ttl.map(to_proto_duration),
        description: args.description,
        expected_devices: None,
    };
    let started = answer(client.command().start_run(request).await)?;
    if started.existed {
        note("the key names an earlier run, which is this one; nothing new was started");
    }
    let run = started.run.unwrap_or_default();
    let existed = [("existed", started.existed.into())];
    if !args.wait {
        out.changed(&run, &existed)?;
        return Ok(ExitCode::SUCCESS);
    }
    // First of all, so that it is known also when the wait is broken off.
    note(format_args!("run {}", run.run_id));
    let (run, status) = wait(client, out, run, args.timeout).await?;
    out.changed(&run, &existed)?;
    Ok(status.into())
}

async fn get(client: &Client, run_id: &str) -> anyhow::Result<pb::Run> {
    let request = pb::GetRunRequest { run_id: run_id.to_owned() };
    Ok(answer(client.command().get_run(request).await)?.run.unwrap_or_default())
}

/// Follows a run until it stands still, or for `timeout`; answers it as it was last heard of.
async fn wait(
    client: &Client,
    out: &Out,
    mut run: pb::Run,
    timeout: Option<Duration>,
) -> anyhow::Result<(pb::Run, Status)> {
    let run_id = run.run_id.clone();
    let mut ledger = client.command();
    let mut progress = Progress::new();
    let open =
        async |cursor| ledger.watch(pb::WatchRequest { run_id: run_id.clone(), cursor, ..Default::default() }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        run = match news {
            Some(pb::WatchResponse { run: Some(news), .. }) => news,
            // News of its commands; the run's own follow.
            Some(pb::WatchResponse { commands, .. }) if !commands.is_empty() => return Ok(ControlFlow::Continue(())),
            // It is open from now on, or nothing has changed for a while: what was missed before shows here.
            _ => get(client, &run_id).await?,
        };
        progress.tell(step(&run));
        Ok(if stands_still(&run) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
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
            note(format_args!("still {}; it goes on: homepot ctl runs wait {run_id}", state_word(&run)));
            return Ok((run, status::STILL_UNDER_WAY));
        }
    }
    let status = end(&run);
    if status != status::SUCCEEDED {
        tell_failures(&run);
    }
    Ok((run, status))
}

/// Whether nothing more happens by itself.
fn stands_still(run: &pb::Run) -> bool {
    use pb::RunState as State;
    match run.state() {
        State::Halted | State::Completed | State::Cancelled => true,
        State::Unspecified | State::Running | State::Paused => false,
    }
}

/// The exit status of a run that stands still.
fn end(run: &pb::Run) -> Status {
    let progress = run.progress.unwrap_or_default();
    let all = run.state() == pb::RunState::Completed && progress.succeeded == progress.total;
    if all { status::SUCCEEDED } else { status::FAILED }
}

fn tell_failures(run: &pb::Run) {
    let run_id = &run.run_id;
    if !run.reason.is_empty() {
        note(format_args!("{}: {}", state_word(run), run.reason));
    }
    let which = match run.progress.unwrap_or_default().failed {
        0 => "",
        _ => " --state failed --state rejected --state expired --state unknown",
    };
    note(format_args!("what came of it: homepot ctl runs devices {run_id}{which}"));
    if run.state() == pb::RunState::Halted {
        note(format_args!("to go on: homepot ctl runs resume {run_id} --max-failures COUNT"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: pb::RunState, succeeded: u32) -> pb::Run {
        let progress = pb::RunProgress { total: 3, succeeded, ..Default::default() };
        pb::Run { state: state.into(), progress: Some(progress), ..Default::default() }
    }

    #[test]
    fn a_wait_ends_where_nothing_more_happens_by_itself_and_is_well_only_if_every_device_succeeded() {
        use pb::RunState as State;
        assert!(![State::Running, State::Paused].into_iter().any(|state| stands_still(&run(state, 3))));
        assert!([State::Halted, State::Completed, State::Cancelled].into_iter().all(|s| stands_still(&run(s, 0))));
        assert_eq!(end(&run(State::Completed, 3)), status::SUCCEEDED);
        assert_eq!(end(&run(State::Completed, 2)), status::FAILED);
        assert_eq!(end(&run(State::Cancelled, 3)), status::FAILED);
        assert_eq!(end(&run(State::Halted, 0)), status::FAILED);
    }

    #[test]
    fn progress_is_told_in_words_with_what_went_wrong() {
        let progress = pb::RunProgress {
            total: 60,
            waiting: 20,
            in_flight: 10,
            succeeded: 27,
            failed: 2,
            cancelled: 0,
            skipped: 1,
        };
        assert_eq!(line(&progress), "30 of 60 done, 10 in flight, 2 failed, 1 left out");
        assert_eq!(line(&pb::RunProgress::default()), "0 of 0 done, 0 in flight");
    }
}
