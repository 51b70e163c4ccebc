//! What the owner of a device allows its agent to run.
//!
//! The agent asks before each command and refuses what is not granted. Grants lie in the configuration of the device's
//! record; only a caller with the device's own key changes them, which is whoever owns the machine.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use homepot::{
    model::{JsonObject, to_struct},
    pb::device::v1 as pb,
};
use serde_json::{Value, json};

use super::{mismatch, record::DNA};
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::{Caller, Device, DeviceOrOperator, Ids},
    error::{ApiError, Fault},
    legacy::{
        Fields, registry,
        views::{self, View, view},
    },
};

/// Under this key of the record's configuration.
const PERMISSIONS: &str = "permissions";
/// What can be granted.
const KEYS: [&str; 5] =
    ["root_access", "command_execution", "process_monitoring", "filesystem_access", "network_monitoring"];

/// What is granted, and what the operating system could be granted, by what the agent told of it last.
fn shown(device_id: String, config: &JsonObject, message: &'static str) -> Json<View> {
    let data = view! {
        "device_id": device_id,
        "permissions": Value::from_iter(granted(config)),
        "capabilities": Value::from_iter(capabilities(config)),
        "message": message,
    };
    Json(view! {"status": "success", "data": data})
}

fn granted(config: &JsonObject) -> BTreeMap<&'static str, bool> {
    let told = config.get(PERMISSIONS);
    KEYS.map(|key| (key, told.and_then(|all| all.get(key)) == Some(&json!(true)))).into()
}

/// What an operating system could be granted at most.
fn capabilities(config: &JsonObject) -> BTreeMap<&'static str, bool> {
    let told = config.get(DNA).and_then(|dna| dna.get("os_details")).and_then(Value::as_str);
    let os = told.unwrap_or_default().to_lowercase();
    let names_one_of = |names: &[&str]| names.iter().any(|name| os.contains(name));
    let can: &[&str] = match () {
        () if names_one_of(&["windows", "win32", "win64", "android"]) => &KEYS[1..],
        () if names_one_of(&["ios", "ipad"]) => &["network_monitoring"],
        () if names_one_of(&["linux", "ubuntu", "debian", "fedora", "centos", "raspberry pi"]) => &KEYS,
        () if names_one_of(&["macos", "mac os", "darwin", "os x"]) => &KEYS,
        () => &[],
    };
    KEYS.map(|key| (key, can.contains(&key))).into()
}

/// Tells what a device's agent may run.
pub(in crate::legacy) async fn get(
    State(app): State<App>,
    caller: DeviceOrOperator,
    Ids(device_id): Ids<String>,
) -> Result<Json<View>, ApiError> {
    let config = match caller {
        DeviceOrOperator::Device(caller) => own_config(&app, &caller, &device_id, None).await?,
        DeviceOrOperator::Operator(caller) => {
            let record = registry::record(&app, &caller, device_id.clone()).await?;
            views::config(record.config.as_ref())?
        }
    };
    Ok(shown(device_id, &config, "Permissions retrieved"))
}

/// Which grants change; what is left out stays.
pub(in crate::legacy) struct Grants(BTreeMap<&'static str, bool>);

impl Shape for Grants {
    fn read(fields: &mut Fields) -> Self {
        Self(fields.flags(PERMISSIONS, &KEYS))
    }
}

/// Grants the device's agent what it may run, or takes it back.
pub(in crate::legacy) async fn set(
    State(app): State<App>,
    Device(caller): Device,
    Ids(device_id): Ids<String>,
    Valid(Grants(grants)): Valid<Grants>,
) -> Result<Json<View>, ApiError> {
    let config = own_config(&app, &caller, &device_id, None).await?;
    let can = capabilities(&config);
    let beyond = grants.iter().filter(|(key, granted)| **granted && !can.get(**key).is_some_and(|can| *can));
    let fault = |key: &str| {
        let told = format!("Value error, '{key}' is nothing that this device's operating system supports");
        Fault::of_field(PERMISSIONS, "value_error", told)
    };
    let faults: Vec<_> = beyond.map(|(key, _)| fault(key)).collect();
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let mut all: JsonObject = config.get(PERMISSIONS).and_then(Value::as_object).cloned().unwrap_or_default();
    all.extend(grants.into_iter().map(|(key, granted)| (key.to_owned(), granted.into())));
    let change: JsonObject = [(PERMISSIONS.to_owned(), Value::Object(all))].into_iter().collect();
    let config = own_config(&app, &caller, &device_id, Some(&change)).await?;
    Ok(shown(device_id, &config, "Permissions updated"))
}

/// The configuration of the calling device's record, after `change`.
async fn own_config(
    app: &App,
    caller: &Caller,
    device_id: &str,
    change: Option<&JsonObject>,
) -> Result<JsonObject, ApiError> {
    let mut device = app.services.device();
    let config = change.map(to_struct);
    let message = pb::UpdateSelfRequest { device_id: device_id.to_owned(), config, ..Default::default() };
    let answer = call(caller, message, |request| async move { device.update_self(request).await }).await;
    views::config(answer.map_err(mismatch)?.config.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operating_system_can_be_granted_what_it_has() {
        let can = |os: &str| {
            let config = json!({ "dna": { "os_details": os } });
            let can = capabilities(config.as_object().unwrap());
            KEYS.map(|key| can[key]).iter().filter(|can| **can).count()
        };
        for (os, count) in
            [("Linux 6.1", 5), ("macOS 14", 5), ("Android 13", 4), ("Windows 11", 4), ("iOS 17", 1), ("", 0)]
        {
            assert_eq!(can(os), count, "{os}");
        }
    }

    #[test]
    fn nothing_is_granted_unless_it_says_true() {
        let config = json!({"permissions": {"command_execution": true, "root_access": "yes", "other": true}});
        let all = granted(config.as_object().unwrap());
        let granted: Vec<_> = all.into_iter().filter_map(|(key, granted)| granted.then_some(key)).collect();
        assert_eq!(granted, ["command_execution"]);
    }
}
