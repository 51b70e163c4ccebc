//! Simulated devices take releases as real ones do: the same messages, the same checks, and faults as the scenario has them.

use std::fs;

use homepot::pb::{
    command::v1::Target,
    common::v1::DeviceSource,
    rollout::v1::{
        AbortRolloutRequest, GetRolloutRequest, ListRolloutDevicesRequest, Release, Rollout, RolloutDevice,
        RolloutState, StartRolloutRequest, UpdateState,
    },
};
use homepot_tests::{Process, Publisher, Server, Simulator, data_parent, eventually};
use serde_json::Value;

use crate::door::certificates::metric;

const FLEET: &str = "shop";
const SITES: &str = "2";
/// More than two parts.
const SIZE: usize = 600_000;

struct World {
    server: Server,
    simulator: Simulator,
    publisher: Publisher,
    release: Release,
}

impl World {
    async fn build() -> Self {
        let (server, publisher) = (Server::start().await, Publisher::default());
        publisher.introduce(&server, None).await;
        let release = publisher.publish(&server, "prices", "prices", &vec![b'a'; SIZE]).await;
        let simulator = Simulator::of(&server);
        Self { server, simulator, publisher, release }
    }

    /// A scenario in which nothing takes time, but for what `more` says.
    fn scenario(&self, more: &str) -> String {
        self.simulator.calm(&format!("[updates]\napplies_ms = 0\n{more}\n"))
    }

    /// Starts the fleet, and waits until all of it has said what it has.
    async fn fleet(&self, devices: u32, scenario: &str, more: &[&str]) -> Process {
        const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::bigint";
        let (count, since) = (devices.to_string(), self.server.database().number(NOW).await);
        let arguments = ["fleet", "--json", "--name", FLEET, "--sites", SITES, "-n", &count, "--scenario", scenario];
        let process = self.simulator.start(&[&arguments[..], more].concat());
        let said = format!("SELECT count(*) FROM device_updates WHERE extract(epoch FROM reported_at) * 1e6 > {since}");
        eventually("what all of them have", async || {
            (self.server.database().number(&said).await == i64::from(devices)).then_some(())
        })
        .await;
        process
    }

    async fn start(&self) -> String {
        let target = Target {
            label_selector: format!("simulation={FLEET}"),
            source: DeviceSource::Simulated.into(),
            ..Default::default()
        };
        let request = StartRolloutRequest {
            release_id: self.release.release_id.clone(),
            target: Some(target),
            soak: Some(prost_types::Duration::default()),
            max_in_flight_per_site: 10,
            ..Default::default()
        };
        let started = self.server.admin().rollouts.start_rollout(request).await.unwrap().into_inner();
        started.rollout.unwrap().rollout_id
    }

    async fn until(&self, id: &str, what: &str, wanted: impl Fn(&Rollout) -> bool) -> Rollout {
        eventually(what, async || {
            let request = GetRolloutRequest { rollout_id: id.to_owned() };
            let got = self.server.admin().rollouts.get_rollout(request).await.unwrap().into_inner();
            got.rollout.filter(|rollout| wanted(rollout))
        })
        .await
    }

    async fn until_state(&self, id: &str, state: RolloutState) -> Rollout {
        self.until(id, state.as_str_name(), |rollout| rollout.state() == state).await
    }

    async fn devices(&self, id: &str) -> Vec<RolloutDevice> {
        let request = ListRolloutDevicesRequest { rollout_id: id.to_owned(), page_size: 100, ..Default::default() };
        self.server.admin().rollouts.list_rollout_devices(request).await.unwrap().into_inner().devices
    }

    /// Waits until a rollout halts, and tells its one device that had its turn.
    async fn until_halted(&self, id: &str) -> RolloutDevice {
        let halted = self.until_state(id, RolloutState::Halted).await;
        assert!(halted.reason.contains("1 device failed"), "{}", halted.reason);
        let told = self.server.database().number("SELECT count(*) FROM device_updates WHERE generation > 0").await;
        assert_eq!(told, 1, "nobody else was told anything");
        let (mut begun, waiting): (Vec<_>, Vec<_>) =
            self.devices(id).await.into_iter().partition(|device| device.state() != UpdateState::Waiting);
        assert_eq!(begun.len(), 1, "{begun:?}");
        assert!(!waiting.is_empty());
        begun.remove(0)
    }
}

/// The summary of a fleet that is asked to end.
async fn ended(mut process: Process) -> Value {
    process.interrupt();
    Simulator::ended(&mut process).await.summary
}

#[tokio::test]
async fn a_release_reaches_fifty_simulated_devices_in_phases() {
    let world = World::build().await;
    let scenario = world.scenario("probation_seconds = 0");
    let fleet = world.fleet(50, &scenario, &[]).await;
    let id = world.start().await;
    let done = world.until_state(&id, RolloutState::Completed).await;
    assert_eq!((done.progress.unwrap().confirmed, done.phase), (50, 4));
    let devices = world.devices(&id).await;
    assert!(devices.iter().all(|device| device.fetched_bytes == SIZE as u64), "{devices:?}");
    let summary = ended(fleet).await;
    assert_eq!(summary["releases"]["ended"]["confirmed"], 50, "{summary}");
    assert_eq!(summary["releases"]["fetched_bytes"], 50 * SIZE, "nothing is fetched twice: {summary}");
    // Those who come back have it, and don't begin again.
    let fleet = world.fleet(50, &scenario, &[]).await;
    let summary = ended(fleet).await;
    assert_eq!(summary["releases"]["begun"], 0, "{summary}");
}

#[tokio::test]
async fn a_bad_release_halts_by_itself_at_the_first_device_which_has_what_it_had() {
    let world = World::build().await;
    let _fleet = world.fleet(8, "bad_rollout", &[]).await;
    let id = world.start().await;
    let device = world.until_halted(&id).await;
    assert_eq!(device.state(), UpdateState::RolledBack);
    assert!(device.reason.contains("health check"), "{}", device.reason);
    let has = "SELECT count(*) FROM device_updates WHERE targets @> '[{\"name\": \"prices\", \"sha256\": null}]'";
    assert_eq!(world.server.database().number(has).await, 8, "nobody has anything of it");
    let halted = "homepot_rollouts{state=\"halted\",source=\"simulated\"}";
    eventually("the metric", async || (metric(&world.server, halted).await == 1.0).then_some(())).await;
    let waiting = "homepot_rollout_devices{state=\"waiting\",source=\"simulated\"}";
    assert_eq!(metric(&world.server, waiting).await, 7.0);
}

#[tokio::test]
async fn a_device_that_lies_is_not_confirmed_and_one_with_a_bad_disk_says_so() {
    for (fault, told) in
        [("lying_percent = 100", "its target prices holds something else"), ("bad_disk_percent = 100", "os error")]
    {
        let world = World::build().await;
        let _fleet = world.fleet(4, &world.scenario(&format!("probation_seconds = 0\n{fault}")), &[]).await;
        let device = world.until_halted(&world.start().await).await;
        assert_eq!(device.state(), UpdateState::Failed);
        assert!(device.reason.contains(told), "{}", device.reason);
    }
}

#[tokio::test]
async fn a_fleet_with_a_root_of_its_own_believes_nobody_else() {
    let world = World::build().await;
    let directory = data_parent();
    let (ours, theirs) = (directory.path().join("ours"), directory.path().join("theirs"));
    fs::write(&theirs, Publisher::default().next_root()).unwrap();
    fs::write(&ours, world.publisher.next_root()).unwrap();
    let scenario = world.scenario("probation_seconds = 0");
    let fleet = world.fleet(2, &scenario, &["--update-root", theirs.to_str().unwrap()]).await;
    let device = world.until_halted(&world.start().await).await;
    assert_eq!(device.state(), UpdateState::Rejected);
    assert!(device.reason.contains("sign"), "{}", device.reason);
    ended(fleet).await;
    let _fleet = world.fleet(2, &scenario, &["--update-root", ours.to_str().unwrap()]).await;
    world.until_state(&world.start().await, RolloutState::Completed).await;
}

#[tokio::test]
async fn a_fleet_that_is_killed_in_the_middle_of_a_rollout_goes_on_with_it() {
    let world = World::build().await;
    let scenario = world.scenario("probation_seconds = 1\nslow_percent = 50\nslow_bytes_per_second = 300_000");
    let mut fleet = world.fleet(20, &scenario, &[]).await;
    let id = world.start().await;
    world
        .until(&id, "devices that are done, and others under way", |rollout| {
            let progress = rollout.progress.unwrap_or_default();
            progress.confirmed > 1 && progress.in_flight > 1
        })
        .await;
    fleet.kill();
    let confirmed = world.until(&id, "how far it is", |_| true).await.progress.unwrap().confirmed;
    let fleet = world.fleet(20, &scenario, &[]).await;
    let done = world.until_state(&id, RolloutState::Completed).await;
    assert_eq!(done.progress.unwrap().confirmed, 20);
    let begun = ended(fleet).await["releases"]["begun"].as_u64().unwrap();
    assert!(begun <= 20 - u64::from(confirmed), "{begun} began after the kill, and {confirmed} were done before");
}

#[tokio::test]
async fn no_simulated_device_begins_after_an_abort() {
    let world = World::build().await;
    // Each needs seconds for its files.
    let scenario = world.scenario("probation_seconds = 0\nslow_percent = 100\nslow_bytes_per_second = 200_000");
    let fleet = world.fleet(10, &scenario, &[]).await;
    let id = world.start().await;
    world.until(&id, "a device under way", |rollout| rollout.progress.unwrap_or_default().in_flight > 0).await;
    let request = AbortRolloutRequest { rollout_id: id.clone(), reason: "wrong prices".to_owned() };
    world.server.admin().rollouts.abort_rollout(request).await.unwrap();
    let is_over = |rollout: &Rollout| rollout.progress.unwrap_or_default().in_flight == 0;
    world.until(&id, "the end of those under way", is_over).await;
    let devices = world.devices(&id).await;
    assert!(devices.iter().all(|device| device.state() == UpdateState::Cancelled), "{devices:?}");
    let summary = ended(fleet).await;
    assert_eq!(summary["releases"]["begun"], 0, "{summary}");
}
