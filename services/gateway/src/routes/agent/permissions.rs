//! What the owner of a device allows its agent to run.
//!
//! The agent asks before each command and refuses what is not granted. Grants lie in the configuration of the device's
//! record; only a caller with the device's own key changes them, which is whoever owns the machine.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use homepot::{
    model::{JsonObject, to_struct},
    pb::{device::v1 as pb, registry::v1 as registry_pb},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::record::DNA;
use crate::{
    App,
    backend::{call, promised},
    body::{Shape, Valid},
    caller::{Caller, Device, DeviceOrOperator, Ids},
    error::{ApiError, ErrorBody, Fault},
    validate::Fields,
    views,
};

/// Under this key of the record's configuration.
const PERMISSIONS: &str = "permissions";
/// What can be granted.
const KEYS: [&str; 5] =
    ["root_access", "command_execution", "process_monitoring", "filesystem_access", "network_monitoring"];

/// What is granted, and what the operating system could be granted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Permissions {
    #[schema(example = "pos-terminal-001")]
    device_id: String,
    permissions: BTreeMap<&'static str, bool>,
    /// By the operating system that the agent told last; all false until it told one.
    capabilities: BTreeMap<&'static str, bool>,
    #[schema(example = "Permissions retrieved")]
    message: &'static str,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionsView {
    #[schema(example = "success")]
    status: &'static str,
    data: Permissions,
}

fn view(device_id: String, config: &JsonObject, message: &'static str) -> Json<PermissionsView> {
    let granted = |key: &'static str| (key, config.get(PERMISSIONS).and_then(|all| all.get(key)) == Some(&json!(true)));
    let data =
        Permissions { device_id, permissions: KEYS.map(granted).into(), capabilities: capabilities(config), message };
    Json(PermissionsView { status: "success", data })
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

/// Tells what a device's agent may run
#[utoipa::path(
    get, path = "/devices/device/{device_id}/permissions", tag = "agent",
    params(("device_id" = String, Path, description = "The device", example = "pos-terminal-001")),
    responses(
        (status = 200, description = "What is granted", body = PermissionsView),
        (status = 403, description = "The device is shut out, or asks for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Device not found", "status_code": 404})),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: DeviceOrOperator,
    Ids(device_id): Ids<String>,
) -> Result<Json<PermissionsView>, ApiError> {
    let config = match caller {
        DeviceOrOperator::Device(caller) => own_config(&app, &caller, &device_id, None).await?,
        DeviceOrOperator::Operator(caller) => {
            let mut registry = app.services.registry();
            let message = registry_pb::GetDeviceRequest { device_id: device_id.clone() };
            let answer = call(&caller, message, |request| async move { registry.get_device(request).await }).await;
            let not_found = |error: ApiError| error.or_if_at("device_id", StatusCode::NOT_FOUND, "Device not found");
            promised(answer.map_err(not_found)?.device)?.config
        }
    };
    let config = views::object(config.as_ref()).map_err(|error| views::broken(&error))?;
    Ok(view(device_id, &config.unwrap_or_default(), "Permissions retrieved"))
}

/// Which grants change; what is left out stays.
#[derive(ToSchema)]
#[schema(example = json!({"permissions": {"command_execution": true}}))]
pub(crate) struct Grants {
    /// Of `root_access`, `command_execution`, `process_monitoring`, `filesystem_access` and `network_monitoring`.
    #[schema(value_type = Object)]
    permissions: BTreeMap<&'static str, bool>,
}

impl Shape for Grants {
    fn read(fields: &mut Fields) -> Self {
        Self { permissions: fields.flags("permissions", &KEYS) }
    }
}

/// Grants the device's agent what it may run, or takes it back
#[utoipa::path(
    patch, path = "/devices/device/{device_id}/permissions", tag = "agent",
    params(("device_id" = String, Path, description = "The calling device", example = "pos-terminal-001")),
    request_body = Grants,
    responses(
        (status = 200, description = "What is granted now", body = PermissionsView),
        (status = 403, description = "The device is shut out, or speaks for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
    )
)]
pub(crate) async fn set(
    State(app): State<App>,
    Device(caller): Device,
    Ids(device_id): Ids<String>,
    Valid(grants): Valid<Grants>,
) -> Result<Json<PermissionsView>, ApiError> {
    let config = own_config(&app, &caller, &device_id, None).await?;
    let config = views::object(config.as_ref()).map_err(|error| views::broken(&error))?.unwrap_or_default();
    let can = capabilities(&config);
    let beyond =
        grants.permissions.iter().filter(|(key, granted)| **granted && !can.get(**key).is_some_and(|can| *can));
    let faults: Vec<_> = beyond
        .map(|(key, _)| {
            Fault::of_field(
                "permissions",
                "value_error",
                format!("Value error, '{key}' is nothing that this device's operating system supports"),
            )
        })
        .collect();
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let mut all: JsonObject = config.get(PERMISSIONS).and_then(Value::as_object).cloned().unwrap_or_default();
    all.extend(grants.permissions.into_iter().map(|(key, granted)| (key.to_owned(), granted.into())));
    let change: JsonObject = [(PERMISSIONS.to_owned(), Value::Object(all))].into_iter().collect();
    let config = own_config(&app, &caller, &device_id, Some(&change)).await?;
    let config = views::object(config.as_ref()).map_err(|error| views::broken(&error))?.unwrap_or_default();
    Ok(view(device_id, &config, "Permissions updated"))
}

/// The configuration of the calling device's record, after `change`.
async fn own_config(
    app: &App,
    caller: &Caller,
    device_id: &str,
    change: Option<&JsonObject>,
) -> Result<Option<prost_types::Struct>, ApiError> {
    let mut device = app.services.device();
    let config = change.map(to_struct);
    let message = pb::UpdateSelfRequest { device_id: device_id.to_owned(), config, ..Default::default() };
    let answer = call(caller, message, |request| async move { device.update_self(request).await }).await;
    Ok(answer.map_err(super::mismatch)?.config)
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
        let Json(told) = view("d".to_owned(), config.as_object().unwrap(), "");
        let granted: Vec<_> =
            told.data.permissions.iter().filter(|(_, granted)| **granted).map(|(key, _)| *key).collect();
        assert_eq!(granted, ["command_execution"]);
    }
}
