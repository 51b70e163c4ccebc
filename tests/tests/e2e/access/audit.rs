//! The audit log tells who changed what, once for each call, and no secret.

use homepot::pb::{command::v1 as command_pb, registry::v1 as pb};
use homepot_tests::{Server, grpc::Caller, rest::Request};
use serde_json::Value;
use tonic::Code;

const REGISTRY: &str = "/homepot.registry.v1.RegistryService";
const COMMAND: &str = "/homepot.command.v1.CommandService";

/// Waits for the audit line of a call of `method` that was about `on`.
async fn line(server: &Server, method: &str, on: &str) -> Value {
    let is_it = |line: &Value| line["target"] == "audit" && line["method"] == method && line["on"] == on;
    let what = format!("an audit line of {method} on {on}");
    server.process().logged(&what, |line| is_it(line).then(|| line.clone())).await
}

fn lines(server: &Server) -> Vec<Value> {
    server.process().log().into_iter().filter(|line| line["target"] == "audit").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_logged_with_who_made_it_on_what_and_what_came_of_it() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    server.enroll("site-001", "till").await;
    let site = line(&server, &format!("{REGISTRY}/CreateSite"), "site_id=site-001").await;
    assert_eq!((&site["operator"], &site["result"]), (&Value::from("admin"), &Value::from("ok")));
    assert!(site["token_id"].as_str().unwrap().starts_with("hpo_"), "{site}");

    let queue = format!("{COMMAND}/Queue");
    let request = |device_id: &str| command_pb::QueueRequest {
        device_id: device_id.to_owned(),
        command_type: "PING".to_owned(),
        ..Default::default()
    };
    let queued = server.admin().command.queue(request("till")).await.unwrap().into_inner().command.unwrap();
    let on = format!("command_id={} device_id=till site_id=site-001", queued.command_id);
    assert_eq!(line(&server, &queue, &on).await["result"], "ok");
    let missing = server.admin().command.queue(request("nobody")).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(line(&server, &queue, "device_id=nobody").await["result"], "not_found");

    // A gateway calls in its caller's name, and the id of the request is the same.
    let body = serde_json::json!({ "command_type": "PING" });
    let post = Request::post("/api/v1/devices/unknown/commands").bearer(&server.admin_token).json(&body);
    let answer = server.rest(post.header("x-request-id", "from-a-script")).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(line(&server, &queue, "device_id=unknown").await["request_id"], "from-a-script");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_reads_and_what_was_refused_at_the_door_leaves_no_line() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    let viewer = server.create_operator("viewer", pb::Role::Viewer, &[]).await;
    let mut viewer = server.clients(&Caller::Operator(viewer));
    viewer.registry.list_devices(pb::ListDevicesRequest::default()).await.unwrap();
    let request = pb::UpdateSiteRequest { site_id: "site-001".to_owned(), ..Default::default() };
    assert_eq!(viewer.registry.update_site(request.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    server.admin().registry.update_site(request).await.unwrap();
    line(&server, &format!("{REGISTRY}/UpdateSite"), "site_id=site-001").await;
    let lines = lines(&server);
    assert!(lines.iter().all(|line| line["operator"] == "admin"), "{lines:?}");
    assert_eq!(lines.len(), 3, "the site, the viewer, the change: {lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_whether_it_is_made_or_sent_by_mistake() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let mut admin = server.admin().registry;
    let request = pb::RotateDeviceKeyRequest { device_id: "till".to_owned(), overlap: None };
    let rotated = admin.rotate_device_key(request).await.unwrap().into_inner();
    line(&server, &format!("{REGISTRY}/RotateDeviceKey"), "device_id=till").await;
    let request =
        pb::CreateOperatorRequest { name: "ann".to_owned(), role: pb::Role::Viewer.into(), ..Default::default() };
    let operator = admin.create_operator(request).await.unwrap().into_inner();
    let made = operator.operator.unwrap();
    let on = format!("name=ann role=ROLE_VIEWER token_id={}", made.token_id);
    line(&server, &format!("{REGISTRY}/CreateOperator"), &on).await;
    let request = pb::CreateEnrollmentTokenRequest { site_id: "site-001".to_owned(), ..Default::default() };
    let token = admin.create_enrollment_token(request).await.unwrap().into_inner();
    // The whole token where its public letters are asked for.
    let request = pb::RevokeEnrollmentTokenRequest { token_id: token.secret.clone() };
    assert_eq!(admin.revoke_enrollment_token(request).await.unwrap_err().code(), Code::NotFound);
    let public = token.enrollment_token.unwrap().token_id;
    line(&server, &format!("{REGISTRY}/RevokeEnrollmentToken"), &format!("token_id={public}…")).await;

    let log: String = server.process().log().iter().map(Value::to_string).collect();
    for secret in [&key.api_key, &rotated.api_key, &operator.token, &token.secret, &server.admin_token] {
        assert!(!log.contains(secret.as_str()), "a secret is in the log");
    }
}
