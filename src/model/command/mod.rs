//! Commands: what they hold, where they stand, and the rules by which they move.

mod exchange;
mod history;
mod machine;
mod state;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::{
    exchange::{Delivery, Outcome},
    history::Transition,
    machine::{Event, Holder, Refusal, Standing, Step},
    state::CommandState,
};
use super::{
    CommandId, CommandType, DeviceId, DeviceSource, JsonBounds, JsonObject, RunId, SiteId, from_proto_duration,
    from_struct, non_empty, to_proto_duration, to_proto_timestamp, to_struct,
};
use crate::{
    checked,
    error::Error,
    pb::{command::v1 as pb, common::v1 as common_pb},
};

/// How long a command waits when the caller does not say.
pub const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(24 * 3600);
/// How long a command runs when the caller does not say.
pub const DEFAULT_RUN_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Payloads and results, as JSON.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// The same with its keys and levels.
pub const MAX_PAYLOAD: JsonBounds = JsonBounds { bytes: MAX_PAYLOAD_BYTES, keys: 1_024, depth: 16 };

/// The command types HOMEPOT knows, with whether running one twice does no harm.
pub const CATALOGUE: &[(&str, bool)] = &[
    ("PING", true),
    ("RUN_DIAGNOSTICS", true),
    ("SET_INTERVAL", true),
    (UPDATE_CONFIG, true),
    ("RESTART_APP", false),
    ("REBOOT", false),
];

/// Values of a device, or another version of its release. A rollout brings them to a device that takes releases; a legacy device is
/// handed the command as it is.
pub const UPDATE_CONFIG: &str = "UPDATE_CONFIG";

/// Whether a command may be handed over again after nothing was heard of it. What HOMEPOT does not know is not.
pub fn is_safe_to_repeat(command_type: &CommandType) -> bool {
    CATALOGUE.iter().any(|(name, safe)| *name == command_type.as_str() && *safe)
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its id.
    pub command_id: CommandId,
    /// The device it is for.
    pub device_id: DeviceId,
    /// The device's site.
    pub site_id: SiteId,
    /// Whether the device is real.
    pub source: DeviceSource,
    /// What to do.
    pub command_type: CommandType,
    /// Its arguments.
    pub payload: Option<JsonObject>,
    /// Where it stands.
    pub state: CommandState,
    /// Why it stands there.
    pub reason: Option<String>,
    /// What the device answered.
    pub result: Option<JsonObject>,
    /// Who queued it.
    pub created_by: String,
    /// The key the caller gave.
    pub idempotency_key: Option<String>,
    /// How often it was handed over.
    pub deliveries: i32,
    /// How long it may run.
    pub run_timeout: Duration,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// It never starts after this.
    pub expires_at: DateTime<Utc>,
    /// When it was first handed over.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the device had it on disk.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached an end.
    pub finished_at: Option<DateTime<Utc>>,
    /// When somebody asked for it back while its device had it.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// The run it is part of.
    pub run_id: Option<RunId>,
    /// Every state it has been in, oldest first.
    pub history: Vec<Transition>,
    /// The place of the call that queued it in a trace, as `traceparent` has it.
    pub trace: Option<String>,
}

impl From<Command> for pb::Command {
    fn from(command: Command) -> Self {
        Self {
            command_id: command.command_id.to_string(),
            device_id: command.device_id.into(),
            site_id: command.site_id.into(),
            requested_type: command.command_type.spelling().unwrap_or_default().to_owned(),
            command_type: command.command_type.into(),
            payload: command.payload.as_ref().map(to_struct),
            state: pb::CommandState::from(command.state).into(),
            reason: command.reason.unwrap_or_default(),
            result: command.result.as_ref().map(to_struct),
            created_by: command.created_by,
            idempotency_key: command.idempotency_key.unwrap_or_default(),
            deliveries: command.deliveries.try_into().unwrap_or_default(),
            run_timeout: Some(to_proto_duration(command.run_timeout)),
            created_at: Some(to_proto_timestamp(command.created_at)),
            expires_at: Some(to_proto_timestamp(command.expires_at)),
            sent_at: command.sent_at.map(to_proto_timestamp),
            acknowledged_at: command.acknowledged_at.map(to_proto_timestamp),
            started_at: command.started_at.map(to_proto_timestamp),
            finished_at: command.finished_at.map(to_proto_timestamp),
            cancel_requested_at: command.cancel_requested_at.map(to_proto_timestamp),
            run_id: command.run_id.map(|id| id.to_string()).unwrap_or_default(),
            history: command.history.into_iter().map(Into::into).collect(),
            source: common_pb::DeviceSource::from(command.source).into(),
        }
    }
}

/// What to queue.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCommand {
    /// The device it is for.
    pub device_id: DeviceId,
    /// What to do.
    pub command_type: CommandType,
    /// Its arguments.
    pub payload: Option<JsonObject>,
    /// Makes a repeat harmless.
    pub idempotency_key: Option<String>,
    /// How long it waits.
    pub time_to_live: Duration,
    /// How long it may run.
    pub run_timeout: Duration,
}

impl TryFrom<pb::QueueRequest> for NewCommand {
    type Error = Error;

    fn try_from(request: pb::QueueRequest) -> Result<Self, Error> {
        checked::check(&request)?;
        Ok(Self {
            device_id: DeviceId::parse(&request.device_id)?,
            command_type: CommandType::parse_any_case(&request.command_type)?,
            payload: request.payload.as_ref().map(|p| from_struct("payload", p, MAX_PAYLOAD)).transpose()?,
            idempotency_key: non_empty(request.idempotency_key),
            time_to_live: span("time_to_live", request.time_to_live.as_ref(), DEFAULT_TIME_TO_LIVE)?,
            run_timeout: span("run_timeout", request.run_timeout.as_ref(), DEFAULT_RUN_TIMEOUT)?,
        })
    }
}

/// A span, or the default where it is left out.
pub(super) fn span(field: &str, value: Option<&prost_types::Duration>, default: Duration) -> Result<Duration, Error> {
    value.map_or(Ok(default), |value| from_proto_duration(field, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_the_wire_and_the_store() {
        for state in CommandState::ALL {
            assert_eq!(CommandState::from_proto("state", pb::CommandState::from(state).into()), Ok(state));
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }

    #[test]
    fn what_is_not_safe_to_repeat_is_known_and_the_unknown_is_not_safe() {
        let safe = |name: &str| is_safe_to_repeat(&CommandType::parse(name).unwrap());
        assert!(safe("PING"));
        assert!(!safe("REBOOT"));
        assert!(!safe("UPDATE_POS"));
    }

    #[test]
    fn a_queue_request_tells_all_its_faults_at_once() {
        let request = pb::QueueRequest {
            command_type: "1".to_owned(),
            time_to_live: Some(prost_types::Duration { seconds: 0, nanos: 5 }),
            ..Default::default()
        };
        let error = NewCommand::try_from(request).unwrap_err();
        let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["device_id", "command_type", "time_to_live"]);
    }
}
