//! Commands that are queued where their device is attached: they are claimed as they are queued.

use std::{collections::HashSet, time::Duration};

use homepot_tests::Server;
use tokio::time::timeout;

use super::*;

async fn with_session() -> (Server, Session) {
    let (server, [key]) = devices_of(Server::start().await, ["till"]).await;
    let mut session = attach(&server, &key, "journal").await;
    // With the first one the session has had what waited.
    let first = queue(&server, "till", "PING").await;
    assert_eq!(delivered(&mut session).await.command_id, first);
    (server, session)
}

fn request(command_type: &str) -> pb::QueueRequest {
    pb::QueueRequest { device_id: "till".to_owned(), command_type: command_type.to_owned(), ..Default::default() }
}

async fn listed(server: &System) -> Vec<Command> {
    let request = pb::ListRequest { device_id: "till".to_owned(), page_size: 1_000, ..Default::default() };
    server.admin().command.list(request).await.unwrap().into_inner().commands
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_an_attached_device_is_answered_as_sent_and_arrives_once_with_its_history() {
    let (server, mut session) = with_session().await;
    let new = pb::QueueRequest { idempotency_key: "key".to_owned(), ..request("REBOOT") };
    let queue = || async { server.admin().command.queue(new.clone()).await.unwrap().into_inner() };
    let answered = queue().await;
    let command = answered.command.unwrap();
    assert_eq!((command.state(), answered.existed), (CommandState::Sent, false));
    assert_eq!(get(&server, &command.command_id).await, command, "it is the row as it was committed");
    assert_eq!(states(&command), [CommandState::Queued, CommandState::Sent]);
    assert!(command.history[1].cause.starts_with("handed to the device in session "), "{command:?}");

    let delivery = delivered(&mut session).await;
    assert_eq!((&delivery.command_id, delivery.created_at.is_some()), (&command.command_id, true));
    assert!(delivery.server_time.is_some());
    let left = delivery.time_to_live.unwrap().seconds;
    assert!(left > 0 && left <= 24 * 3_600, "{left}");
    // The same request again sends nothing.
    let again = queue().await;
    assert_eq!((again.command.unwrap().command_id, again.existed), (command.command_id.clone(), true));
    acknowledge(&session, &command.command_id).await;
    start(&session, &command.command_id).await;
    assert_eq!(end(&mut session, &command.command_id, CommandState::Succeeded).await, "");
    let next = server.admin().command.queue(request("PING")).await.unwrap().into_inner().command.unwrap();
    assert_eq!(delivered(&mut session).await.command_id, next.command_id);
    let ended = get(&server, &command.command_id).await;
    assert_eq!((ended.state(), ended.deliveries), (CommandState::Succeeded, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_one_caller_arrive_in_its_order_and_each_once() {
    let (server, mut session) = with_session().await;
    // More than an inbox holds, and more than one claim hands over, while the device reads nothing.
    let mut queued = Vec::new();
    for _ in 0..100 {
        queued.push(queue(&server, "till", "PING").await);
    }
    let mut arrived = Vec::new();
    for _ in 0..queued.len() {
        arrived.push(delivered(&mut session).await.command_id);
    }
    assert_eq!(arrived, queued);
    assert!(listed(&server).await.iter().all(|command| command.deliveries == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_caller_left_arrives_all_the_same() {
    let (server, mut session) = with_session().await;
    for tenths in 0..60 {
        // Leaves at any moment: before the call arrives, while its transaction is under way, after the answer.
        let mut admin = server.admin();
        drop(timeout(Duration::from_micros(100 * tenths), admin.command.queue(request("PING"))).await);
    }
    let last = queue(&server, "till", "PING").await;
    let mut arrived = HashSet::new();
    while !arrived.contains(&last) {
        assert!(arrived.insert(delivered(&mut session).await.command_id), "one came twice");
    }
    let stored = listed(&server).await;
    // One whose caller left may be under way still when the last one is.
    while arrived.len() + 1 < stored.len() {
        assert!(arrived.insert(delivered(&mut session).await.command_id), "one came twice");
    }
    assert!(stored.iter().all(|command| command.deliveries == 1), "{stored:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_claimed_as_it_was_queued_comes_again_when_the_server_died_before_it_arrived() {
    let (mut server, [key]) = devices_of(Server::start().await, ["till"]).await;
    let mut session = attach(&server, &key, "journal").await;
    let first = queue(&server, "till", "PING").await;
    assert_eq!(delivered(&mut session).await.command_id, first);
    let command = server.admin().command.queue(request("REBOOT")).await.unwrap().into_inner().command.unwrap();
    assert_eq!(command.state(), CommandState::Sent);
    server.kill9();
    server.restart().await;
    // The device never said a word of either, and its journal has neither.
    let mut session = attach(&server, &key, "journal").await;
    assert_eq!(delivered(&mut session).await.command_id, first);
    assert_eq!(delivered(&mut session).await.command_id, command.command_id);
    assert_eq!(end(&mut session, &command.command_id, CommandState::Succeeded).await, "");
    assert_eq!(
        states(&get(&server, &command.command_id).await),
        [CommandState::Queued, CommandState::Sent, CommandState::Succeeded]
    );
}
