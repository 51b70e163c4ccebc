//! A release's way through one simulated device, without a server.

use std::path::Path;

use homepot_release::{Digest, Envelope, Kind, PrivateKey, SignedManifest, TrustedRoot, build, manifest::Limits};

use super::*;

const CONTENT: &[u8] = b"price = 1.99";
const NOW: u64 = 1_000;

/// Somebody who signs, and what a device is told.
struct Signer(PrivateKey, TrustedRoot);

impl Signer {
    fn new() -> Self {
        let key = PrivateKey::generate().unwrap();
        let (public, id) = (key.public(), key.public().id());
        let role = format!("threshold = 1\nkeys = [\"{id}\"]\n");
        let text = format!(
            "version = 1\nexpires = 2999-01-01T00:00:00Z\nkeys = [\"{public}\"]\n[root]\n{role}[release]\n{role}"
        );
        let root = Self::signed(&key, Kind::Root, build::root(&text).unwrap().encode());
        let root = TrustedRoot::first(&root).unwrap();
        Self(key, root)
    }

    fn signed(key: &PrivateKey, kind: Kind, payload: Vec<u8>) -> Vec<u8> {
        let mut envelope = Envelope::new(kind, payload);
        envelope.sign(kind, key).unwrap();
        envelope.encode()
    }

    fn desired(&self, generation: u64, counter: u64, more: &str) -> pb::DesiredRelease {
        let text = format!(
            "name = \"prices\"\nversion = \"{counter}\"\ncounter = {counter}\nexpires = 2999-01-01T00:00:00Z\n\
             [targets.prices]\nfile = \"content\"\n{more}"
        );
        let payload = build::release(&text, 1, |_: &Path| Ok(CONTENT)).unwrap().payload;
        pb::DesiredRelease {
            generation,
            action: pb::UpdateAction::Install.into(),
            signed_release: Self::signed(&self.0, Kind::Release, payload),
            transfer_ticket: "ticket".to_owned(),
            ..Default::default()
        }
    }

    fn tell(&self, device: &mut Updates, desired: pb::DesiredRelease, now: Instant) -> Ended {
        let check = |desired: &pb::DesiredRelease| {
            SignedManifest::open(&self.1, &desired.signed_release, Limits::default(), NOW)
                .map_err(|refused| refused.to_string())
        };
        device.desired(desired, check, verify::Device::default(), &rules(), now)
    }
}

fn rules() -> Rules {
    Rules { applies_ms: 1_000.0, probation_seconds: 5.0, ..Rules::default() }
}

fn device(kept: Kept, rules: &Rules) -> Updates {
    Updates::new(kept, rules, Fate::of(rules, 7), Instant::now())
}

fn state(device: &mut Updates, now: Instant) -> Option<rollout_pb::UpdateState> {
    device.report(&rules(), now).map(|report| report.state())
}

/// The server has the last report, and answers so.
fn answer(device: &mut Updates, action: pb::UpdateAction, now: Instant) -> (bool, Ended) {
    let (told, _) = device.told.clone().unwrap();
    let ack = pb::UpdateReportAck {
        generation: told.generation,
        state: told.state,
        action: action.into(),
        ..Default::default()
    };
    device.acknowledged(&ack, &rules(), now)
}

/// Fetches all, and is told to go on.
fn begin(device: &mut Updates, now: Instant) {
    let part = device.wanted(now).unwrap();
    assert_eq!((part.offset, part.length as usize, part.ticket.as_str()), (0, CONTENT.len(), "ticket"));
    assert_eq!(device.fetched(Ok(CONTENT), now, now), None);
    assert_eq!(state(device, now), Some(rollout_pb::UpdateState::Verified));
    assert_eq!(answer(device, pb::UpdateAction::Install, now), (true, None));
    assert_eq!(state(device, now), Some(rollout_pb::UpdateState::Applying));
}

#[tokio::test]
async fn a_device_goes_through_all_states_and_a_restart_goes_on_where_it_was() {
    let (signer, now) = (Signer::new(), Instant::now());
    let mut ours = device(Kept::default(), &rules());
    signer.tell(&mut ours, signer.desired(1, 1, ""), now);
    assert_eq!(state(&mut ours, now), Some(rollout_pb::UpdateState::Downloading));
    begin(&mut ours, now);
    // Killed: what was written down is what the next one begins with.
    let kept = serde_json::to_string(ours.to_keep().unwrap()).unwrap();
    let mut ours = device(serde_json::from_str(&kept).unwrap(), &rules());
    assert_eq!(state(&mut ours, now), Some(rollout_pb::UpdateState::Probation));
    let later = Instant::now() + Duration::from_secs(6);
    assert_eq!(ours.go_on(&rules(), later), Some(UpdateState::Confirmed));
    let report = ours.report(&rules(), later).unwrap();
    let prices = report.targets.iter().find(|target| target.target == "prices").unwrap();
    assert_eq!((prices.sha256.clone(), prices.counter), (Digest::of(CONTENT).to_string(), 1));
    // What it has it does not fetch again, whatever it is told twice.
    assert!(ours.to_keep().is_some());
    assert_eq!(signer.tell(&mut ours, signer.desired(1, 1, ""), later), None);
    assert_eq!(ours.wanted(later), None);
}

#[tokio::test]
async fn nothing_begins_that_was_taken_back_or_asked_for_in_another_session() {
    let (signer, now) = (Signer::new(), Instant::now());
    let mut ours = device(Kept::default(), &rules());
    signer.tell(&mut ours, signer.desired(1, 1, ""), now);
    ours.fetched(Ok(CONTENT), now, now);
    assert_eq!(state(&mut ours, now), Some(rollout_pb::UpdateState::Verified));
    let (told, _) = ours.told.clone().unwrap();
    // Its answer comes after the session has ended.
    ours.attached();
    let ack = pb::UpdateReportAck {
        generation: 1,
        state: told.state,
        action: pb::UpdateAction::Install.into(),
        ..Default::default()
    };
    assert_eq!(ours.acknowledged(&ack, &rules(), now), (false, None));
    assert_eq!(state(&mut ours, now), Some(rollout_pb::UpdateState::Verified));
    assert_eq!(answer(&mut ours, pb::UpdateAction::Cancel, now), (false, Some(UpdateState::Cancelled)));
    assert_eq!(state(&mut ours, now), Some(rollout_pb::UpdateState::Cancelled));
}

#[tokio::test]
async fn what_is_not_good_is_refused_or_undone_and_a_newer_release_waits_for_its_turn() {
    let (signer, now) = (Signer::new(), Instant::now());
    let unhealthy = Rules { unhealthy_percent: 100.0, ..rules() };
    let mut ours = device(Kept::default(), &unhealthy);
    let rejected = Some(UpdateState::Rejected);
    assert_eq!(Signer::new().tell(&mut ours, signer.desired(1, 1, ""), now), rejected, "signed by somebody else");
    assert_eq!(signer.tell(&mut ours, signer.desired(2, 5, "[targets.other]\nfile = \"content\"\n"), now), rejected);
    signer.tell(&mut ours, signer.desired(3, 5, ""), now);
    begin(&mut ours, now);
    signer.tell(&mut ours, signer.desired(4, 6, ""), now);
    assert_eq!(ours.next(), None, "the other one is being put in place");
    ours.go_on(&rules(), now + Duration::from_secs(2));
    assert_eq!(ours.go_on(&rules(), now + Duration::from_secs(9)), Some(UpdateState::RolledBack));
    assert!(ours.report(&rules(), now).unwrap().targets.iter().all(|target| target.sha256.is_empty()));
    let next = ours.next().unwrap();
    assert_eq!(signer.tell(&mut ours, next, now), None);
    assert!(ours.wanted(now).is_some());
    assert_eq!(signer.tell(&mut ours, signer.desired(5, 4, ""), now), rejected, "an older one never comes back");
}

#[tokio::test]
async fn a_slow_line_is_waited_for_and_a_part_that_comes_wrong_ends_it_after_three_times() {
    let (signer, now) = (Signer::new(), Instant::now());
    let slow = Rules { slow_percent: 100.0, slow_bytes_per_second: 1.0, ..rules() };
    let mut ours = device(Kept::default(), &slow);
    signer.tell(&mut ours, signer.desired(1, 1, ""), now);
    let wrong = vec![0; CONTENT.len()];
    let mut at = now;
    for _ in 0..2 {
        assert_eq!(ours.fetched(Ok(&wrong), at, at), None);
        assert_eq!(ours.wanted(at), None, "the line is busy");
        at += Duration::from_secs(CONTENT.len() as u64);
        assert_eq!(ours.wanted(at).unwrap().offset, 0);
    }
    assert_eq!(ours.fetched(Ok(&wrong), at, at), Some(UpdateState::Failed));
}
