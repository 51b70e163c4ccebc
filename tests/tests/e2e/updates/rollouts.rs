//! How a rollout goes: with devices that the test plays.

use homepot::pb::{
    command::v1::Target,
    device::v1::{FetchArtifactRequest, UpdateAction},
    rollout::v1::{
        AbortRolloutRequest, GetRolloutRequest, ListRolloutDevicesRequest, PlanRolloutRequest, Release,
        ResumeRolloutRequest, Rollout, RolloutState, StartRolloutRequest, UpdateState,
    },
};
use homepot_tests::{
    Publisher, Server, Updated, eventually,
    grpc::{Caller, DeviceKey},
};
use tonic::Code;

const TARGET: &str = "prices";

pub(super) struct World {
    pub(super) server: Server,
    publisher: Publisher,
    pub(super) release: Release,
}

impl World {
    pub(super) async fn build() -> Self {
        Self::build_on(Server::start().await, b"1.99").await
    }

    /// With a release of one file.
    pub(super) async fn build_on(server: Server, content: &[u8]) -> Self {
        let publisher = Publisher::default();
        publisher.introduce(&server, None).await;
        let release = publisher.publish(&server, "prices", TARGET, content).await;
        Self { server, publisher, release }
    }

    /// A device of a site of its own, or of `site`.
    pub(super) async fn device(&self, site: &str, name: &str) -> (DeviceKey, Updated) {
        let key = self.server.enroll(site, name).await;
        let device = Updated::attach(&self.server, &key, TARGET).await;
        (key, device)
    }

    pub(super) fn request(&self, devices: &[&str]) -> StartRolloutRequest {
        let device_ids = devices.iter().map(|device| (*device).to_owned()).collect();
        StartRolloutRequest {
            release_id: self.release.release_id.clone(),
            target: Some(Target { device_ids, ..Default::default() }),
            soak: Some(prost_types::Duration::default()),
            ..Default::default()
        }
    }

    pub(super) async fn start(&self, request: StartRolloutRequest) -> String {
        let started = self.server.admin().rollouts.start_rollout(request).await.unwrap().into_inner();
        started.rollout.unwrap().rollout_id
    }

    pub(super) async fn get(&self, id: &str) -> Rollout {
        let request = GetRolloutRequest { rollout_id: id.to_owned() };
        self.server.admin().rollouts.get_rollout(request).await.unwrap().into_inner().rollout.unwrap()
    }

    pub(super) async fn until(&self, id: &str, state: RolloutState) -> Rollout {
        eventually(state.as_str_name(), async || Some(self.get(id).await).filter(|rollout| rollout.state() == state))
            .await
    }

    pub(super) async fn states(&self, id: &str) -> Vec<(String, UpdateState)> {
        let request = ListRolloutDevicesRequest { rollout_id: id.to_owned(), ..Default::default() };
        let listed = self.server.admin().rollouts.list_rollout_devices(request).await.unwrap().into_inner();
        listed.devices.iter().map(|device| (device.device_id.clone(), device.state())).collect()
    }
}

/// Goes all the way.
pub(super) async fn install(device: &mut Updated) {
    let generation = device.desired().await.generation;
    assert!(device.report(generation, UpdateState::Verified, "").await);
    device.report(generation, UpdateState::Applying, "").await;
    device.report(generation, UpdateState::Confirmed, "").await;
}

#[tokio::test]
async fn phases_follow_each_other_and_a_site_has_one_device_under_way() {
    let world = World::build().await;
    for site in ["east", "west"] {
        world.server.create_site(site, false).await;
    }
    let (_, mut first) = world.device("east", "a").await;
    let (_, mut second) = world.device("east", "b").await;
    let (_, mut third) = world.device("west", "c").await;
    // It takes no releases.
    world.server.enroll("west", "d").await;
    let names = ["a", "b", "c", "d"];
    let plan = PlanRolloutRequest {
        release_id: world.release.release_id.clone(),
        target: world.request(&names).target,
        phases: vec!["1".to_owned(), "100%".to_owned()],
        ..Default::default()
    };
    let plan = world.server.admin().rollouts.plan_rollout(plan).await.unwrap().into_inner();
    let phases: Vec<_> = plan.devices.iter().map(|device| (device.phase, device.reason.as_str())).collect();
    assert_eq!(phases, [(1, ""), (2, ""), (2, ""), (0, "the device takes no releases")]);
    assert_eq!((plan.devices_total, plan.devices_skipped, plan.devices_current, plan.sites), (4, 1, 0, 2));
    let change = &plan.devices[0].changes[0];
    assert_eq!((change.target.as_str(), change.from_sha256.as_str()), (TARGET, ""));

    let mut request = world.request(&names);
    request.phases = vec!["1".to_owned(), "100%".to_owned()];
    request.idempotency_key = "once".to_owned();
    let id = world.start(request.clone()).await;
    assert_eq!(world.start(request).await, id, "the key names it");

    // One device first, and nobody else is told before it is done.
    let desired = first.desired().await;
    assert_eq!(desired.action(), UpdateAction::Install);
    use UpdateState::{Confirmed, Offered, Skipped, Waiting};
    let states = |all: [UpdateState; 4]| names.map(str::to_owned).into_iter().zip(all).collect::<Vec<_>>();
    assert_eq!(world.states(&id).await, states([Offered, Waiting, Waiting, Skipped]));
    assert!(first.report(desired.generation, UpdateState::Verified, "").await);
    first.report(desired.generation, UpdateState::Confirmed, "").await;
    install(&mut second).await;
    install(&mut third).await;
    let done = world.until(&id, RolloutState::Completed).await;
    assert_eq!(world.states(&id).await, states([Confirmed, Confirmed, Confirmed, Skipped]));
    let progress = done.progress.unwrap();
    assert_eq!((progress.total, progress.confirmed, progress.skipped, done.phase), (4, 3, 1, 2));

    // Two rollouts never have two devices of a site down at once.
    let one = world.start(world.request(&["a"])).await;
    let generation = first.desired().await.generation;
    let other = world.start(world.request(&["b"])).await;
    assert_eq!(world.states(&other).await, [("b".to_owned(), Waiting)]);
    first.report(generation, UpdateState::Confirmed, "").await;
    install(&mut second).await;
    for id in [one, other] {
        world.until(&id, RolloutState::Completed).await;
    }
}

#[tokio::test]
async fn a_failure_of_the_first_device_halts_and_who_resumes_has_seen_it() {
    let world = World::build().await;
    world.server.create_site("site", false).await;
    let (_, mut canary) = world.device("site", "a").await;
    let (_, mut other) = world.device("site", "b").await;
    let id = world.start(world.request(&["a", "b"])).await;
    let generation = canary.desired().await.generation;
    canary.report(generation, UpdateState::RolledBack, "the till did not answer").await;
    let halted = world.until(&id, RolloutState::Halted).await;
    assert_eq!(halted.progress.unwrap().failed, 1);
    assert!(halted.reason.contains("1 device failed"), "{}", halted.reason);
    assert_eq!(world.states(&id).await[1].1, UpdateState::Waiting);
    world.server.admin().rollouts.resume_rollout(ResumeRolloutRequest { rollout_id: id.clone() }).await.unwrap();
    install(&mut other).await;
    let done = world.until(&id, RolloutState::Completed).await;
    assert_eq!((done.progress.unwrap().confirmed, done.progress.unwrap().failed), (1, 1));
}

#[tokio::test]
async fn a_silent_device_counts_as_failed_until_it_says_otherwise() {
    let world = World::build().await;
    world.server.create_site("site", false).await;
    let (_, mut device) = world.device("site", "a").await;
    let mut request = world.request(&["a"]);
    request.silence = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let id = world.start(request).await;
    let generation = device.desired().await.generation;
    world.until(&id, RolloutState::Halted).await;
    assert_eq!(world.states(&id).await[0].1, UpdateState::Unreachable);
    device.report(generation, UpdateState::Confirmed, "").await;
    assert_eq!(world.states(&id).await[0].1, UpdateState::Confirmed);
}

#[tokio::test]
async fn an_aborted_rollout_is_told_and_no_device_begins_afterwards() {
    let world = World::build().await;
    world.server.create_site("site", false).await;
    let (_, mut device) = world.device("site", "a").await;
    let (_, _other) = world.device("site", "b").await;
    let id = world.start(world.request(&["a", "b"])).await;
    let generation = device.desired().await.generation;
    let request = AbortRolloutRequest { rollout_id: id.clone(), reason: "wrong prices".to_owned() };
    let aborted = world.server.admin().rollouts.abort_rollout(request).await.unwrap().into_inner().rollout.unwrap();
    assert_eq!(aborted.state(), RolloutState::Aborted);
    assert_eq!(aborted.reason, "aborted by admin: wrong prices");
    // Whether or not the news has come: who asks is told not to.
    assert!(!device.report(generation, UpdateState::Verified, "").await);
    let desired = device.desired().await;
    assert_eq!((desired.action(), desired.generation), (UpdateAction::Cancel, generation));
    device.report(generation, UpdateState::Cancelled, "").await;
    let states: Vec<_> = world.states(&id).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [UpdateState::Cancelled, UpdateState::Cancelled]);
    let resume = world.server.admin().rollouts.resume_rollout(ResumeRolloutRequest { rollout_id: id }).await;
    assert_eq!(resume.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_file_is_fetched_with_the_devices_own_ticket_alone() {
    let world = World::build().await;
    world.server.create_site("site", false).await;
    let (key, mut device) = world.device("site", "a").await;
    let (other_key, mut other) = world.device("site", "b").await;
    world.start(world.request(&["a"])).await;
    let desired = device.desired().await;
    assert_eq!(desired.signed_roots.len(), 1);
    let sha256 = world.release.files[0].sha256.clone();
    let fetch = async |key: &DeviceKey, ticket: &str, sha256: &str, offset: u32| {
        let request =
            FetchArtifactRequest { ticket: ticket.to_owned(), sha256: sha256.to_owned(), offset, length: 262_144 };
        let mut client = world.server.clients(&Caller::Device(key.clone())).device;
        client.fetch_artifact(request).await.map(|answer| answer.into_inner().data.to_vec())
    };
    let ticket = desired.transfer_ticket;
    assert_eq!(fetch(&key, &ticket, &sha256, 0).await.unwrap(), b"1.99");
    assert_eq!(fetch(&key, &ticket, &sha256, 2).await.unwrap(), b"99");
    assert_eq!(fetch(&key, &ticket, &sha256, 4).await.unwrap(), b"");
    assert_eq!(fetch(&key, &ticket, &sha256, 5).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(fetch(&key, "", &sha256, 0).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(fetch(&other_key, &ticket, &sha256, 0).await.unwrap_err().code(), Code::PermissionDenied);
    // Of another release.
    let content = b"secret plans".as_slice();
    let later = world.publisher.publish(&world.server, "plans", TARGET, content).await;
    assert_eq!(fetch(&key, &ticket, &later.files[0].sha256, 0).await.unwrap_err().code(), Code::NotFound);
    other.report(0, UpdateState::Unspecified, "").await;
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_a_phase_goes_on_with_it() {
    let mut world = World::build().await;
    world.server.create_site("site", false).await;
    let (key, mut device) = world.device("site", "a").await;
    let (other_key, _) = world.device("site", "b").await;
    let id = world.start(world.request(&["a", "b"])).await;
    let generation = device.desired().await.generation;
    world.server.kill9();
    world.server.restart().await;
    let mut device = Updated::attach(&world.server, &key, TARGET).await;
    let again = device.desired().await;
    assert_eq!(again.generation, generation, "it is told again what it was told");
    device.report(generation, UpdateState::Confirmed, "").await;
    let mut other = Updated::attach(&world.server, &other_key, TARGET).await;
    install(&mut other).await;
    world.until(&id, RolloutState::Completed).await;
}
