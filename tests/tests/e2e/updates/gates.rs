//! What holds updates back: windows of a site, holds of a device, and the approval of a second person.

use std::process::Command;

use chrono::{Datelike as _, TimeDelta, Utc};
use homepot::pb::{
    device::v1::{UpdateAction, attach_response::Message as Down},
    registry::v1::Role,
    rollout::v1::{
        ApproveRolloutRequest, GetUpdatePolicyRequest, ListRolloutsRequest, ResumeRolloutRequest, RolloutState,
        SetUpdatePolicyRequest, StartRolloutRequest, UpdatePolicy, UpdateState,
    },
};
use homepot_tests::{System, grpc::Caller, program};
use tonic::Code;

use super::{rollouts, world};

/// A policy whose only window is open on the day after tomorrow.
fn closed() -> UpdatePolicy {
    let day = (Utc::now() + TimeDelta::days(2)).weekday().to_string().to_lowercase();
    UpdatePolicy { time_zone: "UTC".to_owned(), windows: vec![format!("{day} 12:00-12:01")], needs_approval: false }
}

async fn set(server: &System, site: &str, policy: UpdatePolicy) {
    let request = SetUpdatePolicyRequest { site_id: site.to_owned(), policy: Some(policy) };
    server.admin().rollouts.set_update_policy(request).await.unwrap();
}

#[tokio::test]
async fn a_real_agent_waits_for_the_window_and_goes_on_when_it_is_told_that_it_need_not() {
    let world = world::World::build().await;
    set(&world.server, world::SITE, closed()).await;
    let request = GetUpdatePolicyRequest { site_id: world::SITE.to_owned() };
    let found = world.server.admin().rollouts.get_update_policy(request).await.unwrap().into_inner();
    assert_eq!((found.open, found.changed_by.as_str()), (false, "admin"));
    assert!(found.opens_at.is_some());
    let release = world.publish(b"a = 1\n").await;
    let rollout = world.start(&release).await;
    let held = world.until(&rollout, UpdateState::Held).await;
    assert!(held.reason.starts_with("the next maintenance window of site site opens at 20"), "{}", held.reason);
    assert_eq!(world.content(), "");
    // It was told to wait an hour: it goes on because it is told that the policy has changed.
    set(&world.server, world::SITE, UpdatePolicy::default()).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), "a = 1\n");
}

fn hold(world: &world::World, arguments: &[&str]) {
    let directory = world.directory.path().join("holds");
    let mut command = Command::new(program("homepot-agent"));
    let done = command.args(arguments).arg("--directory").arg(directory).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn a_program_holds_a_real_agent_until_it_lets_go_or_its_time_is_over() {
    let world = world::World::build().await;
    hold(&world, &["hold", "--name", "pos", "--for", "1h", "--reason", "sale"]);
    let release = world.publish(b"a = 1\n").await;
    let rollout = world.start(&release).await;
    let held = world.until(&rollout, UpdateState::Held).await;
    assert_eq!(held.reason, "held on the device by pos: sale");
    assert_eq!(world.content(), "");
    hold(&world, &["release-hold", "--name", "pos"]);
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), "a = 1\n");

    // Nobody lets go of this one.
    hold(&world, &["hold", "--for", "3s"]);
    let release = world.publish(b"b = 2\n").await;
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), "b = 2\n");
}

#[tokio::test]
async fn one_device_of_a_site_after_the_other_is_allowed_to_apply_and_an_older_agent_is_not_told_to_give_up() {
    let world = rollouts::World::build().await;
    world.server.create_site("site", false).await;
    set(&world.server, "site", closed()).await;
    let (_, mut first) = world.device("site", "a").await;
    let (_, mut second) = world.device("site", "b").await;
    let mut request = world.request(&["a", "b"]);
    request.phases = vec!["100%".to_owned()];
    let id = world.start(request).await;
    let generation = first.desired().await.generation;
    let answer = first.ask(generation, UpdateState::Verified, "").await;
    assert_eq!((answer.action(), answer.ask_again_seconds), (UpdateAction::Wait, 3600));
    assert!(answer.reason.contains("maintenance window"), "{}", answer.reason);
    // Nobody keeps the other one from fetching. It is of an older version, and would take any answer for the end.
    second.desired().await;
    second.can_wait = false;
    second.say(generation, UpdateState::Verified, "").await;
    second.say(generation, UpdateState::Downloading, "").await;
    let next = loop {
        if let Down::UpdateReportAck(ack) = second.session.next().await.expect("the stream goes on") {
            break ack;
        }
    };
    assert_eq!(next.state(), UpdateState::Downloading, "the report before has no answer");
    second.can_wait = true;
    assert_eq!(second.ask(generation, UpdateState::Verified, "").await.action(), UpdateAction::Wait);
    let held = [("a".to_owned(), UpdateState::Held), ("b".to_owned(), UpdateState::Held)];
    assert_eq!(world.states(&id).await, held);

    set(&world.server, "site", UpdatePolicy::default()).await;
    for device in [&mut first, &mut second] {
        assert_eq!(device.desired().await.generation, generation, "it is to ask again");
    }
    assert!(first.report(generation, UpdateState::Verified, "").await);
    let answer = second.ask(generation, UpdateState::Verified, "").await;
    assert_eq!(
        (answer.action(), answer.reason.as_str()),
        (UpdateAction::Wait, "another device of its site is being updated")
    );
    first.report(generation, UpdateState::Confirmed, "").await;
    second.desired().await;
    assert!(second.report(generation, UpdateState::Verified, "").await);
    second.report(generation, UpdateState::Confirmed, "").await;
    world.until(&id, RolloutState::Completed).await;
}

#[tokio::test]
async fn a_rollout_is_approved_by_another_person_than_the_one_that_started_it() {
    let world = rollouts::World::build().await;
    world.server.create_site("site", false).await;
    world.server.create_site("other", false).await;
    set(&world.server, "site", UpdatePolicy { needs_approval: true, ..Default::default() }).await;
    let (_, mut device) = world.device("site", "a").await;
    let id = world.start(world.request(&["a"])).await;
    assert_eq!(world.get(&id).await.state(), RolloutState::AwaitingApproval);
    assert_eq!(world.get(&id).await.approval_site_ids, ["site"]);
    let approve = async |caller: &Caller| {
        let request = ApproveRolloutRequest { rollout_id: id.clone() };
        world.server.clients(caller).rollouts.approve_rollout(request).await.map(|answer| answer.into_inner())
    };
    let own = world.server.admin().rollouts.approve_rollout(ApproveRolloutRequest { rollout_id: id.clone() }).await;
    assert_eq!(own.unwrap_err().code(), Code::PermissionDenied);
    let elsewhere = Caller::Operator(world.server.create_operator("elsewhere", Role::Admin, &["other"]).await);
    assert_eq!(approve(&elsewhere).await.unwrap_err().code(), Code::NotFound);
    let resume = world.server.admin().rollouts.resume_rollout(ResumeRolloutRequest { rollout_id: id.clone() }).await;
    assert_eq!(resume.unwrap_err().code(), Code::FailedPrecondition);
    let second = Caller::Operator(world.server.create_operator("second", Role::Operator, &["site"]).await);
    let approved = approve(&second).await.unwrap().rollout.unwrap();
    assert_eq!((approved.state(), approved.approved_by.as_str()), (RolloutState::Running, "second"));
    rollouts::install(&mut device).await;
    world.until(&id, RolloutState::Completed).await;
}

#[tokio::test]
async fn a_rollout_replaces_another_and_lists_are_of_one_release() {
    let world = rollouts::World::build().await;
    world.server.create_site("site", false).await;
    let (_, mut device) = world.device("site", "a").await;
    let (_, _other) = world.device("site", "b").await;
    let mut request = world.request(&["a", "b"]);
    let earlier = world.start(request.clone()).await;
    let generation = device.desired().await.generation;
    device.report(generation, UpdateState::Applying, "").await;
    request.replaces_rollout_id = earlier.clone();
    let both = world.server.admin().rollouts.start_rollout(request.clone()).await;
    assert_eq!(both.unwrap_err().code(), Code::InvalidArgument, "a target, and the devices of another rollout");
    let later = world.start(StartRolloutRequest { target: None, ..request }).await;
    assert_eq!(world.get(&earlier).await.state(), RolloutState::Aborted);
    let states = world.states(&later).await;
    assert_eq!(states.iter().map(|(device, _)| device.as_str()).collect::<Vec<_>>(), ["a"]);
    let desired = loop {
        let desired = device.desired().await;
        if desired.generation > generation {
            break desired;
        }
    };
    assert_eq!(desired.action(), UpdateAction::Install);
    let list = async |release_id: &str| {
        let request = ListRolloutsRequest { release_id: release_id.to_owned(), ..Default::default() };
        world.server.admin().rollouts.list_rollouts(request).await.unwrap().into_inner().rollouts.len()
    };
    assert_eq!(list(&world.get(&later).await.release_id).await, 2);
    assert_eq!(list(&uuid::Uuid::nil().to_string()).await, 0);
}
