//! Real and simulated devices beside one another: each list, query, watch and metric marks and filters them, totals count
//! the real ones unless told otherwise, and no run mixes them by accident.

mod commands;
mod lists;
mod measured;

use std::ops::Deref;

use homepot::pb::{
    common::v1::DeviceSource,
    device::v1::{self as device_pb, SamplesAck, attach_request::Message as Up, attach_response::Message as Down},
    registry::v1 as pb,
    telemetry::v1::Sample,
};
use homepot_tests::{
    AnySystem, Server, ServerOptions, Session, System,
    grpc::{Caller, DeviceKey},
    hello,
    rest::{Request, Response},
};
use serde_json::Value;
use tonic::Status;

const SITE: &str = "site-001";
/// A real device.
const TILL: &str = "till";
/// A simulated one, at the same site.
const ROBOT: &str = "robot";
const REAL: DeviceSource = DeviceSource::Real;
const SIMULATED: DeviceSource = DeviceSource::Simulated;

/// A system with a real and a simulated device at one site.
struct World<S = AnySystem> {
    server: S,
    till: DeviceKey,
    robot: DeviceKey,
}

impl World {
    async fn build() -> Self {
        Self::of(AnySystem::start_with(ServerOptions::default().env("HOMEPOT_FLEET_METRICS", "on")).await).await
    }
}

impl World<Server> {
    /// What the server's metrics say of `series`.
    async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.server.ops("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
        line.map(|number| number.parse().unwrap())
    }
}

impl<S: Deref<Target = System>> World<S> {
    async fn of(server: S) -> Self {
        server.create_site(SITE, false).await;
        let till = enroll(&server, TILL, REAL).await;
        let robot = enroll(&server, ROBOT, SIMULATED).await;
        Self { server, till, robot }
    }

    /// Both attached, each with one sample stored.
    async fn measured(&self) -> [Session; 2] {
        [self.reports(&self.till, REAL, 10.0).await, self.reports(&self.robot, SIMULATED, 90.0).await]
    }

    async fn reports(&self, key: &DeviceKey, source: DeviceSource, cpu_percent: f64) -> Session {
        let mut session = Session::open(&self.server, key).await.unwrap();
        session.send(Up::Hello(device_pb::Hello { source: source.into(), ..hello() })).await;
        session.expect("Welcome", |down| matches!(down, Down::Welcome(_)).then_some(())).await;
        self.sends(&mut session, 1, cpu_percent).await;
        session
    }

    async fn sends(&self, session: &mut Session, first_seq: u64, cpu_percent: f64) {
        let now = homepot::model::to_proto_timestamp(chrono::Utc::now());
        let sample = Sample { collected_at: Some(now), cpu_percent: Some(cpu_percent), ..Default::default() };
        session.send(Up::Samples(device_pb::Samples { first_seq, samples: vec![sample], resent: false })).await;
        let ack = |down: &Down| match down {
            Down::SamplesAck(SamplesAck { seq, .. }) => Some(*seq),
            _ => None,
        };
        session.expect("SamplesAck", ack).await;
    }

    async fn get(&self, target: &str) -> Response {
        self.server.rest(Request::get(target).bearer(&self.server.admin_token)).await
    }

    async fn json(&self, target: &str) -> Value {
        let answer = self.get(target).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.json()
    }
}

/// Enrols a device by a token of its kind.
async fn enroll(server: &System, device_id: &str, source: DeviceSource) -> DeviceKey {
    let request =
        pb::CreateEnrollmentTokenRequest { site_id: SITE.to_owned(), source: source.into(), ..Default::default() };
    let token = server.admin().registry.create_enrollment_token(request).await.unwrap().into_inner().secret;
    let request = device_pb::EnrollRequest {
        site_id: SITE.to_owned(),
        device_id: device_id.to_owned(),
        name: device_id.to_owned(),
        source: source.into(),
        ..Default::default()
    };
    let answer = server.clients(&Caller::Enrollee(token)).device.enroll(request).await.unwrap().into_inner();
    DeviceKey { device_id: answer.device_id, api_key: answer.api_key }
}

/// The field that a refusal names, and what it says of it.
fn fault(status: Status) -> (String, String) {
    let error = homepot::Error::from(&status);
    let fault = error.field_violations().first().cloned().expect("a refusal names a field");
    (fault.field, fault.reason)
}

/// The texts of `name` in a list of objects.
fn texts(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap_or("null").to_owned()).collect()
}
