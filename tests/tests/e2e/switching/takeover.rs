//! A real machine takes the place of its simulation.

use homepot::pb::{
    common::v1::DeviceSource,
    device::v1::GoodbyeReason,
    registry::v1::{DeviceStatus, StateChangeCause},
};
use homepot_tests::Session;
use tonic::Code;

use super::*;

const TILL: &str = "till";

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_takes_over_a_simulated_identity_while_its_simulator_is_at_work() {
    let server = own_server().await;
    let of_simulator = token(&server, DeviceSource::Simulated, &[("fleet", "load")]).await;
    let key = enrol(&server, &of_simulator, request(TILL)).await.unwrap();
    let (mut simulator, _) = Session::attach(&server, &key).await;
    is_live(&mut simulator, 1).await;
    let mut labels = device(&server, TILL).await.labels;
    labels.insert("room".to_owned(), "7".to_owned());
    let update = registry_pb::UpdateDeviceRequest {
        device_id: TILL.to_owned(),
        labels: Some(registry_pb::Labels { labels }),
        ..Default::default()
    };
    server.admin().registry.update_device(update).await.unwrap();
    let watch = registry_pb::WatchRequest::default();
    let mut watch = server.admin().registry.watch(watch).await.unwrap().into_inner();
    let simulated = registry_pb::WatchRequest { source: DeviceSource::Simulated.into(), ..Default::default() };
    let mut simulated = server.admin().registry.watch(simulated).await.unwrap().into_inner();

    let agent = agent(&server, TILL).await;
    simulator.expect_goodbye(GoodbyeReason::Revoked).await;
    agent.read_samples(2).await;
    eventually("the agent's samples", async || {
        (server.database().number("SELECT count(*) FROM samples").await >= 2).then_some(())
    })
    .await;

    let device = device(&server, TILL).await;
    assert_eq!((device.source(), device.proves), (DeviceSource::Real, true));
    // The operator's stays, the simulator's goes.
    assert_eq!(device.labels, [("room".to_owned(), "7".to_owned())].into());
    // Who watches sees it become real.
    loop {
        let news = watch.message().await.unwrap().expect("the watch goes on");
        if news.devices.iter().any(|device| device.source() == DeviceSource::Real && device.proves) {
            break;
        }
    }
    // Who watches simulated devices sees one go.
    while simulated.message().await.unwrap().expect("the watch goes on").removed_device_ids != [TILL] {}
    let list = registry_pb::ListStateChangesRequest { device_id: TILL.to_owned(), ..Default::default() };
    let history = server.admin().registry.list_state_changes(list).await.unwrap().into_inner().changes;
    let causes: Vec<_> = history.iter().map(|change| change.cause()).collect();
    assert_eq!(causes, [StateChangeCause::Attached, StateChangeCause::TookOver]);
    assert_eq!(history[1].status(), DeviceStatus::Unknown);
    assert!(history[1].detail.contains("took over") && history[1].detail.contains("hpe_"), "{history:?}");
    assert_eq!(foreign_samples(&server).await, 0);
    assert_eq!(metric(&server, "homepot_takeovers_total", &[]).await, 1.0);

    // The simulator is out for good.
    assert_eq!(Session::open(&server, &key).await.unwrap_err().code(), Code::Unauthenticated);
    let again = enrol(&server, &of_simulator, request(TILL)).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulator_takes_over_nothing() {
    let server = server().await;
    server.enroll(SITE, "real").await;
    simulated(&server, "sim").await;
    let token = token(&server, DeviceSource::Simulated, &[]).await;
    for id in ["real", "sim"] {
        let refused = enrol(&server, &token, request(id)).await.unwrap_err();
        assert_eq!(refused.code(), Code::AlreadyExists);
    }
    // Nor does a real one of another site.
    server.create_site("elsewhere", false).await;
    let elsewhere = server.enrollment_token("elsewhere").await;
    let request = pb::EnrollRequest { site_id: "elsewhere".to_owned(), ..request("sim") };
    assert_eq!(enrol(&server, &elsewhere, request).await.unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(device(&server, "sim").await.source(), DeviceSource::Simulated);
}
