//! A token or a code becomes a cookie, which calls as its operator until it is given back.

use homepot::pb::registry::v1::Role;
use homepot_tests::{AnySystem, Server, ServerOptions, rest::Request};
use serde_json::{Value, json};

use super::*;

/// An empty message of gRPC-Web.
fn grpc_web(path: &str) -> Request {
    Request::post(path).header("Content-Type", "application/grpc-web+proto").body([0; 5])
}

const WHO_AM_I: &str = "/homepot.registry.v1.RegistryService/WhoAmI";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_becomes_a_cookie_that_calls_as_its_operator_until_it_is_given_back() {
    let server = Server::start().await;
    server.create_site("alpha", false).await;
    let token = server.create_operator("ann", Role::Viewer, &["alpha"]).await;
    let answer = sign_in(&server, json!({ "token": token })).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let set = answer.header("set-cookie").unwrap().to_owned();
    assert!(set.starts_with("homepot-session=hpw_"), "{set}");
    assert!(set.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"), "{set}");
    let cookie = cookie_of(&answer);
    let (_, secret) = cookie.split_once('=').unwrap();
    let made = answer.json();
    assert_eq!(made, json!({ "session_id": secret[..12], "operator": "ann" }));
    assert!(!answer.text().contains(secret), "the secret is for the cookie alone");

    let me = who_am_i(&server, &cookie).await;
    assert_eq!(me.status, 200, "{}", me.text());
    let me = me.json();
    assert_eq!((&me["operator"]["role"], &me["operator"]["site_ids"]), (&json!("ROLE_VIEWER"), &json!(["alpha"])));
    assert_eq!(me["session"]["session_id"], made["session_id"]);
    assert_eq!(
        (&me["fresh_until"], &me["server_version"]),
        (&me["session"]["fresh_until"], &json!(env!("CARGO_PKG_VERSION")))
    );
    let by_token = server.rest(Request::get("/api/v2/whoami").bearer(&token)).await.json();
    assert_eq!((&by_token["session"], &by_token["fresh_until"]), (&Value::Null, &Value::Null));

    let web = server.rest(with_cookie(grpc_web(WHO_AM_I), &cookie)).await;
    assert!(web.text().contains("grpc-status:0") && web.text().contains("alpha"), "{}", web.text());
    let events = with_cookie(Request::get("/api/v2/watch/devices"), &cookie);
    assert_eq!(events.send_until(&server.rest_addr, "\n\n").await.status, 200);
    let legacy = server.rest(with_cookie(Request::get("/api/v1/sites/"), &cookie)).await;
    assert_eq!(legacy.status, 401, "legacy routes know no cookie");

    let out = server.rest(with_cookie(Request::new("DELETE", "/session"), &cookie)).await;
    assert_eq!(out.status, 204);
    let cleared = "homepot-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
    assert_eq!(out.header("set-cookie"), Some(cleared));
    let gone = who_am_i(&server, &cookie).await;
    assert_eq!((gone.status, &gone.json()["reason"]), (401, &json!("SESSION_ENDED")));
    let again = server.rest(with_cookie(Request::new("DELETE", "/session"), &cookie)).await;
    assert_eq!(again.status, 204, "what has ended can be given back too");

    let log = server.process().tail() + &format!("{:?}", server.process().log());
    assert!(log.contains(&secret[..12]) && !log.contains(secret), "the log names sessions and tells none");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sign_in_has_a_secret_of_its_own_and_ends_the_session_before() {
    let server = AnySystem::start().await;
    let first = cookie(&server, &server.admin_token).await;
    let other = cookie(&server, &server.admin_token).await;
    assert_ne!(first, other);
    let again = with_cookie(Request::post("/session"), &first).json(&json!({ "token": server.admin_token }));
    let second = cookie_of(&server.rest(again).await);
    assert_ne!(first, second);
    assert_eq!(who_am_i(&server, &first).await.status, 401);
    for good in [&second, &other] {
        assert_eq!(who_am_i(&server, good).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_nothing_good_sets_no_cookie_and_repeats_nothing() {
    let server = AnySystem::start().await;
    let wrong = format!("hpo_{}", "A".repeat(43));
    for (body, status) in [
        (json!({ "token": wrong }), 401),
        (json!({ "code": wrong }), 401),
        (json!({ "code": wrong.replace("hpo_", "hpl_") }), 401),
        (json!({ "token": "line\nfeed" }), 401),
        (json!({}), 422),
        (json!({ "token": wrong, "code": wrong }), 422),
        (json!({ "token": 7 }), 422),
        (json!({ "password": wrong }), 422),
        (json!([]), 422),
    ] {
        let answer = sign_in(&server, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert_eq!(answer.header("set-cookie"), None);
        assert!(!answer.text().contains(&wrong));
    }
    let form = from_page(Request::post("/session")).header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(server.rest(form.body(format!("token={}", server.admin_token))).await.status, 422);
    let large = from_page(Request::post("/session")).json(&json!({ "token": "x".repeat(40_000) }));
    assert_eq!(server.rest(large).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_that_ends_tls_the_cookie_is_kept_to_tls_and_to_this_host() {
    let server =
        AnySystem::start_with(ServerOptions::default().env("HOMEPOT_INSECURE_PLAINTEXT", "behind-proxy")).await;
    let answer = sign_in(&server, json!({ "token": server.admin_token })).await;
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-homepot-session=hpw_") && set.contains("; Secure;"), "{set}");
    let cookie = cookie_of(&answer);
    assert_eq!(who_am_i(&server, &cookie).await.status, 200);
    let without_prefix = cookie.trim_start_matches("__Host-");
    assert_eq!(who_am_i(&server, without_prefix).await.status, 401);
    for (origin, due) in [("https://localhost", 204), ("http://localhost", 403)] {
        let out = Request::new("DELETE", "/session").header("Origin", origin).header("Cookie", &cookie);
        assert_eq!(server.rest(out).await.status, due, "{origin}");
    }
}
