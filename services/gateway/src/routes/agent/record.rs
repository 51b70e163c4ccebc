//! What the machine is: the agent's "device DNA", kept in the device's record.

use axum::{Json, extract::State};
use homepot::{
    Error,
    model::{JsonBounds, JsonObject, SelfChange, to_struct},
    pb::device::v1 as pb,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Done, mismatch};
use crate::{
    App,
    backend::call,
    body::{MAX_BODY_BYTES, Shape, Valid},
    caller::Device,
    error::{ApiError, ErrorBody},
    validate::Fields,
    views,
};

/// Under this key of the record's configuration.
pub(super) const DNA: &str = "dna";
/// Only what could not be sent on; the model has the real bounds.
const ANY: JsonBounds = JsonBounds { bytes: MAX_BODY_BYTES, keys: usize::MAX, depth: 64 };

/// What the agent says of its machine. Name, type and site are settled at enrolment; what it says of them is ignored.
#[derive(ToSchema)]
#[schema(example = json!({
    "device_id": "pos-terminal-001", "mac_address": "00:11:22:33:44:55", "os_details": "Windows 11 Pro",
    "local_ip": "192.168.1.20", "wan_ip": "203.0.113.10", "firmware_version": "2.4.1", "peripherals": {"usb": []}
}))]
pub(crate) struct Dna {
    /// Whose; may be left to the header.
    device_id: Option<String>,
    /// Six pairs of hexadecimal digits.
    mac_address: Option<String>,
    #[schema(max_length = 256)]
    os_details: Option<String>,
    /// IPv4 or IPv6. Kept as the device's `ip_address`.
    local_ip: Option<String>,
    #[schema(max_length = 64)]
    wan_ip: Option<String>,
    #[schema(max_length = 128)]
    firmware_version: Option<String>,
    /// What is attached. With all else that the record keeps in its configuration at most 32 KiB.
    #[schema(value_type = Option<Object>)]
    peripherals: Option<JsonObject>,
}

impl Dna {
    fn request(&self) -> pb::UpdateSelfRequest {
        let told = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let dna = json!({"os_details": self.os_details, "wan_ip": self.wan_ip, "peripherals": self.peripherals});
        let config: JsonObject = [(DNA.to_owned(), dna)].into_iter().collect();
        pb::UpdateSelfRequest {
            device_id: told(&self.device_id).unwrap_or_default(),
            ip_address: told(&self.local_ip),
            mac_address: told(&self.mac_address),
            firmware_version: told(&self.firmware_version),
            config: Some(to_struct(&config)),
        }
    }
}

impl Shape for Dna {
    fn read(fields: &mut Fields) -> Self {
        Self {
            device_id: fields.text("device_id", 128),
            mac_address: fields.text("mac_address", 64),
            os_details: fields.text("os_details", 256),
            local_ip: fields.text("local_ip", 64),
            wan_ip: fields.text("wan_ip", 64),
            firmware_version: fields.text("firmware_version", 128),
            peripherals: fields.object("peripherals", ANY),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        SelfChange::try_from(self.request()).map(drop).map_err(|error| {
            let renamed = error.field_violations().iter().map(|fault| {
                let field = match fault.field.as_str() {
                    "ip_address" => "local_ip",
                    "config" => "peripherals",
                    field => field,
                };
                homepot::error::FieldViolation::new(field, fault.reason.clone())
            });
            Error::violations(renamed.collect())
        })
    }
}

/// The record, as the agent knows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    #[schema(example = "pos-terminal-001")]
    device_id: String,
    #[schema(example = "site-001")]
    site_id: String,
    #[schema(example = "active")]
    lifecycle_state: &'static str,
    mac_address: Option<String>,
    #[schema(value_type = Option<String>)]
    os_details: Value,
    local_ip: Option<String>,
    #[schema(value_type = Option<String>)]
    wan_ip: Value,
    #[schema(value_type = Option<Object>)]
    peripherals: Value,
    /// Always false: a device is made by its enrolment.
    created: bool,
}

/// Keeps what the agent says of its machine
///
/// In the device's record: the address, hardware address and firmware version as its fields, the rest in its configuration
/// under `dna`. Operators see it there.
#[utoipa::path(
    post, path = "/agent/device-dna", tag = "agent",
    request_body = Dna,
    responses(
        (status = 200, description = "It is kept", body = Done<Registered>),
        (status = 403, description = "The device is shut out, or reports for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
    )
)]
pub(crate) async fn device_dna(
    State(app): State<App>,
    Device(caller): Device,
    Valid(dna): Valid<Dna>,
) -> Result<Json<Done<Registered>>, ApiError> {
    let mut device = app.services.device();
    let message = dna.request();
    let answer = call(&caller, message, |request| async move { device.update_self(request).await }).await;
    let record = answer.map_err(mismatch)?;
    let config = views::object(record.config.as_ref()).map_err(|error| views::broken(&error))?.unwrap_or_default();
    let told = |key: &str| config.get(DNA).and_then(|dna| dna.get(key)).cloned().unwrap_or_default();
    let registered = Registered {
        device_id: record.device_id,
        site_id: record.site_id,
        lifecycle_state: "active",
        mac_address: views::text(record.mac_address),
        os_details: told("os_details"),
        local_ip: views::text(record.ip_address),
        wan_ip: told("wan_ip"),
        peripherals: told("peripherals"),
        created: false,
    };
    Ok(Done::new("Device registered successfully", registered))
}
