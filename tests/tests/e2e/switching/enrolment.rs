//! What a device is given when it enrols, and what it is refused.

use std::{collections::HashMap, time::Duration};

use homepot::pb::common::v1::DeviceSource;
use homepot_tests::Session;
use tonic::Code;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_with_a_token_for_simulated_devices_is_told_what_to_do() {
    let server = server().await;
    let token = token(&server, DeviceSource::Simulated, &[]).await;
    let mut agent = Agent::start(&server, AgentOptions::new(SITE, "till").enrollment_token(&token));
    let status = agent.process_mut().ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(3));
    let told = agent.process().tail();
    assert!(told.contains("for simulated devices") && told.contains("token for real devices"), "{told}");
    assert_eq!(server.database().number("SELECT count(*) FROM devices").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_key_makes_no_simulated_device_real_and_must_be_a_key() {
    let server = server().await;
    let of_simulator = token(&server, DeviceSource::Simulated, &[]).await;
    let with_key = |proof_key: Vec<u8>, source: DeviceSource| pb::EnrollRequest {
        proof_key,
        source: source.into(),
        ..request("d")
    };
    for source in [DeviceSource::Unspecified, DeviceSource::Real] {
        let refused = enrol(&server, &of_simulator, with_key(vec![1; 32], source)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    }
    for (proof_key, source) in [(vec![1; 31], DeviceSource::Unspecified), (vec![1; 32], DeviceSource::Simulated)] {
        let refused = enrol(&server, &of_simulator, with_key(proof_key, source)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("proof_key"), "{refused:?}");
    }
    assert_eq!(server.database().number("SELECT count(*) FROM devices").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_labels_are_given_to_each_device_that_enrols_with_it() {
    let server = server().await;
    let token = token(&server, DeviceSource::Simulated, &[("fleet", "load"), ("empty", "")]).await;
    for id in ["sim-1", "sim-2"] {
        enrol(&server, &token, request(id)).await.unwrap();
        let expected = HashMap::from([("fleet".to_owned(), "load".to_owned()), ("empty".to_owned(), String::new())]);
        assert_eq!(device(&server, id).await.labels, expected);
    }
    let list = registry_pb::ListEnrollmentTokensRequest::default();
    let listed = server.admin().registry.list_enrollment_tokens(list).await.unwrap().into_inner();
    assert_eq!(listed.enrollment_tokens[0].labels["fleet"], "load");
    let bad = registry_pb::CreateEnrollmentTokenRequest {
        site_id: SITE.to_owned(),
        labels: HashMap::from([("no space".to_owned(), String::new())]),
        ..Default::default()
    };
    let refused = server.admin().registry.create_enrollment_token(bad).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("labels"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_stream_of_a_device_that_has_just_enrolled_needs_no_slow_check_of_its_key() {
    let server = own_server().await;
    let key = simulated(&server, "sim").await;
    let checks = metric(&server, "homepot_argon2_checks_total", &[]).await;
    assert!(checks > 0.0);
    let (mut session, _) = Session::attach(&server, &key).await;
    is_live(&mut session, 1).await;
    assert_eq!(metric(&server, "homepot_argon2_checks_total", &[]).await, checks);
}
