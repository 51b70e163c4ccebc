//! Files go to devices no faster than the server allows.

use std::time::{Duration, Instant};

use homepot::pb::{device::v1::FetchArtifactRequest, rollout::v1::UpdateState};
use homepot_tests::{
    Server, ServerOptions,
    grpc::{Caller, DeviceKey},
};

use super::{rollouts, world};

const PART: usize = 256 * 1024;

async fn server(setting: &'static str, rate: &str) -> Server {
    Server::start_with(ServerOptions::default().env(setting, rate)).await
}

#[tokio::test]
async fn a_real_agent_keeps_to_its_rate() {
    let world = world::World::build_on(server("HOMEPOT_DEVICE_TRANSFER_RATE", "128KiB").await, "0640").await;
    let (began, release) = (Instant::now(), world.publish(&vec![b'1'; 2 * PART]).await);
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    // Its last part of 64 KiB came when all before it had had their time.
    assert!(began.elapsed() > Duration::from_millis(3_500), "{:?}", began.elapsed());
    assert_eq!(world.content().len(), 2 * PART);
}

#[tokio::test]
async fn who_asks_too_early_waits_for_the_answer_and_is_told_when_to_ask_again() {
    let server = server("HOMEPOT_DEVICE_TRANSFER_RATE", "256KiB").await;
    let world = rollouts::World::build_on(server, &vec![b'1'; 2 * PART]).await;
    world.server.create_site("site", false).await;
    world.server.create_site("other", false).await;
    let (eager, mut one) = world.device("site", "eager").await;
    let (calm, mut two) = world.device("other", "calm").await;
    let mut request = world.request(&["eager", "calm"]);
    request.phases = vec!["100%".to_owned()];
    world.start(request).await;
    let fetch = async |key: &DeviceKey, ticket: &str, offset: usize| {
        let sha256 = world.release.files[0].sha256.clone();
        let (offset, length) = (u32::try_from(offset).unwrap(), u32::try_from(PART).unwrap());
        let request = FetchArtifactRequest { ticket: ticket.to_owned(), sha256, offset, length };
        let mut client = world.server.clients(&Caller::Device(key.clone())).device;
        client.fetch_artifact(request).await.unwrap().into_inner()
    };
    let ticket = one.desired().await.transfer_ticket;
    let began = Instant::now();
    let first = fetch(&eager, &ticket, 0).await;
    assert_eq!(first.data.len(), PART);
    assert!(first.next_after_ms > 0 && first.next_after_ms <= 1_000, "{}", first.next_after_ms);
    let other = fetch(&calm, &two.desired().await.transfer_ticket, 0).await;
    assert_eq!(other.data.len(), PART);
    assert_eq!(fetch(&eager, &ticket, PART).await.data.len(), PART);
    assert!(began.elapsed() > Duration::from_millis(990), "{:?}", began.elapsed());
    assert_eq!(fetch(&eager, &ticket, 2 * PART).await.data.len(), 0, "nothing is left of it");
}
