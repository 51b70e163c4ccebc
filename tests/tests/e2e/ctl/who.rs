//! Whose token it is, where it comes from, and how others are made and ended.

use homepot_tests::{AnySystem, Server, data_parent};
use serde_json::json;

use super::{command, ctl, ctl_as, run, write};

/// A token of the right form that no server made.
const NOBODYS: &str = "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_made_rotated_and_revoked_and_their_tokens_shown_once() {
    let server = AnySystem::start().await;
    server.create_site("site-001", false).await;
    let create = ["operators", "create", "night-shift", "--role", "operator", "--site", "site-001", "--ttl", "90d"];
    let made = ctl(&server, &[&create[..], &["-o", "json"]].concat()).await.json();
    let token = made["token"].as_str().unwrap();
    assert_eq!(
        (&made["name"], &made["role"], &made["site_ids"]),
        (&json!("night-shift"), &json!("operator"), &json!(["site-001"]))
    );

    let me = ctl_as(&server, token, &["whoami", "-o", "json"]).await.json();
    assert_eq!((&me["name"], &me["token_id"]), (&made["name"], &made["token_id"]));
    ctl_as(&server, token, &["operators", "list"]).await.refused(1, &["may not"]);

    let list = ctl(&server, &["operators", "list"]).await;
    assert!(list.lines().iter().any(|line| line.starts_with("night-shift  operator  site-001  ")), "{list:?}");
    assert!(!list.out.contains(token), "no list shows a token");

    let rotated = ctl(&server, &["operators", "rotate", "night-shift"]).await;
    let second = rotated.lines().last().unwrap().to_string();
    ctl_as(&server, token, &["whoami"]).await.refused(1, &["is it the token of this server?"]);
    assert_eq!(ctl_as(&server, &second, &["whoami", "-o", "json"]).await.json()["name"], "night-shift");
    let revoked = ctl(&server, &["operators", "revoke", "night-shift", "-o", "json"]).await.json();
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    assert_ne!(ctl_as(&server, &second, &["whoami"]).await.status, 0);
    ctl(&server, &["operators", "create", "a b"]).await.refused(1, &["name: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolment_tokens_are_made_listed_and_ended() {
    // Without HOMEPOT_DEVICE_URL.
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    let made =
        ctl(&server, &["tokens", "create", "--site", "site-001", "--uses", "3", "--ttl", "1h", "-o", "json"]).await;
    let made = made.json();
    assert!(made["secret"].as_str().unwrap().starts_with("hpe_"), "{made}");
    assert_eq!((&made["uses_left"], &made["source"]), (&json!(3), &json!("real")));
    let token_id = made["token_id"].as_str().unwrap();
    let list = ctl(&server, &["tokens", "list", "--site", "site-001"]).await;
    assert!(list.lines()[1].starts_with(&format!("{token_id}  site-001  real")), "{list:?}");
    assert!(!list.out.contains(made["secret"].as_str().unwrap()));
    let ended = ctl(&server, &["tokens", "revoke", token_id, "-o", "json"]).await.json();
    assert!(ended["revoked_at"].is_string(), "{ended}");
    ctl(&server, &["tokens", "create", "--site", "site-001", "--ttl", "1s"]).await.refused(1, &["time_to_live: "]);
    ctl(&server, &["tokens", "list", "--site", "site-404"]).await.refused(1, &["not found"]);
    // People get the line to paste, with the address at which devices reach the server.
    let shown = ctl(&server, &["tokens", "create", "--site", "site-001"]).await;
    let last = shown.lines().pop().unwrap_or_default();
    let line = format!(" homepot-agent run --server 'http://{}' --site site-001", server.grpc_addr);
    assert!(last.starts_with("HOMEPOT_ENROLLMENT_TOKEN=hpe_") && last.ends_with(&line), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_from_the_variable_a_closed_file_or_the_data_directory() {
    let server = Server::start().await;
    let directory = data_parent();
    let file = directory.path().join("token");
    let path = file.to_str().unwrap();
    let without = |arguments: &[&str]| {
        let mut command = command(&server, arguments);
        command.env_remove("HOMEPOT_TOKEN").env("HOMEPOT_DATA_DIR", directory.path());
        command
    };

    run(without(&["whoami"]), "").await.refused(1, &["no token in", "HOMEPOT_TOKEN", "--token-file"]);

    write(&file, &server.admin_token, 0o644);
    let open = run(without(&["whoami", "--token-file", path]), "").await;
    open.refused(1, &[&format!("chmod 600 {path}")]);
    assert!(!open.err.contains(&server.admin_token));
    write(&file, &server.admin_token, 0o600);
    assert_eq!(run(without(&["whoami", "-o", "json", "--token-file", path]), "").await.json()["name"], "admin");
    let mut by_variable = without(&["whoami", "-o", "json"]);
    by_variable.env("HOMEPOT_TOKEN_FILE", path);
    assert_eq!(run(by_variable, "").await.json()["name"], "admin");
    let mut by_data_dir = without(&["whoami", "-o", "json"]);
    by_data_dir.env("HOMEPOT_DATA_DIR", server.data_dir());
    assert_eq!(run(by_data_dir, "").await.json()["name"], "admin");

    let wrong = ctl_as(&server, NOBODYS, &["whoami", "-o", "json"]).await;
    wrong.refused(1, &["is it the token of this server?"]);
    assert!(!wrong.err.contains(NOBODYS));
    let none = ctl_as(&server, "swordfish", &["whoami"]).await;
    none.refused(1, &["HOMEPOT_TOKEN: "]);
    assert!(!none.err.contains("swordfish"));
}
