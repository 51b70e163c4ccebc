//! What holds for all of it: lists, JSON, errors, pipes, completions.

use std::process::{Command, Stdio};

use homepot::pb::registry::v1 as pb;
use homepot_tests::{AnySystem, PATIENCE, homepot_command};
use serde_json::json;

use super::{command, ctl, run};

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_made_shown_changed_and_listed_for_people_and_for_scripts() {
    let server = AnySystem::start().await;
    let made = ctl(&server, &["sites", "create", "shop-7", "--name", "Shop 7", "--location", "Main St", "-o", "json"]);
    let made = made.await.json();
    assert_eq!(
        (&made["site_id"], &made["name"], &made["location"]),
        (&json!("shop-7"), &json!("Shop 7"), &json!("Main St"))
    );
    assert_eq!((&made["description"], &made["open_enrollment"]), (&json!(null), &json!(false)));
    let time = made["created_at"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");

    let changed =
        ctl(&server, &["sites", "update", "shop-7", "--description", "by the lake", "--open-enrollment", "true"]);
    assert_eq!(changed.await.lines().len(), 2);
    let shown = ctl(&server, &["sites", "get", "shop-7", "-o", "json"]).await.json();
    assert_eq!((&shown["name"], &shown["description"]), (&json!("Shop 7"), &json!("by the lake")));
    assert_eq!(shown["open_enrollment"], true);

    ctl(&server, &["sites", "create", "shop-8"]).await.lines();
    let table = ctl(&server, &["sites", "list"]).await;
    let lines = table.lines();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("SITE    NAME    CREATED  LOCATION"), "{}", lines[0]);
    assert!(lines[1].starts_with("shop-7  Shop 7  ") && lines[1].ends_with("  Main St"), "{}", lines[1]);
    // No name: its id serves.
    assert!(lines[2].starts_with("shop-8  shop-8  "), "{}", lines[2]);
    let wide = ctl(&server, &["sites", "list", "-o", "wide"]).await;
    assert!(wide.lines()[1].contains("by the lake") && wide.out.contains("T"), "{wide:?}");
    let list = ctl(&server, &["sites", "list", "-o", "json", "--limit", "1"]).await.json();
    assert_eq!(list, json!([shown]));

    ctl(&server, &["sites", "create", "shop-7"]).await.refused(1, &["shop-7"]);
    ctl(&server, &["sites", "get", "shop-9"]).await.refused(1, &["not found"]);
    ctl(&server, &["sites", "create", "a b"]).await.refused(1, &["site_id: "]);
    ctl(&server, &["sites", "create", "a b", "--name", "", "-o", "json"]).await.refused(1, &["site_id: ", "name: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_every_page_and_a_reader_that_leaves_ends_it_quietly() {
    let server = AnySystem::start().await;
    let mut registry = server.admin().registry;
    for number in 0..520 {
        let site_id = format!("shop-{number:03}");
        let request = pb::CreateSiteRequest { name: "x".repeat(200), site_id, ..Default::default() };
        registry.create_site(request).await.unwrap();
    }
    let list = ctl(&server, &["sites", "list", "-o", "json"]).await.json();
    let ids: Vec<_> = list.as_array().unwrap().iter().map(|site| site["site_id"].as_str().unwrap()).collect();
    assert_eq!(ids, (0..520).map(|number| format!("shop-{number:03}")).collect::<Vec<_>>());
    assert_eq!(ctl(&server, &["sites", "list", "--limit", "510"]).await.lines().len(), 511);

    // More than a pipe holds, and nobody at its other end.
    for output in ["table", "json"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = tokio::process::Command::from(command(&server, &["sites", "list", "-o", output]));
        command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().unwrap();
        // Holds the writing end too.
        drop(command);
        let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(141), ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_and_what_is_no_address_are_told_in_a_line() {
    let server = AnySystem::start().await;
    // The server's own port, which nobody else can have, at an address where it does not listen.
    let port = server.grpc_addr.rsplit_once(':').unwrap().1;
    let address = format!("http://127.78.0.1:{port}");
    ctl(&server, &["sites", "list", "--server", &address]).await.refused(1, &["nobody answers", &address]);
    ctl(&server, &["sites", "list", "--server", "nonsense", "-o", "json"]).await.refused(1, &["'nonsense'"]);
    ctl(&server, &["sites", "list", "--server", "https://127.0.0.1:1"])
        .await
        .refused(1, &["nobody answers", "https://127.0.0.1:1"]);
    ctl(&server, &["sites", "list", "--ca", "/nowhere/ca.pem"]).await.refused(1, &["/nowhere/ca.pem"]);

    let wrong = ctl(&server, &["sites", "forget"]).await;
    assert_eq!((wrong.status, wrong.out.as_str()), (2, ""), "{wrong:?}");
    let wrong = ctl(&server, &["devices", "list", "--status", "asleep"]).await;
    assert!(wrong.status == 2 && wrong.err.contains("--status") && wrong.err.contains("maintenance"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_are_scripts_that_need_neither_server_nor_token() {
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef homepot"), ("fish", "complete -c homepot")] {
        let mut command = homepot_command();
        command.args(["ctl", "completions", shell]).env("HOME", "/nowhere");
        let done = run(command, "").await;
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{done:?}");
        assert!(done.out.contains(word) && done.out.contains("rotate-key"), "{shell}");
    }
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(
        r#"
        eval "$("$0" ctl completions bash)" || exit 1
        COMP_WORDS=(homepot ctl devices m) COMP_CWORD=3
        _homepot homepot m devices
        echo "${COMPREPLY[@]}"
        "#,
    );
    bash.arg(homepot_tests::program("homepot"));
    let done = run(bash, "").await;
    assert_eq!((done.out.trim(), done.err.as_str()), ("maintenance", ""), "bash completes a word");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_completed_by_what_the_server_has_and_nothing_is_told_where_it_has_nothing_to_say() {
    let server = AnySystem::start().await;
    for site in ["shop-7", "shop-8", "hall"] {
        server.create_site(site, false).await;
    }
    server.enroll("shop-7", "till-7").await;
    let ids = async |of: &str, prefix: &str| ctl(&server, &["__complete", of, prefix]).await;
    assert_eq!(ids("sites", "shop").await.lines(), ["shop-7", "shop-8"]);
    assert_eq!(ids("devices", "").await.lines(), ["till-7"]);
    assert_eq!(ids("operators", "").await.lines(), ["admin"]);
    assert_eq!(ids("runs", "").await.lines(), [] as [&str; 0]);
    let nowhere = ctl(&server, &["__complete", "sites", "--server", "http://127.0.0.1:1"]).await;
    assert_eq!(nowhere.lines(), [] as [&str; 0]);

    // What stands on the line, the word it is completed to.
    for (words, expected) in [
        ("ctl devices get t", "till-7"),
        ("ctl latest t", "till-7"),
        ("ctl sites get shop", "shop-7 shop-8"),
        ("ctl devices list --site h", "hall"),
        ("ctl sites create shop", ""),
        ("ctl sites u", "update"),
    ] {
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(
            r#"
            eval "$("$0" ctl completions bash)" || exit 1
            COMP_WORDS=("$0" $1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _homepot_or_ids "$0" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            echo "${COMPREPLY[@]}"
            "#,
        );
        bash.arg(homepot_tests::program("homepot")).arg(words);
        bash.env("HOMEPOT_GRPC_URL", format!("http://{}", server.grpc_addr));
        bash.env("HOMEPOT_TOKEN", &server.admin_token).env("XDG_CONFIG_HOME", "/nowhere");
        let done = run(bash, "").await;
        assert_eq!((done.out.trim(), done.err.as_str()), (expected, ""), "{words}");
    }
}
