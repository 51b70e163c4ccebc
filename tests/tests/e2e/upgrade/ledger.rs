//! Commands and runs of the old version go on to their ends.

use std::collections::BTreeMap;

use homepot::{
    model::to_struct,
    pb::command::v1::{self as pb, Command, CommandState, Run, RunState},
};
use homepot_tests::{Agent, AgentOptions, eventually, rest::Request};
use serde_json::{Value, json};

use super::{Upgraded, kept};
use crate::ledger::{acknowledge, attach, delivered, end, get, start, states};

async fn command(upgraded: &Upgraded, name: &str) -> Command {
    get(&upgraded.server, upgraded.known(name)).await
}

async fn run(upgraded: &Upgraded, name: &str) -> Run {
    let request = pb::GetRunRequest { run_id: upgraded.known(name).to_owned() };
    upgraded.server.admin().command.get_run(request).await.unwrap().into_inner().run.unwrap()
}

/// The command of a run for a device.
async fn command_of(upgraded: &Upgraded, run: &str, device_id: &str) -> String {
    let request = pb::ListRunDevicesRequest { run_id: upgraded.known(run).to_owned(), ..Default::default() };
    let answer = upgraded.server.admin().command.list_run_devices(request).await.unwrap().into_inner();
    let device = answer.devices.into_iter().find(|device| device.device_id == device_id);
    device.unwrap_or_else(|| panic!("{run} has no {device_id}")).command_id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_old_device_had_and_what_waited_for_it_reach_their_ends() {
    let upgraded = Upgraded::start().await;
    let server = &upgraded.server;
    let [sent, acknowledged, running, queued] =
        ["sent", "acknowledged", "running", "queued"].map(|state| upgraded.known(&format!("command {state}")));
    let of_runs =
        [command_of(&upgraded, "run paused", "till-1").await, command_of(&upgraded, "run running", "till-1").await];
    assert_eq!(command(&upgraded, "command queued").await.state(), CommandState::Queued);

    let mut till = attach(server, &upgraded.key("till-1"), "journal-1").await;
    // It may have lost sight of what it has on disk and did not begin. What runs is its own to tell.
    let mut handed = BTreeMap::new();
    while handed.len() < 5 {
        let delivery = delivered(&mut till).await;
        handed.insert(delivery.command_id.clone(), delivery);
    }
    for id in [sent, acknowledged, queued, of_runs[0].as_str(), of_runs[1].as_str()] {
        assert!(handed.contains_key(id), "{id} was not handed over: {handed:#?}");
    }
    let payload = handed[queued].payload.clone().unwrap();
    assert_eq!(payload, to_struct(json!({"lane": 2, "text": "ü"}).as_object().unwrap()));
    for id in handed.keys() {
        acknowledge(&till, id).await;
        start(&till, id).await;
        assert_eq!(end(&mut till, id, CommandState::Succeeded).await, "", "{id}");
    }
    assert_eq!(end(&mut till, running, CommandState::Failed).await, "");

    let all = [CommandState::Queued, CommandState::Sent, CommandState::Acknowledged, CommandState::Running];
    let done = get(server, queued).await;
    assert_eq!(states(&done), [&all[..], &[CommandState::Succeeded]].concat());
    assert_eq!((done.created_by.as_str(), done.idempotency_key.as_str()), ("night-shift", "order-7"));
    assert_eq!(states(&get(server, running).await), [&all[..], &[CommandState::Failed]].concat());
    // Whoever asks again with the old key is shown the old command.
    let request = pb::QueueRequest {
        device_id: "till-1".to_owned(),
        command_type: "PING".to_owned(),
        payload: Some(payload),
        idempotency_key: "order-7".to_owned(),
        time_to_live: Some(prost_types::Duration { seconds: 30 * 86_400, nanos: 0 }),
        ..Default::default()
    };
    let answer = upgraded.operator("night-shift").command.queue(request).await.unwrap().into_inner();
    assert_eq!((answer.existed, answer.command.unwrap().command_id.as_str()), (true, queued));

    // The run that was running goes on to its next device, the paused one waits to be resumed.
    eventually("the next device's turn", async || {
        (!command_of(&upgraded, "run running", "till-2").await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(run(&upgraded, "run running").await.state(), RunState::Running);
    assert_eq!(run(&upgraded, "run paused").await.state(), RunState::Paused);
    assert_eq!(command_of(&upgraded, "run paused", "till-2").await, "");
    let request = pb::ResumeRunRequest { run_id: upgraded.known("run paused").to_owned(), ..Default::default() };
    server.admin().command.resume_run(request).await.unwrap();
    let mut second = attach(server, &upgraded.key("till-2"), "journal").await;
    let resumed = eventually("the turn in the run that was resumed", async || {
        let id = command_of(&upgraded, "run paused", "till-2").await;
        (!id.is_empty()).then_some(id)
    })
    .await;
    while delivered(&mut second).await.command_id != resumed {}
    assert_eq!(end(&mut second, &resumed, CommandState::Succeeded).await, "");
    eventually("the end of the run that was paused", async || {
        (run(&upgraded, "run paused").await.state() == RunState::Completed).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_of_which_nobody_knows_whether_it_ran_is_not_handed_out_by_the_new_version() {
    let upgraded = Upgraded::start().await;
    let reboot = command(&upgraded, "command unknown").await;
    assert_eq!(reboot.state(), CommandState::Unknown);
    // The journal that had it is back, and only its word changes anything.
    let mut till = attach(&upgraded.server, &upgraded.key("till-1"), "journal-0").await;
    for _ in 0..5 {
        assert_ne!(delivered(&mut till).await.command_id, reboot.command_id);
    }
    assert_eq!(end(&mut till, &reboot.command_id, CommandState::Succeeded).await, "");
    assert_eq!(command(&upgraded, "command unknown").await.state(), CommandState::Succeeded);
    for (name, state) in [("command cancelled", CommandState::Cancelled), ("command expired", CommandState::Expired)] {
        assert_eq!(command(&upgraded, name).await.state(), state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_poller_fetches_and_ends_what_waits_for_it() {
    let upgraded = Upgraded::start().await;
    let key = upgraded.key("poller-1");
    let pending = Request::get("/api/v1/devices/pending").device(&key.device_id, &key.api_key);
    let answer = upgraded.server.rest(pending).await.json();
    let found: Vec<_> =
        answer.as_array().unwrap().iter().map(|row| (row["command_id"].clone(), row["command_type"].clone())).collect();
    let expected = [("command fetched by poller-1", "RUN_DIAGNOSTICS"), ("command for poller-1", "OPEN_DRAWER")];
    let expected = expected.map(|(name, kind)| (Value::from(upgraded.known(name)), Value::from(kind)));
    assert_eq!(found, expected);
    for (command_id, _) in &found {
        let status = Request::put(&format!("/api/v1/devices/{}/status", command_id.as_str().unwrap()));
        let status = status.device(&key.device_id, &key.api_key).json(&json!({"status": "completed", "result": {}}));
        let answer = upgraded.server.rest(status).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(get(&upgraded.server, command_id.as_str().unwrap()).await.state(), CommandState::Succeeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_agent_on_an_old_state_directory_is_the_same_device_and_answers_the_command_that_waited() {
    let upgraded = Upgraded::start().await;
    let server = &upgraded.server;
    let of_agent = "SELECT s.journal_id FROM sessions s JOIN devices d USING (device) WHERE d.device_id = 'agent-1'";
    let before = upgraded.old.cluster.database().rows(of_agent).await;
    let mut options = AgentOptions::new("shop-1", "agent-1");
    // Of the time at which the old one ended.
    for (name, value) in upgraded.old.cluster.clock.env() {
        options = options.env(name, &value);
    }
    let _agent = Agent::start_on(server, options, &kept("agent"));
    eventually("the answer to what waited", async || {
        let command = command(&upgraded, "command for agent-1").await;
        (command.state() == CommandState::Succeeded).then_some(())
    })
    .await;
    // It knows what its journal has, and keeps it.
    assert_eq!(upgraded.old.cluster.database().rows(of_agent).await, before);
    assert_eq!(command(&upgraded, "command done by agent-1").await.deliveries, 1);
    let request = homepot::pb::registry::v1::GetDeviceRequest { device_id: "agent-1".to_owned() };
    let device = server.admin().registry.get_device(request).await.unwrap().into_inner().device.unwrap();
    assert!(device.proves, "{device:?}");
}
