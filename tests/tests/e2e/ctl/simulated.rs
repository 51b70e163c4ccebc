//! Simulated devices: marked by their token, removed as a set.

use homepot::pb::device::v1::EnrollRequest;
use homepot_tests::{AnySystem, Process, grpc::Caller};
use serde_json::json;

use super::{command, ctl};

#[tokio::test(flavor = "multi_thread")]
async fn simulated_devices_are_marked_by_their_token_and_removed_as_a_set() {
    let server = AnySystem::start().await;
    server.create_site("shop-7", false).await;
    server.enroll("shop-7", "till-7").await;
    let create = ["tokens", "create", "--site", "shop-7", "--simulated", "--uses", "2", "--label", "fleet=load"];
    let unmarked = ctl(&server, &[&create[..], &["--label", "fleet"]].concat()).await;
    assert!(unmarked.status == 2 && unmarked.err.contains("KEY=VALUE"), "{unmarked:?}");
    let made = ctl(&server, &[&create[..], &["-o", "json"]].concat()).await.json();
    assert_eq!((&made["labels"], &made["source"]), (&json!({"fleet": "load"}), &json!("simulated")));
    let token = made["secret"].as_str().unwrap().to_owned();
    for id in ["sim-1", "sim-2"] {
        let (site_id, device_id, name) = ("shop-7".to_owned(), id.to_owned(), id.to_owned());
        let request = EnrollRequest { site_id, device_id, name, ..Default::default() };
        server.clients(&Caller::Enrollee(token.clone())).device.enroll(request).await.unwrap();
    }
    let device = ctl(&server, &["devices", "get", "sim-1", "-o", "json"]).await.json();
    assert_eq!((&device["labels"], &device["proves"]), (&json!({"fleet": "load"}), &json!(false)));

    let remove = ["devices", "remove-simulated", "--site", "shop-7"];
    ctl(&server, &remove).await.refused(2, &["2 simulated devices", "--yes"]);
    ctl(&server, &["devices", "remove-simulated", "--site", "", "--yes"]).await.refused(2, &["must not be empty"]);
    let both = ctl(&server, &["devices", "remove-simulated", "--all", "-l", "fleet=load", "--yes"]).await;
    assert!(both.status == 2 && both.err.contains("'--all' cannot be used with '--selector"), "{both:?}");
    for lost in [&["--yes"][..], &["-l", " ", "--yes"]] {
        let all = [&["devices", "remove-simulated"], lost].concat();
        ctl(&server, &all).await.refused(2, &["--all"]);
    }
    // Who watches sees them go, in words and as objects.
    let watch = |more: &[&str]| {
        let arguments = [&["devices", "list", "--watch"], more].concat();
        Process::start("homepot ctl", &mut command(&server, &arguments))
    };
    let (words, objects) = (watch(&[]), watch(&["-o", "json"]));
    words.prints("sim-1").await;
    objects.prints("sim-1").await;
    let by_label = [&remove[..], &["-l", "fleet=load", "--yes", "-o", "json"]].concat();
    assert_eq!(ctl(&server, &by_label).await.json(), json!({"removed": 2}));
    words.prints("sim-1 is removed").await;
    objects.prints(r#"{"device_id":"sim-2","removed":true}"#).await;
    let none = ctl(&server, &[&remove[..], &["--yes"]].concat()).await;
    assert_eq!(none.lines(), ["0 simulated device(s) removed"]);
    let left = ctl(&server, &["devices", "list", "-o", "json"]).await.json();
    assert_eq!(left.as_array().unwrap().len(), 1);
}
