//! News of runs, in the same stream as those of commands.

use homepot::pb::{
    command::v1::{
        CommandState, PauseRunRequest, ResumeRunRequest, Run, RunState, StartRunRequest, Target, WatchRequest,
        WatchResponse,
    },
    common::v1::DeviceSource,
    registry::v1::Role,
};
use homepot_tests::{
    System,
    grpc::{Caller, Clients},
};
use tonic::Streaming;

use super::*;

async fn watch(clients: &Clients, request: WatchRequest) -> Streaming<WatchResponse> {
    clients.clone().command.watch(request).await.unwrap().into_inner()
}

fn everything() -> WatchRequest {
    WatchRequest { include_runs: true, ..Default::default() }
}

/// Starts a run for named devices; answers its id.
async fn start(server: &System, device_ids: &[&str]) -> String {
    let target = Target { device_ids: device_ids.iter().map(ToString::to_string).collect(), ..Default::default() };
    let request = StartRunRequest { target: Some(target), command_type: "PING".to_owned(), ..Default::default() };
    server.admin().command.start_run(request).await.unwrap().into_inner().run.unwrap().run_id
}

async fn pause(server: &System, run_id: &str) {
    let request = PauseRunRequest { run_id: run_id.to_owned(), ..Default::default() };
    server.admin().command.pause_run(request).await.unwrap();
}

/// The first news of a run for which `wanted` holds, and the message's cursor.
async fn until(news: &mut Streaming<WatchResponse>, wanted: impl Fn(&Run) -> bool) -> (Run, String) {
    loop {
        let answer = news.message().await.unwrap().expect("the watch goes on");
        assert!(answer.run.is_none(), "no run was named");
        if let Some(run) = answer.runs.into_iter().find(&wanted) {
            return (run, answer.cursor);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_from_its_start_to_its_end_to_who_asks_for_runs() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut news = watch(&server.admin(), everything()).await;
    let mut commands_only = watch(&server.admin(), WatchRequest::default()).await;
    let run_id = start(&server, &["till"]).await;
    let (begun, _) = until(&mut news, |run| run.run_id == run_id).await;
    assert_eq!((begun.state(), begun.progress.unwrap().total), (RunState::Running, 1));
    let mut session = attach(&server, &key, "journal").await;
    let delivery = delivered(&mut session).await;
    pause(&server, &run_id).await;
    let (paused, cursor) = until(&mut news, |run| run.state() == RunState::Paused).await;
    assert_eq!(paused.progress.unwrap().in_flight, 1);
    drop(news);

    // Who was away is told what it missed, also where nothing but its commands went on.
    end(&mut session, &delivery.command_id, CommandState::Succeeded).await;
    let mut news = watch(&server.admin(), WatchRequest { cursor, ..everything() }).await;
    let (went_on, _) = until(&mut news, |run| run.progress.unwrap().succeeded == 1).await;
    assert_eq!(went_on.state(), RunState::Paused);
    let request = ResumeRunRequest { run_id, ..Default::default() };
    server.admin().command.resume_run(request).await.unwrap();
    until(&mut news, |run| run.state() == RunState::Completed).await;

    // Who did not ask for runs gets the commands alone.
    loop {
        let answer = commands_only.message().await.unwrap().unwrap();
        assert!(answer.runs.is_empty() && answer.run.is_none(), "{answer:?}");
        if answer.commands.iter().any(|command| command.state() == CommandState::Succeeded) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_reaches_sites_of_others_is_not_told() {
    let (server, [_]) = with_devices(["till"]).await;
    server.create_site("beta", false).await;
    server.enroll("beta", "other").await;
    let token = server.create_operator("guest", Role::Viewer, &["beta"]).await;
    let guest = server.clients(&Caller::Operator(token));
    let mut news = watch(&guest, everything()).await;
    let foreign = start(&server, &["till"]).await;
    let mixed = start(&server, &["till", "other"]).await;
    let own = start(&server, &["other"]).await;
    for run_id in [&foreign, &mixed, &own] {
        pause(&server, run_id).await;
    }
    // Changes are told in the order in which they were seen, so nothing of the others comes after this.
    let mut told = Vec::new();
    while !told.iter().any(|run: &Run| run.state() == RunState::Paused) {
        told.extend(news.message().await.unwrap().unwrap().runs);
    }
    assert!(told.iter().all(|run| run.run_id == own), "{told:?}");
    // Nor is it to one that comes back.
    let (_, cursor) = {
        let mut all = watch(&server.admin(), everything()).await;
        let last = start(&server, &["other"]).await;
        until(&mut all, |run| run.run_id == last).await
    };
    let mut news = watch(&guest, WatchRequest { cursor, ..everything() }).await;
    loop {
        let runs = news.message().await.unwrap().unwrap().runs;
        assert!(runs.iter().all(|run| run.run_id != foreign && run.run_id != mixed), "{runs:?}");
        if !runs.is_empty() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_one_source_is_told_of_its_runs_alone() {
    let (server, [_]) = with_devices(["till"]).await;
    let simulated = WatchRequest { source: DeviceSource::Simulated.into(), ..everything() };
    let mut simulated = watch(&server.admin(), simulated).await;
    let mut all = watch(&server.admin(), everything()).await;
    let target = Target { fleet: true, ..Default::default() };
    let request = StartRunRequest { target: Some(target), command_type: "PING".to_owned(), ..Default::default() };
    let real = server.admin().command.start_run(request).await.unwrap().into_inner().run.unwrap().run_id;
    let (_, cursor) = until(&mut all, |run| run.run_id == real).await;
    // Until a message tells that as much was seen.
    loop {
        let answer = simulated.message().await.unwrap().unwrap();
        assert!(answer.runs.is_empty(), "{answer:?}");
        if answer.cursor > cursor {
            break;
        }
    }
}
