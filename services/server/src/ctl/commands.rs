//! `homepot ctl commands`.

use std::{ops::ControlFlow, process::ExitCode, time::Duration};

use homepot::{
    model::to_proto_duration,
    pb::{command::v1 as pb, common::v1::DeviceSource},
};
use homepot_host::settings::parse_time;
use serde_json::{Value, json};

use super::kit::{
    args::{CommandId, Limit},
    calls::{all, answer, follow},
    order::Order,
    out::{Out, note},
    record::{Cell, Column, Record, column, key, wide},
    source::{source, source_parser},
    states::{command_state, command_state_parser},
    status::{self, Status},
    words,
};
use crate::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Queue a command for one device.
    #[command(after_help = status::HELP)]
    Queue(Queue),
    /// List the commands of devices, newest first. With --watch, show commands as they change.
    List(List),
    /// Show one command with its history.
    Get(CommandId),
    /// Cancel a command that has not started.
    ///
    /// Exits with 0 if the command is cancelled, with 1 if it was too late, with 4 if the device was asked and has not
    /// answered yet.
    Cancel {
        #[command(flatten)]
        command: CommandId,
        /// Reason, which is kept in the command's history.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
        /// How long to wait for the answer of a device that has the command, 0s to 60s [default: 5s].
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        wait_for: Option<Duration>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// The devices, listed one after the other.
    #[arg(value_name = "DEVICE_ID", required_unless_present = "watch")]
    device_ids: Vec<String>,
    /// Only commands in this state. Can be repeated.
    #[arg(long = "state", value_name = "STATE", value_parser = command_state_parser())]
    states: Vec<pb::CommandState>,
    #[command(flatten)]
    limit: Limit,
    /// Show commands of these devices, or of all that you may see, as they change from now on, until Ctrl-C.
    #[arg(long, conflicts_with = "limit")]
    watch: bool,
    /// Watch only this command, beginning with its current state. Can be repeated.
    #[arg(long = "command", requires = "watch", value_name = "COMMAND_ID")]
    commands: Vec<String>,
    /// Watch only commands of this site.
    #[arg(long, requires = "watch", value_name = "SITE_ID")]
    site: Option<String>,
    /// Watch only commands of real or only of simulated devices.
    #[arg(long, requires = "watch", value_parser = source_parser())]
    source: Option<DeviceSource>,
    /// Watch only commands of this run.
    #[arg(long, requires = "watch", value_name = "RUN_ID")]
    run: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Queue {
    /// The device.
    #[arg(value_name = "DEVICE_ID")]
    device_id: String,
    #[command(flatten)]
    order: Order,
    /// Time to live: how long the command may wait before it starts, such as 10m or 24h [default: 24h].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    ttl: Option<Duration>,
    /// Wait until the command has ended, and show each step.
    #[arg(long)]
    wait: bool,
    /// How long to wait.
    #[arg(long, requires = "wait", default_value = "60s", value_name = "TIME", value_parser = parse_time)]
    timeout: Duration,
}

impl Action {
    /// How much longer than others the call may take.
    pub(super) fn takes(&self) -> Duration {
        match self {
            Self::Cancel { wait_for: Some(time), .. } => *time,
            _ => Duration::ZERO,
        }
    }
}

impl Record for pb::Command {
    const COLUMNS: &'static [Column<Self>] = &[
        column("COMMAND", |c, _| (&c.command_id).into()),
        key("DEVICE", |c, _| (&c.device_id).into()),
        wide("SITE", |c, _| (&c.site_id).into()),
        wide("SOURCE", |c, _| source(c.source).into()),
        column("TYPE", |c, _| (&c.command_type).into()),
        key("STATE", |c, _| Cell::state(command_state(c.state()))),
        column("QUEUED", |c, style| style.time(&c.created_at)),
        column("BY", |c, _| (&c.created_by).into()),
        wide("ENDED", |c, style| style.time(&c.finished_at)),
        wide("STARTS BEFORE", |c, style| style.time(&c.expires_at)),
        wide("CANCEL ASKED", |c, style| style.time(&c.cancel_requested_at)),
        wide("DELIVERIES", |c, _| c.deliveries.to_string().into()),
        wide("RUN", |c, _| (&c.run_id).into()),
        wide("KEY", |c, _| (&c.idempotency_key).into()),
        wide("PAYLOAD", |c, _| words::compact(&c.payload).into()),
        wide("RESULT", |c, _| words::compact(&c.result).into()),
        column("REASON", |c, _| (&c.reason).into()),
    ];

    const NAME: Option<&'static str> = Some("command_id");

    fn json(&self) -> Value {
        json!({
            "command_id": self.command_id, "device_id": self.device_id, "site_id": self.site_id,
            "command_type": self.command_type, "payload": words::object(&self.payload),
            "state": command_state(self.state()), "reason": words::text(&self.reason),
            "result": words::object(&self.result), "created_by": self.created_by,
            "idempotency_key": words::text(&self.idempotency_key), "deliveries": self.deliveries,
            "run_timeout_seconds": words::seconds(&self.run_timeout), "created_at": words::time(&self.created_at),
            "expires_at": words::time(&self.expires_at), "sent_at": words::time(&self.sent_at),
            "acknowledged_at": words::time(&self.acknowledged_at), "started_at": words::time(&self.started_at),
            "finished_at": words::time(&self.finished_at),
            "cancel_requested_at": words::time(&self.cancel_requested_at), "run_id": words::text(&self.run_id),
            "history": self.history.iter().map(Record::json).collect::<Vec<_>>(),
            "source": source(self.source),
        })
    }
}

impl Record for pb::Transition {
    const COLUMNS: &'static [Column<Self>] = &[
        key("STATE", |t, _| Cell::state(command_state(t.state()))),
        column("WHEN", |t, style| style.time(&t.time)),
        column("CAUSE", |t, _| (&t.cause).into()),
    ];

    fn json(&self) -> Value {
        json!({ "state": command_state(self.state()), "time": words::time(&self.time), "cause": self.cause })
    }
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut ledger = client.command();
    match action {
        Action::Queue(args) => return queue(client, out, args).await,
        Action::List(args) if args.watch => watch(client, out, args).await?,
        Action::List(args) => list(client, out, args).await?,
        Action::Get(CommandId { command_id }) => {
            let found = answer(ledger.get(pb::GetRequest { command_id }).await)?;
            let command = found.command.unwrap_or_default();
            out.detail(&command)?;
            out.below(&command.history)?;
        }
        Action::Cancel { command: CommandId { command_id }, reason, wait_for } => {
            let request = pb::CancelRequest { command_id, reason, wait: wait_for.map(to_proto_duration) };
            let command = answer(ledger.cancel(request).await)?.command.unwrap_or_default();
            out.changed(&command, &[])?;
            if command.state() != pb::CommandState::Cancelled {
                note("the device has been asked and has not answered yet; it cancels it unless it has started it");
                return Ok(status::STILL_UNDER_WAY.into());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client, out: &Out, args: List) -> anyhow::Result<()> {
    let states: Vec<i32> = args.states.into_iter().map(Into::into).collect();
    let mut commands = Vec::new();
    for device_id in &args.device_ids {
        let of_device = all(args.limit.limit, async |page_size, page_token| {
            let (device_id, states) = (device_id.clone(), states.clone());
            let request = pb::ListRequest { device_id, states, page_size, page_token };
            let page = client.command().list(request).await?.into_inner();
            Ok((page.commands, page.next_page_token))
        });
        commands.extend(of_device.await?);
    }
    out.list(&commands)
}

async fn queue(client: &Client, out: &Out, args: Queue) -> anyhow::Result<ExitCode> {
    let request = pb::QueueRequest {
        device_id: args.device_id,
        payload: args.order.payload()?,
        run_timeout: args.order.run_timeout(),
        command_type: args.order.command_type,
        idempotency_key: args.order.key,
        time_to_live: args.ttl.map(to_proto_duration),
    };
    let queued = answer(client.command().queue(request).await)?;
    if queued.existed {
        note("the key names an earlier command, which is this one; nothing new was queued");
    }
    let command = queued.command.unwrap_or_default();
    if !args.wait {
        out.changed(&command, &[("existed", queued.existed.into())])?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut waiting = Waiting::new(command);
    let status = wait(client, out, &mut waiting, args.timeout).await?;
    if !out.is_for_people() {
        out.changed(&waiting.command, &[("existed", queued.existed.into())])?;
    }
    Ok(status.into())
}

async fn watch(client: &Client, out: &Out, args: List) -> anyhow::Result<()> {
    let request = pb::WatchRequest {
        command_ids: args.commands,
        device_ids: args.device_ids,
        site_id: args.site.unwrap_or_default(),
        source: args.source.unwrap_or_default().into(),
        run_id: args.run.unwrap_or_default(),
        include_runs: false,
        cursor: String::new(),
    };
    let mut ledger = client.command();
    let mut feed = out.feed::<pb::Command>(&[])?;
    let open = async |cursor| ledger.watch(pb::WatchRequest { cursor, ..request.clone() }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        let mut commands = news.unwrap_or_default().commands;
        commands.retain(|command| args.states.is_empty() || args.states.contains(&command.state()));
        out.news(&mut feed, &commands)?;
        Ok(ControlFlow::<()>::Continue(()))
    };
    follow(open, take).await
}

/// A command that somebody waits for, and how many of its steps were shown.
struct Waiting {
    /// As it was last heard of.
    command: pb::Command,
    /// Steps of its history.
    told: usize,
}

impl Waiting {
    fn new(command: pb::Command) -> Self {
        Self { command, told: 0 }
    }

    /// Takes what was heard; answers the steps that are new, each with the time since the command was queued.
    fn hear(&mut self, command: pb::Command) -> Vec<(pb::CommandState, Duration)> {
        self.command = command;
        let created = words::read_time(&self.command.created_at).unwrap_or_default();
        let mut steps: Vec<_> = self.command.history.iter().map(|step| (step.state(), step.time)).collect();
        // A history may be older than the row it comes with.
        if steps.last().is_none_or(|(state, _)| *state != self.command.state()) {
            steps.push((self.command.state(), self.command.finished_at));
        }
        let new = steps.split_off(self.told.min(steps.len()));
        self.told += new.len();
        let after = |time| words::read_time(&time).and_then(|time| (time - created).to_std().ok());
        new.into_iter().map(|(state, time)| (state, after(time).unwrap_or_default())).collect()
    }
}

/// Follows a command until it has ended, or for `timeout`; shows each step.
async fn wait(client: &Client, out: &Out, waiting: &mut Waiting, timeout: Duration) -> anyhow::Result<Status> {
    let command_id = waiting.command.command_id.clone();
    let mut ledger = client.command();
    let open = async |cursor| {
        ledger.watch(pb::WatchRequest { command_ids: vec![command_id.clone()], cursor, ..Default::default() }).await
    };
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        for command in news.unwrap_or_default().commands {
            let command_type = command.command_type.clone();
            for (state, after) in waiting.hear(command) {
                out.text(format_args!("{command_type} {:<13}+{}", command_state(state), words::elapsed(after)))?;
            }
            if let Some(status) = end(waiting.command.state()) {
                tell_end(out, &waiting.command)?;
                return Ok(ControlFlow::Break(status));
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    if let Ok(ended) = tokio::time::timeout(timeout, follow(open, take)).await {
        return ended;
    }
    let state = command_state(waiting.command.state());
    note(format_args!(
        "still {state} after {}; it goes on: homepot ctl commands get {command_id}",
        words::elapsed(timeout)
    ));
    Ok(status::STILL_UNDER_WAY)
}

fn tell_end(out: &Out, command: &pb::Command) -> anyhow::Result<()> {
    if !command.reason.is_empty() {
        out.text(format_args!("{} {:<13}{}", command.command_type, "because", command.reason))?;
    }
    if command.result.is_some() {
        out.text(format_args!("{} {:<13}{}", command.command_type, "answered", words::object(&command.result)))?;
    }
    Ok(())
}

/// The exit status of an end; `None`: it is none.
fn end(state: pb::CommandState) -> Option<Status> {
    use pb::CommandState as State;
    match state {
        State::Succeeded => Some(status::SUCCEEDED),
        State::Failed | State::Rejected | State::Expired | State::Cancelled => Some(status::FAILED),
        State::Unknown => Some(status::UNKNOWN),
        State::Unspecified | State::Queued | State::Sent | State::Acknowledged | State::Running => None,
    }
}

#[cfg(test)]
mod tests {
    use pb::CommandState as State;
    use prost_types::Timestamp;

    use super::*;

    fn command(states: &[State]) -> pb::Command {
        let at = |nanos| Some(Timestamp { seconds: 7, nanos });
        let step = |(place, state): (usize, &State)| pb::Transition {
            state: (*state).into(),
            time: at(i32::try_from(place).unwrap() * 2_000_000),
            cause: String::new(),
        };
        pb::Command {
            created_at: at(0),
            state: (*states.last().unwrap()).into(),
            history: states.iter().enumerate().map(step).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn each_step_is_told_once_also_when_messages_come_twice_or_steps_come_together() {
        let mut waiting = Waiting::new(pb::Command::default());
        let mut heard = |states: &[State]| {
            let steps = waiting.hear(command(states));
            steps.into_iter().map(|(state, after)| (state, after.as_millis())).collect::<Vec<_>>()
        };
        assert_eq!(heard(&[State::Queued]), [(State::Queued, 0)]);
        assert_eq!(heard(&[State::Queued]), []);
        let way = [State::Queued, State::Sent, State::Acknowledged];
        assert_eq!(heard(&way), [(State::Sent, 2), (State::Acknowledged, 4)]);
        assert_eq!(heard(&way), []);
    }

    #[test]
    fn the_exit_status_tells_success_failure_and_what_nobody_knows() {
        let ends = [State::Succeeded, State::Failed, State::Rejected, State::Cancelled, State::Expired, State::Unknown];
        assert_eq!(ends.map(end), {
            use status::{FAILED, SUCCEEDED, UNKNOWN};
            [SUCCEEDED, FAILED, FAILED, FAILED, FAILED, UNKNOWN].map(Some)
        });
        assert!([State::Queued, State::Sent, State::Acknowledged, State::Running].iter().all(|s| end(*s).is_none()));
    }
}
