//! Sites, enrolment, and the register of devices.

use std::time::Duration;

use axum::{Json, extract::State, response::Response};
use homepot::{
    Error,
    model::{Enrollment, NewSite, to_proto_duration, to_struct},
    pb::{common::v1::DeviceSource, device::v1 as device_pb, registry::v1 as pb},
};
use http::StatusCode;

use super::{
    Fields,
    fields::ANY_OBJECT,
    views::{self, View, broken, view},
};
use crate::{
    App,
    backend::{call, promised},
    body::{Shape, Valid},
    caller::{Caller, EnrolleeOrOperator, Ids, Operator},
    error::ApiError,
    lists,
};

/// How long a token is good that is made for one call: the shortest there is.
const ONE_MINUTE: Duration = Duration::from_secs(60);

impl Shape for device_pb::EnrollRequest {
    fn read(fields: &mut Fields) -> Self {
        Self {
            device_id: fields.required_text("device_id", 128),
            name: fields.required_text("name", 200),
            device_type: fields.string("device_type", 64),
            ip_address: fields.string("ip_address", 64),
            mac_address: fields.string("mac_address", 64),
            firmware_version: fields.string("firmware_version", 128),
            config: fields.object("config", ANY_OBJECT).as_ref().map(to_struct),
            source: match fields.word("source", &["real", "simulated"]) {
                Some("real") => DeviceSource::Real.into(),
                Some(_) => DeviceSource::Simulated.into(),
                None => DeviceSource::Unspecified.into(),
            },
            ..Default::default()
        }
    }

    fn judge(&self) -> Result<(), Error> {
        // The site is judged by the service: its id stands in the path.
        Enrollment::try_from(Self { site_id: "site".to_owned(), ..self.clone() }).map(drop)
    }
}

fn no_site(error: ApiError, site_id: &str) -> ApiError {
    error.or_if_at("site_id", StatusCode::NOT_FOUND, format!("Site {site_id} not found"))
}

/// An id in the path that can't exist names nothing.
pub(super) fn no_device(error: ApiError) -> ApiError {
    error.or_if_at("device_id", StatusCode::NOT_FOUND, "Device not found")
}

/// Enrols a device and answers its key, once.
///
/// An operator enrols it with a token that is made for this one call, so the list of enrolment tokens shows who let the
/// device in.
pub(super) async fn enroll(
    State(app): State<App>,
    caller: EnrolleeOrOperator,
    Ids(site_id): Ids<String>,
    Valid(device): Valid<device_pb::EnrollRequest>,
) -> Result<Json<View>, ApiError> {
    let mut services = app.services.device();
    let message = device_pb::EnrollRequest { site_id: site_id.clone(), ..device };
    let caller = match caller {
        EnrolleeOrOperator::Enrollee(caller) => caller,
        EnrolleeOrOperator::Operator(caller) => let_in(&app, caller, &site_id, message.source).await?,
    };
    let answer = call(&caller, message, |request| async move { services.enroll(request).await }).await;
    let enrolled = answer.map_err(|error| no_site(error, &site_id))?;
    Ok(Json(view! {
        "message": format!("Device {} created successfully", enrolled.device_id),
        "device_id": enrolled.device_id,
        "site_id": enrolled.site_id,
        "api_key": enrolled.api_key,
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

/// Lists the devices of one site.
pub(super) async fn of_site(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(site_id): Ids<String>,
) -> Result<Response, ApiError> {
    let filter = pb::ListDevicesRequest { site_id: site_id.clone(), ..Default::default() };
    walk(app, caller, filter, "[", "]").await.map_err(|error| no_site(error, &site_id))
}

/// Lists the devices the caller may see.
pub(super) async fn list(State(app): State<App>, Operator(caller): Operator) -> Result<Response, ApiError> {
    walk(app, caller, pb::ListDevicesRequest::default(), "{\"devices\":[", "]}").await
}

async fn walk(
    app: App,
    caller: Caller,
    filter: pb::ListDevicesRequest,
    open: &'static str,
    close: &'static str,
) -> Result<Response, ApiError> {
    let in_list = |device: pb::Device| views::device(pb::Device { config: None, ..device });
    lists::answer(open, close, in_list, move |page_size, page_token| {
        let (mut registry, caller) = (app.services.registry(), caller.clone());
        let message = pb::ListDevicesRequest { page_size, page_token, ..filter.clone() };
        Box::pin(async move {
            let page = call(&caller, message, |request| async move { registry.list_devices(request).await }).await?;
            Ok((page.devices, page.next_page_token))
        })
    })
    .await
}

/// Shows one device.
pub(super) async fn get(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
) -> Result<Json<View>, ApiError> {
    let device = record(&app, &caller, device_id).await?;
    views::device(device).map(Json).map_err(|error| broken(&error))
}

/// The record of a device.
pub(super) async fn record(app: &App, caller: &Caller, device_id: String) -> Result<pb::Device, ApiError> {
    let mut registry = app.services.registry();
    let message = pb::GetDeviceRequest { device_id };
    let answer = call(caller, message, |request| async move { registry.get_device(request).await }).await;
    promised(answer.map_err(no_device)?.device)
}

impl Shape for pb::CreateSiteRequest {
    fn read(fields: &mut Fields) -> Self {
        Self {
            site_id: fields.required_text("site_id", 64),
            name: fields.required_text("name", 200),
            description: fields.string("description", 2_000),
            location: fields.string("location", 500),
            open_enrollment: fields.flag("open_enrollment").unwrap_or_default(),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        NewSite::try_from(self.clone()).map(drop)
    }
}

/// Makes a site.
pub(super) async fn create_site(
    State(app): State<App>,
    Operator(caller): Operator,
    Valid(site): Valid<pb::CreateSiteRequest>,
) -> Result<Json<View>, ApiError> {
    let mut registry = app.services.registry();
    let answer = call(&caller, site, |request| async move { registry.create_site(request).await }).await?;
    let site = promised(answer.site)?;
    let message = format!("Site {} created successfully", site.site_id);
    Ok(Json(view! {"message": message, "site_id": site.site_id, "name": site.name}))
}

/// Lists the sites the caller may see.
pub(super) async fn sites(State(app): State<App>, Operator(caller): Operator) -> Result<Response, ApiError> {
    lists::answer("{\"sites\":[", "]}", views::site, move |page_size, page_token| {
        let (mut registry, caller) = (app.services.registry(), caller.clone());
        Box::pin(async move {
            let message = pb::ListSitesRequest { page_size, page_token };
            let page = call(&caller, message, |request| async move { registry.list_sites(request).await }).await?;
            Ok((page.sites, page.next_page_token))
        })
    })
    .await
}
