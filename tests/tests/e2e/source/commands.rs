//! Commands and runs: marked, filtered, and aimed at one source.

use homepot::pb::command::v1::{
    CommandState, GetRunRequest, ListRunDevicesRequest, QueueRequest, StartRunRequest, Target, WatchRequest,
};
use homepot_tests::rest::Request;
use serde_json::json;

use super::*;

async fn queue<S: Deref<Target = System>>(world: &World<S>, device_id: &str) -> String {
    let (device_id, command_type) = (device_id.to_owned(), "PING".to_owned());
    let request = QueueRequest { device_id, command_type, ..Default::default() };
    let queued = world.server.admin().command.queue(request).await.unwrap().into_inner();
    queued.command.unwrap().command_id
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_say_whether_their_device_is_real_and_a_watch_may_want_one_of_them() {
    let world = World::build().await;
    let mut news = Vec::new();
    for source in [REAL, SIMULATED] {
        let filter = WatchRequest { source: source.into(), ..Default::default() };
        news.push((source, world.server.admin().command.watch(filter).await.unwrap().into_inner()));
    }
    // Each is told of its own though the other's came first.
    let (robots, tills) = (queue(&world, ROBOT).await, queue(&world, TILL).await);
    for ((source, mut news), expected) in news.into_iter().zip([&tills, &robots]) {
        loop {
            let told = news.message().await.unwrap().unwrap().commands;
            assert!(told.iter().all(|command| command.command_id == *expected && command.source() == source));
            if !told.is_empty() {
                break;
            }
        }
    }
    let told = &world.json(&format!("/api/v2/commands/{robots}")).await["command"];
    assert_eq!((&told["source"], &told["device_id"]), (&json!("DEVICE_SOURCE_SIMULATED"), &json!(ROBOT)));
    let history = world.json(&format!("/api/v1/devices/device/{TILL}/commands")).await;
    assert_eq!(texts(&history, "source"), ["real"]);
    for (source, kept, left_out) in [("REAL", &tills, &robots), ("SIMULATED", &robots, &tills)] {
        let named = format!("command_ids={tills}&command_ids={robots}");
        let target = format!("/api/v2/watch/commands?source=DEVICE_SOURCE_{source}&{named}");
        let request = Request::get(&target).bearer(&world.server.admin_token);
        let answer = request.send_until(&world.server.rest_addr, "\n\n").await;
        let (kept, left_out) = (answer.text().contains(kept.as_str()), answer.text().contains(left_out.as_str()));
        assert!(kept && !left_out, "{source}: {}", answer.text());
    }
}

fn fleet(source: DeviceSource) -> Target {
    Target { fleet: true, source: source.into(), ..Default::default() }
}

async fn start(world: &World, target: Target) -> Result<homepot::pb::command::v1::Run, Status> {
    let request = StartRunRequest { target: Some(target), command_type: "PING".to_owned(), ..Default::default() };
    Ok(world.server.admin().command.start_run(request).await?.into_inner().run.unwrap())
}

async fn reached(world: &World, run_id: &str) -> Vec<(String, DeviceSource)> {
    let request = ListRunDevicesRequest { run_id: run_id.to_owned(), ..Default::default() };
    let page = world.server.admin().command.list_run_devices(request).await.unwrap().into_inner();
    page.devices.into_iter().map(|device| (device.device_id.clone(), device.source())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_the_fleet_reaches_real_devices_unless_simulated_ones_are_meant() {
    let world = World::build().await;
    let (till, robot) = (|| (TILL.to_owned(), REAL), || (ROBOT.to_owned(), SIMULATED));
    let run = start(&world, fleet(DeviceSource::Unspecified)).await.unwrap();
    assert_eq!(reached(&world, &run.run_id).await, [till()]);
    let request = GetRunRequest { run_id: run.run_id };
    let run = world.server.admin().command.get_run(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!(run.target, Some(fleet(REAL)));
    let of_site = Target { site_id: SITE.to_owned(), ..Default::default() };
    assert_eq!(reached(&world, &start(&world, of_site.clone()).await.unwrap().run_id).await, [till()]);
    let simulated = Target { source: SIMULATED.into(), ..of_site };
    assert_eq!(reached(&world, &start(&world, simulated).await.unwrap().run_id).await, [robot()]);

    let named = |source: DeviceSource| Target {
        device_ids: vec![TILL.to_owned(), ROBOT.to_owned()],
        source: source.into(),
        ..Default::default()
    };
    let run = start(&world, named(DeviceSource::Unspecified)).await.unwrap();
    assert_eq!(reached(&world, &run.run_id).await, [robot(), till()]);
    let (field, reason) = fault(start(&world, named(REAL)).await.unwrap_err());
    assert_eq!((field.as_str(), reason.as_str()), ("target.device_ids", "are not real: robot"));
    let odd = Target { source: 9, ..fleet(REAL) };
    assert_eq!(fault(start(&world, odd).await.unwrap_err()).0, "target.source");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_finds_no_real_device_says_that_there_are_simulated_ones() {
    let world = World::build().await;
    let request = pb::UpdateDeviceRequest {
        device_id: ROBOT.to_owned(),
        labels: Some(pb::Labels { labels: [("row".to_owned(), "front".to_owned())].into() }),
        ..Default::default()
    };
    world.server.admin().registry.update_device(request).await.unwrap();
    let labels = Target { label_selector: "row=front".to_owned(), ..Default::default() };
    let (field, reason) = fault(start(&world, labels.clone()).await.unwrap_err());
    assert_eq!(field, "target");
    assert!(reason.contains("1 simulated one") && reason.contains("target.source"), "{reason}");
    assert!(start(&world, Target { source: SIMULATED.into(), ..labels }).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_counted_by_the_source_of_their_device_from_queue_to_end() {
    let world = World::of(homepot_tests::Server::start().await).await;
    let [mut till, mut robot] = world.measured().await;
    for device in [TILL, ROBOT, ROBOT] {
        let session = if device == TILL { &mut till } else { &mut robot };
        let command_id = queue(&world, device).await;
        let delivered = |down: &Down| matches!(down, Down::Command(_)).then_some(());
        session.expect("the command", delivered).await;
        let state = CommandState::Succeeded.into();
        session.send(Up::CommandOutcome(device_pb::CommandOutcome { command_id, state, ..Default::default() })).await;
        session.expect("OutcomeAck", |down: &Down| matches!(down, Down::OutcomeAck(_)).then_some(())).await;
    }
    for (source, count) in [("real", 1.0), ("simulated", 2.0)] {
        for (name, labels) in [("queued", ""), ("delivered", ""), ("finished", "state=\"succeeded\",")] {
            let series = format!("homepot_commands_{name}_total{{{labels}source=\"{source}\"}}");
            assert_eq!(world.metric(&series).await, Some(count), "{series}");
        }
    }
}
