//! What is followed live: commands to their end, runs, devices as they come and go.

use homepot::pb::{
    command::v1::CommandState,
    device::v1::{
        CommandAcknowledged, CommandOutcome, attach_request::Message as Up, attach_response::Message as Down,
    },
};
use homepot_tests::{
    Agent, AgentOptions, AnySystem, PATIENCE, Process, Server, Session, System, eventually, grpc::DeviceKey,
};
use serde_json::{Value, json};

use super::{command, ctl};

const SITE: &str = "shop-7";

async fn server() -> AnySystem {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    server
}

/// A machine that obeys, online.
async fn agent(server: &System, device_id: &str) -> Agent {
    let token = server.enrollment_token(SITE).await;
    let agent = Agent::start(server, AgentOptions::new(SITE, device_id).enrollment_token(&token));
    eventually(&format!("{device_id} online"), async || {
        let device = ctl(server, &["devices", "get", device_id, "-o", "json"]).await;
        let device: Value = serde_json::from_str(&device.out).ok()?;
        device["presence"]["attached_at"].is_string().then_some(())
    })
    .await;
    agent
}

/// Answers the next command that comes down a session.
async fn obey(session: &mut Session, state: CommandState) {
    let delivery = session
        .expect("a command", |message| match message {
            Down::Command(delivery) => Some(delivery.clone()),
            _ => None,
        })
        .await;
    let command_id = delivery.command_id;
    session.send(Up::CommandAcknowledged(CommandAcknowledged { command_id: command_id.clone() })).await;
    let outcome = CommandOutcome { command_id, state: state.into(), reason: "as told".into(), ..Default::default() };
    session.send(Up::CommandOutcome(outcome)).await;
}

fn start(server: &System, arguments: &[&str]) -> Process {
    Process::start("homepot ctl", &mut command(server, arguments))
}

async fn status(process: &mut Process) -> Option<i32> {
    process.ended(PATIENCE).await.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_shows_each_step_and_ends_as_the_command_did() {
    let server = server().await;
    let _agent = agent(&server, "till-7").await;
    let ping = ctl(&server, &["commands", "queue", "till-7", "PING", "--wait"]).await;
    let lines = ping.lines();
    for (line, state) in lines.iter().zip(["queued", "sent", "acknowledged", "running", "succeeded"]) {
        assert!(line.starts_with(&format!("PING {state:<13}+")) && line.ends_with(" ms"), "{ping:?}");
    }
    assert!(lines[0].ends_with("+0.0 ms") && lines[5].starts_with("PING answered     {"), "{ping:?}");
    assert_eq!(lines.len(), 6, "{ping:?}");

    let ping = ctl(&server, &["commands", "queue", "till-7", "PING", "--wait", "-o", "json"]).await.json();
    assert_eq!((&ping["state"], &ping["result"]["pong"]), (&json!("succeeded"), &json!(true)));
    let history: Vec<_> = ping["history"].as_array().unwrap().iter().map(|step| step["state"].clone()).collect();
    assert_eq!(history, ["queued", "sent", "acknowledged", "running", "succeeded"]);
    let shown = ctl(&server, &["commands", "get", ping["command_id"].as_str().unwrap()]).await;
    assert!(shown.lines().iter().any(|line| line.starts_with("STATE         WHEN")), "{shown:?}");

    // No program is configured for it.
    let refused = ctl(&server, &["commands", "queue", "till-7", "REBOOT", "--wait"]).await;
    assert_eq!((refused.status, refused.err.as_str()), (1, ""), "{refused:?}");
    assert!(refused.out.contains("REBOOT rejected ") && refused.out.contains("REBOOT because "), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_over_says_how_the_command_stands() {
    let server = server().await;
    server.enroll(SITE, "till-7").await;
    let queue = ["commands", "queue", "till-7", "PING", "--wait", "--timeout", "500ms", "-o", "json"];
    let waited = ctl(&server, &queue).await;
    assert_eq!(waited.status, 4, "{waited:?}");
    let command: Value = serde_json::from_str(&waited.out).unwrap();
    let command_id = command["command_id"].as_str().unwrap();
    assert_eq!(command["state"], "queued");
    assert!(
        waited.err.contains(&format!("still queued after 500.0 ms; it goes on: homepot ctl commands get {command_id}"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_outlives_the_server() {
    let mut server = Server::start().await;
    server.create_site(SITE, false).await;
    let key = server.enroll(SITE, "till-7").await;
    let mut wait = start(&server, &["commands", "queue", "till-7", "PING", "--wait", "--timeout", "10m"]);
    wait.prints("PING queued").await;
    server.kill9();
    wait.logged("that it was interrupted", |line| line.as_str()?.contains("goes on by itself").then_some(())).await;
    server.restart().await;
    let (mut session, _) = Session::attach(&server, &key).await;
    obey(&mut session, CommandState::Succeeded).await;
    assert_eq!(status(&mut wait).await, Some(0));
    let printed = wait.printed();
    assert_eq!(printed.matches("PING queued").count(), 1, "no step is told twice: {printed}");
    assert!(printed.contains("PING succeeded"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_devices_are_watched_as_they_change_an_object_a_line() {
    let server = server().await;
    let key = server.enroll(SITE, "till-7").await;
    server.enroll(SITE, "till-8").await;
    let devices = start(&server, &["devices", "list", "--watch", "till-7", "-o", "json"]);
    devices.prints(r#""status":"unknown""#).await;
    let (mut session, _) = Session::attach(&server, &key).await;
    devices.prints(r#""status":"online""#).await;

    let queued = ctl(&server, &["commands", "queue", "till-7", "PING", "-o", "json"]).await.json();
    let command_id = queued["command_id"].as_str().unwrap();
    let commands = start(&server, &["commands", "list", "--watch", "--command", command_id, "-o", "json"]);
    commands.prints(command_id).await;
    obey(&mut session, CommandState::Failed).await;
    commands.prints(r#""state":"failed""#).await;
    drop(session);
    devices.prints(r#""status":"offline""#).await;
    for line in [devices.printed(), commands.printed()].iter().flat_map(|printed| printed.lines()) {
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["device_id"], "till-7");
    }

    let history = ctl(&server, &["devices", "history", "till-7", "-o", "json"]).await.json();
    let told: Vec<_> = history.as_array().unwrap().iter().map(|change| change["status"].clone()).collect();
    assert_eq!(told, ["offline", "online"], "newest first");
    assert_eq!(history[1]["cause"], "attached");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_set_taken_away_and_select() {
    let server = server().await;
    server.enroll(SITE, "till-7").await;
    server.enroll(SITE, "till-8").await;
    ctl(&server, &["devices", "label", "till-7", "tier=pos", "ring=canary", "floor=1"]).await.lines();
    let labels = ctl(&server, &["devices", "label", "till-7", "floor-", "ring=stable", "-o", "json"]).await.json();
    assert_eq!(labels, json!({ "tier": "pos", "ring": "stable" }));
    ctl(&server, &["devices", "label", "till-7", "a b=c"]).await.refused(1, &["labels: "]);
    let bad = ctl(&server, &["devices", "label", "till-7", "tier"]).await;
    assert!(bad.status == 2 && bad.err.contains("key=value"), "{bad:?}");
    for (selector, count) in [("tier=pos", 1), ("tier!=pos", 1), ("ring in (canary, stable), tier", 1), ("!tier", 1)] {
        let found = ctl(&server, &["devices", "list", "-l", selector, "-o", "json"]).await.json();
        assert_eq!(found.as_array().unwrap().len(), count, "{selector}: {found}");
    }
    ctl(&server, &["devices", "list", "-l", "tier in (pos"]).await.refused(1, &["label_selector: "]);
}

/// Three devices of the site, attached.
async fn fleet(server: &System) -> Vec<Session> {
    let mut sessions = Vec::new();
    for device_id in ["till-1", "till-2", "till-3"] {
        let key: DeviceKey = server.enroll(SITE, device_id).await;
        sessions.push(Session::attach(server, &key).await.0);
    }
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_until_every_device_is_done() {
    let server = server().await;
    let mut sessions = fleet(&server).await;
    let start_run = ["runs", "start", "PING", "--site", SITE, "--yes", "--wait", "-o", "json", "--description", "try"];
    let mut run = start(&server, &start_run);
    for session in &mut sessions {
        obey(session, CommandState::Succeeded).await;
    }
    assert_eq!(status(&mut run).await, Some(0));
    let done: Value = serde_json::from_str(&run.printed()).unwrap();
    assert_eq!((&done["state"], &done["description"]), (&json!("completed"), &json!("try")));
    assert_eq!((&done["progress"]["total"], &done["progress"]["succeeded"]), (&json!(3), &json!(3)));
    let told = run.tail();
    assert!(told.contains("3 of 3 done, 0 in flight; completed"), "{told}");

    let run_id = done["run_id"].as_str().unwrap();
    let shown = ctl(&server, &["runs", "get", run_id, "-o", "json"]).await.json();
    assert_eq!(shown["progress"], done["progress"]);
    let table = ctl(&server, &["runs", "list", "--state", "completed"]).await;
    assert!(table.lines()[1].starts_with(run_id), "{table:?}");
    let devices = ctl(&server, &["runs", "devices", run_id, "-o", "json"]).await.json();
    let states: Vec<_> = devices.as_array().unwrap().iter().map(|device| device["state"].clone()).collect();
    assert_eq!(states, ["succeeded", "succeeded", "succeeded"]);
    // What has ended is waited for in no time.
    assert_eq!(ctl(&server, &["runs", "wait", run_id]).await.status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_halts_and_tells_where_to_look_and_how_to_go_on() {
    let server = server().await;
    let mut sessions = fleet(&server).await;
    let mut run = start(&server, &["runs", "start", "PING", "--fleet", "-y", "--max-in-flight", "1", "--wait"]);
    obey(&mut sessions[0], CommandState::Failed).await;
    assert_eq!(status(&mut run).await, Some(1));
    let list = ctl(&server, &["runs", "list", "-o", "json"]).await.json();
    let run_id = list[0]["run_id"].as_str().unwrap();
    assert_eq!(list[0]["state"], "halted");
    let told = run.tail();
    assert!(told.contains(&format!("homepot ctl runs devices {run_id} --state failed")), "{told}");
    assert!(told.contains(&format!("homepot ctl runs resume {run_id}")), "{told}");
    let failed = ctl(&server, &["runs", "devices", run_id, "--state", "failed", "-o", "json"]).await.json();
    assert_eq!((&failed[0]["device_id"], failed.as_array().unwrap().len()), (&json!("till-1"), 1));

    let resumed = ctl(&server, &["runs", "resume", run_id, "--max-failures", "1", "-o", "json"]).await.json();
    assert_eq!((&resumed["state"], &resumed["max_failures"]), (&json!("running"), &json!(1)));
    let mut wait = start(&server, &["runs", "wait", run_id]);
    for session in &mut sessions[1..] {
        obey(session, CommandState::Succeeded).await;
    }
    assert_eq!(status(&mut wait).await, Some(1), "one of them failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_paused_resumed_and_cancelled() {
    let server = server().await;
    for device_id in ["till-1", "till-2"] {
        server.enroll(SITE, device_id).await;
    }
    let start_run =
        ["runs", "start", "PING", "--device", "till-1", "--device", "till-2", "-y", "--key", "k", "-o", "json"];
    let run = ctl(&server, &start_run).await.json();
    let run_id = run["run_id"].as_str().unwrap();
    let again = ctl(&server, &start_run).await;
    assert!(again.err.contains("nothing new was started"), "{again:?}");
    assert_eq!(again.json()["run_id"], run["run_id"]);

    let waited = ctl(&server, &["runs", "wait", run_id, "--timeout", "500ms"]).await;
    assert_eq!(waited.status, 4, "{waited:?}");
    assert!(waited.err.contains(&format!("homepot ctl runs wait {run_id}")), "{waited:?}");
    let state = async |arguments: &[&str]| {
        ctl(&server, &[&["runs"], arguments, &[run_id, "-o", "json"]].concat()).await.json()["state"].clone()
    };
    assert_eq!(state(&["pause", "--reason", "lunch"]).await, "paused");
    assert_eq!(state(&["resume"]).await, "running");
    let mut wait = start(&server, &["runs", "wait", run_id]);
    wait.logged("how far it is", |line| line.as_str()?.contains("0 of 2 done").then_some(())).await;
    assert_eq!(state(&["cancel"]).await, "cancelled");
    assert_eq!(status(&mut wait).await, Some(1));
    ctl(&server, &["runs", "pause", run_id]).await.refused(1, &[]);
    ctl(&server, &["runs", "get", "nonsense"]).await.refused(1, &["run_id: "]);
}
