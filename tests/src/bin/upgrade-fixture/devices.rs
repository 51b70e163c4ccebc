//! Devices of every kind, and what they measured.

use std::{fs, path::Path};

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{
        command::v1::CommandState,
        common::v1::DeviceSource,
        device::v1::{self as device_pb, attach_request::Message as Up, attach_response::Message as Down},
        registry::v1 as pb,
        telemetry::v1::{GapReason, LatestRequest, Sample, Temperature},
    },
};
use homepot_tests::{
    Agent, AgentOptions, PATIENCE, Server, Session, Simulator, eventually,
    grpc::{Caller, DeviceKey},
    rest::Request,
};
use serde_json::json;

use super::{Known, ledger, people::days};

/// The key of a device.
pub(super) fn key(known: &Known, device_id: &str) -> DeviceKey {
    DeviceKey { device_id: device_id.to_owned(), api_key: known[&format!("device {device_id}")].clone() }
}

async fn enroll(server: &Server, token: &str, request: device_pb::EnrollRequest) -> String {
    let mut device = server.clients(&Caller::Enrollee(token.to_owned())).device;
    device.enroll(request).await.unwrap().into_inner().api_key
}

fn request(site_id: &str, device_id: &str) -> device_pb::EnrollRequest {
    device_pb::EnrollRequest {
        site_id: site_id.to_owned(),
        device_id: device_id.to_owned(),
        name: format!("Device {device_id}"),
        ip_address: "192.0.2.7".to_owned(),
        mac_address: "00:00:5e:00:53:07".to_owned(),
        firmware_version: "7.0".to_owned(),
        ..Default::default()
    }
}

async fn token(server: &Server, site_id: &str, source: DeviceSource, labels: &[(&str, &str)]) -> String {
    let request = pb::CreateEnrollmentTokenRequest {
        site_id: site_id.to_owned(),
        source: source.into(),
        time_to_live: days(365),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..Default::default()
    };
    server.admin().registry.create_enrollment_token(request).await.unwrap().into_inner().secret
}

/// Has a device report one sample without a stream.
pub(super) async fn report(server: &Server, key: &DeviceKey, at: DateTime<Utc>, cpu: f64) {
    let sample = sample(at, cpu);
    let request = device_pb::ReportSamplesRequest { samples: vec![sample], ..Default::default() };
    let mut device = server.clients(&Caller::Device(key.clone())).device;
    let answer = device.report_samples(request).await.unwrap().into_inner();
    assert_eq!(answer.accepted, 1, "{answer:?}");
}

fn sample(at: DateTime<Utc>, cpu: f64) -> Sample {
    Sample {
        collected_at: Some(to_proto_timestamp(at)),
        cpu_percent: Some(cpu),
        memory_percent: Some(3.25),
        transaction_count: Some(17),
        transaction_volume: Some(1234.56),
        temperatures: vec![Temperature { sensor: "board".to_owned(), celsius: 41.5 }],
        ..Default::default()
    }
}

/// Devices that hold a stream, poll, were switched, shut out or removed, and a simulated fleet with a past.
pub(super) async fn fill(server: &Server, known: &mut Known) {
    let mut registry = server.admin().registry;
    for device_id in ["till-1", "till-2", "rotated", "revoked", "deactivated"] {
        let key = server.enroll("shop-1", device_id).await;
        known.insert(format!("device {device_id}"), key.api_key);
    }
    poller(server, known).await;
    cut_short(server, known).await;
    switched(server, known).await;
    fleet(server).await;

    let labels = Some(pb::Labels { labels: [("tier".to_owned(), "pos".to_owned())].into() });
    let device_id = "till-2".to_owned();
    let request = pb::UpdateDeviceRequest { device_id, maintenance: Some(true), labels, ..Default::default() };
    registry.update_device(request).await.unwrap();
    // An overlap in which both keys are good.
    let request = pb::RotateDeviceKeyRequest { device_id: "rotated".to_owned(), overlap: days(30) };
    let rotated = registry.rotate_device_key(request).await.unwrap().into_inner();
    known.insert("device rotated, newer key".to_owned(), rotated.api_key);
    let request = pb::RevokeDeviceKeysRequest { device_id: "revoked".to_owned() };
    registry.revoke_device_keys(request).await.unwrap();
    let request = pb::DeactivateDeviceRequest { device_id: "deactivated".to_owned() };
    registry.deactivate_device(request).await.unwrap();
    streamed(server, known).await;
}

/// One that enrols, reports and polls by REST.
async fn poller(server: &Server, known: &mut Known) {
    let token = token(server, "shop-2", DeviceSource::Real, &[]).await;
    let enrollment =
        json!({"device_id": "poller-1", "name": "Poller 1", "device_type": "gateway", "config": {"lanes": 2}});
    let answer = Request::post("/api/v1/devices/sites/shop-2/devices").header("X-Enrollment-Token", &token);
    let answer = server.rest(answer.json(&enrollment)).await;
    let key = answer.json()["api_key"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
    let metrics = Request::post("/api/v1/analytics/device-metrics").device("poller-1", &key);
    let answer = server.rest(metrics.json(&json!({"cpu_percent": 45.5, "memory_percent": 12.0}))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    known.insert("device poller-1".to_owned(), key);
}

/// One whose enrolment was cut short: it has no key, and its claim gets it one.
async fn cut_short(server: &Server, known: &mut Known) {
    let token = token(server, "shop-1", DeviceSource::Real, &[]).await;
    let claim = "a claim that was on disk";
    enroll(server, &token, device_pb::EnrollRequest { claim: claim.into(), ..request("shop-1", "cut-short") }).await;
    known.insert("token of cut-short".to_owned(), token);
    known.insert("claim of cut-short".to_owned(), claim.to_owned());
}

/// One that was simulated and is real now, one that is simulated, and one that was removed.
async fn switched(server: &Server, known: &mut Known) {
    for (device_id, fleet) in [("switched", "switched"), ("simulated", "kept"), ("removed", "removed")] {
        let token = token(server, "shop-2", DeviceSource::Simulated, &[("fleet", fleet)]).await;
        let api_key = enroll(server, &token, request("shop-2", device_id)).await;
        let key = DeviceKey { device_id: device_id.to_owned(), api_key };
        report(server, &key, Utc::now() - TimeDelta::hours(40), 11.0).await;
        known.insert(format!("device {device_id}"), key.api_key);
    }
    let token = token(server, "shop-2", DeviceSource::Real, &[]).await;
    let taken_over = enroll(server, &token, request("shop-2", "switched")).await;
    let simulated = known.insert("device switched".to_owned(), taken_over);
    known.insert("key of switched while it was simulated".to_owned(), simulated.unwrap());
    let label_selector = "fleet=removed".to_owned();
    let request = pb::RemoveSimulatedDevicesRequest { label_selector, ..Default::default() };
    let removed = server.admin().registry.remove_simulated_devices(request).await.unwrap().into_inner();
    assert_eq!(removed.removed, 1);
}

/// Two days of a small fleet: enough for a whole day of hours.
async fn fleet(server: &Server) {
    let simulator = Simulator::of(server);
    let scenario = simulator.calm("");
    let devices = ["fleet", "--name", "sim", "--devices", "2", "--sites", "1", "--scenario", &scenario];
    let past = ["--history", "49h", "--history-interval", "1h", "--duration", "1s"];
    let ran = simulator.run(&[&devices[..], &past].concat()).await;
    assert_eq!(ran.code, 0, "{}", ran.said);
}

/// What a stream carries: samples, and the news of those that are lost.
async fn streamed(server: &Server, known: &mut Known) {
    let (mut session, welcome) = Session::attach(server, &key(known, "till-1")).await;
    known.insert("ticket of till-1".to_owned(), welcome.reconnect_ticket);
    let ago = |minutes| Utc::now() - TimeDelta::minutes(minutes);
    let samples = (0..8).map(|number| sample(ago(170 - 20 * number), 10.0 + f64::from(number as i32))).collect();
    session.send(Up::Samples(device_pb::Samples { first_seq: 1, samples, resent: false })).await;
    acknowledged(&mut session, 8).await;
    let lost = device_pb::SamplesLost {
        first_seq: 9,
        last_seq: 20,
        start_time: Some(to_proto_timestamp(ago(20))),
        end_time: Some(to_proto_timestamp(ago(10))),
        reason: GapReason::SpoolFull.into(),
    };
    session.send(Up::SamplesLost(lost)).await;
    acknowledged(&mut session, 20).await;
}

async fn acknowledged(session: &mut Session, seq: u64) {
    let read = |message: &Down| match message {
        Down::SamplesAck(ack) => Some((ack.seq, ack.refused.clone())),
        _ => None,
    };
    assert_eq!(session.expect("SamplesAck", read).await, (seq, Vec::new()));
}

/// A real agent with a proof key, whose state directory is kept. A command is left for it.
pub(super) async fn agent(server: &Server, known: &mut Known, keep: &Path) {
    let token = token(server, "shop-1", DeviceSource::Real, &[]).await;
    let options = AgentOptions::new("shop-1", "agent-1").enrollment_token(&token).env("HOMEPOT_AGENT_NAME", "Agent 1");
    let mut agent = Agent::start(server, options);
    let request = LatestRequest { device_ids: vec!["agent-1".to_owned()], ..Default::default() };
    let measured = async || {
        // Until it has enrolled there is no such device.
        let latest = server.admin().telemetry.latest(request.clone()).await.ok()?.into_inner();
        (!latest.samples.is_empty()).then_some(())
    };
    eventually("the agent's first sample", measured).await;
    let done = ledger::queue(server, "agent-1", "PING").await;
    ledger::until(server, &done, CommandState::Succeeded).await;
    agent.process().terminate();
    let status = agent.process_mut().ended(PATIENCE).await;
    assert!(status.success(), "the agent ends with {status}");
    copy(&agent.state_dir(), keep);
    known.insert("command done by agent-1".to_owned(), done);
    let waits = ledger::queue(server, "agent-1", "PING").await;
    known.insert("command for agent-1".to_owned(), waits);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
