//! Drift: what something else changed is put back where the release says so, with all that holds a release back, and not for ever.

use std::fs;

use chrono::{Datelike as _, TimeDelta, Utc};
use homepot::pb::rollout::v1::{
    ListRolloutsRequest, Rollout, RolloutState, SetUpdatePolicyRequest, SetValueRequest, UpdatePolicy, UpdateState,
};
use homepot_tests::{Server, ServerOptions, eventually};

use super::world::{DEVICE, SITE, TARGET, World};

/// With this many attempts, which follow one another at once.
async fn world(attempts: u32) -> World {
    let options = ServerOptions::default();
    let options = options.env("HOMEPOT_MEND_ATTEMPTS", attempts.to_string()).env("HOMEPOT_MEND_PAUSE", "1s");
    World::build_on(Server::start_with(options).await, "0640").await
}

/// Brings a release that is mended, and waits until the device has it.
async fn bring(world: &World, content: &[u8]) {
    let release = world.publisher.publish_mended(&world.server, TARGET, content).await;
    assert!(release.mend_drift);
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
}

/// The rollouts that mend, newest first.
async fn mends(world: &World) -> Vec<Rollout> {
    let listed = world.server.admin().rollouts.list_rollouts(ListRolloutsRequest::default()).await.unwrap();
    listed.into_inner().rollouts.into_iter().filter(|rollout| rollout.mends_drift).collect()
}

/// Waits until a mend of that number has ended.
async fn mended(world: &World, number: usize) -> Rollout {
    eventually("the drift is mended", async || {
        let mends = mends(world).await;
        (mends.len() == number && mends[0].state() == RolloutState::Completed).then(|| mends[0].clone())
    })
    .await
}

#[tokio::test]
async fn what_something_else_changed_is_put_back_also_where_the_agent_has_lost_its_copy() {
    let mut world = world(3).await;
    bring(&world, b"a = 1\n").await;
    world.change_by_hand("a = 666\n");
    let mend = mended(&world, 1).await;
    assert_eq!(world.content(), "a = 1\n");
    assert_eq!((mend.created_by.as_str(), mend.progress.unwrap().confirmed), ("", 1));
    assert!(mend.description.contains(TARGET), "{}", mend.description);
    let update = world.update(|update| !update.targets[0].drifted).await;
    assert_eq!(update.drift_notes, [""; 0]);
    assert_eq!(update.rollout_id, mend.rollout_id);

    world.agent.kill9();
    fs::remove_file(world.target()).unwrap();
    fs::remove_dir_all(world.agent.state_dir().join("updates/store")).unwrap();
    world.agent.restart();
    let mend = mended(&world, 2).await;
    assert_eq!(world.content(), "a = 1\n");
    assert_eq!(world.device(&mend.rollout_id).await.fetched_bytes, 6);

    // A release that says nothing of drift leaves it to people.
    let release = world.publish(b"b = 2\n").await;
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    world.change_by_hand("b = 666\n");
    let update = world.update(|update| update.targets[0].drifted).await;
    assert_eq!(update.drift_notes, [""; 0], "no release says that it is mended");
    assert_eq!((mends(&world).await.len(), world.content().as_str()), (2, "b = 666\n"));
}

#[tokio::test]
async fn what_is_changed_again_and_again_is_left_alone_and_shown_with_the_reason() {
    let mut world = world(2).await;
    bring(&world, b"a = 1\n").await;
    for number in [1, 2] {
        world.change_by_hand("a = 666\n");
        mended(&world, number).await;
        assert_eq!(world.content(), "a = 1\n");
    }
    world.change_by_hand("a = 777\n");
    let update = world.update(|update| update.targets[0].drifted).await;
    let [note] = update.drift_notes.as_slice() else { panic!("{:?}", update.drift_notes) };
    assert!(note.contains("was mended 2 times since") && note.contains("not before"), "{note}");
    assert_eq!((mends(&world).await.len(), world.content().as_str()), (2, "a = 777\n"));
    // A release that is rolled out is not held back by that.
    bring(&world, b"b = 2\n").await;
    assert_eq!(world.content(), "b = 2\n");
}

#[tokio::test]
async fn a_validator_that_refuses_the_file_keeps_it_from_being_put_back() {
    let mut world = World::build().await;
    bring(&world, b"a = 1\n").await;
    world.refuse_files();
    world.change_by_hand("a = 666\n");
    let mend = mended(&world, 1).await;
    assert_eq!(mend.progress.unwrap().failed, 1);
    let update = world.update(|update| update.targets[0].drifted && !update.drift_notes.is_empty()).await;
    assert!(update.drift_notes[0].contains("could not mend it, failed: the validator"), "{:?}", update.drift_notes);
    assert_eq!(world.content(), "a = 666\n");
}

#[tokio::test]
async fn drift_is_mended_in_the_windows_of_its_site_and_needs_no_approval() {
    let mut world = World::build().await;
    bring(&world, b"a = 1\n").await;
    let set = async |policy| {
        let request = SetUpdatePolicyRequest { site_id: SITE.to_owned(), policy: Some(policy) };
        world.server.admin().rollouts.set_update_policy(request).await.unwrap();
    };
    let day = (Utc::now() + TimeDelta::days(2)).weekday().to_string().to_lowercase();
    let windows = vec![format!("{day} 12:00-12:01")];
    set(UpdatePolicy { time_zone: "UTC".to_owned(), windows, needs_approval: true }).await;
    world.change_by_hand("a = 666\n");
    let held = eventually("the mend waits for the window", async || {
        let mend = mends(&world).await.pop()?;
        let device = world.device(&mend.rollout_id).await;
        (device.state() == UpdateState::Held).then_some(device)
    })
    .await;
    assert!(held.reason.starts_with("the next maintenance window of site site opens at"), "{}", held.reason);
    assert_eq!(world.content(), "a = 666\n");
    let update = world.update(|_| true).await;
    assert!(update.drift_notes[0].contains("is mending it"), "{:?}", update.drift_notes);
    let policy = UpdatePolicy { needs_approval: true, ..Default::default() };
    let request = SetUpdatePolicyRequest { site_id: SITE.to_owned(), policy: Some(policy) };
    world.server.admin().rollouts.set_update_policy(request).await.unwrap();
    mended(&world, 1).await;
    assert_eq!(world.content(), "a = 1\n");
}

#[tokio::test]
async fn a_template_gets_the_values_back_that_the_device_had_confirmed() {
    let mut world = World::build().await;
    let set = |value: &str| SetValueRequest {
        variable: "port".to_owned(),
        device_id: DEVICE.to_owned(),
        value: value.to_owned(),
        ..Default::default()
    };
    world.server.admin().values.set_value(set("81")).await.unwrap();
    let rest = format!(
        "mend_drift = true\n[targets.{TARGET}]\nfile = \"t\"\ntemplate = true\n[variables.port]\ntype = \"integer\"\n"
    );
    let release = world.publisher.publish_with(&world.server, TARGET, b"port = {{ port }}\n", &rest).await;
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    // A value changes nothing by itself, and mending brings none.
    world.server.admin().values.set_value(set("82")).await.unwrap();
    world.change_by_hand("port = 666\n");
    mended(&world, 1).await;
    assert_eq!(world.content(), "port = 81\n");
}
