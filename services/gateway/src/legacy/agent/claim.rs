//! The claim by which the packaged agent enrols: an enrolment token, under the legacy platform's name for it.

use axum::{Json, extract::State};
use homepot::{
    Error,
    model::{Enrollment, JsonObject, Secret, SecretKind, to_struct},
    pb::device::v1 as pb,
};
use http::StatusCode;
use serde_json::json;

use super::record::DNA;
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::{Enrollee, Ids},
    error::ApiError,
    legacy::{
        Fields,
        views::{View, view},
    },
};

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
