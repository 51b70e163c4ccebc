//! The OpenAPI 3.1 document: generated from the handlers, completed from the table of who may call what.

use utoipa::{
    OpenApi,
    openapi::{
        Content, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{error::ErrorBody, routes::PREFIX};

/// Where the document is.
pub(crate) const DOCUMENT_PATH: &str = "/api/v1/openapi.json";

/// Every route with who may call it: method, path after the prefix, audience. The paths answer under `/api/v1` and
/// without it. `device` is a device by its id and key; `operator:<role>` an operator of that role or a higher one, at
/// the sites it is bound to; `device|operator:<role>` either of them; `fleet-admin` an admin bound to no site; `enrollee` a holder of an enrolment token, or a
/// device on the server's machine where enrolment is open; `enrollee|operator:<role>` either of them; `anyone` needs nothing.
pub const ROUTES: &[(&str, &str, &str)] = &[
    ("POST", "/devices/sites/{site_id}/devices", "enrollee|operator:admin"),
    ("GET", "/devices/sites/{site_id}/devices", "operator:viewer"),
    ("GET", "/devices/device", "operator:viewer"),
    ("GET", "/devices/device/{device_id}", "operator:viewer"),
    ("GET", "/devices/summary", "operator:viewer"),
    ("GET", "/devices/device/{device_id}/state-history", "operator:viewer"),
    ("GET", "/devices/watch", "operator:viewer"),
    ("DELETE", "/devices/simulated", "operator:admin"),
    ("POST", "/analytics/device-metrics", "device"),
    ("POST", "/analytics/user-activity", "operator:viewer"),
    ("GET", "/analytics/user-activity", "operator:viewer"),
    ("GET", "/analytics/user-activity/summary", "operator:viewer"),
    ("POST", "/analytics/error", "device|operator:viewer"),
    ("GET", "/analytics/errors", "operator:viewer"),
    ("GET", "/analytics/errors/summary", "operator:viewer"),
    ("GET", "/telemetry/latest", "operator:viewer"),
    ("GET", "/telemetry/devices/{device_id}/latest", "operator:viewer"),
    ("GET", "/telemetry/devices/{device_id}/samples", "operator:viewer"),
    ("GET", "/telemetry/query", "operator:viewer"),
    ("GET", "/telemetry/watch", "operator:viewer"),
    ("GET", "/telemetry/prometheus", "operator:viewer"),
    ("POST", "/devices/{device_id}/commands", "operator:operator"),
    ("GET", "/devices/pending", "device"),
    ("PUT", "/devices/{command_id}/status", "device"),
    ("POST", "/devices/{command_id}/status", "device"),
    ("POST", "/devices/{device_id}/commands/{command_id}/ack", "device"),
    ("GET", "/devices/device/{device_id}/commands", "operator:viewer"),
    ("GET", "/commands/watch", "operator:viewer"),
    ("GET", "/commands/{command_id}", "operator:viewer"),
    ("POST", "/commands/{command_id}/cancel", "operator:operator"),
    ("POST", "/agent/heartbeat", "device"),
    ("POST", "/agent/telemetry", "device"),
    ("POST", "/agent/device-dna", "device"),
    ("POST", "/agent/logs", "device"),
    ("GET", "/devices/device/{device_id}/permissions", "device|operator:viewer"),
    ("PATCH", "/devices/device/{device_id}/permissions", "device"),
    ("POST", "/enrolment-intents/{intent_id}/claim", "enrollee"),
    ("POST", "/sites/", "fleet-admin"),
    ("GET", "/sites/", "operator:viewer"),
    ("GET", "/health/health", "anyone"),
];

const DEVICE_ID: &str = "device_id";
const DEVICE_KEY: &str = "device_key";
const OPERATOR: &str = "operator_token";
const ENROLLMENT: &str = "enrollment_token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "HOMEPOT",
        description = "Devices enrol, report what they measure and fetch commands; operators see the fleet and \
            command it. Every route also answers without the prefix `/api/v1`. Times are RFC 3339 in UTC. Unknown \
            request fields are ignored; an optional field that is null is as good as left out. A query parameter that a \
            route does not have, that is empty, or that is given twice where one is taken, is 422. Every error is \
            `{\"detail\": <text or list of faults>, \"status_code\": <int>}`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ErrorBody)),
    tags(
        (name = "devices", description = "Enrolment, the register of devices, and when they came and went"),
        (name = "metrics", description = "What devices measure"),
        (name = "analytics", description = "What people and applications do"),
        (name = "telemetry", description = "What devices measured: newest, in a time range, and as it comes"),
        (name = "commands", description = "What devices are told to do, and what came of it"),
        (name = "agent", description = "What the packaged agent of the legacy platform calls"),
        (name = "sites", description = "Where devices stand"),
        (name = "health", description = "Whether the server works"),
    )
)]
struct Base;

/// The document before the routes are in it.
pub(crate) fn base(version: &str) -> Document {
    let mut document = Base::openapi();
    document.info.version = version.to_owned();
    let header =
        |name, description| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("hpo_…")
        .description(Some("An operator's token; `homepot ctl operators create` makes one."))
        .build();
    let schemes = [
        (DEVICE_ID, header("X-Device-ID", "A device's id, beside its key.")),
        (DEVICE_KEY, header("X-API-Key", "A device's key, shown once at enrolment.")),
        (OPERATOR, SecurityScheme::Http(bearer)),
        (ENROLLMENT, header("X-Enrollment-Token", "Lets devices enrol at one site.")),
    ];
    let components = document.components.get_or_insert_default();
    for (name, scheme) in schemes {
        components.add_security_scheme(name, scheme);
    }
    document
}

/// Puts into every operation who may call it, how it shows that, and the errors that any call can meet.
pub(crate) fn complete(document: &mut Document) {
    for (method, path, audience) in ROUTES {
        let item = document.paths.paths.get_mut(&format!("{PREFIX}{path}"));
        if let Some(operation) = item.and_then(|item| operation(item, method)) {
            describe(operation, audience);
        }
    }
}

/// The operation that a route of [`ROUTES`] is in the document.
pub(crate) fn operation_of<'a>(document: &'a Document, method: &str, path: &str) -> Option<&'a Operation> {
    let item = document.paths.paths.get(&format!("{PREFIX}{path}"))?;
    match method {
        "GET" => item.get.as_ref(),
        "POST" => item.post.as_ref(),
        "PUT" => item.put.as_ref(),
        "PATCH" => item.patch.as_ref(),
        "DELETE" => item.delete.as_ref(),
        _ => None,
    }
}

fn operation<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

fn describe(operation: &mut Operation, audience: &str) {
    let none: [&str; 0] = [];
    let (who, security) = match audience {
        "device" => {
            ("the device itself.".to_owned(), vec![SecurityRequirement::new(DEVICE_ID, none).add(DEVICE_KEY, none)])
        }
        "device|operator:viewer" => (
            "the device itself; an operator with the role viewer or a higher one, at its sites.".to_owned(),
            vec![
                SecurityRequirement::new(DEVICE_ID, none).add(DEVICE_KEY, none),
                SecurityRequirement::new(OPERATOR, none),
            ],
        ),
        "enrollee" => (
            "a holder of an enrolment token for the site; anyone on the server's machine where enrolment is open."
                .to_owned(),
            vec![SecurityRequirement::new(ENROLLMENT, none), SecurityRequirement::default()],
        ),
        "enrollee|operator:admin" => (
            "a holder of an enrolment token for the site; an operator with the role admin, at its sites; anyone on the \
                server's machine where enrolment is open."
                .to_owned(),
            vec![
                SecurityRequirement::new(ENROLLMENT, none),
                SecurityRequirement::new(OPERATOR, none),
                SecurityRequirement::default(),
            ],
        ),
        "anyone" => ("anyone.".to_owned(), vec![SecurityRequirement::default()]),
        "fleet-admin" => ("an admin bound to no site.".to_owned(), vec![SecurityRequirement::new(OPERATOR, none)]),
        role => {
            let role = role.strip_prefix("operator:").unwrap_or(role);
            let who = format!("an operator with the role {role} or a higher one, at its sites.");
            (who, vec![SecurityRequirement::new(OPERATOR, none)])
        }
    };
    let description = operation.description.get_or_insert_default();
    description.push_str(&format!("\n\nWho may: {who}"));
    operation.security = Some(security);

    if audience == "anyone" {
        return;
    }
    let mut errors = vec![
        (401, "Nobody knows who asks"),
        (403, "The caller is known and may not"),
        (429, "Too much at once; `Retry-After` tells when to come back"),
        (500, "A fault of the server"),
        (503, "Not now; `Retry-After` tells when to come back"),
        (504, "A service took too long"),
    ];
    if operation.request_body.is_some() {
        errors.extend([
            (408, "The body took over 30 s to arrive"),
            (413, "The body is larger than 1 MiB"),
            (422, "The body or the query is at fault; `detail` lists every fault"),
        ]);
    } else {
        errors.push((422, "The query is at fault; `detail` lists every fault"));
    }
    for (status, description) in errors {
        let response = ResponseBuilder::new().description(description).content("application/json", error_content());
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| RefOr::T(response.build()));
    }
}

fn error_content() -> Content {
    Content::new(Some(Ref::from_schema_name("ErrorBody")))
}
