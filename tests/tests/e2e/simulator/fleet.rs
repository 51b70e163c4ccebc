//! Fleets on their streams.

use homepot::pb::{
    command::v1::{CommandState, GetRequest, QueueRequest},
    common::v1::DeviceSource,
    registry::v1::{self as pb, DeviceStatus, ListDevicesRequest},
};
use homepot_tests::{Server, Simulator, System, eventually};

use super::{number, own_server, server, stored};

/// A past that is over in a moment, and no time of the wall's in it.
fn past(hours: i64) -> String {
    (chrono::Utc::now() - chrono::TimeDelta::hours(hours)).format("%Y-%m-%dT%H:00:00Z").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fleet_sends_is_acknowledged_and_stored_and_marked_as_simulated() {
    let (server, simulator) = server().await;
    let ran = simulator
        .run(&["fleet", "-n", "12", "--sites", "3", "--name", "shop", "--history", "2h", "--duration", "1s"])
        .await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    let count = |path| number(&ran.summary, path);
    assert_eq!((count("/enrolled"), count("/newly_enrolled"), count("/attached")), (12, 12, 12));
    assert!(count("/samples/measured") >= 12 * 115, "a sample a minute: {}", ran.summary);
    assert_eq!(count("/samples/acknowledged"), count("/samples/measured"));
    assert_eq!(stored(&server, "shop").await, count("/samples/acknowledged"));

    let request = ListDevicesRequest { source: DeviceSource::Simulated.into(), page_size: 100, ..Default::default() };
    let devices = server.admin().registry.list_devices(request).await.unwrap().into_inner().devices;
    assert_eq!(devices.len(), 12);
    let types: std::collections::BTreeSet<_> = devices.iter().map(|device| device.device_type.as_str()).collect();
    assert!(types.len() >= 4, "a mix: {types:?}");
    for site in ["shop-1", "shop-2", "shop-3"] {
        assert_eq!(devices.iter().filter(|device| device.site_id == site).count(), 4);
    }

    // The same fleet again: by its keys, and new ones are enrolled beside it.
    let again = simulator
        .run(&["fleet", "-n", "14", "--sites", "3", "--name", "shop", "--samples", "1", "--interval", "1s"])
        .await;
    assert_eq!(again.code, 0, "{}\n{}", again.summary, again.said);
    assert_eq!((number(&again.summary, "/enrolled"), number(&again.summary, "/newly_enrolled")), (14, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_under_a_fleet_has_everything_in_the_end() {
    let (mut server, simulator) = own_server().await;
    let arguments = ["fleet", "-n", "20", "--name", "storm", "--interval", "200ms", "--samples", "60", "--json"];
    let mut process = simulator.start(&arguments);
    for _ in 0..2 {
        let before = stored(&server, "storm").await;
        eventually("samples that arrive", async || (stored(&server, "storm").await > before + 40).then_some(())).await;
        server.kill9();
        server.restart().await;
    }
    let ran = Simulator::ended(&mut process).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    assert_eq!(number(&ran.summary, "/samples/measured"), 20 * 60);
    assert_eq!(number(&ran.summary, "/samples/acknowledged"), 20 * 60);
    assert_eq!(stored(&server, "storm").await, 20 * 60);
    assert!(number(&ran.summary, "/sessions") > 20, "{}", ran.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_share_a_connection_have_streams_of_their_own_and_lose_nothing_when_it_breaks() {
    let (mut server, simulator) = own_server().await;
    let calm = simulator.calm("");
    let arguments = ["fleet", "-n", "12", "--name", "proxied", "--scenario", &calm, "--devices-per-connection", "4"];
    let samples = ["--interval", "200ms", "--samples", "50", "--json"];
    let mut process = simulator.start(&[&arguments[..], &samples].concat());
    eventually("all of them attached", async || {
        let online = "SELECT count(*) FROM sessions WHERE status = 'online'";
        (server.database().number(online).await == 12).then_some(())
    })
    .await;
    let lines = std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().flatten();
    let lines = lines.filter_map(|line| std::fs::read_link(line.path()).ok());
    let sockets = lines.filter(|line| line.to_string_lossy().starts_with("socket:")).count();
    assert!((3..12).contains(&sockets), "{sockets} sockets, three of them to the server");
    server.kill9();
    server.restart().await;
    let ran = Simulator::ended(&mut process).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    assert_eq!(number(&ran.summary, "/attached"), 12);
    assert!(number(&ran.summary, "/sessions") >= 24, "{}", ran.summary);
    assert_eq!((number(&ran.summary, "/samples/acknowledged"), stored(&server, "proxied").await), (600, 600));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_and_not_acknowledged_shows_in_the_exit_code() {
    let (mut server, simulator) = own_server().await;
    let arguments = ["fleet", "-n", "3", "--name", "lost", "--interval", "200ms", "--drain", "1s", "--json"];
    let mut process = simulator.start(&arguments);
    eventually("samples that arrive", async || (stored(&server, "lost").await > 10).then_some(())).await;
    server.kill9();
    // Five seconds and more of samples that nobody takes.
    let alone = |line: &serde_json::Value| line.as_str()?.contains("attached 0 ").then_some(());
    process.logged_after(process.log().len(), "that nobody is attached", alone).await;
    process.terminate();
    let ran = Simulator::ended(&mut process).await;
    assert_eq!((ran.code, &ran.summary["agrees"]), (1, &false.into()), "{}", ran.summary);
    assert!(number(&ran.summary, "/samples/measured") > number(&ran.summary, "/samples/acknowledged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_devices_obey_restart_and_fail_as_often_as_the_scenario_says() {
    let (server, simulator) = server().await;
    let calm = simulator.calm("");
    let process = simulator.start(&["fleet", "-n", "1", "--name", "good", "--scenario", &calm, "--interval", "200ms"]);
    let device = "good-till-1";
    online(&server, device).await;
    let queue = async |command_type: &str| {
        let request =
            QueueRequest { device_id: device.to_owned(), command_type: command_type.to_owned(), ..Default::default() };
        let command = server.admin().command.queue(request).await.unwrap().into_inner().command.unwrap();
        command.command_id
    };
    let ended = async |command_id: &str| {
        eventually("the command's end", async || {
            let request = GetRequest { command_id: command_id.to_owned() };
            let command = server.admin().command.get(request).await.unwrap().into_inner().command.unwrap();
            command.finished_at.is_some().then_some(command)
        })
        .await
    };
    for command_type in ["PING", "RUN_DIAGNOSTICS", "RESTART_APP"] {
        let command = ended(&queue(command_type).await).await;
        assert_eq!((command.state(), command.deliveries), (CommandState::Succeeded, 1), "{command:?}");
    }
    let boots = async || {
        let query =
            format!("SELECT s.boot_id FROM sessions s JOIN devices d USING (device) WHERE device_id = '{device}'");
        server.database().rows(&query).await[0]["boot_id"].clone()
    };
    let before = boots().await;
    let rebooted = ended(&queue("REBOOT").await).await;
    assert_eq!((rebooted.state(), rebooted.deliveries), (CommandState::Succeeded, 1), "{rebooted:?}");
    assert_ne!(boots().await, before, "it was off and came back");
    drop(process);

    let fails = simulator.calm("[commands]\nfail_percent = 100\nreject_percent = 0\nlose_percent = 0\ntakes_ms = 10\n");
    let _process =
        simulator.start(&["fleet", "-n", "1", "--name", "good", "--scenario", &fails, "--interval", "200ms"]);
    let failed = ended(&queue("PING").await).await;
    assert_eq!(failed.state(), CommandState::Failed, "{failed:?}");
    assert!(failed.reason.contains("scenario"), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_fail_are_seen_and_nothing_is_lost_by_them() {
    let (server, simulator) = server().await;
    let text = "[[events]]\nkind = 'network_loss'\nafter_minutes = 0.05\nlasts_minutes = 0.03\nevery_minutes = 0.08\n";
    let storm = simulator.calm(text);
    let ran = simulator
        .run(&["fleet", "-n", "8", "--name", "cut", "--scenario", &storm, "--interval", "200ms", "--samples", "60"])
        .await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    assert!(number(&ran.summary, "/connections_cut") >= 8, "{}", ran.summary);
    assert!(number(&ran.summary, "/sessions") >= 16, "{}", ran.summary);
    assert_eq!(stored(&server, "cut").await, 8 * 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_is_made_up_for_and_does_not_touch_what_is_now() {
    let (server, simulator) = server().await;
    let start = past(3);
    let ran = simulator
        .run(&["fleet", "-n", "2", "--name", "old", "--start", &start, "--interval", "60s", "--samples", "120"])
        .await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    assert_eq!(stored(&server, "old").await, 240);
    let query = "SELECT count(DISTINCT date_trunc('hour', collected_at)) FROM samples";
    assert!(server.database().number(query).await >= 2);
}

async fn online(server: &System, device_id: &str) {
    eventually("the device to be online", async || {
        let request = ListDevicesRequest { status: DeviceStatus::Online.into(), ..Default::default() };
        let online = server.admin().registry.list_devices(request).await.unwrap().into_inner().devices;
        online.iter().any(|device| device.device_id == device_id).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_is_removed_as_a_set_and_can_be_made_anew() {
    let (server, simulator) = server().await;
    server.create_site("shop", false).await;
    server.enroll("shop", "till-7").await;
    let few = ["--samples", "2", "--interval", "200ms"];
    for name in ["one", "two"] {
        let ran = simulator.run(&[&["fleet", "-n", "3", "--name", name], &few[..]].concat()).await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    }
    let mut remove = simulator.start(&["remove", "--name", "one"]);
    assert!(remove.ended(homepot_tests::PATIENCE).await.success(), "{}", remove.tail());
    assert!(remove.printed().contains("3 simulated devices"), "{}", remove.printed());
    let left = server.database().rows("SELECT device_id FROM devices ORDER BY device_id").await;
    let left: Vec<_> = left.iter().map(|row| row["device_id"].as_str().unwrap()).collect();
    assert!(left.len() == 4 && left.contains(&"till-7"), "{left:?}");
    assert_eq!((stored(&server, "one").await, stored(&server, "two").await), (0, 6));
    let again = simulator.run(&[&["fleet", "-n", "3", "--name", "one"], &few[..]].concat()).await;
    assert_eq!((again.code, number(&again.summary, "/newly_enrolled")), (0, 3), "{}", again.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_stopped_while_its_devices_start_owes_what_it_sent_and_no_more() {
    let (server, simulator) = server().await;
    // The second device would start ten seconds after the first.
    let slow = ["fleet", "-n", "2", "--name", "slow", "--ramp", "0.1", "--interval", "200ms", "--json"];
    let mut process = simulator.start(&slow);
    eventually("samples of the first", async || (stored(&server, "slow").await > 2).then_some(())).await;
    process.terminate();
    let ran = Simulator::ended(&mut process).await;
    assert_eq!((ran.code, &ran.summary["interrupted"]), (0, &true.into()), "{}\n{}", ran.summary, ran.said);
    assert_eq!((number(&ran.summary, "/enrolled"), number(&ran.summary, "/attached")), (2, 1));
    assert_eq!(number(&ran.summary, "/samples/acknowledged"), stored(&server, "slow").await);
}

/// Removed by an operator, not by the simulator: its keys are stale, and nobody told it.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_keys_are_stale_says_so_and_enrols_anew() {
    let (server, simulator) = server().await;
    let arguments = ["fleet", "-n", "6", "--sites", "2", "--name", "zz", "--samples", "2", "--interval", "200ms"];
    let first = simulator.run(&arguments).await;
    assert_eq!(first.code, 0, "{}\n{}", first.summary, first.said);
    // One of the two sites' devices: the others' keys are valid still.
    let only = pb::RemoveSimulatedDevicesRequest { site_ids: vec!["zz-1".to_owned()], ..Default::default() };
    for (gone, remove) in [(3, only), (6, pb::RemoveSimulatedDevicesRequest { all: true, ..Default::default() })] {
        server.admin().registry.remove_simulated_devices(remove).await.unwrap();
        let again = simulator.run(&arguments).await;
        assert_eq!((again.code, number(&again.summary, "/newly_enrolled")), (0, gone), "{}", again.said);
        assert!(again.said.contains(&format!("{gone} keys in")), "{}", again.said);
    }
    // Another server knows none of them.
    let other = Server::start().await;
    let moved = simulator.at(&other).run(&arguments).await;
    assert_eq!((moved.code, number(&moved.summary, "/newly_enrolled")), (0, 6), "{}", moved.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_devices_can_not_attach_ends_when_its_time_is_over() {
    let (server, simulator) = server().await;
    let arguments = ["fleet", "-n", "2", "--name", "shut", "--interval", "200ms", "--duration", "2s"];
    let first = simulator.run(&arguments).await;
    assert_eq!(first.code, 0, "{}\n{}", first.summary, first.said);
    let devices =
        server.admin().registry.list_devices(ListDevicesRequest::default()).await.unwrap().into_inner().devices;
    for device in devices {
        let deactivate = pb::DeactivateDeviceRequest { device_id: device.device_id };
        server.admin().registry.deactivate_device(deactivate).await.unwrap();
    }
    let shut_out = simulator.run(&arguments).await;
    assert_eq!((shut_out.code, number(&shut_out.summary, "/attached")), (1, 0), "{}", shut_out.said);
    assert!(shut_out.said.contains("0 of 2 devices attached"), "{}", shut_out.said);
}
