//! Runs, over real sockets and across the death of the server that drives them.

use homepot::pb::command::v1::{
    CommandState, GetRunRequest, ListRunDevicesRequest, ResumeRunRequest, Run, RunState, StartRunRequest, Target,
    WatchRequest,
};
use homepot_tests::{Server, Session, System};

use super::*;

async fn start_run(server: &System, request: StartRunRequest) -> Run {
    server.admin().command.start_run(request).await.unwrap().into_inner().run.unwrap()
}

fn ping(target: Target) -> StartRunRequest {
    StartRunRequest { target: Some(target), command_type: "PING".to_owned(), ..Default::default() }
}

fn site() -> Target {
    Target { site_id: "site-001".to_owned(), ..Default::default() }
}

/// Follows a run until `wanted` holds.
async fn until(server: &System, run_id: &str, wanted: impl Fn(&Run) -> bool) -> Run {
    let request = WatchRequest { run_id: run_id.to_owned(), ..Default::default() };
    let mut news = server.admin().command.watch(request).await.unwrap().into_inner();
    loop {
        let answer = news.message().await.unwrap().expect("the watch goes on");
        if let Some(run) = answer.run.filter(&wanted) {
            return run;
        }
    }
}

/// Answers one command.
async fn answer(session: &mut Session, state: CommandState) {
    let delivery = delivered(session).await;
    end(session, &delivery.command_id, state).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_paced_halts_on_failures_and_goes_on_when_resumed() {
    let (server, keys) = with_devices(["a", "b", "c"]).await;
    let mut sessions = Vec::new();
    for key in &keys {
        sessions.push(attach(&server, key, "journal").await);
    }
    let run = start_run(&server, StartRunRequest { max_in_flight: 1, ..ping(site()) }).await;
    assert_eq!(run.progress.unwrap().total, 3);
    answer(&mut sessions[0], CommandState::Succeeded).await;
    answer(&mut sessions[1], CommandState::Failed).await;
    let halted = until(&server, &run.run_id, |run| run.state() == RunState::Halted).await;
    assert_eq!(halted.reason, "1 devices failed, 0 may");
    let progress = halted.progress.unwrap();
    assert_eq!((progress.succeeded, progress.failed, progress.waiting), (1, 1, 1));

    let request = ResumeRunRequest { run_id: run.run_id.clone(), ..Default::default() };
    server.admin().command.resume_run(request).await.unwrap();
    answer(&mut sessions[2], CommandState::Succeeded).await;
    let done = until(&server, &run.run_id, |run| run.state() == RunState::Completed).await;
    assert!(done.finished_at.is_some());
    let request = ListRunDevicesRequest { run_id: run.run_id, ..Default::default() };
    let devices = server.admin().command.list_run_devices(request).await.unwrap().into_inner().devices;
    let outcomes: Vec<_> = devices.iter().map(|device| (device.device_id.as_str(), device.state())).collect();
    let expected = [("a", CommandState::Succeeded), ("b", CommandState::Failed), ("c", CommandState::Succeeded)];
    assert_eq!(outcomes, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlives_the_server_that_drives_it() {
    let (mut server, keys) = devices_of(Server::start().await, ["a", "b"]).await;
    let mut first = attach(&server, &keys[0], "journal").await;
    let run = start_run(&server, StartRunRequest { max_in_flight: 1, ..ping(site()) }).await;
    let delivery = delivered(&mut first).await;
    server.kill9();
    server.restart().await;
    let mut first = attach(&server, &keys[0], "journal").await;
    assert_eq!(delivered(&mut first).await.command_id, delivery.command_id);
    end(&mut first, &delivery.command_id, CommandState::Succeeded).await;
    let mut second = attach(&server, &keys[1], "journal").await;
    answer(&mut second, CommandState::Succeeded).await;
    let done = until(&server, &run.run_id, |run| run.state() == RunState::Completed).await;
    assert_eq!(done.progress.unwrap().succeeded, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_starts_one_run_and_another_order_under_it_is_refused() {
    let (server, _) = with_devices(["a"]).await;
    let request = StartRunRequest { idempotency_key: "rollout-7".to_owned(), ..ping(site()) };
    let first = start_run(&server, request.clone()).await;
    let again = server.admin().command.start_run(request.clone()).await.unwrap().into_inner();
    assert_eq!((again.run.unwrap().run_id, again.existed), (first.run_id.clone(), true));
    let other = StartRunRequest { command_type: "REBOOT".to_owned(), ..request };
    let error = server.admin().command.start_run(other).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::AlreadyExists);
    let got = server.admin().command.get_run(GetRunRequest { run_id: first.run_id.clone() }).await.unwrap();
    assert_eq!(got.into_inner().run.unwrap().run_id, first.run_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_addresses_the_fleet_by_leaving_something_out() {
    let (server, _) = with_devices(["a"]).await;
    for target in [Target::default(), Target { fleet: true, site_id: "site-001".to_owned(), ..Default::default() }] {
        let error = homepot::Error::from(&server.admin().command.start_run(ping(target)).await.unwrap_err());
        assert_eq!(error.field_violations()[0].field, "target");
    }
    let run = start_run(&server, ping(Target { fleet: true, ..Default::default() })).await;
    assert_eq!(run.progress.unwrap().total, 1);
}
