//! Who watches sees every change, also across a pause.

use std::collections::HashSet;

use homepot::pb::command::v1::{Command, CommandState, WatchRequest, WatchResponse};
use homepot_tests::{System, grpc::Caller, rest::Request};
use tonic::{Code, Streaming};

use super::*;

async fn watch(server: &System, request: WatchRequest) -> Streaming<WatchResponse> {
    server.admin().command.watch(request).await.unwrap().into_inner()
}

/// The next message that holds a command for which `wanted` holds, and the message's cursor.
async fn until(news: &mut Streaming<WatchResponse>, wanted: impl Fn(&Command) -> bool) -> (Command, String) {
    loop {
        let answer = news.message().await.unwrap().expect("the watch goes on");
        if let Some(command) = answer.commands.into_iter().find(&wanted) {
            return (command, answer.cursor);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_followed_from_where_it_stands_to_its_end() {
    let (server, [key]) = with_devices(["till"]).await;
    let id = queue(&server, "till", "PING").await;
    let mut news = watch(&server, WatchRequest { command_ids: vec![id.clone()], ..Default::default() }).await;
    let first = news.message().await.unwrap().unwrap();
    assert_eq!(first.commands.iter().map(Command::state).collect::<Vec<_>>(), [CommandState::Queued]);
    let mut session = attach(&server, &key, "journal").await;
    delivered(&mut session).await;
    // Another one of the same device is none of this viewer's.
    queue(&server, "till", "PING").await;
    end(&mut session, &id, CommandState::Succeeded).await;
    let (command, _) = until(&mut news, |command| command.state() == CommandState::Succeeded).await;
    assert_eq!(command.command_id, id);
    assert_eq!(states(&command), [CommandState::Queued, CommandState::Sent, CommandState::Succeeded]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_comes_back_with_its_cursor_misses_nothing() {
    let (server, [_]) = with_devices(["till"]).await;
    let request = WatchRequest { device_ids: vec!["till".to_owned()], ..Default::default() };
    let mut news = watch(&server, request.clone()).await;
    let before = queue(&server, "till", "PING").await;
    let (_, cursor) = until(&mut news, |command| command.command_id == before).await;
    drop(news);
    let mut missed = HashSet::new();
    for _ in 0..20 {
        missed.insert(queue(&server, "till", "PING").await);
    }
    let mut news = watch(&server, WatchRequest { cursor, ..request }).await;
    missed.insert(queue(&server, "till", "PING").await);
    while !missed.is_empty() {
        let answer = news.message().await.unwrap().unwrap();
        answer.commands.iter().for_each(|command| drop(missed.take(&command.command_id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_its_own_sites_only_and_ends_with_its_token() {
    let (server, [_]) = with_devices(["till"]).await;
    server.create_site("beta", false).await;
    server.enroll("beta", "other").await;
    let token = server.create_operator("guest", homepot::pb::registry::v1::Role::Viewer, &["beta"]).await;
    let guest = server.clients(&Caller::Operator(token));
    let foreign = queue(&server, "till", "PING").await;
    for request in [
        WatchRequest { device_ids: vec!["till".to_owned()], ..Default::default() },
        WatchRequest { command_ids: vec![foreign], ..Default::default() },
        WatchRequest { site_id: "site-001".to_owned(), ..Default::default() },
    ] {
        assert_eq!(guest.clone().command.watch(request).await.unwrap_err().code(), Code::NotFound);
    }
    let mut news = guest.clone().command.watch(WatchRequest::default()).await.unwrap().into_inner();
    queue(&server, "till", "PING").await;
    let own = queue(&server, "other", "PING").await;
    let (seen, _) = until(&mut news, |_| true).await;
    assert_eq!(seen.command_id, own);
    let request = homepot::pb::registry::v1::RevokeOperatorRequest { name: "guest".to_owned(), ..Default::default() };
    server.admin().registry.revoke_operator(request).await.unwrap();
    let error = loop {
        match news.message().await {
            Ok(answer) => assert!(answer.is_some(), "the stream ended without a word"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_watch_is_told_by_field() {
    let (server, _) = with_devices(["till"]).await;
    let request = WatchRequest {
        command_ids: vec!["x".to_owned()],
        device_ids: vec!["/".to_owned()],
        site_id: "/".to_owned(),
        run_id: "x".to_owned(),
        cursor: "yesterday".to_owned(),
        source: 9,
        include_runs: true,
    };
    let error = homepot::Error::from(&server.admin().command.watch(request).await.unwrap_err());
    let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["command_ids", "device_ids", "site_id", "run_id", "cursor", "source"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_tells_the_same_as_server_sent_events_and_resumes_by_their_id() {
    let (server, [_]) = with_devices(["till"]).await;
    let id = queue(&server, "till", "PING").await;
    let follow = |path: String| Request::get(&path).bearer(&server.admin_token);
    let first = follow(format!("/api/v2/watch/commands?command_ids={id}"));
    let first = first.send_until(&server.rest_addr, "\n\n").await;
    assert!(first.text().contains("\"commands\":[") && first.text().contains(&id), "{}", first.text());
    let cursor = first.text().lines().find_map(|line| line.strip_prefix("id: ").map(str::to_owned)).unwrap();
    let missed = queue(&server, "till", "PING").await;
    let again = follow("/api/v2/watch/commands".to_owned()).header("Last-Event-ID", &cursor);
    let again = again.send_until(&server.rest_addr, "\n\n").await.text();
    assert!(again.contains(&missed) && again.contains(r#""history":[{"state":"COMMAND_STATE_QUEUED""#), "{again}");
    let bad = server.rest(follow("/api/v2/watch/commands?cursor=yesterday".to_owned())).await;
    assert_eq!(bad.status, 422, "{}", bad.text());
}
