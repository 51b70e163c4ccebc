//! Log lines that join: by the request's id, the trace's id and the device's id.

use homepot::pb::{
    command::v1 as command_pb,
    device::v1::{
        CommandAcknowledged, CommandOutcome, attach_request::Message as Up, attach_response::Message as Down,
    },
};
use homepot_tests::{Collector, Manner, PATIENCE, Server, ServerOptions, Session, rest::Request};
use serde_json::Value;

use super::{TRACE, traced, traceparent};

/// The lines with that message.
fn with<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message"] == message).collect()
}

/// An operator queues a command, and its device does it; answers the log, once the server has ended.
async fn played(options: ServerOptions) -> Vec<Value> {
    let mut server = Server::start_with(options.env("HOMEPOT_LOG", "debug")).await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&server, &key).await;
    let request = Request::post("/api/v2/devices/till/commands")
        .json(&serde_json::json!({"command_type": "PING"}))
        .header("x-request-id", "shop-7.1")
        .header("traceparent", &traceparent("01"))
        .bearer(&server.admin_token);
    assert_eq!(server.rest(request).await.status, 200);
    let command_id = session
        .expect("the command", |message| match message {
            Down::Command(delivery) => Some(delivery.command_id.clone()),
            _ => None,
        })
        .await;
    session.send(Up::CommandAcknowledged(CommandAcknowledged { command_id: command_id.clone() })).await;
    let state = command_pb::CommandState::Succeeded.into();
    session.send(Up::CommandOutcome(CommandOutcome { command_id, state, ..Default::default() })).await;
    session.expect("that the outcome is stored", |message| matches!(message, Down::OutcomeAck(_)).then_some(())).await;
    // A device without a stream, over REST, and one that is none.
    let poll = Request::get("/api/v1/devices/pending").header("x-request-id", "till.1");
    assert_eq!(server.rest(poll.clone().device(&key.device_id, &key.api_key)).await.status, 200);
    assert_eq!(server.rest(poll.device("till", "hpd_wrong")).await.status, 401);
    drop(session);
    let process = server.process();
    process.logged("that the session ended", |line| (line["message"] == "session ended").then_some(())).await;
    process.terminate();
    process.logged("that it stopped", |line| (line["message"] == "stopped").then_some(())).await;
    let lines = server.process().log();
    assert!(server.stop(PATIENCE).await.success());
    lines
}

fn join(lines: &[Value], trace: Option<&str>) {
    let of_request: Vec<_> = lines.iter().filter(|line| line["request_id"] == "shop-7.1").collect();
    for message in ["request answered", "operator call", "call answered"] {
        assert!(of_request.iter().any(|line| line["message"] == message), "{message} in {of_request:#?}");
    }
    for line in &of_request {
        assert_eq!(line["trace_id"].as_str(), trace, "{line}");
    }
    // What follows of it at the device.
    let sent = with(lines, "command sent");
    assert_eq!((sent.len(), sent[0]["device_id"].as_str(), sent[0]["trace_id"].as_str()), (1, Some("till"), trace));
    let of_device: Vec<_> = lines.iter().filter(|line| line["device_id"] == "till").collect();
    for message in
        ["device enrolled", "device attached", "command sent", "command ended", "session ended", "wrong credentials"]
    {
        assert!(of_device.iter().any(|line| line["message"] == message), "{message} in {of_device:#?}");
    }
    // The stream's lines lead to the request that opened it.
    let attached = with(lines, "device attached")[0]["request_id"].clone();
    assert!(attached.as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(with(lines, "session ended")[0]["request_id"], attached);
    let polled: Vec<_> = lines.iter().filter(|line| line["request_id"] == "till.1").collect();
    let answered = |status: u16| polled.iter().find(|line| line["status"] == status).expect("it was answered");
    assert_eq!(answered(200)["device_id"], "till");
    assert!(answered(401)["device_id"].is_null(), "nobody proved to be it");
    // One name for one thing, and no line that hides fields in others.
    for line in lines.iter().filter_map(Value::as_object) {
        assert!(!line.contains_key("device") && !line.contains_key("spans"), "{line:?}");
        assert!(line.values().all(|value| !value.is_object() && !value.is_array()), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_request_its_command_and_its_device_are_found_by_their_ids() {
    join(&played(ServerOptions::default()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_request_that_is_traced_have_the_id_of_its_trace_too() {
    let collector = Collector::start(Manner::Takes).await;
    join(&played(traced(&collector)).await, Some(TRACE));
}
