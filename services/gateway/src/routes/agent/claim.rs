//! The claim by which the packaged agent enrols: an enrolment token, under the legacy platform's name for it.

use axum::{Json, extract::State};
use homepot::{
    Error,
    model::{Enrollment, JsonObject, Secret, SecretKind, to_struct},
    pb::device::v1 as pb,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::record::DNA;
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::{Enrollee, Ids},
    error::{ApiError, ErrorBody},
    validate::Fields,
};

/// A device that claims an intent.
#[derive(ToSchema)]
#[schema(example = json!({
    "claim_token": "hpe_…", "device_name": "Till 1", "device_type": "pos_terminal", "os_details": "Linux 6.1"
}))]
pub(crate) struct Claim {
    /// The enrolment token.
    #[schema(min_length = 1, max_length = 128)]
    claim_token: String,
    #[schema(max_length = 200)]
    device_name: Option<String>,
    /// As at an enrolment. Default: `pos_terminal`.
    #[schema(max_length = 64)]
    device_type: Option<String>,
    #[schema(max_length = 256)]
    os_details: Option<String>,
    /// What the device takes itself for, such as a serial number. Kept in the record's configuration.
    #[schema(max_length = 256)]
    expected_device_identity: Option<String>,
}

impl Claim {
    /// The site is that of the token.
    fn request(&self, device_id: &str) -> pb::EnrollRequest {
        let told = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut config: JsonObject = [(DNA.to_owned(), json!({"os_details": self.os_details}))].into_iter().collect();
        // Not within what the agent says of its machine, which it replaces as a whole.
        if let Some(identity) = told(&self.expected_device_identity) {
            config.insert("device_identity".to_owned(), identity.into());
        }
        pb::EnrollRequest {
            device_id: device_id.to_owned(),
            name: told(&self.device_name).unwrap_or_else(|| device_id.to_owned()),
            device_type: told(&self.device_type).unwrap_or_default(),
            config: Some(to_struct(&config)),
            ..Default::default()
        }
    }
}

impl Shape for Claim {
    fn read(fields: &mut Fields) -> Self {
        Self {
            claim_token: fields.required_text("claim_token", 128),
            device_name: fields.text("device_name", 200),
            device_type: fields.text("device_type", 64),
            os_details: fields.text("os_details", 256),
            expected_device_identity: fields.text("expected_device_identity", 256),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        Enrollment::try_from(pb::EnrollRequest { site_id: "site".to_owned(), ..self.request("device") }).map(drop)
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Claimed {
    #[schema(example = "success")]
    status: &'static str,
    #[schema(example = "Device claimed successfully")]
    message: &'static str,
    /// Made by the server.
    #[schema(example = "device-01890a5dac96774bbcceb302099a8057")]
    device_id: String,
    /// Shown this once.
    #[schema(example = "hpd_…")]
    api_key: String,
    #[schema(example = "site-001")]
    site_id: String,
}

/// Enrols a device that knows neither its site nor an id of its own
///
/// `intent_id` is the public id of an enrolment token and `claim_token` the token. The server makes the device's id.
#[utoipa::path(
    post, path = "/enrolment-intents/{intent_id}/claim", tag = "agent",
    params(("intent_id" = String, Path, description = "The enrolment token's public id", example = "hpe_BwcHBwcH")),
    request_body = Claim,
    responses((status = 200, description = "It is enrolled", body = Claimed),
        (status = 401, description = "The token is no good, or is not the intent's", body = ErrorBody))
)]
pub(crate) async fn claim(
    State(app): State<App>,
    Enrollee(caller): Enrollee,
    Ids(intent_id): Ids<String>,
    Valid(claim): Valid<Claim>,
) -> Result<Json<Claimed>, ApiError> {
    // The token holds its public id, so this says nothing that the caller did not bring.
    let token = Secret::presented(claim.claim_token.as_str());
    if token.public_id(SecretKind::EnrollmentToken) != Some(intent_id.as_str()) {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "Invalid or missing enrollment token"));
    }
    let caller = caller.with_enrollment_token(&claim.claim_token)?;
    let mut device = app.services.device();
    let device_id = format!("device-{}", uuid::Uuid::now_v7().simple());
    let message = claim.request(&device_id);
    let enrolled = call(&caller, message, |request| async move { device.enroll(request).await }).await?;
    Ok(Json(Claimed {
        status: "success",
        message: "Device claimed successfully",
        device_id: enrolled.device_id,
        api_key: enrolled.api_key,
        site_id: enrolled.site_id,
    }))
}
