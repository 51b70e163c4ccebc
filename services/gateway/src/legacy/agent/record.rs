//! The record of a packaged agent's device: the claim by which it comes to be, an enrolment token under the legacy platform's
//! name for it; and what the machine is, the agent's "device DNA".

use axum::{Json, extract::State};
use homepot::{
    Error,
    error::FieldViolation,
    model::{Enrollment, JsonObject, Secret, SecretKind, SelfChange, to_struct},
    pb::device::v1 as pb,
};
use http::StatusCode;
use serde_json::json;

use super::{done, mismatch};
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::{Device, Enrollee, Ids},
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

/// A device that claims an intent.
pub(in crate::legacy) struct Claim {
    /// The enrolment token.
    claim_token: String,
    /// Without the device's id, which the server makes, and without a site, which is that of the token.
    enroll: pb::EnrollRequest,
}

impl Claim {
    fn request(&self, device_id: &str) -> pb::EnrollRequest {
        let mut request = pb::EnrollRequest { device_id: device_id.to_owned(), ..self.enroll.clone() };
        if request.name.is_empty() {
            request.name = device_id.to_owned();
        }
        request
    }
}

impl Shape for Claim {
    fn read(fields: &mut Fields) -> Self {
        let claim_token = fields.required_text("claim_token", 128);
        let (name, device_type) = (fields.string("device_name", 200), fields.string("device_type", 64));
        let dna = json!({"os_details": fields.text("os_details", 256)});
        let mut config: JsonObject = [(DNA.to_owned(), dna)].into_iter().collect();
        // What the device takes itself for, such as a serial number. Not within what the agent says of its machine, which it
        // replaces as a whole.
        let identity = fields.string("expected_device_identity", 256);
        if !identity.is_empty() {
            config.insert("device_identity".to_owned(), identity.into());
        }
        let config = Some(to_struct(&config));
        Self { claim_token, enroll: pb::EnrollRequest { name, device_type, config, ..Default::default() } }
    }

    fn judge(&self) -> Result<(), Error> {
        Enrollment::try_from(pb::EnrollRequest { site_id: "site".to_owned(), ..self.request("device") }).map(drop)
    }
}

/// Enrols a device that knows neither its site nor an id of its own.
///
/// `intent_id` is the public id of an enrolment token and `claim_token` the token. The server makes the device's id.
pub(in crate::legacy) async fn claim(
    State(app): State<App>,
    Enrollee(caller): Enrollee,
    Ids(intent_id): Ids<String>,
    Valid(claim): Valid<Claim>,
) -> Result<Json<View>, ApiError> {
    // The token holds its public id, so this says nothing that the caller did not bring.
    let token = Secret::presented(claim.claim_token.as_str());
    if token.public_id(SecretKind::EnrollmentToken) != Some(intent_id.as_str()) {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "Invalid or missing enrollment token"));
    }
    let caller = caller.with_enrollment_token(&claim.claim_token)?;
    let mut device = app.services.device();
    let message = claim.request(&format!("device-{}", uuid::Uuid::now_v7().simple()));
    let enrolled = call(&caller, message, |request| async move { device.enroll(request).await }).await?;
    Ok(Json(view! {
        "status": "success",
        "message": "Device claimed successfully",
        "device_id": enrolled.device_id,
        "api_key": enrolled.api_key,
        "site_id": enrolled.site_id,
    }))
}
