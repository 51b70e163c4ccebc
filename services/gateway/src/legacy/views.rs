//! What answers look like: the contract's fields first and in its order, then what was added since.

use chrono::SecondsFormat;
use homepot::{
    Error,
    model::{CommandState, JsonBounds, JsonObject, from_proto_timestamp, from_struct},
    pb::{command::v1 as command_pb, common::v1 as common_pb, device::v1 as device_pb, registry::v1 as pb},
};
use prost_types::{Struct, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::ApiError;
pub(super) use crate::error::broken;

/// What the services answer was bounded when it came in.
const ANY: JsonBounds = JsonBounds { bytes: usize::MAX, keys: usize::MAX, depth: 128 };

/// An object of JSON whose fields keep their order.
#[derive(Debug)]
pub(super) struct View(pub(super) Vec<(&'static str, Value)>);

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl From<View> for Value {
    fn from(view: View) -> Self {
        view.0.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A [`View`] of these fields.
macro_rules! view {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::legacy::views::View(vec![$(($name, serde_json::Value::from($value))),*])
    };
}
pub(super) use view;

pub(super) fn time(time: Option<&Timestamp>) -> Result<Option<String>, Error> {
    let time = time.map(|time| from_proto_timestamp("time", time)).transpose()?;
    Ok(time.map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true)))
}

fn object(object: Option<&Struct>) -> Result<Option<JsonObject>, Error> {
    object.map(|object| from_struct("object", object, ANY)).transpose()
}

pub(super) fn text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// The configuration of a device's record; empty where there is none.
pub(super) fn config(config: Option<&Struct>) -> Result<JsonObject, ApiError> {
    object(config).map(Option::unwrap_or_default).map_err(|error| broken(&error))
}

pub(super) fn site(site: pb::Site) -> Result<View, Error> {
    Ok(view! {
        "site_id": site.site_id,
        "name": site.name,
        "description": text(site.description),
        "location": text(site.location),
        "created_at": time(site.created_at.as_ref())?,
        "updated_at": time(site.updated_at.as_ref())?,
        "open_enrollment": site.open_enrollment,
    })
}

/// A device; its configuration, which may be large, stands in it only where one device is asked for.
pub(super) fn device(device: pb::Device) -> Result<View, Error> {
    let presence = device.presence.unwrap_or_default();
    let skew = presence.clock_skew.map(|skew| skew.seconds as f64 + f64::from(skew.nanos) / 1e9);
    let mut view = view! {
        "site_id": device.site_id,
        "device_id": device.device_id,
        "name": device.name,
        "device_type": device.device_type,
        "status": status_word(presence.status),
        "ip_address": text(device.ip_address),
        "created_at": time(device.created_at.as_ref())?,
        "updated_at": time(device.updated_at.as_ref())?,
        "mac_address": text(device.mac_address),
        "firmware_version": text(device.firmware_version),
        "source": source_word(device.source),
        "proves": device.proves,
        "active": device.active,
        "last_seen_at": time(presence.last_seen_at.as_ref())?,
        "agent_version": text(presence.agent_version),
        "labels": Value::from_iter(device.labels),
        "status_since": time(presence.status_since.as_ref())?,
        "flapping": presence.flapping,
        "contested_since": time(presence.contested_since.as_ref())?,
        "clock_skew_seconds": skew,
    };
    if let Some(config) = object(device.config.as_ref())? {
        view.0.push(("config", config.into()));
    }
    Ok(view)
}

/// What a device is; as one that does not tell is taken for real, so is one of which nothing is told.
pub(super) fn source_word(source: i32) -> &'static str {
    match common_pb::DeviceSource::try_from(source) {
        Ok(common_pb::DeviceSource::Simulated) => "simulated",
        _ => "real",
    }
}

fn status_word(status: i32) -> &'static str {
    match pb::DeviceStatus::try_from(status) {
        Ok(pb::DeviceStatus::Online) => "online",
        Ok(pb::DeviceStatus::Offline) => "offline",
        Ok(pb::DeviceStatus::Maintenance) => "maintenance",
        Ok(pb::DeviceStatus::Error) => "error",
        Ok(pb::DeviceStatus::Unknown | pb::DeviceStatus::Unspecified) | Err(_) => "unknown",
    }
}

/// A command that waits for its device. Its type is spelled as it was asked for: legacy agents compare it as text.
pub(super) fn pending(delivery: device_pb::CommandDelivery) -> Result<View, Error> {
    Ok(view! {
        "command_id": delivery.command_id,
        "command_type": text(delivery.requested_type).unwrap_or(delivery.command_type),
        "payload": object(delivery.payload.as_ref())?,
        "status": legacy_word(CommandState::Queued),
        "created_at": time(delivery.created_at.as_ref())?,
    })
}

/// A row of the ledger.
pub(super) fn command(command: command_pb::Command) -> Result<View, Error> {
    let state = CommandState::from_proto("state", command.state)?;
    let reason = text(command.reason);
    let mut result = object(command.result.as_ref())?;
    if legacy_word(state) == "failed" {
        // Of this word legacy clients see four states; the true one stands in the result.
        let result = result.get_or_insert_default();
        result.insert("state".to_owned(), state.as_str().into());
        if let Some(reason) = &reason {
            result.insert("reason".to_owned(), reason.as_str().into());
        }
    }
    let mut view = view! {
        "command_id": command.command_id,
        "command_type": text(command.requested_type).unwrap_or(command.command_type),
        "payload": object(command.payload.as_ref())?,
        "status": legacy_word(state),
        "created_at": time(command.created_at.as_ref())?,
        "result": result,
        "sent_at": time(command.sent_at.as_ref())?,
        "executed_at": time(command.finished_at.as_ref())?,
        "device_id": command.device_id,
        "site_id": command.site_id,
        "state": state.as_str(),
        "reason": reason,
        "expires_at": time(command.expires_at.as_ref())?,
        "acknowledged_at": time(command.acknowledged_at.as_ref())?,
        "started_at": time(command.started_at.as_ref())?,
        "deliveries": command.deliveries,
        "cancel_requested_at": time(command.cancel_requested_at.as_ref())?,
        "run_id": text(command.run_id),
        "source": source_word(command.source),
    };
    if !command.history.is_empty() {
        let history = command.history.into_iter().map(transition).collect::<Result<Vec<_>, _>>()?;
        view.0.push(("history", history.into()));
    }
    Ok(view)
}

fn transition(transition: command_pb::Transition) -> Result<Value, Error> {
    let state = CommandState::from_proto("state", transition.state)?;
    let time = time(transition.time.as_ref())?;
    Ok(view! {"state": state.as_str(), "time": time, "cause": transition.cause}.into())
}

/// The five words of the legacy contract.
fn legacy_word(state: CommandState) -> &'static str {
    match state {
        CommandState::Queued => "pending",
        CommandState::Sent | CommandState::Acknowledged | CommandState::Running => "sent",
        CommandState::Succeeded => "completed",
        CommandState::Failed | CommandState::Rejected | CommandState::Cancelled | CommandState::Unknown => "failed",
        CommandState::Expired => "expired",
    }
}

#[cfg(test)]
mod tests {
    use homepot::model::to_struct;
    use serde_json::json;

    use super::*;

    fn command(state: CommandState, reason: &str, result: serde_json::Value) -> command_pb::Command {
        command_pb::Command {
            command_id: "c".to_owned(),
            command_type: "PING".to_owned(),
            state: command_pb::CommandState::from(state).into(),
            reason: reason.to_owned(),
            result: result.as_object().map(to_struct),
            created_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 5_000 }),
            ..Default::default()
        }
    }

    #[test]
    fn a_command_begins_with_the_contracts_fields_in_its_order_and_times_end_in_z() {
        let view = super::command(command(CommandState::Queued, "", json!(null))).unwrap();
        let text = serde_json::to_string(&view).unwrap();
        let expected = r#"{"command_id":"c","command_type":"PING","payload":null,"status":"pending","created_at":"2023-11-14T22:13:20.000005Z","result":null,"#;
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn every_state_has_its_legacy_word_and_a_failed_one_tells_the_true_state() {
        for (state, word) in [
            (CommandState::Queued, "pending"),
            (CommandState::Sent, "sent"),
            (CommandState::Acknowledged, "sent"),
            (CommandState::Running, "sent"),
            (CommandState::Succeeded, "completed"),
            (CommandState::Failed, "failed"),
            (CommandState::Rejected, "failed"),
            (CommandState::Cancelled, "failed"),
            (CommandState::Unknown, "failed"),
            (CommandState::Expired, "expired"),
        ] {
            let view = Value::from(super::command(command(state, "why", json!({"a": 1}))).unwrap());
            assert_eq!(view["status"], word);
            let told = if word == "failed" {
                json!({"a": 1, "state": state.as_str(), "reason": "why"})
            } else {
                json!({"a": 1})
            };
            assert_eq!(view["result"], told);
        }
    }

    #[test]
    fn a_failed_command_without_a_result_still_tells_its_state() {
        let view = Value::from(super::command(command(CommandState::Unknown, "", json!(null))).unwrap());
        assert_eq!(view["result"], json!({"state": "unknown"}));
    }

    #[test]
    fn a_device_has_one_of_the_contracts_status_words_and_null_for_what_it_never_told() {
        let device = pb::Device {
            presence: Some(pb::Presence { status: pb::DeviceStatus::Online.into(), ..Default::default() }),
            ..Default::default()
        };
        let view = Value::from(super::device(device).unwrap());
        assert_eq!((&view["status"], &view["ip_address"]), (&json!("online"), &json!(null)));
        assert_eq!(status_word(77), "unknown");
    }
}
