//! Real and simulated: what a device is comes from its enrolment, and nobody talks it into something else.

mod enrolment;
mod removal;
mod rules;
mod takeover;
mod thieves;

use std::time::SystemTime;

use homepot::pb::{
    common::v1::DeviceSource,
    device::v1::{self as pb, attach_request::Message as Up, attach_response::Message as Down},
    registry::v1 as registry_pb,
    telemetry::v1::Sample,
};
use homepot_tests::{
    Agent, AgentOptions, AnySystem, Server, Session, System, eventually,
    grpc::{Caller, DeviceKey},
    hello,
};

const SITE: &str = "site-001";
/// What no device of these tests measures but the one that is not what it says.
const FOREIGN: i64 = 424_242;

async fn server() -> AnySystem {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    server
}

/// The same as a process of the test's own.
async fn own_server() -> Server {
    let server = Server::start().await;
    server.create_site(SITE, false).await;
    server
}

/// A token for such devices at the site, good for many.
async fn token(server: &System, source: DeviceSource, labels: &[(&str, &str)]) -> String {
    let request = registry_pb::CreateEnrollmentTokenRequest {
        site_id: SITE.to_owned(),
        max_uses: 100,
        source: source.into(),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..Default::default()
    };
    server.admin().registry.create_enrollment_token(request).await.unwrap().into_inner().secret
}

fn request(device_id: &str) -> pb::EnrollRequest {
    let (site_id, device_id) = (SITE.to_owned(), device_id.to_owned());
    pb::EnrollRequest { site_id, name: device_id.clone(), device_id, ..Default::default() }
}

async fn enrol(server: &System, token: &str, request: pb::EnrollRequest) -> Result<DeviceKey, tonic::Status> {
    let answer = server.clients(&Caller::Enrollee(token.to_owned())).device.enroll(request).await?.into_inner();
    Ok(DeviceKey { device_id: answer.device_id, api_key: answer.api_key })
}

/// A simulated device.
async fn simulated(server: &System, device_id: &str) -> DeviceKey {
    let token = token(server, DeviceSource::Simulated, &[]).await;
    enrol(server, &token, request(device_id)).await.unwrap()
}

/// A real agent that holds its session.
async fn agent(server: &System, device_id: &str) -> Agent {
    let token = token(server, DeviceSource::Real, &[]).await;
    let agent = Agent::start(server, AgentOptions::new(SITE, device_id).enrollment_token(&token));
    attached(server, device_id).await;
    agent
}

/// The key in an agent's state directory, as a thief reads it.
fn stolen(agent: &Agent, device_id: &str) -> DeviceKey {
    let api_key = std::fs::read_to_string(agent.state_dir().join(".device_api_key")).unwrap();
    DeviceKey { device_id: device_id.to_owned(), api_key: api_key.trim().to_owned() }
}

async fn device(server: &System, device_id: &str) -> registry_pb::Device {
    let request = registry_pb::GetDeviceRequest { device_id: device_id.to_owned() };
    server.admin().registry.get_device(request).await.unwrap().into_inner().device.unwrap()
}

/// Waits until a device holds a stream; answers its epoch.
async fn attached(server: &System, device_id: &str) -> u64 {
    eventually("the device's stream", async || {
        let request = registry_pb::GetPresenceRequest { device_id: device_id.to_owned() };
        let answer = server.admin().registry.get_presence(request).await.ok()?.into_inner();
        answer.presence.filter(|presence| presence.attached_at.is_some()).map(|presence| presence.session_epoch)
    })
    .await
}

/// A stream that said this Hello.
async fn says(server: &System, key: &DeviceKey, source: DeviceSource) -> Session {
    let session = Session::open(server, key).await.unwrap();
    session.send(Up::Hello(pb::Hello { source: source.into(), ..hello() })).await;
    session
}

/// A sample that tells where it comes from.
fn foreign() -> Sample {
    let queue_depth = Some(FOREIGN);
    Sample { collected_at: Some(SystemTime::now().into()), queue_depth, ..Default::default() }
}

fn samples(first_seq: u64) -> Up {
    Up::Samples(pb::Samples { first_seq, samples: vec![foreign()], resent: false })
}

/// Sends a sample and hears that it is stored: the session is live.
async fn is_live(session: &mut Session, seq: u64) {
    session.send(samples(seq)).await;
    let acknowledged = |message: &Down| match message {
        Down::SamplesAck(ack) => Some(ack.seq),
        _ => None,
    };
    assert_eq!(session.expect("SamplesAck", acknowledged).await, seq);
}

/// Foreign samples in history, whosever they are.
async fn foreign_samples(server: &System) -> i64 {
    server.database().number(&format!("SELECT count(*) FROM samples WHERE queue_depth = {FOREIGN}")).await
}

/// The sum of the series of a metric that have all of these labels; each series is there from the start, at 0.
async fn metric(server: &Server, name: &str, labels: &[&str]) -> f64 {
    let page = server.ops("/metrics").await.text();
    let of_name = |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
    page.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
