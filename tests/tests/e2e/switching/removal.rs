//! Simulated devices go as a set.

use homepot::pb::{
    device::v1::{DeviceSource, GoodbyeReason},
    registry::v1::Role,
};
use homepot_tests::{Session, rest::Request};
use serde_json::json;
use tonic::Code;

use super::*;

fn of_site(site_id: &str) -> registry_pb::RemoveSimulatedDevicesRequest {
    registry_pb::RemoveSimulatedDevicesRequest { site_ids: vec![site_id.to_owned()], ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_devices_are_removed_while_their_sessions_are_attached_and_no_real_one_is() {
    let server = server().await;
    server.create_site("elsewhere", false).await;
    let real = server.enroll(SITE, "till").await;
    let (mut live, _) = Session::attach(&server, &real).await;
    let token = token(&server, DeviceSource::Simulated, &[("fleet", "load")]).await;
    let mut simulators = Vec::new();
    for number in 0..3 {
        let key = enrol(&server, &token, request(&format!("sim-{number}"))).await.unwrap();
        let (mut session, _) = Session::attach(&server, &key).await;
        is_live(&mut session, 1).await;
        simulators.push((key, session));
    }
    // Marked as they are, and still real.
    let labels = [("fleet".to_owned(), "load".to_owned())].into();
    let update = registry_pb::UpdateDeviceRequest {
        device_id: "till".to_owned(),
        labels: Some(registry_pb::Labels { labels }),
        ..Default::default()
    };
    server.admin().registry.update_device(update).await.unwrap();

    let bound = server.create_operator("elsewhere-admin", Role::Admin, &["elsewhere"]).await;
    let mut bound = server.clients(&Caller::Operator(bound)).registry;
    assert_eq!(bound.remove_simulated_devices(of_site(SITE)).await.unwrap_err().code(), Code::NotFound);
    let all = registry_pb::RemoveSimulatedDevicesRequest::default();
    assert_eq!(bound.remove_simulated_devices(all).await.unwrap().into_inner().removed, 0);

    let marked =
        registry_pb::RemoveSimulatedDevicesRequest { label_selector: "fleet=load".to_owned(), ..of_site(SITE) };
    let mut admin = server.admin().registry;
    assert_eq!(admin.remove_simulated_devices(marked.clone()).await.unwrap().into_inner().removed, 3);
    for (key, session) in &mut simulators {
        session.expect_goodbye(GoodbyeReason::Revoked).await;
        assert_eq!(Session::open(&server, key).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_eq!(foreign_samples(&server).await, 0);
    assert_eq!(admin.remove_simulated_devices(marked).await.unwrap().into_inner().removed, 0);
    is_live(&mut live, 1).await;
    assert_eq!(server.database().number("SELECT count(*) FROM devices").await, 1);
    let bad = registry_pb::RemoveSimulatedDevicesRequest { label_selector: "a b c".to_owned(), ..Default::default() };
    assert_eq!(admin.remove_simulated_devices(bad).await.unwrap_err().code(), Code::InvalidArgument);

    // The ids are free again.
    enrol(&server, &token, request("sim-0")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_removes_simulated_devices_too() {
    let server = server().await;
    server.enroll(SITE, "till").await;
    simulated(&server, "sim-1").await;
    simulated(&server, "sim-2").await;
    let remove = async |query: &str| {
        let request = Request::new("DELETE", &format!("/api/v1/devices/simulated{query}"));
        server.rest(request.bearer(&server.admin_token)).await
    };
    let none = remove("?label_selector=fleet%3Dload").await;
    assert_eq!((none.status, none.json()), (200, json!({"removed": 0})));
    assert_eq!(remove("?site_id=nowhere").await.status, 404);
    assert_eq!(remove("?label_selector=a+b+c").await.status, 422);
    let gone = remove(&format!("?site_id={SITE}")).await;
    assert_eq!((gone.status, gone.json()), (200, json!({"removed": 2})));
    assert_eq!(device(&server, "till").await.source(), DeviceSource::Real);
}
