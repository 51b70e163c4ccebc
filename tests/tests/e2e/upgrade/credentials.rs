//! Old keys, tokens, tickets and claims: those that opened something still do, and the others still don't.

use homepot::{
    model::to_proto_timestamp,
    pb::{
        common::v1::DeviceSource,
        device::v1::{self as device_pb, FetchCommandsRequest},
        registry::v1 as pb,
        telemetry::v1::Sample,
    },
};
use homepot_tests::{
    Session,
    grpc::{Caller, DeviceKey},
    rest::Request,
};
use tonic::{Code, Status};

use super::Upgraded;

/// How many rows of a table have a check tag, which the old version did not know.
async fn tags(upgraded: &Upgraded, table: &str) -> i64 {
    upgraded.number(&format!("SELECT count(*) FROM {table} WHERE check_tag IS NOT NULL")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn old_tokens_of_operators_open_what_they_opened() {
    let upgraded = Upgraded::start().await;
    assert_eq!(tags(&upgraded, "operators").await, 0);
    let devices = async |mut registry: pb::registry_service_client::RegistryServiceClient<_>| {
        let answer = registry.list_devices(pb::ListDevicesRequest::default()).await?;
        Ok::<_, Status>(answer.into_inner().devices)
    };
    let all = devices(upgraded.server.admin().registry).await.unwrap();
    assert!(all.iter().any(|device| device.site_id == "shop-2"), "{all:?}");
    assert_eq!(devices(upgraded.operator("auditor").registry).await.unwrap().len(), all.len());
    let of_site = devices(upgraded.operator("night-shift").registry).await.unwrap();
    assert!(!of_site.is_empty() && of_site.iter().all(|device| device.site_id == "shop-1"), "{of_site:?}");
    let refused = devices(upgraded.operator("former").registry).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    // What was shown has its tag, the right token of an operator that was revoked too, and is good by it if it is good.
    assert_eq!(tags(&upgraded, "operators").await, 4);
    assert_eq!(devices(upgraded.operator("auditor").registry).await.unwrap().len(), all.len());

    // One that was bound to sites may still make others, within its own reach.
    let create = |name: &str, site: &str| pb::CreateOperatorRequest {
        name: name.to_owned(),
        role: pb::Role::Viewer.into(),
        site_ids: vec![site.to_owned()],
        ..Default::default()
    };
    let mut shop_admin = upgraded.operator("shop-admin").registry;
    shop_admin.create_operator(create("helper@shop-admin", "shop-1")).await.unwrap();
    let refused = shop_admin.create_operator(create("other@shop-admin", "shop-3")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_of_devices_open_the_stream_and_rest_and_what_was_shut_stays_shut() {
    let upgraded = Upgraded::start().await;
    let server = &upgraded.server;
    assert_eq!(tags(&upgraded, "device_keys").await, 0);
    let mut good =
        ["till-1", "till-2", "rotated", "switched", "simulated", "poller-1"].map(|id| upgraded.key(id)).to_vec();
    let newer = upgraded.known("device rotated, newer key").to_owned();
    good.push(DeviceKey { device_id: "rotated".to_owned(), api_key: newer });
    for key in &good {
        let (_session, welcome) = Session::attach(server, key).await;
        let clock = welcome.server_time.unwrap().seconds - upgraded.now().await.timestamp();
        assert!(clock.abs() < 5, "devices are told the database's clock, which is {clock} s off");
        let pending = Request::get("/api/v1/devices/pending").device(&key.device_id, &key.api_key);
        let answer = server.rest(pending).await;
        assert_eq!(answer.status, 200, "{}: {}", key.device_id, answer.text());
    }
    assert_eq!(tags(&upgraded, "device_keys").await, i64::try_from(good.len()).unwrap());
    for key in &good {
        Session::attach(server, key).await;
    }

    let was_simulated = upgraded.known("key of switched while it was simulated").to_owned();
    let mut shut = ["revoked", "deactivated", "removed"].map(|id| upgraded.key(id)).to_vec();
    shut.push(DeviceKey { device_id: "switched".to_owned(), api_key: was_simulated });
    for key in &shut {
        let refused = Session::open(server, key).await.unwrap_err();
        assert!(matches!(refused.code(), Code::Unauthenticated | Code::PermissionDenied), "{key:?}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sample_of_an_old_device_is_stored() {
    let upgraded = Upgraded::start().await;
    let at = upgraded.now().await;
    let sample = Sample { collected_at: Some(to_proto_timestamp(at)), cpu_percent: Some(99.5), ..Default::default() };
    let request = device_pb::ReportSamplesRequest { samples: vec![sample], ..Default::default() };
    for device_id in ["till-1", "poller-1"] {
        let mut device = upgraded.server.clients(&Caller::Device(upgraded.key(device_id))).device;
        let answer = device.report_samples(request.clone()).await.unwrap().into_inner();
        assert_eq!((answer.accepted, answer.refused), (1, Vec::new()));
    }
    assert_eq!(upgraded.number("SELECT count(*) FROM samples WHERE cpu_percent = 99.5").await, 2);
    assert_eq!(upgraded.number("SELECT count(*) FROM corrected_samples").await, 0);
    let target = "/api/v2/samples/latest?device_ids=till-1";
    let answer = upgraded.server.rest(Request::get(target).bearer(&upgraded.server.admin_token)).await;
    assert!(answer.text().contains("99.5"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_ticket_is_void_and_keeps_nobody_out() {
    let upgraded = Upgraded::start().await;
    let fetch = async |key: &DeviceKey| {
        let mut request = tonic::Request::new(FetchCommandsRequest::default());
        request.metadata_mut().insert("x-reconnect-ticket", upgraded.known("ticket of till-1").parse().unwrap());
        upgraded.server.clients(&Caller::Device(key.clone())).device.fetch_commands(request).await.map(drop)
    };
    let key = upgraded.key("till-1");
    let wrong = DeviceKey { api_key: upgraded.key("till-2").api_key, ..key.clone() };
    assert_eq!(fetch(&wrong).await.unwrap_err().code(), Code::Unauthenticated);
    fetch(&key).await.expect("its key lets it in");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_enrolment_tokens_enrol_and_an_enrolment_that_was_cut_short_goes_on() {
    let upgraded = Upgraded::start().await;
    let enroll = async |token: &str, request: device_pb::EnrollRequest| {
        let mut device = upgraded.server.clients(&Caller::Enrollee(token.to_owned())).device;
        let answer = device.enroll(request).await?.into_inner();
        Ok::<_, Status>(DeviceKey { device_id: answer.device_id, api_key: answer.api_key })
    };
    let request = |device_id: &str| device_pb::EnrollRequest {
        site_id: "shop-1".to_owned(),
        device_id: device_id.to_owned(),
        name: device_id.to_owned(),
        ..Default::default()
    };
    for (token, device_id, source) in
        [("token unused", "new", DeviceSource::Real), ("token simulated", "new-simulated", DeviceSource::Simulated)]
    {
        let key = enroll(upgraded.known(token), request(device_id)).await.unwrap();
        let (_session, welcome) = Session::attach(&upgraded.server, &key).await;
        assert_eq!(welcome.source(), source);
        let get = pb::GetDeviceRequest { device_id: device_id.to_owned() };
        let device = upgraded.server.admin().registry.get_device(get).await.unwrap().into_inner().device.unwrap();
        assert_eq!(device.labels["fleet"], "load");
    }
    assert_eq!(tags(&upgraded, "enrollment_tokens").await, 2);
    let refused = enroll(upgraded.known("token revoked"), request("newer")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);

    // Its answer got lost, so its token is spent; its claim gets it another key.
    let token = upgraded.known("token of cut-short");
    let claim = upgraded.known("claim of cut-short").as_bytes().to_vec();
    let key = enroll(token, device_pb::EnrollRequest { claim, ..request("cut-short") }).await.unwrap();
    Session::attach(&upgraded.server, &key).await;
    let refused = enroll(token, request("newest")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}
