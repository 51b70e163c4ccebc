//! The straight way: enrol, report, obey.

use std::os::unix::fs::PermissionsExt;

use homepot::pb::{
    command::v1::{CommandState, GetRequest},
    registry::v1::{DeviceStatus, GetDeviceRequest},
};
use homepot_tests::{System, eventually, rest::Request};
use serde_json::{Value, json};

use super::{SITE, agent, read, server, stored};

const DEVICE: &str = "till-1";

/// Queues a command over REST and answers the row of the device's history, over REST, once it has an end.
async fn run(server: &System, command_type: &str) -> Value {
    let queue = Request::post(&format!("/api/v1/devices/{DEVICE}/commands")).bearer(&server.admin_token);
    let queued = server.rest(queue.json(&json!({"command_type": command_type, "payload": null}))).await;
    assert_eq!(queued.status, 201, "{}", queued.text());
    let queued = queued.json();
    assert_eq!((&queued["command_type"], &queued["status"]), (&json!(command_type), &json!("pending")));
    eventually(&format!("the outcome of {command_type}"), async || {
        let list = Request::get(&format!("/api/v1/devices/device/{DEVICE}/commands")).bearer(&server.admin_token);
        let history = server.rest(list).await.json();
        let row = history.as_array()?.iter().find(|row| row["command_id"] == queued["command_id"])?.clone();
        (!["pending", "sent"].contains(&row["status"].as_str()?)).then_some(row)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_enrols_reports_what_it_reads_and_runs_what_is_queued_for_it() {
    let server = server().await;
    let mut agent = agent(&server, DEVICE).await;
    agent.read_samples(3).await;
    let stored = eventually("three samples in Postgres", async || {
        let stored = stored(&server, DEVICE).await;
        (stored.len() >= 3).then_some(stored)
    })
    .await;
    let read = read(&agent);
    for (at, row) in &stored {
        assert!(row.len() >= 8, "this machine has more to tell than {row:?}");
        assert_eq!(Some(row), read.get(at), "Postgres holds the very values that were read at {at}");
    }

    let ping = run(&server, "PING").await;
    assert_eq!(ping["status"], "completed", "{ping}");
    let diagnostics = run(&server, "RUN_DIAGNOSTICS").await;
    assert_eq!(diagnostics["status"], "completed", "{diagnostics}");
    assert!(diagnostics["result"].as_object().is_some_and(|facts| facts.len() >= 3), "{diagnostics}");
    let denied = run(&server, "REBOOT").await;
    assert_eq!((&denied["status"], &denied["result"]["state"]), (&json!("failed"), &json!("rejected")), "{denied}");

    // The same over gRPC.
    let mut admin = server.admin();
    for (row, state) in [(&ping, CommandState::Succeeded), (&denied, CommandState::Rejected)] {
        let command_id = row["command_id"].as_str().unwrap().to_owned();
        let command = admin.command.get(GetRequest { command_id }).await.unwrap().into_inner().command.unwrap();
        assert_eq!((command.state(), command.deliveries), (state, 1), "{command:?}");
        assert_eq!(command.reason.is_empty(), state == CommandState::Succeeded);
    }
    let request = GetDeviceRequest { device_id: DEVICE.to_owned() };
    let device = admin.registry.get_device(request).await.unwrap().into_inner().device.unwrap();
    let presence = device.presence.unwrap();
    assert_eq!((device.site_id.as_str(), presence.status()), (SITE, DeviceStatus::Online));
    assert!(presence.capabilities.contains(&"RUN_DIAGNOSTICS".to_owned()));

    // The key is the agent's alone, and a second life enrols no second time.
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let key_file = agent.state_dir().join(".device_api_key");
    assert_eq!((mode(&agent.state_dir()), mode(&key_file)), (0o700, 0o600));
    let key = std::fs::read_to_string(&key_file).unwrap();
    agent.kill9();
    agent.restart();
    agent.read_samples(2).await;
    assert_eq!(std::fs::read_to_string(&key_file).unwrap(), key);
    assert_eq!(server.database().number("SELECT count(*) FROM device_keys").await, 1);
    assert_eq!(run(&server, "PING").await["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_refuses_a_key_that_others_can_read() {
    let server = server().await;
    let mut agent = agent(&server, DEVICE).await;
    agent.read_samples(1).await;
    agent.kill9();
    let key_file = agent.state_dir().join(".device_api_key");
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    agent.restart();
    let status = agent.process_mut().ended(std::time::Duration::from_secs(20)).await;
    assert!(!status.success());
    assert!(agent.process().tail().contains(".device_api_key"), "{}", agent.process().tail());
}
