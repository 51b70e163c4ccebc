//! What the machine is: the agent's "device DNA", kept in the device's record.

use axum::{Json, extract::State};
use homepot::{
    Error,
    error::FieldViolation,
    model::{JsonObject, SelfChange, to_struct},
    pb::device::v1 as pb,
};
use serde_json::json;

use super::{done, mismatch};
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::Device,
    error::ApiError,
    legacy::{
        Fields,
        fields::ANY_OBJECT,
        views::{self, View, view},
    },
};

/// Under this key of the record's configuration.
pub(super) const DNA: &str = "dna";

/// Name, type and site are settled at enrolment; what the agent says of them is ignored.
impl Shape for pb::UpdateSelfRequest {
    fn read(fields: &mut Fields) -> Self {
        let mut told = |name, max| fields.text(name, max).filter(|text| !text.is_empty());
        let (device_id, mac_address) = (told("device_id", 128), told("mac_address", 64));
        let os_details = fields.text("os_details", 256);
        let ip_address = fields.text("local_ip", 64).filter(|text| !text.is_empty());
        let wan_ip = fields.text("wan_ip", 64);
        let firmware_version = fields.text("firmware_version", 128).filter(|text| !text.is_empty());
        let peripherals = fields.object("peripherals", ANY_OBJECT);
        let dna = json!({"os_details": os_details, "wan_ip": wan_ip, "peripherals": peripherals});
        let config: JsonObject = [(DNA.to_owned(), dna)].into_iter().collect();
        Self {
            device_id: device_id.unwrap_or_default(),
            ip_address,
            mac_address,
            firmware_version,
            config: Some(to_struct(&config)),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        SelfChange::try_from(self.clone()).map(drop).map_err(|error| {
            let renamed = error.field_violations().iter().map(|fault| {
                let field = match fault.field.as_str() {
                    "ip_address" => "local_ip",
                    "config" => "peripherals",
                    field => field,
                };
                FieldViolation::new(field, fault.reason.clone())
            });
            Error::violations(renamed.collect())
        })
    }
}

/// Keeps what the agent says of its machine: the address, hardware address and firmware version as the record's fields, the
/// rest in its configuration.
pub(in crate::legacy) async fn device_dna(
    State(app): State<App>,
    Device(caller): Device,
    Valid(message): Valid<pb::UpdateSelfRequest>,
) -> Result<Json<View>, ApiError> {
    let mut device = app.services.device();
    let answer = call(&caller, message, |request| async move { device.update_self(request).await }).await;
    let record = answer.map_err(mismatch)?;
    let config = views::config(record.config.as_ref())?;
    let told = |key: &str| config.get(DNA).and_then(|dna| dna.get(key)).cloned();
    let registered = view! {
        "device_id": record.device_id,
        "site_id": record.site_id,
        "lifecycle_state": "active",
        "mac_address": views::text(record.mac_address),
        "os_details": told("os_details"),
        "local_ip": views::text(record.ip_address),
        "wan_ip": told("wan_ip"),
        "peripherals": told("peripherals"),
        // A device is made by its enrolment.
        "created": false,
    };
    Ok(done("Device registered successfully", registered))
}
