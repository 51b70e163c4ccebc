//! What answers look like for scripts and spreadsheets, and in which order.

use homepot::pb::registry::v1 as pb;
use homepot_tests::{AnySystem, Process, Session};
use serde_json::{Value, json};

use super::{command, ctl};

async fn server() -> AnySystem {
    let server = AnySystem::start().await;
    server.create_site("shop-7", false).await;
    server.create_site("shop-8", false).await;
    for (site, device) in [("shop-7", "till-7"), ("shop-7", "till-9"), ("shop-8", "till-8")] {
        server.enroll(site, device).await;
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_yaml_csv_and_names_and_sorted_by_any_field() {
    let server = server().await;
    let list = async |more: &[&str]| ctl(&server, &[&["devices", "list"], more].concat()).await;

    assert_eq!(list(&["-o", "name"]).await.lines(), ["till-7", "till-8", "till-9"]);
    assert_eq!(list(&["-o", "name", "--sort-by", "site_id"]).await.lines(), ["till-7", "till-9", "till-8"]);
    let json = list(&["-o", "json", "--sort-by", "created_at"]).await.json();
    assert_eq!(json[2]["device_id"], "till-8");
    let wrong = list(&["--sort-by", "presense.status"]).await;
    wrong.refused(2, &["no field 'presense.status'", "device_id", "presence.status", "labels"]);
    let empty = ctl(&server, &["devices", "list", "--source", "simulated", "--sort-by", "nothing"]).await;
    empty.refused(2, &["no field 'nothing'"]);

    let table = list(&["--no-headers"]).await;
    assert!(table.lines()[0].starts_with("till-7  shop-7"), "{table:?}");

    let yaml = list(&["-o", "yaml", "--site", "shop-8"]).await;
    assert!(yaml.out.starts_with("- active: true\n") && yaml.out.contains("\n  device_id: till-8\n"), "{yaml:?}");
    assert!(yaml.out.contains("\n  presence:\n    "), "{yaml:?}");

    let csv = list(&["-o", "csv", "--site", "shop-8"]).await;
    let lines: Vec<_> = csv.out.split("\r\n").collect();
    let (head, row): (Vec<_>, Vec<_>) = (lines[0].split(',').collect(), lines[1].split(',').collect());
    assert_eq!((head[0], row[0], lines[2], lines.len()), ("device_id", "till-8", "", 3), "{csv:?}");
    let at = head.iter().position(|name| *name == "presence.status").unwrap();
    assert_eq!(row[at], "unknown");
    let bare = list(&["-o", "csv", "--no-headers", "--source", "simulated"]).await;
    assert_eq!(bare.out, "");
    let headed = list(&["-o", "csv", "--source", "simulated"]).await;
    assert_eq!(headed.out, format!("{}\r\n", lines[0]), "the columns are the same where nothing is listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_others_becomes_a_formula_or_a_command_of_the_terminal() {
    let server = server().await;
    let name = Some("=HYPERLINK(\"x\")\u{1b}[2J\u{202e}".to_owned());
    let request = pb::UpdateDeviceRequest { device_id: "till-7".into(), name, ..Default::default() };
    server.admin().registry.update_device(request).await.unwrap();
    for output in ["csv", "yaml", "json", "table", "wide"] {
        let shown = ctl(&server, &["devices", "get", "till-7", "-o", output]).await;
        assert!(!shown.out.contains(['\u{1b}', '\u{202e}']) && shown.out.contains("HYPERLINK"), "{shown:?}");
    }
    let csv = ctl(&server, &["devices", "get", "till-7", "-o", "csv"]).await;
    assert!(csv.out.contains("\"'=HYPERLINK(\"\"x\"\")"), "{csv:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_shows_its_secret_once_in_every_output() {
    let server = server().await;
    for output in ["table", "wide", "json", "yaml", "csv", "name"] {
        let made = ctl(&server, &["tokens", "create", "--site", "shop-7", "-o", output]).await;
        assert_eq!(made.status, 0, "{made:?}");
        // Its public id is the beginning of it.
        let secrets = format!("{}{}", made.out, made.err);
        let longest = secrets.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').map(str::len).max();
        assert!(longest.unwrap() > 40, "{output}: {made:?}");
    }
    let sums = ctl(&server, &["errors", "summary", "-o", "name"]).await;
    sums.refused(2, &["--output name", "no ids"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_writes_documents_rows_and_names_as_changes_come() {
    let server = AnySystem::start().await;
    server.create_site("shop-7", false).await;
    let key = server.enroll("shop-7", "till-7").await;
    let watch = |output: &str| {
        let arguments = ["devices", "list", "--watch", "-o", output];
        Process::start("homepot ctl", &mut command(&server, &arguments))
    };
    let (yaml, csv, names) = (watch("yaml"), watch("csv"), watch("name"));
    yaml.prints("status: unknown").await;
    csv.prints("till-7,").await;
    names.prints("till-7").await;
    let (_session, _) = Session::attach(&server, &key).await;
    yaml.prints("status: online").await;
    csv.prints(",online,").await;
    let remove = ["devices", "remove", "till-7", "--purge-history", "--confirm", "till-7", "-o", "json"];
    let removed = ctl(&server, &remove).await.json();
    assert_eq!(removed, json!({ "device_id": "till-7", "removed": true, "history": "purge" }));
    yaml.prints("removed: true").await;
    let printed = csv.printed();
    let head = printed.lines().next().unwrap();
    assert!(head.starts_with("device_id,") && head.ends_with(",removed"), "{printed}");
    assert_eq!(printed.matches("device_id").count(), 1, "the head stands there once: {printed}");
    csv.prints(",true\r").await;
    assert!(yaml.printed().starts_with("---\n"), "{}", yaml.printed());
    ctl(&server, &["devices", "list", "--watch", "--sort-by", "site_id"]).await.refused(2, &["--sort-by"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_for_good_is_named_twice() {
    let server = server().await;
    let remove = ["devices", "remove", "till-7"];
    let unsaid = ctl(&server, &remove).await;
    assert!(unsaid.status == 2 && unsaid.err.contains("--purge-history"), "{unsaid:?}");
    let keep = [&remove[..], &["--keep-history"]].concat();
    ctl(&server, &keep).await.refused(2, &["till-7", "its history stays", "--confirm till-7"]);
    let wrong = [&keep[..], &["--confirm", "till-8"]].concat();
    ctl(&server, &wrong).await.refused(2, &["--confirm", "nothing was removed"]);
    let kept = ctl(&server, &[&keep[..], &["--confirm", "till-7"]].concat()).await;
    assert_eq!(kept.lines(), ["till-7 is removed; its history stays"]);
    let shown: Value = ctl(&server, &["devices", "get", "till-7", "-o", "json"]).await.json();
    assert!(shown["removed_at"].is_string(), "{shown}");
    assert_eq!(ctl(&server, &["devices", "list", "-o", "name"]).await.lines(), ["till-8", "till-9"]);

    let site = ["sites", "remove", "shop-7", "--purge-history", "--confirm", "shop-7"];
    ctl(&server, &site).await.refused(1, &["1 device(s)", "with_devices"]);
    let gone = ctl(&server, &[&site[..], &["--with-devices"]].concat()).await;
    assert_eq!(gone.lines(), ["site shop-7 and 2 device(s) are removed; its history goes too"]);
    assert_eq!(ctl(&server, &["sites", "list", "-o", "name"]).await.lines(), ["shop-8"]);
}
