//! A cancel wins before the start, or says truthfully that it came too late.

use homepot::pb::command::v1::{CancelRequest, Command, CommandState, WatchRequest};
use homepot_tests::{
    System,
    grpc::{Caller, Clients},
    rest::Request,
};
use prost_types::Duration;
use serde_json::json;
use tonic::{Code, Status};

use super::*;

async fn cancel(admin: &mut Clients, command_id: &str, wait_seconds: i64) -> Result<Command, Status> {
    let wait = Some(Duration { seconds: wait_seconds, nanos: 0 });
    let request = CancelRequest { command_id: command_id.to_owned(), reason: "wrong till".to_owned(), wait };
    Ok(admin.command.cancel(request).await?.into_inner().command.unwrap())
}

/// Waits until the ledger says that the device is to be asked.
async fn requested(server: &System, command_id: &str) {
    let request = WatchRequest { command_ids: vec![command_id.to_owned()], ..Default::default() };
    let mut news = server.admin().command.watch(request).await.unwrap().into_inner();
    while let Some(answer) = news.message().await.unwrap() {
        if answer.commands.iter().any(|command| command.cancel_requested_at.is_some()) {
            return;
        }
    }
    panic!("the watch ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_cancelled_at_once_and_never_handed_out() {
    let (server, [key]) = with_devices(["till"]).await;
    let id = queue(&server, "till", "REBOOT").await;
    let command = cancel(&mut server.admin(), &id, 5).await.unwrap();
    assert_eq!((command.state(), command.reason.as_str()), (CommandState::Cancelled, "cancelled by admin: wrong till"));
    let mut session = attach(&server, &key, "journal").await;
    let ping = queue(&server, "till", "PING").await;
    assert_eq!(delivered(&mut session).await.command_id, ping);
    // A repeat is harmless.
    assert_eq!(cancel(&mut server.admin(), &id, 5).await.unwrap(), command);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_has_not_started_takes_a_command_back_and_the_cancel_waits_for_it() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut session = attach(&server, &key, "journal").await;
    let id = queue(&server, "till", "REBOOT").await;
    delivered(&mut session).await;
    acknowledge(&session, &id).await;
    let (mut admin, wanted) = (server.admin(), id.clone());
    let asked = tokio::spawn(async move { cancel(&mut admin, &wanted, 60).await });
    let cancellation = asked_back(&mut session).await;
    assert_eq!(
        (cancellation.command_id.as_str(), cancellation.reason.as_str()),
        (id.as_str(), "cancelled by admin: wrong till")
    );
    assert_eq!(end(&mut session, &id, CommandState::Cancelled).await, "");
    let command = asked.await.unwrap().unwrap();
    assert_eq!(command.state(), CommandState::Cancelled);
    assert_eq!(
        states(&command),
        [CommandState::Queued, CommandState::Sent, CommandState::Acknowledged, CommandState::Cancelled]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_comes_too_late_says_so_and_changes_nothing() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut session = attach(&server, &key, "journal").await;
    let id = queue(&server, "till", "REBOOT").await;
    delivered(&mut session).await;
    // The device starts it before it hears of the cancel.
    let (mut admin, wanted) = (server.admin(), id.clone());
    let asked = tokio::spawn(async move { cancel(&mut admin, &wanted, 60).await });
    asked_back(&mut session).await;
    start(&session, &id).await;
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::FailedPrecondition, "too late to cancel: the command has started")
    );
    // A device does not take back what it has started.
    assert_eq!(end(&mut session, &id, CommandState::Cancelled).await, "the command has started");
    assert_eq!(end(&mut session, &id, CommandState::Succeeded).await, "");
    let error = cancel(&mut server.admin(), &id, 0).await.unwrap_err();
    assert_eq!(error.message(), "too late to cancel: the command is already succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_away_is_asked_when_it_is_back_and_not_handed_the_command_before() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut session = attach(&server, &key, "journal").await;
    let id = queue(&server, "till", "REBOOT").await;
    delivered(&mut session).await;
    drop(session);
    let command = cancel(&mut server.admin(), &id, 0).await.unwrap();
    assert!(command.cancel_requested_at.is_some());
    requested(&server, &id).await;
    let mut session = attach(&server, &key, "journal").await;
    assert_eq!(asked_back(&mut session).await.command_id, id);
    end(&mut session, &id, CommandState::Cancelled).await;
    assert_eq!(get(&server, &id).await.state(), CommandState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_polls_cant_be_asked_and_the_gateway_says_so() {
    let (server, [key]) = with_devices(["till"]).await;
    let id = queue(&server, "till", "REBOOT").await;
    let mut device = server.clients(&Caller::Device(key.clone())).device;
    let fetched = device.fetch_commands(device_pb::FetchCommandsRequest::default()).await.unwrap().into_inner();
    assert_eq!(fetched.commands.len(), 1);
    let request = Request::new("POST", &format!("/api/v2/commands/{id}/cancel"));
    let answer = server.rest(request.bearer(&server.admin_token).json(&json!({"reason": "wrong till"}))).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(answer.json()["detail"].as_str().unwrap().contains("a device that polls"), "{}", answer.text());
    let told = server.rest(Request::get(&format!("/api/v2/commands/{id}")).bearer(&server.admin_token)).await.json();
    let told = &told["command"];
    let due = (&json!("COMMAND_STATE_SENT"), &json!("fetched by the device"));
    assert_eq!((&told["state"], &told["history"][1]["cause"]), due);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_cancel_is_told_by_field() {
    let (server, _) = with_devices(["till"]).await;
    let request = CancelRequest {
        command_id: "x".to_owned(),
        reason: "x".repeat(501),
        wait: Some(Duration { seconds: 61, nanos: 0 }),
    };
    let error = homepot::Error::from(&server.admin().command.cancel(request).await.unwrap_err());
    let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["command_id", "reason", "wait"]);
}
