//! States of commands and of devices, as arguments and as words.

use clap::builder::TypedValueParser;
use homepot::pb::{command::v1::CommandState, registry::v1::DeviceStatus};

use super::words;

const STATE: &str = "COMMAND_STATE_";
const STATES: &[&str] = &[
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
const STATUS: &str = "DEVICE_STATUS_";
const STATUSES: &[&str] = &["unknown", "online", "offline", "maintenance", "error"];

/// Reads the state of a command.
pub(crate) fn command_state_parser() -> impl TypedValueParser<Value = CommandState> {
    words::choice(STATE, STATES, CommandState::from_str_name)
}

/// The state of a command as a word.
pub(crate) fn command_state(state: CommandState) -> String {
    words::word(state.as_str_name(), STATE)
}

/// Reads the status of a device.
pub(crate) fn device_status_parser() -> impl TypedValueParser<Value = DeviceStatus> {
    words::choice(STATUS, STATUSES, DeviceStatus::from_str_name)
}

/// The status of a device as a word.
pub(crate) fn device_status(status: DeviceStatus) -> String {
    words::word(status.as_str_name(), STATUS)
}
