//! `homepot ctl commands`.

use std::{ops::ControlFlow, process::ExitCode, time::Duration};

use homepot::{
    model::to_proto_duration,
    pb::{command::v1 as pb, common::v1::DeviceSource},
};
use homepot_runtime::settings::parse_time;
use serde_json::{Value, json};

use super::{
    calls::{all, answer, follow},
    devices,
    follow::{Waiting, wait},
    order::Order,
    out::{Out, note},
    status,
    table::{Cell, Column, Record, column, key, wide},
    words,
};
use crate::client::Client;

const STATE: &str = "COMMAND_STATE_";
pub(super) const STATES: &[&str] = &[
    "queued",
    "sent",
    "acknowledged",
    "running",
    "succeeded",
    "failed",
    "rejected",
    "expired",
    "cancelled",
    "unknown",
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Queue a command for one device.
    #[command(after_help = status::HELP)]
    Queue(Queue),
    /// List the commands of a device, newest first.
    List {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
        /// Only commands in this state; can be repeated.
        #[arg(long = "state", value_name = "STATE", value_parser = state_parser())]
        states: Vec<pb::CommandState>,
        /// At most so many.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Show one command with its history.
    Get {
        /// The command.
        #[arg(value_name = "COMMAND_ID")]
        command_id: String,
    },
    /// Take a command back, if it has not started.
    ///
    /// Exits with 0 when it is cancelled, with 1 when it came too late, with 4 when the device was asked and has not
    /// answered yet.
    Cancel {
        /// The command.
        #[arg(value_name = "COMMAND_ID")]
        command_id: String,
        /// Why, for the ledger.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
        /// How long to wait for a device that has to be asked, 0s to 60s [default: 5s].
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        wait_for: Option<Duration>,
    },
    /// Show commands as they change, until Ctrl-C.
    Watch {
        /// Only these commands, beginning with how they stand.
        #[arg(value_name = "COMMAND_ID")]
        command_ids: Vec<String>,
        /// Only commands of this device; can be repeated.
        #[arg(long = "device", value_name = "DEVICE_ID")]
        devices: Vec<String>,
        /// Only commands of this site.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
        site: String,
        /// Only commands of real or only of simulated devices.
        #[arg(long, value_parser = devices::source_parser())]
        source: Option<DeviceSource>,
        /// Only commands of this run.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "RUN_ID")]
        run: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Queue {
    /// The device.
    #[arg(value_name = "DEVICE_ID")]
    device_id: String,
    #[command(flatten)]
    order: Order,
    /// It never starts later than this after it was queued, such as 10m or 24h [default: 24h].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    ttl: Option<Duration>,
    /// Stay until it has ended, and show each step.
    #[arg(long)]
    wait: bool,
    /// How long to stay.
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

pub(super) fn state_parser() -> impl clap::builder::TypedValueParser<Value = pb::CommandState> {
    words::choice(STATE, STATES, pb::CommandState::from_str_name)
}

/// A state as a word.
pub(super) fn state_word(state: pb::CommandState) -> String {
    words::word(state.as_str_name(), STATE)
}

impl Record for pb::Command {
    const COLUMNS: &'static [Column<Self>] = &[
        column("COMMAND", |c, _| (&c.command_id).into()),
        key("DEVICE", |c, _| (&c.device_id).into()),
        wide("SITE", |c, _| (&c.site_id).into()),
        wide("SOURCE", |c, _| devices::source(c.source).into()),
        column("TYPE", |c, _| (&c.command_type).into()),
        key("STATE", |c, _| Cell::state(state_word(c.state()))),
        column("QUEUED", |c, style| style.time(&c.created_at)),
        column("BY", |c, _| (&c.created_by).into()),
        wide("ENDED", |c, style| style.time(&c.finished_at)),
        wide("STARTS BEFORE", |c, style| style.time(&c.expires_at)),
        wide("CANCEL ASKED", |c, style| style.time(&c.cancel_requested_at)),
        wide("DELIVERIES", |c, _| c.deliveries.to_string().into()),
        wide("RUN", |c, _| (&c.run_id).into()),
        wide("KEY", |c, _| (&c.idempotency_key).into()),
        wide("PAYLOAD", |c, _| compact(&c.payload)),
        wide("RESULT", |c, _| compact(&c.result)),
        column("REASON", |c, _| (&c.reason).into()),
    ];

    fn json(&self) -> Value {
        json!({
            "command_id": self.command_id, "device_id": self.device_id, "site_id": self.site_id,
            "command_type": self.command_type, "payload": words::object(&self.payload),
            "state": state_word(self.state()), "reason": words::text(&self.reason),
            "result": words::object(&self.result), "created_by": self.created_by,
            "idempotency_key": words::text(&self.idempotency_key), "deliveries": self.deliveries,
            "run_timeout_seconds": words::seconds(&self.run_timeout), "created_at": words::time(&self.created_at),
            "expires_at": words::time(&self.expires_at), "sent_at": words::time(&self.sent_at),
            "acknowledged_at": words::time(&self.acknowledged_at), "started_at": words::time(&self.started_at),
            "finished_at": words::time(&self.finished_at),
            "cancel_requested_at": words::time(&self.cancel_requested_at), "run_id": words::text(&self.run_id),
            "history": self.history.iter().map(Record::json).collect::<Vec<_>>(),
            "source": devices::source(self.source),
        })
    }
}

impl Record for pb::Transition {
    const COLUMNS: &'static [Column<Self>] = &[
        key("STATE", |t, _| Cell::state(state_word(t.state()))),
        column("WHEN", |t, style| style.time(&t.time)),
        column("CAUSE", |t, _| (&t.cause).into()),
    ];

    fn json(&self) -> Value {
        json!({ "state": state_word(self.state()), "time": words::time(&self.time), "cause": self.cause })
    }
}

/// A free-form object on one line.
pub(super) fn compact(object: &Option<prost_types::Struct>) -> Cell {
    match words::object(object) {
        Value::Null => "-".into(),
        object => object.to_string().into(),
    }
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut ledger = client.command();
    match action {
        Action::Queue(args) => return queue(client, out, args).await,
        Action::List { device_id, states, limit } => {
            let states: Vec<i32> = states.into_iter().map(Into::into).collect();
            let commands = all(limit, async |page_size, page_token| {
                let (device_id, states) = (device_id.clone(), states.clone());
                let request = pb::ListRequest { device_id, states, page_size, page_token };
                let page = ledger.list(request).await?.into_inner();
                Ok((page.commands, page.next_page_token))
            });
            out.list(&commands.await?)?;
        }
        Action::Get { command_id } => {
            let found = answer(ledger.get(pb::GetRequest { command_id }).await)?;
            let command = found.command.unwrap_or_default();
            out.detail(&command)?;
            if !out.is_json() && !command.history.is_empty() {
                out.text("")?;
                out.list(&command.history)?;
            }
        }
        Action::Cancel { command_id, reason, wait_for } => {
            let request = pb::CancelRequest { command_id, reason, wait: wait_for.map(to_proto_duration) };
            let command = answer(ledger.cancel(request).await)?.command.unwrap_or_default();
            out.changed(&command, &[])?;
            if command.state() != pb::CommandState::Cancelled {
                note("the device has been asked and has not answered yet; it cancels it unless it has started it");
                return Ok(status::STILL_UNDER_WAY.into());
            }
        }
        Action::Watch { command_ids, devices, site, source, run } => {
            let request = pb::WatchRequest {
                command_ids,
                device_ids: devices,
                site_id: site,
                source: source.unwrap_or_default().into(),
                run_id: run,
                cursor: String::new(),
            };
            watch(client, out, request).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
    out.document(&with_existed(waiting.command.json(), queued.existed))?;
    Ok(status.into())
}

fn with_existed(mut command: Value, existed: bool) -> Value {
    command["existed"] = existed.into();
    command
}

async fn watch(client: &Client, out: &Out, request: pb::WatchRequest) -> anyhow::Result<()> {
    let mut ledger = client.command();
    let mut table = out.table();
    let open = async |cursor| ledger.watch(pb::WatchRequest { cursor, ..request.clone() }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        out.news(&mut table, &news.unwrap_or_default().commands)?;
        Ok(ControlFlow::<()>::Continue(()))
    };
    follow(open, take).await
}
