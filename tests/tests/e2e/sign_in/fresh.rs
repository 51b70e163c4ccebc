//! What reaches the whole fleet needs a fresh sign-in, and what a run would reach can be seen before.

use homepot::{
    Error,
    pb::{
        command::v1::{PreviewRunRequest, PreviewRunResponse, StartRunRequest, Target},
        registry::v1::{self as pb, Role},
    },
};
use homepot_tests::{AnySystem, System, grpc::Caller, rest::Request};
use serde_json::json;
use tonic::{Code, Status};

use super::*;

fn fleet() -> Target {
    Target { fleet: true, ..Default::default() }
}

fn ping(target: Target) -> StartRunRequest {
    StartRunRequest { target: Some(target), command_type: "PING".to_owned(), ..Default::default() }
}

async fn start(server: &System, secret: &str, request: StartRunRequest) -> Result<(), Status> {
    let mut command = server.clients(&Caller::Operator(secret.to_owned())).command;
    command.start_run(request).await.map(drop)
}

async fn with_devices() -> AnySystem {
    let server = AnySystem::start().await;
    for site in ["alpha", "beta"] {
        server.create_site(site, false).await;
        server.enroll(site, &format!("{site}-till")).await;
    }
    server
}

/// The sign-ins of all sessions so far are no longer fresh.
async fn age(server: &System) {
    server.database().run("UPDATE operator_sessions SET created_at = now() - interval '15 minutes 1 second'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_reaches_the_whole_fleet_only_when_its_sign_in_is_fresh() {
    let server = with_devices().await;
    let everywhere = server.create_operator("everywhere", Role::Operator, &[]).await;
    let (_, secret) = session(&server, &everywhere).await;
    start(&server, &secret, ping(fleet())).await.expect("a fresh sign-in reaches the fleet");
    age(&server).await;
    let labels = Target { label_selector: "!row".to_owned(), ..Default::default() };
    for target in [fleet(), labels] {
        let refused = start(&server, &secret, ping(target)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(Error::from(&refused).reason(), Some("SIGN_IN_AGAIN"), "{refused:?}");
    }
    let named = Target { device_ids: vec!["alpha-till".to_owned(), "beta-till".to_owned()], ..Default::default() };
    let site = Target { site_id: "alpha".to_owned(), ..Default::default() };
    for target in [named, site] {
        start(&server, &secret, ping(target)).await.expect("what is named needs none");
    }
    start(&server, &everywhere, ping(fleet())).await.expect("a token is shown for each call");

    let of_alpha = server.create_operator("of-alpha", Role::Operator, &["alpha"]).await;
    let (_, of_alpha) = session(&server, &of_alpha).await;
    age(&server).await;
    start(&server, &of_alpha, ping(fleet())).await.expect("its fleet is one site");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_makes_tokens_only_when_its_sign_in_is_fresh_and_is_told_so_over_rest() {
    let server = with_devices().await;
    let cookie = cookie(&server, &server.admin_token).await;
    let make = async |name: &str| {
        let body = json!({ "name": name, "role": "ROLE_VIEWER" });
        server.rest(with_cookie(Request::post("/api/v2/operators").json(&body), &cookie)).await
    };
    assert_eq!(make("first").await.status, 200);
    age(&server).await;
    let refused = make("second").await;
    assert_eq!((refused.status, &refused.json()["reason"]), (409, &json!("SIGN_IN_AGAIN")));
    let rotate = Request::post("/api/v2/operators/first/rotate-token").json(&json!({}));
    assert_eq!(server.rest(with_cookie(rotate, &cookie)).await.json()["reason"], "SIGN_IN_AGAIN");
    let all = Request::new("DELETE", "/api/v2/simulated-devices?all=true");
    assert_eq!(server.rest(with_cookie(all, &cookie)).await.json()["reason"], "SIGN_IN_AGAIN");
    let revoke = Request::post("/api/v2/operators/first/revoke").json(&json!({}));
    assert_eq!(server.rest(with_cookie(revoke, &cookie)).await.status, 200, "what takes away is never in the way");
}

async fn preview(server: &System, token: &str, request: PreviewRunRequest) -> Result<PreviewRunResponse, Status> {
    let mut command = server.clients(&Caller::Operator(token.to_owned())).command;
    command.preview_run(request).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_exactly_whom_a_run_reaches_and_starts_nothing() {
    let server = with_devices().await;
    server.enroll("alpha", "alpha-kiosk").await;
    let shut_out = pb::DeactivateDeviceRequest { device_id: "beta-till".to_owned() };
    server.admin().registry.deactivate_device(shut_out).await.unwrap();
    let mut request = PreviewRunRequest { target: Some(fleet()), page_size: 2, ..Default::default() };
    request.command_type = "PING".to_owned();
    let first = preview(&server, &server.admin_token, request.clone()).await.unwrap();
    assert_eq!((first.devices_total, first.devices_skipped, first.sites), (3, 1, 2));
    assert!(first.needs_fresh_sign_in);
    let ids = |page: &PreviewRunResponse| -> Vec<_> {
        page.devices.iter().map(|device| (device.device_id.clone(), device.skipped)).collect()
    };
    assert_eq!(ids(&first), [("alpha-kiosk".to_owned(), false), ("alpha-till".to_owned(), false)]);
    request.page_token = first.next_page_token;
    let last = preview(&server, &server.admin_token, request.clone()).await.unwrap();
    assert_eq!((ids(&last), last.next_page_token.as_str()), (vec![("beta-till".to_owned(), true)], ""));
    assert_eq!(last.devices[0].reason, "the device is inactive");
    assert_eq!(server.database().number("SELECT count(*) FROM runs").await, 0);

    let of_alpha = server.create_operator("of-alpha", Role::Operator, &["alpha"]).await;
    request.page_token = String::new();
    let theirs = preview(&server, &of_alpha, request.clone()).await.unwrap();
    assert_eq!((theirs.devices_total, theirs.sites, theirs.needs_fresh_sign_in), (2, 1, false));
    let beta = PreviewRunRequest {
        target: Some(Target { site_id: "beta".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    assert_eq!(preview(&server, &of_alpha, beta).await.unwrap_err().code(), Code::NotFound);
    let over_rest =
        Request::post("/api/v2/run-preview").json(&json!({"target": {"site_id": "alpha"}})).bearer(&of_alpha);
    assert_eq!(server.rest(over_rest).await.json()["devices_total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_would_reach_others_than_its_caller_counted_is_refused() {
    let server = with_devices().await;
    let counted = |devices| StartRunRequest { expected_devices: Some(devices), ..ping(fleet()) };
    let refused = start(&server, &server.admin_token, counted(3)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(Error::from(&refused).reason(), Some("DEVICES_CHANGED"));
    assert!(refused.message().contains("2 devices match now"), "{}", refused.message());
    assert_eq!(server.database().number("SELECT count(*) FROM runs").await, 0);
    start(&server, &server.admin_token, counted(2)).await.expect("that many there are");
    let nothing = start(&server, &server.admin_token, counted(0)).await.unwrap_err();
    assert_eq!(Error::from(&nothing).field_violations()[0].field, "expected_devices");
}
