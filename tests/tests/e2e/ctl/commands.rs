//! Commands one by one, and what keeps a run from being started by mistake.

use homepot_tests::{AnySystem, data_parent};
use serde_json::json;

use super::{command, ctl, ctl_as, run, write};

async fn server() -> AnySystem {
    let server = AnySystem::start().await;
    server.create_site("shop-7", false).await;
    server.enroll("shop-7", "till-7").await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_queued_with_its_arguments_shown_listed_and_taken_back() {
    let server = server().await;
    let file = data_parent();
    let path = file.path().join("payload.json");
    write(&path, r#"{"place": "file"}"#, 0o600);
    let from_file = format!("@{}", path.display());
    for (payload, input, place) in [
        (r#"{"place": "line"}"#, "", "line"),
        (from_file.as_str(), "", "file"),
        ("-", r#"{"place": "input"}"#, "input"),
    ] {
        let queue = ["commands", "queue", "till-7", "ping", "--payload", payload, "--ttl", "10m", "-o", "json"];
        let queued = run(command(&server, &queue), input).await.json();
        assert_eq!(queued["payload"], json!({ "place": place }));
        assert_eq!((&queued["state"], &queued["command_type"]), (&json!("queued"), &json!("PING")));
        assert_eq!((&queued["existed"], &queued["created_by"]), (&json!(false), &json!("admin")));
    }
    let list = ctl(&server, &["commands", "list", "till-7", "-o", "json"]).await.json();
    let places: Vec<_> = list.as_array().unwrap().iter().map(|row| row["payload"]["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["input", "file", "line"], "newest first");

    let command_id = list[1]["command_id"].as_str().unwrap();
    let shown = ctl(&server, &["commands", "get", command_id, "-o", "json"]).await.json();
    assert_eq!(shown["payload"], json!({ "place": "file" }));
    assert_eq!(shown["run_timeout_seconds"], 300);
    let shown = ctl(&server, &["commands", "get", command_id]).await;
    assert!(shown.lines().contains(&r#"payload        {"place":"file"}"#), "{shown:?}");

    let cancel = ["commands", "cancel", command_id, "--reason", "not today", "--wait-for", "1s"];
    let cancelled = ctl(&server, &[&cancel[..], &["-o", "json"]].concat()).await.json();
    assert_eq!(cancelled["state"], "cancelled");
    let table = ctl(&server, &["commands", "list", "till-7", "--state", "queued", "--state", "sent"]).await;
    assert_eq!(table.lines().len(), 3);
    let table = ctl(&server, &["commands", "list", "till-7", "--state", "cancelled"]).await;
    assert!(table.lines()[1].starts_with(command_id) && table.out.contains("PING  cancelled  "), "{table:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_a_repeat_harmless_and_says_so() {
    let server = server().await;
    let queue = ["commands", "queue", "till-7", "PING", "--key", "monday", "-o", "json"];
    let first = ctl(&server, &queue).await.json();
    let second = ctl(&server, &queue).await;
    assert!(second.err.contains("nothing new was queued"), "{second:?}");
    let second = second.json();
    assert_eq!((&second["command_id"], &second["existed"]), (&first["command_id"], &json!(true)));
    assert_eq!(ctl(&server, &["commands", "list", "till-7", "-o", "json"]).await.json().as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_its_field_and_nothing_is_queued() {
    let server = server().await;
    let queue = ["commands", "queue", "till-7", "PING"];
    for (more, status, word) in [
        (&["--payload", "[1]"][..], 2, "payload: "),
        (&["--payload", "@/nowhere/payload.json"], 1, "payload: "),
        (&["--ttl", "90d"], 1, "time_to_live: "),
        (&["--run-timeout", "2d", "-o", "json"], 1, "run_timeout: "),
        (&["--key", &"x".repeat(200)], 1, "idempotency_key: "),
    ] {
        ctl(&server, &[&queue[..], more].concat()).await.refused(status, &[word]);
    }
    ctl(&server, &["commands", "queue", "till-7", "NO SUCH THING"]).await.refused(1, &["command_type: "]);
    ctl(&server, &["commands", "queue", "till-9", "PING"]).await.refused(1, &["not found"]);
    ctl(&server, &["commands", "get", "nonsense"]).await.refused(1, &["command_id: "]);
    // Without --wait there is nothing to time.
    assert_eq!(ctl(&server, &[&queue[..], &["--timeout", "5s"]].concat()).await.status, 2);
    let viewer = server.create_operator("viewer", homepot::pb::registry::v1::Role::Viewer, &[]).await;
    ctl_as(&server, &viewer, &queue).await.refused(1, &["may not"]);
    assert_eq!(ctl(&server, &["commands", "list", "till-7", "-o", "json"]).await.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_for_more_than_one_device_needs_a_yes_and_is_never_for_all_by_mistake() {
    let server = server().await;
    server.enroll("shop-7", "till-8").await;
    server.create_site("shop-8", false).await;
    let start = ["runs", "start", "PING"];
    let named = ["--device", "till-7", "--device", "till-8"];
    let real = "PING for 2 real devices";
    for (which, told) in [(&["--fleet"][..], real), (&["--site", "shop-7"], real), (&named, "PING for 2 devices")] {
        ctl(&server, &[&start[..], which].concat()).await.refused(2, &[told, "--yes"]);
    }
    ctl(&server, &[&start[..], &["--site", "shop-8", "--yes"]].concat()).await.refused(1, &["no device matches"]);
    for empty in [&["--site", ""][..], &["-l", ""], &["--site", "", "-l", ""]] {
        ctl(&server, &[&start[..], empty, &["--yes"]].concat()).await.refused(2, &["target: "]);
    }
    assert_eq!(ctl(&server, &start).await.status, 2, "some device has to be named");
    assert_eq!(ctl(&server, &[&start[..], &["--fleet", "--site", "shop-7"]].concat()).await.status, 2);
    assert_eq!(ctl(&server, &["commands", "list", "till-7", "-o", "json"]).await.json(), json!([]));
}
