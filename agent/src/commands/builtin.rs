//! What each command type does on this device, and what the local configuration has to allow first.

use std::{path::PathBuf, time::Duration};

use chrono::SecondsFormat;
use homepot::model::{CommandId, CommandState, JsonObject, Outcome};
use homepot_host::trust;
use serde_json::{Value, json};

use super::{ledger::REBOOT, record::Received};

/// The command types this agent knows.
pub const CAPABILITIES: &[&str] = &["PING", "RUN_DIAGNOSTICS", "SET_INTERVAL", "RESTART_APP", REBOOT];

/// A program that the local configuration names. Nothing of a command reaches its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramRule {
    /// An absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What the local configuration allows; `None`: denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// For RESTART_APP.
    pub restart_app: Option<ProgramRule>,
    /// For REBOOT.
    pub reboot: Option<ProgramRule>,
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer.
    Ping,
    /// Tell about the machine.
    Diagnose,
    /// Measure this often, in seconds; `None`: as the server says.
    SetInterval(Option<u64>),
    /// Run this program.
    Run {
        /// Which.
        rule: ProgramRule,
        /// Killed after this.
        timeout: Duration,
        /// It worked when the machine goes down.
        reboots: bool,
    },
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// An end.
    pub state: CommandState,
    /// What came of it.
    pub result: Option<JsonObject>,
    /// Why it did not succeed.
    pub reason: Option<String>,
}

impl Verdict {
    /// It worked, and this came of it.
    pub fn succeeded(result: &Value) -> Self {
        Self { state: CommandState::Succeeded, result: result.as_object().cloned(), reason: None }
    }

    /// It ended as `state` without success, for `reason`.
    pub fn without_success(state: CommandState, reason: impl Into<String>) -> Self {
        Self { state, result: None, reason: Some(reason.into().chars().take(2_000).collect()) }
    }

    /// As the outcome of a command.
    pub fn of(self, command_id: CommandId) -> Outcome {
        Outcome { command_id, state: self.state, result: self.result, reason: self.reason }
    }
}

/// What `command` comes to under `rules`, or why it is rejected.
pub fn plan(command: &Received, rules: &Rules) -> Result<Action, String> {
    let run = |rule: &Option<ProgramRule>, table: &str, reboots| match rule {
        // Looked at each time: since the start somebody may have opened it to others.
        Some(rule) => match trust::check(&rule.program) {
            Err(fault) if !fault.is_missing() => {
                Err(format!("denied by this device: other users can change the program: {fault}"))
            }
            _ => Ok(Action::Run { rule: rule.clone(), timeout: command.run_timeout(), reboots }),
        },
        None => Err(format!(
            "denied by this device: its agent's configuration does not allow {} (commands.{table}.allow)",
            command.command_type
        )),
    };
    match command.command_type.as_str() {
        "PING" => Ok(Action::Ping),
        "RUN_DIAGNOSTICS" => Ok(Action::Diagnose),
        "SET_INTERVAL" => interval(command.payload.as_ref()).map(Action::SetInterval),
        "RESTART_APP" => run(&rules.restart_app, "restart_app", false),
        REBOOT => run(&rules.reboot, "reboot", true),
        _ => Err("not a command this agent knows".to_owned()),
    }
}

/// What PING answers.
pub fn pong() -> Verdict {
    Verdict::succeeded(&json!({
        "pong": true,
        "agent_version": env!("CARGO_PKG_VERSION"),
        "device_time": crate::platform::wall_clock().to_rfc3339_opts(SecondsFormat::Micros, true),
    }))
}

/// The seconds that SET_INTERVAL asks for; `None`: as the server says.
pub fn interval(payload: Option<&JsonObject>) -> Result<Option<u64>, String> {
    let fault = || "payload must be {\"interval_seconds\": 1 to 3600, or null for the server's}".to_owned();
    match payload.and_then(|payload| payload.get("interval_seconds")) {
        Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().filter(|seconds| (1..=3_600).contains(seconds)).map(Some).ok_or_else(fault),
        None => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use homepot::model::CommandType;

    use super::*;
    use crate::commands::Moment;

    fn command(command_type: &str, payload: Value) -> Received {
        Received {
            command_id: CommandId(uuid::Uuid::nil()),
            command_type: CommandType::parse(command_type).unwrap(),
            payload: payload.as_object().cloned(),
            time_to_live_ms: 1_000,
            run_timeout_ms: 2_000,
            at: Moment { wall: chrono::Utc::now(), uptime_ms: 0, boot_id: String::new() },
            expires_at: None,
        }
    }

    #[test]
    fn what_the_configuration_does_not_allow_is_denied_with_the_reason() {
        for (command_type, key) in [("RESTART_APP", "commands.restart_app.allow"), ("REBOOT", "commands.reboot.allow")]
        {
            let reason = plan(&command(command_type, Value::Null), &Rules::default()).unwrap_err();
            assert!(reason.contains(key), "{reason}");
        }
        let reason = plan(&command("UPDATE_POS", Value::Null), &Rules::default()).unwrap_err();
        assert_eq!(reason, "not a command this agent knows");
    }

    #[test]
    fn an_allowed_program_runs_with_the_arguments_of_the_configuration_whatever_the_payload() {
        let rule = ProgramRule { program: "/bin/true".into(), args: vec!["pos".to_owned()] };
        let rules = Rules { restart_app: Some(rule.clone()), reboot: None };
        let action = plan(&command("RESTART_APP", json!({"args": ["; rm -rf /"]})), &rules);
        assert_eq!(action, Ok(Action::Run { rule, timeout: Duration::from_secs(2), reboots: false }));
    }

    #[test]
    fn an_interval_is_one_second_to_an_hour_or_null() {
        let plan = |payload| plan(&command("SET_INTERVAL", payload), &Rules::default());
        assert_eq!(plan(json!({"interval_seconds": 3600})), Ok(Action::SetInterval(Some(3600))));
        assert_eq!(plan(json!({"interval_seconds": null})), Ok(Action::SetInterval(None)));
        for bad in [json!({"interval_seconds": 0}), json!({"interval_seconds": 1.5}), json!({}), Value::Null] {
            assert!(plan(bad).is_err());
        }
    }
}
