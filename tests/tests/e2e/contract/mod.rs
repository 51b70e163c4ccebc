//! The legacy REST contract, row by row against the running system: byte for byte where it gives bytes.

mod analytics;
mod behind_nginx;
mod commands;
mod devices;
mod errors;
mod legacy_agent;
mod metrics;
mod packaged_agent;

use std::ops::Deref;

use homepot_tests::{
    AnySystem, Server, ServerOptions, System,
    grpc::DeviceKey,
    rest::{Request, Response},
};
use serde_json::Value;

/// The two places where every route answers.
const PREFIXES: [&str; 2] = ["/api/v1", ""];
const SITE: &str = "site-001";
const TILL: &str = "pos-terminal-001";

/// A system with a site and a device.
struct World<S = AnySystem> {
    server: S,
    till: DeviceKey,
}

impl World {
    async fn build() -> Self {
        Self::of(AnySystem::start().await).await
    }
}

impl World<Server> {
    /// With open enrolment for this machine, as a server alone may have it.
    async fn open() -> Self {
        let options = ServerOptions::default().env("HOMEPOT_OPEN_ENROLLMENT", "loopback");
        Self::of(Server::start_with(options).await).await
    }
}

impl<S: Deref<Target = System>> World<S> {
    async fn of(server: S) -> Self {
        server.create_site(SITE, true).await;
        let till = server.enroll(SITE, TILL).await;
        Self { server, till }
    }

    /// As the first admin.
    async fn operator(&self, request: Request) -> Response {
        self.server.rest(request.bearer(&self.server.admin_token)).await
    }

    /// As the device.
    async fn device(&self, request: Request) -> Response {
        self.server.rest(request.device(&self.till.device_id, &self.till.api_key)).await
    }

    /// Queues a command for the device; answers its id.
    async fn queue(&self, command_type: &str) -> String {
        let body = serde_json::json!({ "command_type": command_type });
        let answer = self.operator(Request::post(&format!("/api/v1/devices/{TILL}/commands")).json(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        text(&answer.json()["command_id"])
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Asserts an error's status and its very bytes.
#[track_caller]
fn assert_error(answer: &Response, status: u16, detail: &str) {
    let bytes = format!("{{\"detail\":{},\"status_code\":{status}}}", Value::from(detail));
    assert_eq!((answer.status, answer.text()), (status, bytes));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// Asserts that a value is a time as RFC 3339 has it, in UTC.
#[track_caller]
fn assert_time(value: &Value) {
    let time = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000000Z");
}

/// Asserts that an object begins with these keys, in this order.
#[track_caller]
fn assert_begins(object: &str, keys: &[&str]) {
    let mut rest = object;
    for key in keys {
        let place = rest.find(&format!("\"{key}\":"));
        rest = &rest[place.unwrap_or_else(|| panic!("no {key}, or not in its place, in {object}"))..];
    }
}
