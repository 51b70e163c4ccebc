//! `UPDATE_CONFIG`: a command that succeeds only once its device has proved that it has what it was told.

use homepot::pb::{
    command::v1::{
        Command, CommandState, GetRequest, GetRunRequest, PreviewRunRequest, QueueRequest, QueueResponse,
        StartRunRequest, Target,
    },
    rollout::v1::{
        AbortRolloutRequest, ListRolloutsRequest, ListValuesRequest, SetUpdatePolicyRequest, UpdatePolicy, UpdateState,
    },
};
use homepot_tests::{Server, System, eventually, rest::Request};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::world::{DEVICE, SITE, TARGET, World};

const TEMPLATE: &[u8] = b"port={{ port }} note={{ note }}\n";
const VARIABLES: &str = "\
[variables.port]\ntype = \"integer\"\nmin = 1\nmax = 99\ndefault = 7\n\
[variables.note]\ntype = \"string\"\nmax_length = 20\ndefault = \"none\"\n\
[variables.pin]\ntype = \"string\"\nmax_length = 40\nsecret = true\n";

async fn queue(server: &System, device: &str, payload: Value) -> Result<QueueResponse, Status> {
    let request = QueueRequest {
        device_id: device.to_owned(),
        command_type: "UPDATE_CONFIG".to_owned(),
        payload: payload.as_object().map(homepot::model::to_struct),
        idempotency_key: payload.to_string(),
        ..Default::default()
    };
    server.admin().command.queue(request).await.map(tonic::Response::into_inner)
}

async fn until(server: &System, command_id: &str, state: CommandState) -> Command {
    eventually(state.as_str_name(), async || {
        let request = GetRequest { command_id: command_id.to_owned() };
        let command = server.admin().command.get(request).await.ok()?.into_inner().command?;
        Some(command).filter(|command| command.state() == state)
    })
    .await
}

#[tokio::test]
async fn a_command_changes_the_devices_own_values_and_succeeds_once_the_device_has_proved_it() {
    let world = World::build_on(Server::start().await, "0640").await;
    let server = &world.server;
    let refused = queue(server, DEVICE, json!({"port": 8})).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "it was never told to have a release");
    let release = world.publisher.publish_template(server, TARGET, TEMPLATE, VARIABLES).await;
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), "port=7 note=none\n");

    let queued = queue(server, DEVICE, json!({"port": 8, "note": "hello"})).await.unwrap().command.unwrap();
    assert_eq!(queued.state(), CommandState::Running);
    assert!(queued.reason.starts_with("rollout ") && queued.reason.ends_with(" brings it"), "{}", queued.reason);
    let again = queue(server, DEVICE, json!({"port": 8, "note": "hello"})).await.unwrap();
    assert!(again.existed && again.command.unwrap().command_id == queued.command_id);
    let done = until(server, &queued.command_id, CommandState::Succeeded).await;
    assert_eq!(world.content(), "port=8 note=hello\n", "it succeeded no earlier than that");
    let result = homepot::model::from_struct("result", &done.result.unwrap(), homepot::model::MAX_PAYLOAD).unwrap();
    assert_eq!(result["verified"], true);

    // What is wrong is told by its field, and nothing is kept of it.
    for (payload, field) in [
        (json!({"prot": 8}), "payload.prot"),
        (json!({"pin": "1234"}), "payload.pin"),
        (json!({"port": 100}), "port"),
        (json!({"config_version": "nine"}), "payload.config_version"),
        (json!({}), "payload"),
    ] {
        let refused = queue(server, DEVICE, payload).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains(field), "{refused}");
    }
    let values = server.admin().values.list_values(ListValuesRequest::default()).await.unwrap().into_inner().values;
    let values: Vec<_> = values.into_iter().map(|value| (value.variable, value.value)).collect();
    assert_eq!(values, [("note".to_owned(), "hello".to_owned()), ("port".to_owned(), "8".to_owned())]);
    let rollouts = server.admin().rollouts.list_rollouts(ListRolloutsRequest::default()).await.unwrap();
    assert_eq!(rollouts.into_inner().rollouts.len(), 2);

    // Null takes a value back; over REST, with the word that legacy clients use.
    let body = json!({"command_type": "update_config", "payload": {"config": {"note": null}}});
    let post = Request::post(&format!("/api/v1/devices/{DEVICE}/commands")).bearer(&server.admin_token).json(&body);
    let answer = server.rest(post).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let command = answer.json();
    assert_eq!(command["status"], "sent");
    until(server, command["command_id"].as_str().unwrap(), CommandState::Succeeded).await;
    assert_eq!(world.content(), "port=8 note=none\n");

    // Another version of the release; and one that the device's own check does not bear.
    let next = world.publisher.publish_template(server, TARGET, b"next={{ port }}\n", VARIABLES).await;
    let queued = queue(server, DEVICE, json!({"config_version": next.version})).await.unwrap().command.unwrap();
    until(server, &queued.command_id, CommandState::Succeeded).await;
    assert_eq!(world.content(), "next=8\n");
    let broken = world.publisher.publish_template(server, TARGET, b"broken={{ port }}\n", VARIABLES).await;
    let queued = queue(server, DEVICE, json!({"config_version": broken.version})).await.unwrap().command.unwrap();
    let failed = until(server, &queued.command_id, CommandState::Failed).await;
    assert!(failed.reason.starts_with("rolled back: "), "{}", failed.reason);
    assert!(failed.reason.contains("health check"), "{}", failed.reason);
    assert_eq!(world.content(), "next=8\n");

    // Where a site asks for a second person the command says so, and ends with a rollout that nobody approved.
    let policy = Some(UpdatePolicy { needs_approval: true, ..Default::default() });
    let request = SetUpdatePolicyRequest { site_id: SITE.to_owned(), policy };
    server.admin().rollouts.set_update_policy(request).await.unwrap();
    let payload = json!({"port": 9, "config_version": next.version});
    let queued = queue(server, DEVICE, payload).await.unwrap().command.unwrap();
    let rollout_id = queued.reason.split(' ').nth(1).unwrap().to_owned();
    let waits = format!("rollout {rollout_id} brings it, once another operator approves that");
    assert_eq!((queued.state(), queued.reason), (CommandState::Running, waits));
    let abort = AbortRolloutRequest { rollout_id, ..Default::default() };
    server.admin().rollouts.abort_rollout(abort).await.unwrap();
    let failed = until(server, &queued.command_id, CommandState::Failed).await;
    assert!(failed.reason.starts_with("cancelled"), "{}", failed.reason);
    assert_eq!(world.content(), "next=8\n");
}

#[tokio::test]
async fn a_device_that_polls_gets_the_command_as_it_is_and_what_it_says_is_a_claim() {
    let server = Server::start().await;
    server.create_site("site", false).await;
    let key = server.enroll("site", "poller").await;
    let payload = json!({"anything": {"nested": [1]}});
    let queued = queue(&server, "poller", payload.clone()).await.unwrap().command.unwrap();
    assert_eq!(queued.state(), CommandState::Queued);
    let request = |request: Request| request.device("poller", &key.api_key);
    let pending = server.rest(request(Request::get("/api/v1/devices/pending"))).await;
    let pending = pending.json();
    assert_eq!((&pending[0]["command_type"], &pending[0]["payload"]), (&json!("UPDATE_CONFIG"), &payload));
    let body = json!({"status": "completed", "result": {"message": "done", "applied_keys": ["anything"]}});
    let put = Request::put(&format!("/api/v1/devices/{}/status", queued.command_id)).json(&body);
    let told = server.rest(request(put)).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let done = until(&server, &queued.command_id, CommandState::Succeeded).await;
    assert_eq!(done.reason, "claimed by the device; nothing has verified it");

    // With a session and without releases there is nobody to bring it.
    let key = server.enroll("site", "till").await;
    let _session = homepot_tests::Session::attach(&server, &key).await;
    let refused = queue(&server, "till", json!({"port": 8})).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");

    // A run brings it to devices that poll, and passes over those to which a rollout has to.
    let target = Some(Target { device_ids: vec!["poller".to_owned(), "till".to_owned()], ..Default::default() });
    let command_type = "update_config".to_owned();
    let request =
        PreviewRunRequest { target: target.clone(), command_type: command_type.clone(), ..Default::default() };
    let preview = server.admin().command.preview_run(request).await.unwrap().into_inner();
    assert_eq!((preview.devices_total, preview.devices_skipped), (2, 1));
    let till = preview.devices.iter().find(|device| device.device_id == "till").unwrap();
    assert!(till.reason.contains("set values, and start a rollout"), "{}", till.reason);
    let request = StartRunRequest { target, command_type, ..Default::default() };
    let run = server.admin().command.start_run(request).await.unwrap().into_inner().run.unwrap();
    let progress = eventually("the run has begun", async || {
        let request = GetRunRequest { run_id: run.run_id.clone() };
        let run = server.admin().command.get_run(request).await.unwrap().into_inner().run.unwrap();
        run.progress.filter(|progress| progress.in_flight == 1)
    })
    .await;
    assert_eq!((progress.total, progress.skipped), (2, 1));
}
