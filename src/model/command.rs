//! Commands and where they stand.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    CommandId, CommandType, DeviceId, Faults, JsonBounds, JsonObject, SiteId, from_proto_duration, from_struct,
    non_empty, to_proto_duration, to_proto_timestamp, to_struct,
};
use crate::{
    error::Error,
    pb::{command::v1 as pb, device::v1 as device_pb},
};

/// How long a command waits when the caller does not say.
pub const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(24 * 3600);
/// How long a command runs when the caller does not say.
pub const DEFAULT_RUN_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Payloads and results, as JSON.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

const MAX_PAYLOAD: JsonBounds = JsonBounds { bytes: MAX_PAYLOAD_BYTES, keys: 1_024, depth: 16 };
const TIME_TO_LIVE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30 * 24 * 3600));
const RUN_TIMEOUT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 3600));

/// The command types HOMEPOT knows, with whether running one twice does no harm.
pub const CATALOGUE: &[(&str, bool)] =
    &[("PING", true), ("RUN_DIAGNOSTICS", true), ("SET_INTERVAL", true), ("RESTART_APP", false), ("REBOOT", false)];

/// Whether a command may be handed over again after nothing was heard of it. What HOMEPOT does not know is not.
pub fn is_safe_to_repeat(command_type: &CommandType) -> bool {
    CATALOGUE.iter().any(|(name, safe)| *name == command_type.as_str() && *safe)
}

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// In the ledger, waiting for its device.
    Queued,
    /// Handed over; nothing heard yet.
    Sent,
    /// On the device's disk.
    Acknowledged,
    /// Started.
    Running,
    /// Done.
    Succeeded,
    /// Tried, did not work.
    Failed,
    /// The device declined to try.
    Rejected,
    /// Its time to live ran out before it started.
    Expired,
    /// Taken back before it was handed over.
    Cancelled,
    /// Nobody can say how it ended; a late outcome still replaces it.
    Unknown,
}

impl CommandState {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Sent,
        Self::Acknowledged,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Rejected,
        Self::Expired,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The word for people and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is an end.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent | Self::Acknowledged | Self::Running)
    }

    /// Whether the ledger may go from here to `next`. A state never follows itself: a repeat is no transition.
    pub fn may_become(self, next: Self) -> bool {
        use CommandState::{
            Acknowledged, Cancelled, Expired, Failed, Queued, Rejected, Running, Sent, Succeeded, Unknown,
        };
        match self {
            Queued => matches!(next, Sent | Expired | Cancelled),
            // A device whose acknowledgement got lost may report any later state.
            Sent => matches!(next, Acknowledged | Running | Succeeded | Failed | Rejected | Expired | Unknown),
            Acknowledged => matches!(next, Running | Succeeded | Failed | Rejected | Expired | Unknown),
            Running => matches!(next, Succeeded | Failed | Rejected | Expired | Unknown),
            Unknown => matches!(next, Succeeded | Failed | Rejected | Expired),
            Succeeded | Failed | Rejected | Expired | Cancelled => false,
        }
    }

    /// Reads a protocol value.
    pub fn from_proto(field: &str, value: i32) -> Result<Self, Error> {
        match pb::CommandState::try_from(value) {
            Ok(pb::CommandState::Queued) => Ok(Self::Queued),
            Ok(pb::CommandState::Sent) => Ok(Self::Sent),
            Ok(pb::CommandState::Acknowledged) => Ok(Self::Acknowledged),
            Ok(pb::CommandState::Running) => Ok(Self::Running),
            Ok(pb::CommandState::Succeeded) => Ok(Self::Succeeded),
            Ok(pb::CommandState::Failed) => Ok(Self::Failed),
            Ok(pb::CommandState::Rejected) => Ok(Self::Rejected),
            Ok(pb::CommandState::Expired) => Ok(Self::Expired),
            Ok(pb::CommandState::Cancelled) => Ok(Self::Cancelled),
            Ok(pb::CommandState::Unknown) => Ok(Self::Unknown),
            Ok(pb::CommandState::Unspecified) => Err(Error::invalid(field, "is required")),
            Err(_) => Err(Error::invalid(field, "is not a known state")),
        }
    }
}

impl FromStr for CommandState {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| Error::invalid("state", "is not a known state"))
    }
}

impl From<CommandState> for pb::CommandState {
    fn from(state: CommandState) -> Self {
        match state {
            CommandState::Queued => Self::Queued,
            CommandState::Sent => Self::Sent,
            CommandState::Acknowledged => Self::Acknowledged,
            CommandState::Running => Self::Running,
            CommandState::Succeeded => Self::Succeeded,
            CommandState::Failed => Self::Failed,
            CommandState::Rejected => Self::Rejected,
            CommandState::Expired => Self::Expired,
            CommandState::Cancelled => Self::Cancelled,
            CommandState::Unknown => Self::Unknown,
        }
    }
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
}

impl From<Command> for pb::Command {
    fn from(command: Command) -> Self {
        Self {
            command_id: command.command_id.to_string(),
            device_id: command.device_id.into(),
            site_id: command.site_id.into(),
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
        let mut faults = Faults::new();
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let command_type = faults.take(CommandType::parse_any_case(&request.command_type));
        let payload = request.payload.as_ref().and_then(|p| faults.take(from_struct("payload", p, MAX_PAYLOAD)));
        faults.text("idempotency_key", &request.idempotency_key, 0, 128);
        let time_to_live =
            faults.take(span("time_to_live", request.time_to_live.as_ref(), DEFAULT_TIME_TO_LIVE, TIME_TO_LIVE));
        let run_timeout =
            faults.take(span("run_timeout", request.run_timeout.as_ref(), DEFAULT_RUN_TIMEOUT, RUN_TIMEOUT));
        let command = device_id.zip(command_type).zip(time_to_live).zip(run_timeout).map(
            |(((device_id, command_type), time_to_live), run_timeout)| Self {
                device_id,
                command_type,
                payload,
                idempotency_key: non_empty(request.idempotency_key),
                time_to_live,
                run_timeout,
            },
        );
        faults.finish(command)
    }
}

fn span(
    field: &str,
    value: Option<&prost_types::Duration>,
    default: Duration,
    (min, max): (Duration, Duration),
) -> Result<Duration, Error> {
    let Some(value) = value else { return Ok(default) };
    let span = from_proto_duration(field, value)?;
    if span < min || span > max {
        return Err(Error::invalid(field, format!("must be {} to {} seconds", min.as_secs(), max.as_secs())));
    }
    Ok(span)
}

/// A command on its way to a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its id.
    pub command_id: CommandId,
    /// What to do.
    pub command_type: CommandType,
    /// Its arguments.
    pub payload: Option<JsonObject>,
    /// What is left of its time to live.
    pub time_to_live: Duration,
    /// How long it may run.
    pub run_timeout: Duration,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
}

impl From<Delivery> for device_pb::CommandDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            command_id: delivery.command_id.to_string(),
            command_type: delivery.command_type.into(),
            payload: delivery.payload.as_ref().map(to_struct),
            time_to_live: Some(to_proto_duration(delivery.time_to_live)),
            run_timeout: Some(to_proto_duration(delivery.run_timeout)),
            created_at: Some(to_proto_timestamp(delivery.created_at)),
        }
    }
}

impl TryFrom<device_pb::CommandDelivery> for Delivery {
    type Error = Error;

    fn try_from(delivery: device_pb::CommandDelivery) -> Result<Self, Error> {
        let span = |field, value: Option<prost_types::Duration>| match value {
            Some(value) => from_proto_duration(field, &value),
            None => Err(Error::invalid(field, "is required")),
        };
        let created_at = delivery.created_at.unwrap_or_default();
        Ok(Self {
            command_id: CommandId::parse(&delivery.command_id)?,
            command_type: CommandType::parse_any_case(&delivery.command_type)?,
            payload: delivery.payload.as_ref().map(|p| from_struct("payload", p, MAX_PAYLOAD)).transpose()?,
            time_to_live: span("time_to_live", delivery.time_to_live)?,
            run_timeout: span("run_timeout", delivery.run_timeout)?,
            created_at: super::from_proto_timestamp("created_at", &created_at)?,
        })
    }
}

/// How a command ended, as the device tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The command.
    pub command_id: CommandId,
    /// Succeeded, failed, rejected, expired or unknown.
    pub state: CommandState,
    /// What came of it.
    pub result: Option<JsonObject>,
    /// Why it did not succeed.
    pub reason: Option<String>,
}

impl TryFrom<device_pb::CommandOutcome> for Outcome {
    type Error = Error;

    fn try_from(outcome: device_pb::CommandOutcome) -> Result<Self, Error> {
        let mut faults = Faults::new();
        let command_id = faults.take(CommandId::parse(&outcome.command_id));
        let state = faults.take(CommandState::from_proto("state", outcome.state));
        if state.is_some_and(|state| !state.is_end() || state == CommandState::Cancelled) {
            faults.add("state", "must be SUCCEEDED, FAILED, REJECTED, EXPIRED or UNKNOWN");
        }
        let result = outcome.result.as_ref().and_then(|r| faults.take(from_struct("result", r, MAX_PAYLOAD)));
        faults.text("reason", &outcome.reason, 0, 2_000);
        let outcome = command_id.zip(state).map(|(command_id, state)| Self {
            command_id,
            state,
            result,
            reason: non_empty(outcome.reason),
        });
        faults.finish(outcome)
    }
}

impl From<Outcome> for device_pb::CommandOutcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            command_id: outcome.command_id.to_string(),
            state: pb::CommandState::from(outcome.state).into(),
            result: outcome.result.as_ref().map(to_struct),
            reason: outcome.reason.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unknown_accepts_a_late_outcome_and_no_end_goes_back() {
        for from in CommandState::ALL {
            for to in CommandState::ALL {
                if from.is_end() && from.may_become(to) {
                    assert_eq!(from, CommandState::Unknown);
                    assert!(to.is_end());
                }
                if to == CommandState::Queued || from == to {
                    assert!(!from.may_become(to));
                }
            }
        }
    }

    #[test]
    fn a_command_is_cancelled_only_before_it_was_handed_over() {
        for from in CommandState::ALL {
            assert_eq!(from.may_become(CommandState::Cancelled), from == CommandState::Queued);
        }
    }

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
