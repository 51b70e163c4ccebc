//! Who has stolen the key of a device that proves itself, and lies.

use std::ops::Deref;

use homepot::{
    model::DeviceId,
    pb::{
        command::v1::{CommandState, QueueRequest},
        common::v1::DeviceSource,
        device::v1::{
            AcknowledgeCommandRequest, Challenge, CommandOutcome, FetchCommandsRequest, Goodbye, GoodbyeReason, Proof,
            ReportOutcomeRequest, ReportSamplesRequest, attach_request::Message as Up,
            attach_response::Message as Down,
        },
    },
};
use homepot_agent::protocol::Signer;
use homepot_tests::{AnySystem, Session, rest::Request};
use serde_json::json;
use tonic::{Code, Status};

use super::*;

const TILL: &str = "till";

/// The agent that is stolen from, and how it stands.
struct Victim<S = AnySystem> {
    server: S,
    agent: Agent,
    key: DeviceKey,
    epoch: u64,
}

async fn victim() -> Victim {
    victim_at(server().await).await
}

async fn victim_at<S: Deref<Target = System>>(server: S) -> Victim<S> {
    let agent = agent(&server, TILL).await;
    assert!(device(&server, TILL).await.proves);
    let (key, epoch) = (stolen(&agent, TILL), attached(&server, TILL).await);
    Victim { server, agent, key, epoch }
}

impl<S: Deref<Target = System>> Victim<S> {
    /// A stream that the thief opened, and what it was asked.
    async fn challenged(&self) -> (Session, [u8; 32]) {
        let mut session = Session::open(&self.server, &self.key).await.unwrap();
        let nonce = match session.next().await {
            Some(Down::Challenge(Challenge { nonce })) => nonce.try_into().unwrap(),
            other => panic!("no Challenge but {other:?}"),
        };
        (session, nonce)
    }

    /// What answers `nonce`, by the key that a thief of the whole state directory has.
    fn proof(&self, nonce: &[u8; 32]) -> Up {
        let private = std::fs::read(self.agent.state_dir().join("proof_key")).unwrap();
        let signer = Signer::from_private(&private.try_into().unwrap()).unwrap();
        Up::Proof(Proof { signature: signer.prove(nonce, &DeviceId::parse(TILL).unwrap()) })
    }

    /// Nothing happened to the agent, and nothing of the thief is kept.
    async fn is_unharmed(&self) {
        assert_eq!(attached(&self.server, TILL).await, self.epoch);
        let read = self.agent.samples().len();
        self.agent.read_samples(read + 1).await;
        assert_eq!(attached(&self.server, TILL).await, self.epoch);
        assert_eq!(foreign_samples(&self.server).await, 0);
        let request = registry_pb::ListStateChangesRequest { device_id: TILL.to_owned(), ..Default::default() };
        let history = self.server.admin().registry.list_state_changes(request).await.unwrap().into_inner();
        assert_eq!(history.changes.len(), 1, "{history:?}");
    }
}

/// Goodbye, and that nothing was let in before.
async fn turned_away(session: &mut Session) -> Goodbye {
    let first = session.next().await;
    let Some(Down::Goodbye(goodbye)) = first else { panic!("no Goodbye but {first:?}") };
    assert_eq!(goodbye.reason(), GoodbyeReason::Protocol);
    assert_eq!(session.next().await, None);
    goodbye
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_that_says_real_and_gives_no_proof_never_counts() {
    let victim = victim().await;
    let (mut thief, _) = victim.challenged().await;
    thief.send(Up::Hello(pb::Hello { source: DeviceSource::Real.into(), ..hello() })).await;
    let goodbye = turned_away(&mut thief).await;
    assert!(goodbye.detail.contains("no proof came in time"), "{goodbye:?}");

    // Nor one that acts as if it were in.
    let (mut hasty, _) = victim.challenged().await;
    hasty.send(Up::Hello(hello())).await;
    hasty.send(samples(1)).await;
    turned_away(&mut hasty).await;
    victim.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_with_a_wrong_or_a_replayed_proof_never_counts() {
    let victim = victim_at(own_server().await).await;
    let (mut guess, _) = victim.challenged().await;
    guess.send(Up::Hello(hello())).await;
    guess.send(Up::Proof(Proof { signature: vec![0; 64] })).await;
    assert!(turned_away(&mut guess).await.detail.contains("proof is wrong"));

    let (mut empty, _) = victim.challenged().await;
    empty.send(Up::Proof(Proof::default())).await;
    assert!(turned_away(&mut empty).await.detail.contains("proof is wrong"));

    // A good proof of one stream is none of another.
    let (_overheard, nonce) = victim.challenged().await;
    let (mut replays, other) = victim.challenged().await;
    assert_ne!(nonce, other);
    replays.send(Up::Hello(hello())).await;
    replays.send(victim.proof(&nonce)).await;
    assert!(turned_away(&mut replays).await.detail.contains("proof is wrong"));
    victim.is_unharmed().await;
    assert!(metric(&victim.server, "homepot_source_refusals_total", &["recorded=\"real\""]).await >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulator_that_says_so_with_the_key_of_a_device_that_proves_is_turned_away_at_once() {
    let victim = victim().await;
    let (mut simulator, nonce) = victim.challenged().await;
    simulator.send(Up::Hello(pb::Hello { source: DeviceSource::Simulated.into(), ..hello() })).await;
    // Even with the proof: what it says is not what the record has.
    simulator.send(victim.proof(&nonce)).await;
    assert!(turned_away(&mut simulator).await.detail.contains("this device is real"));
    victim.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_key_opens_no_call_without_a_stream() {
    let victim = victim().await;
    let (server, key) = (&victim.server, &victim.key);
    let queue = QueueRequest { device_id: TILL.to_owned(), command_type: "PING".to_owned(), ..Default::default() };
    let command_id = server.admin().command.queue(queue).await.unwrap().into_inner().command.unwrap().command_id;

    let mut thief = server.clients(&Caller::Device(key.clone())).device;
    let report = ReportSamplesRequest { samples: vec![foreign()], ..Default::default() };
    let acknowledge = AcknowledgeCommandRequest { command_id: command_id.clone(), ..Default::default() };
    let state = CommandState::Succeeded.into();
    let outcome = Some(CommandOutcome { command_id: command_id.clone(), state, ..Default::default() });
    let refusals: [Status; 4] = [
        thief.report_samples(report).await.unwrap_err(),
        thief.fetch_commands(FetchCommandsRequest::default()).await.unwrap_err(),
        thief.acknowledge_command(acknowledge).await.unwrap_err(),
        thief.report_outcome(ReportOutcomeRequest { outcome }).await.unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains("this device proves itself on its stream"), "{refused:?}");
    }

    let body = json!({"device_id": TILL, "queue_depth": FOREIGN});
    for request in [
        Request::post("/api/v1/analytics/device-metrics").json(&body),
        Request::get("/api/v1/devices/pending"),
        Request::put(&format!("/api/v1/devices/{command_id}/status")).json(&json!({"status": "completed"})),
        Request::post(&format!("/api/v1/devices/{TILL}/commands/{command_id}/ack")),
    ] {
        let refused = server.rest(request.device(TILL, &key.api_key)).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    victim.is_unharmed().await;
}

/// What a proof can't tell: a copy of all that the device has is the device.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_whole_state_directory_is_the_device() {
    let victim = victim().await;
    let (mut copy, nonce) = victim.challenged().await;
    // In either order.
    copy.send(victim.proof(&nonce)).await;
    copy.send(Up::Hello(hello())).await;
    let Some(Down::Welcome(welcome)) = copy.next().await else { panic!("no Welcome") };
    assert_eq!((welcome.session_epoch, welcome.source()), (victim.epoch + 1, DeviceSource::Real));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_ends_a_theft_and_ended_keys_end_the_proof() {
    let victim = victim().await;
    let mut admin = victim.server.admin().registry;
    let rotate = registry_pb::RotateDeviceKeyRequest {
        device_id: TILL.to_owned(),
        overlap: Some(prost_types::Duration::default()),
    };
    let next = admin.rotate_device_key(rotate.clone()).await.unwrap().into_inner().api_key;
    assert_eq!(Session::open(&victim.server, &victim.key).await.unwrap_err().code(), Code::Unauthenticated);
    // The new key alone is worth as little.
    let key = DeviceKey { api_key: next, ..victim.key.clone() };
    let mut device = victim.server.clients(&Caller::Device(key)).device;
    let refused = device.fetch_commands(FetchCommandsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    // A machine that lost its state comes back by a new key after all of them ended.
    let revoke = registry_pb::RevokeDeviceKeysRequest { device_id: TILL.to_owned() };
    admin.revoke_device_keys(revoke).await.unwrap();
    let next = admin.rotate_device_key(rotate).await.unwrap().into_inner().api_key;
    let (mut session, _) = Session::attach(&victim.server, &DeviceKey { api_key: next, ..victim.key.clone() }).await;
    is_live(&mut session, 1).await;
    assert!(!self::device(&victim.server, TILL).await.proves);
}
