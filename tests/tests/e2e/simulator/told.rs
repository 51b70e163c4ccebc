//! What the simulator says when something can't be.

use homepot_tests::{Process, Simulator, program};
use serde_json::Value;

use super::server;

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_played_is_told_with_the_remedy_and_without_a_secret() {
    let (server, simulator) = server().await;
    let unknown = simulator.run(&["fleet", "--scenario", "nonesuch"]).await;
    assert!(unknown.code == 2 && unknown.said.contains("black_friday"), "{}: {}", unknown.code, unknown.said);

    let wrong = format!("hpo_{}", "A".repeat(43));
    let refused = Simulator::of(&server).token(&wrong).run(&["fleet"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.said.contains("token of this server") && !refused.said.contains(&wrong), "{}", refused.said);

    let none = Simulator::of(&server).token("").run(&["fleet"]).await;
    assert!(none.code == 2 && none.said.contains("HOMEPOT_TOKEN"), "{}", none.said);

    let viewer = server.create_operator("watcher", homepot::pb::registry::v1::Role::Viewer, &[]).await;
    let viewer = Simulator::of(&server).token(&viewer).run(&["fleet"]).await;
    assert!(viewer.code == 1 && viewer.said.contains("may not"), "{}", viewer.said);

    // Enrolled, and the keys are elsewhere.
    assert_eq!(simulator.run(&["fleet", "-n", "1", "--samples", "1", "--interval", "1s"]).await.code, 0);
    let stranger = Simulator::of(&server).run(&["fleet", "-n", "1"]).await;
    assert!(stranger.code == 1 && stranger.said.contains("remove-simulated"), "{}", stranger.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_real_devices_lets_no_simulated_one_in() {
    let (server, _) = server().await;
    server.create_site("shop", false).await;
    let token = server.enrollment_token("shop").await;
    let mut command = Simulator::of(&server).command(&["fleet", "-n", "1", "--site", "shop", "--json"]);
    command.env_remove("HOMEPOT_TOKEN").env("HOMEPOT_ENROLLMENT_TOKEN", &token);
    let ran = Simulator::ended(&mut Process::start("homepot-sim", &mut command)).await;
    assert_eq!(ran.code, 1);
    assert!(ran.said.contains("for real devices") && !ran.said.contains(&token), "{}", ran.said);
    assert_eq!(server.database().number("SELECT count(*) FROM devices").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_bars_tell_how_far_it_is_and_elsewhere_a_line_now_and_then() {
    let (_server, simulator) = server().await;
    let calm = simulator.calm("");
    let arguments = ["fleet", "-n", "30", "--name", "bars", "--scenario", &calm, "--interval", "200ms", "--json"];
    let mut run = simulator.command(&[&arguments[..], &["--duration", "3s"]].concat());
    let mut process = Process::start_on_terminal("homepot-sim", &mut run);
    for (bar, end) in [("enrol", "/30"), ("attach", "/30"), ("run", "/3"), ("settle", "/30")] {
        let drawn = |line: &Value| {
            let line = line.as_str().unwrap_or_default();
            (line.contains(bar) && line.contains(end)).then_some(())
        };
        process.logged(&format!("the bar '{bar}'"), drawn).await;
    }
    let live = |line: &Value| line.as_str()?.contains("attached 30").then_some(());
    process.logged("the live line", live).await;
    let ran = Simulator::ended(&mut process).await;
    assert_eq!((ran.code, &ran.summary["attached"]), (0, &30.into()), "{}", ran.said);

    let mut plain = simulator.start(&arguments);
    let line =
        plain.logged("a plain line", |line| line.as_str()?.contains("samples/s").then(|| line.to_string())).await;
    assert!(!line.contains('\u{1b}'), "no letters for terminals: {line}");
    plain.terminate();
    assert_eq!(Simulator::ended(&mut plain).await.code, 0);
}

#[test]
fn scenarios_can_be_listed_and_shown() {
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(program("homepot-sim")).args(arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = run(&["scenarios"]);
    for name in
        ["healthy", "high_cpu", "low_memory", "high_errors", "degraded", "black_friday", "network_storm", "bad_rollout"]
    {
        assert!(listed.contains(name), "{listed}");
    }
    assert!(run(&["scenarios", "healthy"]).contains("transactions_per_hour"));
}
