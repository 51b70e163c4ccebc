//! What goes to a device and comes back from it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{CommandState, MAX_PAYLOAD};
use crate::{
    error::Error,
    model::{
        CommandId, CommandType, Faults, JsonObject, from_proto_duration, from_proto_timestamp, from_struct, non_empty,
        to_proto_duration, to_proto_timestamp, to_struct,
    },
    pb::{command::v1 as pb, device::v1 as device_pb},
};

/// A command on its way to a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its id.
    pub command_id: CommandId,
    /// What to do.
    pub command_type: CommandType,
    /// Its arguments.
    pub payload: Option<JsonObject>,
    /// The rest of its time to live.
    pub time_to_live: Duration,
    /// How long it may run.
    pub run_timeout: Duration,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// The server's clock when that was left; `None`: the server does not tell.
    pub server_time: Option<DateTime<Utc>>,
}

impl From<Delivery> for device_pb::CommandDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            command_id: delivery.command_id.to_string(),
            requested_type: delivery.command_type.spelling().unwrap_or_default().to_owned(),
            command_type: delivery.command_type.into(),
            payload: delivery.payload.as_ref().map(to_struct),
            time_to_live: Some(to_proto_duration(delivery.time_to_live)),
            run_timeout: Some(to_proto_duration(delivery.run_timeout)),
            created_at: Some(to_proto_timestamp(delivery.created_at)),
            server_time: delivery.server_time.map(to_proto_timestamp),
        }
    }
}

impl TryFrom<device_pb::CommandDelivery> for Delivery {
    type Error = Error;

    fn try_from(delivery: device_pb::CommandDelivery) -> Result<Self, Error> {
        let span = |field, value: Option<prost_types::Duration>| match value {
            Some(value) => from_proto_duration(field, &value),
            None => Err(Error::missing(field)),
        };
        let created_at = delivery.created_at.unwrap_or_default();
        Ok(Self {
            command_id: CommandId::parse(&delivery.command_id)?,
            command_type: CommandType::parse_any_case(&delivery.command_type)?,
            payload: delivery.payload.as_ref().map(|p| from_struct("payload", p, MAX_PAYLOAD)).transpose()?,
            time_to_live: span("time_to_live", delivery.time_to_live)?,
            run_timeout: span("run_timeout", delivery.run_timeout)?,
            created_at: from_proto_timestamp("created_at", &created_at)?,
            server_time: delivery.server_time.map(|time| from_proto_timestamp("server_time", &time)).transpose()?,
        })
    }
}

/// How a command ended, as the device tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The command.
    pub command_id: CommandId,
    /// An end; cancelled only where the server asked for that.
    pub state: CommandState,
    /// The result.
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
        if state.is_some_and(|state| !state.is_end()) {
            faults.add("state", "must be SUCCEEDED, FAILED, REJECTED, EXPIRED, UNKNOWN or CANCELLED");
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
