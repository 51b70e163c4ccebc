//! Enrolment and the register of devices.

use std::time::Duration;

use axum::{Json, extract::State, response::Response};
use homepot::{
    Error,
    model::{Enrollment, JsonBounds, JsonObject, to_proto_duration, to_struct},
    pb::{common::v1 as common_pb, device::v1 as device_pb, registry::v1 as pb},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    backend::{call, promised},
    body::{MAX_BODY_BYTES, Shape, Valid},
    caller::{Caller, EnrolleeOrOperator, Ids, Operator},
    error::{ApiError, ErrorBody},
    lists,
    params::Params,
    validate::Fields,
    views::DeviceView,
};

/// Only what could not be sent on; the model has the real bounds.
const CONFIG: JsonBounds = JsonBounds { bytes: MAX_BODY_BYTES, keys: usize::MAX, depth: 64 };

/// How long a token is good that is made for one call: the shortest there is.
const ONE_MINUTE: Duration = Duration::from_secs(60);

/// A device that wants to enrol.
#[derive(ToSchema)]
#[schema(example = json!({"device_id": "pos-terminal-001", "name": "Till 1", "device_type": "pos_terminal"}))]
pub(crate) struct Enroll {
    /// Unique in the fleet: 1 to 128 of A-Z, a-z, 0-9, `.`, `_`, `:` and `-`, a letter or digit first.
    #[schema(min_length = 1, max_length = 128)]
    device_id: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `pos_terminal`, `linux_server`, `iot_sensor`, `industrial_controller`, `gateway`, `unknown`, or any other short
    /// slug; kept in lower case. Default: `pos_terminal`.
    #[schema(max_length = 64)]
    device_type: Option<String>,
    /// IPv4 or IPv6.
    ip_address: Option<String>,
    /// Six pairs of hexadecimal digits.
    mac_address: Option<String>,
    #[schema(max_length = 128)]
    firmware_version: Option<String>,
    /// Whatever the device wants remembered: at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    config: Option<JsonObject>,
    /// `real` or `simulated`; it must be what the token is for. Default: whatever that is, or real where enrolment is open.
    #[schema(example = "real")]
    source: Option<&'static str>,
}

impl Enroll {
    fn request(&self, site_id: &str) -> device_pb::EnrollRequest {
        device_pb::EnrollRequest {
            site_id: site_id.to_owned(),
            device_id: self.device_id.clone(),
            name: self.name.clone(),
            device_type: self.device_type.clone().unwrap_or_default(),
            ip_address: self.ip_address.clone().unwrap_or_default(),
            mac_address: self.mac_address.clone().unwrap_or_default(),
            firmware_version: self.firmware_version.clone().unwrap_or_default(),
            config: self.config.as_ref().map(to_struct),
            source: match self.source {
                Some("real") => common_pb::DeviceSource::Real.into(),
                Some(_) => common_pb::DeviceSource::Simulated.into(),
                None => common_pb::DeviceSource::Unspecified.into(),
            },
            claim: Vec::new(),
            proof_key: Vec::new(),
        }
    }
}

impl Shape for Enroll {
    fn read(fields: &mut Fields) -> Self {
        Self {
            device_id: fields.required_text("device_id", 128),
            name: fields.required_text("name", 200),
            device_type: fields.text("device_type", 64),
            ip_address: fields.text("ip_address", 64),
            mac_address: fields.text("mac_address", 64),
            firmware_version: fields.text("firmware_version", 128),
            config: fields.object("config", CONFIG),
            source: fields.word("source", &["real", "simulated"]),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        // The site is judged by the service: its id stands in the path.
        Enrollment::try_from(self.request("site")).map(drop)
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Enrolled {
    #[schema(example = "Device pos-terminal-001 created successfully")]
    message: String,
    #[schema(example = "pos-terminal-001")]
    device_id: String,
    #[schema(example = "site-001")]
    site_id: String,
    /// Shown this once.
    #[schema(example = "hpd_…")]
    api_key: String,
}

#[derive(ToSchema)]
#[allow(dead_code)] // the list is streamed; this tells its shape
pub(crate) struct Devices {
    devices: Vec<DeviceView>,
}

fn no_site(error: ApiError, site_id: &str) -> ApiError {
    error.or_if_at("site_id", StatusCode::NOT_FOUND, format!("Site {site_id} not found"))
}

/// Enrols a device and answers its key, once
///
/// A real device takes over the id of a simulated one of the same site, of which nothing is left. An operator enrols it with
/// a token that is made for this one call, so the list of enrolment tokens shows who let the device in.
#[utoipa::path(
    post, path = "/devices/sites/{site_id}/devices", tag = "devices",
    params(("site_id" = String, Path, description = "The site to join", example = "site-001")),
    request_body = Enroll,
    responses(
        (status = 200, description = "It is enrolled", body = Enrolled),
        (status = 404, description = "There is no such site", body = ErrorBody,
            example = json!({"detail": "Site site-001 not found", "status_code": 404})),
        (status = 403, description = "The token is not for such devices", body = ErrorBody),
        (status = 409, description = "The id is taken; a key is never shown twice", body = ErrorBody,
            example = json!({"detail": "Device pos-terminal-001 already exists", "status_code": 409})),
    )
)]
pub(crate) async fn enroll(
    State(app): State<App>,
    caller: EnrolleeOrOperator,
    Ids(site_id): Ids<String>,
    Valid(device): Valid<Enroll>,
) -> Result<Json<Enrolled>, ApiError> {
    let mut services = app.services.device();
    let message = device.request(&site_id);
    let caller = match caller {
        EnrolleeOrOperator::Enrollee(caller) => caller,
        EnrolleeOrOperator::Operator(caller) => let_in(&app, caller, &site_id, message.source).await?,
    };
    let answer = call(&caller, message, |request| async move { services.enroll(request).await }).await;
    let enrolled = answer.map_err(|error| no_site(error, &site_id))?;
    Ok(Json(Enrolled {
        message: format!("Device {} created successfully", enrolled.device_id),
        device_id: enrolled.device_id,
        site_id: enrolled.site_id,
        api_key: enrolled.api_key,
    }))
}

/// Makes an enrolment token in the operator's name, for one device and one minute; the call goes on with it.
async fn let_in(app: &App, caller: Caller, site_id: &str, source: i32) -> Result<Caller, ApiError> {
    let mut registry = app.services.registry();
    let message = pb::CreateEnrollmentTokenRequest {
        site_id: site_id.to_owned(),
        max_uses: 1,
        time_to_live: Some(to_proto_duration(ONE_MINUTE)),
        source,
        labels: Default::default(),
    };
    let answer = call(&caller, message, |request| async move { registry.create_enrollment_token(request).await }).await;
    let made = answer.map_err(|error| no_site(error, site_id))?;
    caller.into_enrollee(&made.secret)
}

/// Lists the devices of one site
#[utoipa::path(
    get, path = "/devices/sites/{site_id}/devices", tag = "devices",
    params(
        ("site_id" = String, Path, description = "The site", example = "site-001"),
        ("source" = Option<String>, Query, description = "Only `real` or only `simulated` devices; both unless told"),
    ),
    responses(
        (status = 200, description = "All of them, ordered by id", body = Vec<DeviceView>),
        (status = 404, description = "There is no such site, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Site site-001 not found", "status_code": 404})),
    )
)]
pub(crate) async fn of_site(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(site_id): Ids<String>,
    mut params: Params,
) -> Result<Response, ApiError> {
    let filter = pb::ListDevicesRequest { site_id: site_id.clone(), source: params.source(), ..Default::default() };
    let answer = walk(app, caller, params.finish(filter)?, "[", "]").await;
    answer.map_err(|error| no_site(error, &site_id))
}

/// Lists the devices the caller may see
#[utoipa::path(
    get, path = "/devices/device", tag = "devices",
    params(
        ("source" = Option<String>, Query, description = "Only `real` or only `simulated` devices; both unless told"),
    ),
    responses((status = 200, description = "All of them, ordered by id", body = Devices))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Response, ApiError> {
    let filter = pb::ListDevicesRequest { source: params.source(), ..Default::default() };
    walk(app, caller, params.finish(filter)?, "{\"devices\":[", "]}").await
}

async fn walk(
    app: App,
    caller: Caller,
    filter: pb::ListDevicesRequest,
    open: &'static str,
    close: &'static str,
) -> Result<Response, ApiError> {
    lists::answer(open, close, move |page_size, page_token| {
        let (mut registry, caller) = (app.services.registry(), caller.clone());
        let message = pb::ListDevicesRequest { page_size, page_token, ..filter.clone() };
        Box::pin(async move {
            let page = call(&caller, message, |request| async move { registry.list_devices(request).await }).await?;
            let devices = page.devices.into_iter().map(DeviceView::in_list).collect::<Result<Vec<_>, _>>()?;
            Ok((devices, page.next_page_token))
        })
    })
    .await
}

/// Shows one device
#[utoipa::path(
    get, path = "/devices/device/{device_id}", tag = "devices",
    params(("device_id" = String, Path, description = "The device", example = "pos-terminal-001")),
    responses(
        (status = 200, description = "As it stands", body = DeviceView),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Device not found", "status_code": 404})),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
) -> Result<Json<DeviceView>, ApiError> {
    let mut registry = app.services.registry();
    let message = pb::GetDeviceRequest { device_id };
    let answer = call(&caller, message, |request| async move { registry.get_device(request).await }).await;
    let answer = answer.map_err(|error| error.or_if_at("device_id", StatusCode::NOT_FOUND, "Device not found"))?;
    DeviceView::alone(promised(answer.device)?).map(Json)
}

/// How many simulated devices went.
#[derive(Serialize, ToSchema)]
pub(crate) struct Removed {
    /// Devices that this call removed.
    #[schema(example = 200)]
    removed: u32,
}

/// Removes simulated devices with all their data; real ones are never touched
///
/// Their streams end within two seconds. It goes on to its end also when nobody waits for the answer any more: after 10 s that
/// is 504, and a repeat answers for what is left.
#[utoipa::path(
    delete, path = "/devices/simulated", tag = "devices",
    params(
        ("site_id" = Option<Vec<String>>, Query, description = "Only of this site; up to 1,000 times"),
        ("label_selector" = Option<String>, Query, description = "Only devices with such labels", example = "fleet=load"),
        ("all" = Option<bool>, Query, description = "`true`, without any other parameter, removes every simulated device \
            of every site. At least one parameter is required"),
    ),
    responses(
        (status = 200, description = "They are gone", body = Removed),
        (status = 404, description = "There is no such site, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Site site-001 not found", "status_code": 404})),
    )
)]
pub(crate) async fn remove_simulated(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Removed>, ApiError> {
    let message = pb::RemoveSimulatedDevicesRequest {
        site_ids: params.all("site_id"),
        label_selector: params.text("label_selector"),
        all: params.flag("all"),
    };
    let message = params.finish(message)?;
    let mut registry = app.services.registry();
    let answer =
        call(&caller, message, |request| async move { registry.remove_simulated_devices(request).await }).await;
    answer.map(|answer| Json(Removed { removed: answer.removed })).map_err(ApiError::in_query)
}
