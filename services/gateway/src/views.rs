//! What answers look like: the contract's fields first and in its order, then what was added since.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use homepot::{
    Error,
    model::{CommandState, JsonBounds, JsonObject, from_proto_timestamp, from_struct},
    pb::{command::v1 as command_pb, common::v1 as common_pb, device::v1 as device_pb, registry::v1 as pb},
};
use prost_types::{Struct, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;

/// What the services answer was bounded when it came in.
const ANY: JsonBounds = JsonBounds { bytes: usize::MAX, keys: usize::MAX, depth: 128 };

pub(crate) fn time(time: Option<&Timestamp>) -> Result<Option<String>, Error> {
    let time = time.map(|time| from_proto_timestamp("time", time)).transpose()?;
    Ok(time.map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true)))
}

pub(crate) fn object(object: Option<&Struct>) -> Result<Option<JsonObject>, Error> {
    object.map(|object| from_struct("object", object, ANY)).transpose()
}

pub(crate) fn text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// An answer of a service that its own contract forbids.
pub(crate) fn broken(error: &Error) -> ApiError {
    tracing::error!(%error, "a service answered what its contract forbids");
    ApiError::internal()
}

/// A site.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SiteView {
    #[schema(example = "site-001")]
    site_id: String,
    #[schema(example = "Main street")]
    name: String,
    description: Option<String>,
    location: Option<String>,
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    created_at: Option<String>,
    updated_at: Option<String>,
    /// Whether devices on the server's machine may enrol without a token, where the server allows it too.
    open_enrollment: bool,
}

impl TryFrom<pb::Site> for SiteView {
    type Error = ApiError;

    fn try_from(site: pb::Site) -> Result<Self, ApiError> {
        Ok(Self {
            created_at: time(site.created_at.as_ref()).map_err(|error| broken(&error))?,
            updated_at: time(site.updated_at.as_ref()).map_err(|error| broken(&error))?,
            site_id: site.site_id,
            name: site.name,
            description: text(site.description),
            location: text(site.location),
            open_enrollment: site.open_enrollment,
        })
    }
}

/// A device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceView {
    #[schema(example = "site-001")]
    site_id: String,
    #[schema(example = "pos-terminal-001")]
    device_id: String,
    #[schema(example = "Till 1")]
    name: String,
    #[schema(example = "pos_terminal")]
    device_type: String,
    /// `online`, `offline`, `maintenance`, `error` or `unknown`.
    #[schema(example = "online")]
    status: &'static str,
    ip_address: Option<String>,
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    created_at: Option<String>,
    updated_at: Option<String>,
    mac_address: Option<String>,
    firmware_version: Option<String>,
    /// `real` or `simulated`.
    source: &'static str,
    /// Whether it has a proof key: then its key alone opens nothing.
    proves: bool,
    /// False while the device is shut out.
    active: bool,
    /// When the server last heard of it; null: never.
    last_seen_at: Option<String>,
    agent_version: Option<String>,
    /// What operators marked it with.
    labels: BTreeMap<String, String>,
    /// Since when `status` is so; null: never heard of.
    status_since: Option<String>,
    /// True while it comes and goes so often that its history only counts the changes.
    flapping: bool,
    /// Since when machines of different boots have been taking its session from one another: two use one key.
    contested_since: Option<String>,
    /// How far the device's clock was ahead of the server's at its last Hello; null: it did not say.
    clock_skew_seconds: Option<f64>,
    /// What the device wanted remembered at enrolment; only where one device is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    config: Option<JsonObject>,
}

impl DeviceView {
    /// For a list: without the configuration, which may be large.
    pub(crate) fn in_list(device: pb::Device) -> Result<Self, ApiError> {
        Self::alone(pb::Device { config: None, ..device })
    }

    /// With all that is known.
    pub(crate) fn alone(device: pb::Device) -> Result<Self, ApiError> {
        Self::read(device).map_err(|error| broken(&error))
    }

    fn read(device: pb::Device) -> Result<Self, Error> {
        let presence = device.presence.unwrap_or_default();
        Ok(Self {
            status: status_word(presence.status),
            source: source_word(device.source),
            created_at: time(device.created_at.as_ref())?,
            updated_at: time(device.updated_at.as_ref())?,
            last_seen_at: time(presence.last_seen_at.as_ref())?,
            config: object(device.config.as_ref())?,
            site_id: device.site_id,
            device_id: device.device_id,
            name: device.name,
            device_type: device.device_type,
            ip_address: text(device.ip_address),
            mac_address: text(device.mac_address),
            firmware_version: text(device.firmware_version),
            active: device.active,
            proves: device.proves,
            agent_version: text(presence.agent_version),
            labels: device.labels.into_iter().collect(),
            status_since: time(presence.status_since.as_ref())?,
            flapping: presence.flapping,
            contested_since: time(presence.contested_since.as_ref())?,
            clock_skew_seconds: presence.clock_skew.map(|skew| skew.seconds as f64 + f64::from(skew.nanos) / 1e9),
        })
    }
}

/// What a device is; as one that does not tell is taken for real, so is one of which nothing is told.
pub(crate) fn source_word(source: i32) -> &'static str {
    match common_pb::DeviceSource::try_from(source) {
        Ok(common_pb::DeviceSource::Simulated) => "simulated",
        _ => "real",
    }
}

pub(crate) fn status_word(status: i32) -> &'static str {
    match pb::DeviceStatus::try_from(status) {
        Ok(pb::DeviceStatus::Online) => "online",
        Ok(pb::DeviceStatus::Offline) => "offline",
        Ok(pb::DeviceStatus::Maintenance) => "maintenance",
        Ok(pb::DeviceStatus::Error) => "error",
        Ok(pb::DeviceStatus::Unknown | pb::DeviceStatus::Unspecified) | Err(_) => "unknown",
    }
}

/// A device came, went, or began or ceased to do so all the time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateChangeView {
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    time: Option<String>,
    /// How it fares from then on: `online` or `offline`.
    #[schema(example = "offline")]
    status: &'static str,
    /// `attached`, `heard`, `detached`, `silent`, `flapping`, `settled`, `contested` or `took_over`.
    #[schema(example = "silent")]
    cause: &'static str,
    /// The same in words.
    #[schema(example = "nothing was heard for 25s, 2.5 heartbeat intervals")]
    detail: String,
    /// True when changes are only counted from here on, until the next entry.
    flapping: bool,
    /// Changes since the entry before that have no entry of their own.
    changes_not_shown: u32,
    /// The session that it is about; 0: none.
    session_epoch: u64,
}

impl TryFrom<pb::StateChange> for StateChangeView {
    type Error = ApiError;

    fn try_from(change: pb::StateChange) -> Result<Self, ApiError> {
        Ok(Self {
            time: time(change.time.as_ref()).map_err(|error| broken(&error))?,
            status: status_word(change.status),
            cause: cause_word(change.cause),
            detail: change.detail,
            flapping: change.flapping,
            changes_not_shown: change.changes_not_shown,
            session_epoch: change.session_epoch,
        })
    }
}

fn cause_word(cause: i32) -> &'static str {
    match pb::StateChangeCause::try_from(cause) {
        Ok(pb::StateChangeCause::Attached) => "attached",
        Ok(pb::StateChangeCause::Heard) => "heard",
        Ok(pb::StateChangeCause::Detached) => "detached",
        Ok(pb::StateChangeCause::Silent) => "silent",
        Ok(pb::StateChangeCause::Flapping) => "flapping",
        Ok(pb::StateChangeCause::Settled) => "settled",
        Ok(pb::StateChangeCause::Contested) => "contested",
        Ok(pb::StateChangeCause::TookOver) => "took_over",
        Ok(pb::StateChangeCause::Unspecified) | Err(_) => "unknown",
    }
}

/// A command that waits for its device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PendingView {
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    command_id: String,
    /// In the spelling that was asked for: legacy agents compare it as text.
    #[schema(example = "ping")]
    command_type: String,
    #[schema(value_type = Option<Object>)]
    payload: Option<JsonObject>,
    #[schema(example = "pending")]
    status: &'static str,
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    created_at: Option<String>,
}

impl TryFrom<device_pb::CommandDelivery> for PendingView {
    type Error = ApiError;

    fn try_from(delivery: device_pb::CommandDelivery) -> Result<Self, ApiError> {
        Ok(Self {
            payload: object(delivery.payload.as_ref()).map_err(|error| broken(&error))?,
            created_at: time(delivery.created_at.as_ref()).map_err(|error| broken(&error))?,
            command_id: delivery.command_id,
            command_type: text(delivery.requested_type).unwrap_or(delivery.command_type),
            status: legacy_word(CommandState::Queued),
        })
    }
}

/// A row of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandView {
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    command_id: String,
    /// In the spelling that was asked for.
    #[schema(example = "ping")]
    command_type: String,
    #[schema(value_type = Option<Object>)]
    payload: Option<JsonObject>,
    /// `pending`, `sent`, `completed`, `failed` or `expired`.
    #[schema(example = "pending")]
    status: &'static str,
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    created_at: Option<String>,
    /// What came of it. Where `status` is `failed`, `state` in it is the ledger's own state: `failed`, `rejected`,
    /// `cancelled` or `unknown`; `reason` says why.
    #[schema(value_type = Option<Object>)]
    result: Option<JsonObject>,
    sent_at: Option<String>,
    /// When it reached an end.
    executed_at: Option<String>,
    device_id: String,
    site_id: String,
    /// The ledger's own state.
    #[schema(example = "queued")]
    state: &'static str,
    reason: Option<String>,
    /// It never starts after this.
    expires_at: Option<String>,
    /// When the device had it on disk.
    acknowledged_at: Option<String>,
    started_at: Option<String>,
    /// How often it was handed over.
    deliveries: u32,
    /// When somebody asked for it to be taken back while the device had it.
    cancel_requested_at: Option<String>,
    /// The run it is part of.
    run_id: Option<String>,
    /// Whether the device is `real` or `simulated`.
    #[schema(example = "real")]
    source: &'static str,
    /// Every state it has been in, oldest first; left out in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<TransitionView>,
}

/// A step of a command from one state to the next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransitionView {
    /// The ledger's own state.
    #[schema(example = "sent")]
    state: &'static str,
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    time: Option<String>,
    /// What brought it there.
    #[schema(example = "handed to the device in session 7")]
    cause: String,
}

impl TransitionView {
    fn read(transition: command_pb::Transition) -> Result<Self, Error> {
        Ok(Self {
            state: CommandState::from_proto("state", transition.state)?.as_str(),
            time: time(transition.time.as_ref())?,
            cause: transition.cause,
        })
    }
}

impl TryFrom<command_pb::Command> for CommandView {
    type Error = ApiError;

    fn try_from(command: command_pb::Command) -> Result<Self, ApiError> {
        Self::read(command).map_err(|error| broken(&error))
    }
}

impl CommandView {
    fn read(command: command_pb::Command) -> Result<Self, Error> {
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
        Ok(Self {
            payload: object(command.payload.as_ref())?,
            status: legacy_word(state),
            created_at: time(command.created_at.as_ref())?,
            result,
            sent_at: time(command.sent_at.as_ref())?,
            executed_at: time(command.finished_at.as_ref())?,
            state: state.as_str(),
            reason,
            expires_at: time(command.expires_at.as_ref())?,
            acknowledged_at: time(command.acknowledged_at.as_ref())?,
            started_at: time(command.started_at.as_ref())?,
            deliveries: command.deliveries,
            cancel_requested_at: time(command.cancel_requested_at.as_ref())?,
            run_id: text(command.run_id),
            source: source_word(command.source),
            history: command.history.into_iter().map(TransitionView::read).collect::<Result<_, _>>()?,
            command_id: command.command_id,
            command_type: text(command.requested_type).unwrap_or(command.command_type),
            device_id: command.device_id,
            site_id: command.site_id,
        })
    }
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
        let view = CommandView::try_from(command(CommandState::Queued, "", json!(null))).unwrap();
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
            let view = CommandView::try_from(command(state, "why", json!({"a": 1}))).unwrap();
            assert_eq!(view.status, word);
            let told = if word == "failed" {
                json!({"a": 1, "state": state.as_str(), "reason": "why"})
            } else {
                json!({"a": 1})
            };
            assert_eq!(serde_json::to_value(view.result).unwrap(), told);
        }
    }

    #[test]
    fn a_failed_command_without_a_result_still_tells_its_state() {
        let view = CommandView::try_from(command(CommandState::Unknown, "", json!(null))).unwrap();
        assert_eq!(serde_json::to_value(view.result).unwrap(), json!({"state": "unknown"}));
    }

    #[test]
    fn a_device_has_one_of_the_contracts_status_words_and_null_for_what_it_never_told() {
        let device = pb::Device {
            presence: Some(pb::Presence { status: pb::DeviceStatus::Online.into(), ..Default::default() }),
            ..Default::default()
        };
        let view = serde_json::to_value(DeviceView::in_list(device).unwrap()).unwrap();
        assert_eq!((&view["status"], &view["ip_address"]), (&json!("online"), &json!(null)));
        assert_eq!(status_word(77), "unknown");
    }
}
