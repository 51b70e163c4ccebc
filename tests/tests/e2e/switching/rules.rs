//! What a device says it is, against what its record has.

use homepot::pb::{
    common::v1::DeviceSource,
    device::v1::{FetchCommandsRequest, GoodbyeReason, ReportSamplesRequest, attach_response::Message as Down},
};
use homepot_tests::{
    Session,
    grpc::Caller,
    rest::{Request, Response},
};
use serde_json::json;
use tonic::Code;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_says_simulated_with_a_real_devices_key_ends_and_the_real_one_goes_on() {
    let server = own_server().await;
    // A legacy device: it has no proof key, so its key is all there is.
    let key = server.enroll(SITE, "till").await;
    let (mut live, welcome) = Session::attach(&server, &key).await;
    assert_eq!(welcome.source(), DeviceSource::Real);

    let mut simulator = says(&server, &key, DeviceSource::Simulated).await;
    let goodbye = simulator.expect_goodbye(GoodbyeReason::Protocol).await;
    assert!(goodbye.detail.contains("this device is real") && goodbye.detail.contains("simulated"), "{goodbye:?}");

    is_live(&mut live, 1).await;
    let device = device(&server, "till").await;
    let presence = device.presence.unwrap();
    assert_eq!((presence.session_epoch, presence.source()), (welcome.session_epoch, DeviceSource::Real));
    let labels = ["declared=\"simulated\"", "recorded=\"real\""];
    assert_eq!(metric(&server, "homepot_source_refusals_total", &labels).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_says_real_on_a_simulated_record_is_told_how_to_become_real() {
    let server = server().await;
    let key = simulated(&server, "sim").await;
    let mut liar = says(&server, &key, DeviceSource::Real).await;
    let goodbye = liar.expect_goodbye(GoodbyeReason::Protocol).await;
    assert!(goodbye.detail.contains("token for real devices"), "{goodbye:?}");
    assert_eq!(device(&server, "sim").await.presence.unwrap().session_epoch, 0);

    // Who says the same, or nothing, gets in, and hears what it is taken for.
    for source in [DeviceSource::Simulated, DeviceSource::Unspecified] {
        let mut session = says(&server, &key, source).await;
        let Some(Down::Welcome(welcome)) = session.next().await else { panic!("no Welcome for {source:?}") };
        assert_eq!(welcome.source(), DeviceSource::Simulated);
    }
    let device = device(&server, "sim").await;
    assert_eq!(
        (device.source(), device.presence.unwrap().source()),
        (DeviceSource::Simulated, DeviceSource::Simulated)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_may_say_what_the_record_has_and_nothing_else() {
    let server = server().await;
    let (real, sim) = (server.enroll(SITE, "till").await, simulated(&server, "sim").await);
    for (key, own, other) in [(&real, "real", "simulated"), (&sim, "simulated", "real")] {
        let mut device = server.clients(&Caller::Device(key.clone())).device;
        let declare = |word: &str| {
            let mut request = tonic::Request::new(FetchCommandsRequest::default());
            request.metadata_mut().insert("x-device-source", word.parse().unwrap());
            request
        };
        assert!(device.fetch_commands(declare(own)).await.is_ok());
        let refused = device.fetch_commands(declare(other)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains(&format!("this device is {own}")), "{refused:?}");
        let unknown = device.fetch_commands(declare("virtual")).await.unwrap_err();
        assert_eq!(unknown.code(), Code::InvalidArgument);
        assert!(unknown.message().contains("x-device-source") && unknown.message().contains("virtual"), "{unknown:?}");

        let pending = async |word: &str| {
            let request = Request::get("/api/v1/devices/pending").device(&key.device_id, &key.api_key);
            server.rest(request.header("X-Device-Source", word)).await
        };
        assert_eq!(pending(own).await.status, 200);
        let refused = pending(other).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        let unknown = pending("virtual").await;
        assert_eq!(unknown.status, 422, "{}", unknown.text());
        assert!(unknown.text().contains("x-device-source"), "{}", unknown.text());
    }
    // Nothing of a refused call is stored.
    let mut report = tonic::Request::new(ReportSamplesRequest { samples: vec![foreign()], ..Default::default() });
    report.metadata_mut().insert("x-device-source", "simulated".parse().unwrap());
    assert!(server.clients(&Caller::Device(real)).device.report_samples(report).await.is_err());
    assert_eq!(foreign_samples(&server).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_rest_too_a_device_is_what_its_token_is_for() {
    let server = server().await;
    let of_simulator = token(&server, DeviceSource::Simulated, &[]).await;
    let enrol = async |device_id: &str, source: serde_json::Value| -> Response {
        let request = Request::post(&format!("/api/v1/devices/sites/{SITE}/devices"));
        let request = request.header("X-Enrollment-Token", &of_simulator);
        server.rest(request.json(&json!({"device_id": device_id, "name": "Sim", "source": source}))).await
    };
    let refused = enrol("liar", json!("real")).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("for simulated devices"), "{}", refused.text());
    assert_eq!(enrol("nonsense", json!("virtual")).await.status, 422);
    for (device_id, source) in [("says", json!("simulated")), ("silent", serde_json::Value::Null)] {
        assert_eq!(enrol(device_id, source).await.status, 200);
        let shown = Request::get(&format!("/api/v1/devices/device/{device_id}")).bearer(&server.admin_token);
        let shown = server.rest(shown).await.json();
        assert_eq!((&shown["source"], &shown["proves"]), (&json!("simulated"), &json!(false)));
    }
}
