//! Real and simulated devices at the shell.

use homepot::pb::{
    common::v1::DeviceSource,
    device::v1::{EnrollRequest, ReportSamplesRequest},
    registry::v1 as pb,
    telemetry::v1::Sample,
};
use homepot_tests::{
    AnySystem,
    grpc::{Caller, DeviceKey},
};
use serde_json::json;

use super::ctl;

/// A real till and a simulated robot at shop-7, which have reported.
async fn server() -> AnySystem {
    let server = AnySystem::start().await;
    server.create_site("shop-7", false).await;
    for (device_id, source) in [("till-7", DeviceSource::Real), ("robot-7", DeviceSource::Simulated)] {
        let (site_id, source) = ("shop-7".to_owned(), source.into());
        let request = pb::CreateEnrollmentTokenRequest { site_id: site_id.clone(), source, ..Default::default() };
        let token = server.admin().registry.create_enrollment_token(request).await.unwrap().into_inner().secret;
        let (device_id, name) = (device_id.to_owned(), device_id.to_owned());
        let request = EnrollRequest { site_id, device_id, name, source, ..Default::default() };
        let made = server.clients(&Caller::Enrollee(token)).device.enroll(request).await.unwrap().into_inner();
        let key = DeviceKey { device_id: made.device_id, api_key: made.api_key };
        let samples = vec![Sample { cpu_percent: Some(1.0), ..Default::default() }];
        let report = ReportSamplesRequest { samples, ..Default::default() };
        server.clients(&Caller::Device(key)).device.report_samples(report).await.unwrap();
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_of_both_or_of_one_and_wide_ones_have_a_column() {
    let server = server().await;
    for what in [&["devices", "list"][..], &["latest"]] {
        let both = ctl(&server, &[what, &["-o", "json"]].concat()).await.json();
        assert_eq!([&both[0]["source"], &both[1]["source"]], ["simulated", "real"]);
        let real = ctl(&server, &[what, &["--source", "real", "-o", "json"]].concat()).await.json();
        assert_eq!((real.as_array().unwrap().len(), &real[0]["device_id"]), (1, &json!("till-7")));
        let wide = ctl(&server, &[what, &["--source", "simulated", "-o", "wide"]].concat()).await;
        assert!(wide.lines()[0].contains("SOURCE") && wide.lines()[1].contains("simulated"), "{wide:?}");
        assert_eq!(ctl(&server, &[what, &["--source", "both"]].concat()).await.status, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_counts_the_real_ones_unless_told_otherwise() {
    let server = server().await;
    let told = ctl(&server, &["devices", "summary"]).await;
    assert!(told.out.contains("real") && told.out.contains("1 simulated"), "{told:?}");
    assert!(told.lines().iter().any(|line| line.starts_with("shop-7")), "{told:?}");
    let told = ctl(&server, &["devices", "summary", "--source", "simulated", "-o", "json"]).await.json();
    assert_eq!((&told["source"], &told["total"], &told["not_counted"]), (&json!("simulated"), &json!(1), &json!(1)));
    ctl(&server, &["devices", "summary", "--site", "nowhere"]).await.refused(1, &["not found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_reaches_real_devices_unless_simulated_ones_are_meant_and_shows_which() {
    let server = server().await;
    let start = ["runs", "start", "PING", "--site", "shop-7", "-o", "json"];
    let run = ctl(&server, &start).await.json();
    assert_eq!((&run["target"]["source"], &run["progress"]["total"]), (&json!("real"), &json!(1)));
    let run = ctl(&server, &[&start[..], &["--source", "simulated"]].concat()).await.json();
    let devices = ctl(&server, &["runs", "devices", run["run_id"].as_str().unwrap(), "-o", "json"]).await.json();
    assert_eq!((&devices[0]["device_id"], &devices[0]["source"]), (&json!("robot-7"), &json!("simulated")));
    let named = ["runs", "start", "PING", "--device", "robot-7", "--source", "real"];
    ctl(&server, &named).await.refused(1, &["target.device_ids: ", "robot-7"]);

    ctl(&server, &["devices", "label", "robot-7", "row=front"]).await;
    let labels = ["runs", "start", "PING", "-l", "row=front"];
    ctl(&server, &labels).await.refused(1, &["target: no real device matches", "--source simulated reaches 1"]);
}
