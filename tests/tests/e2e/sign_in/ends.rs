//! A session ends by itself, with a word, and with its operator; what was opened with it ends too.

use std::time::Duration;

use homepot::pb::{
    registry::v1::{self as pb, Role},
    session::v1::{CreateSessionRequest, CreateSignInCodeRequest, ListSessionsRequest, RevokeSessionRequest},
};
use homepot_tests::{AnySystem, Server, ServerOptions, System, eventually, grpc::Caller};
use tonic::{Code, Status, Streaming};

use super::*;

/// An end that is due within two seconds; a machine that is busy gets more.
const SOON: Duration = Duration::from_secs(20);

async fn watch(server: &System, secret: &str) -> Streaming<pb::WatchResponse> {
    let mut registry = server.clients(&Caller::Operator(secret.to_owned())).registry;
    let mut watch = registry.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    watch.message().await.unwrap().expect("the first message");
    watch
}

async fn end(mut watch: Streaming<pb::WatchResponse>) -> Status {
    let end = async {
        loop {
            match watch.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Status::ok("the stream ended without a word"),
                Err(status) => return status,
            }
        }
    };
    tokio::time::timeout(SOON, end).await.expect("the watch ends with its session")
}

async fn call(server: &System, secret: &str) -> Result<(), Status> {
    let mut registry = server.clients(&Caller::Operator(secret.to_owned())).registry;
    registry.who_am_i(pb::WhoAmIRequest {}).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_however_it_or_its_operator_ends_and_its_streams_with_it() {
    let server = Server::start().await;
    let beside = server.start_beside(ServerOptions::default()).await;
    let mut admin = server.admin();
    for how in ["revoked", "idle", "old", "operator-revoked", "operator-rotated", "operator-expired"] {
        let token = server.create_operator(how, Role::Viewer, &[]).await;
        let (session, secret) = session(&server, &token).await;
        // At another replica, which is told by nobody.
        let watch = watch(&beside, &secret).await;
        let set = |what: &str| format!("UPDATE operator_sessions SET {what} WHERE operator = '{how}'");
        let name = how.to_owned();
        match how {
            "revoked" => {
                let session_id = session.session_id;
                admin.session.revoke_session(RevokeSessionRequest { session_id }).await.map(drop).unwrap();
            }
            "idle" => server.database().run(&set("used_at = now() - interval '12 hours 1 second'")).await,
            "old" => server.database().run(&set("created_at = now() - interval '7 days 1 second'")).await,
            "operator-revoked" => {
                let request = pb::RevokeOperatorRequest { name, ..Default::default() };
                admin.registry.revoke_operator(request).await.map(drop).unwrap();
            }
            "operator-rotated" => {
                let request = pb::RotateOperatorTokenRequest { name };
                admin.registry.rotate_operator_token(request).await.map(drop).unwrap();
            }
            _ => server.database().run(&format!("UPDATE operators SET expires_at = now() WHERE name = '{how}'")).await,
        }
        assert_eq!(end(watch).await.code(), Code::Unauthenticated, "{how}");
        let refused = call(&server, &secret).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{how}");
        assert_eq!(homepot::Error::from(&refused).reason(), Some("SESSION_ENDED"), "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_may_what_its_operator_may_at_each_moment() {
    let server = AnySystem::start().await;
    let token = server.create_operator("ann", Role::Admin, &[]).await;
    let (_, secret) = session(&server, &token).await;
    let make = async |site_id: &str| {
        let (site_id, name) = (site_id.to_owned(), "Alpha".to_owned());
        let request = pb::CreateSiteRequest { site_id, name, ..Default::default() };
        let mut registry = server.clients(&Caller::Operator(secret.clone())).registry;
        registry.create_site(request).await.map(drop)
    };
    make("alpha").await.expect("an admin's session makes a site");
    let watch = watch(&server, &secret).await;
    server.database().run("UPDATE operators SET role = 'viewer' WHERE name = 'ann'").await;
    assert_eq!(make("beta").await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(end(watch).await.code(), Code::Unauthenticated);
    call(&server, &secret).await.expect("a viewer's session looks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_is_noted_within_the_minute() {
    let server = AnySystem::start().await;
    let (_, secret) = session(&server, &server.admin_token).await;
    server.database().run("UPDATE operator_sessions SET used_at = now() - interval '11 hours'").await;
    call(&server, &secret).await.unwrap();
    let recent = "SELECT count(*) FROM operator_sessions WHERE used_at > now() - interval '1 minute'";
    eventually("the use is noted", async || (server.database().number(recent).await == 1).then_some(())).await;
    // The next one is not: it is the same minute.
    let before = server.database().rows("SELECT used_at FROM operator_sessions").await;
    call(&server, &secret).await.unwrap();
    assert_eq!(server.database().rows("SELECT used_at FROM operator_sessions").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_by_their_operator_and_by_admins_who_may_end_that() {
    let server = AnySystem::start().await;
    server.create_site("alpha", false).await;
    let ann = server.create_operator("ann", Role::Operator, &["alpha"]).await;
    let eve = server.create_operator("eve", Role::Admin, &["alpha"]).await;
    let as_ = |token: &String| server.clients(&Caller::Operator(token.clone())).session;
    let (first, secret) = session(&server, &ann).await;
    let (second, _) = session(&server, &ann).await;
    let list = async |token: &String, operator: &str| {
        let request = ListSessionsRequest { operator: operator.to_owned(), page_size: 1, ..Default::default() };
        let mut ids = Vec::new();
        let mut next = request;
        loop {
            let page = as_(token).list_sessions(next.clone()).await?.into_inner();
            ids.extend(page.sessions.into_iter().map(|session| (session.session_id, session.current)));
            if page.next_page_token.is_empty() {
                return Ok::<_, Status>(ids);
            }
            next.page_token = page.next_page_token;
        }
    };
    let both = [second.session_id.clone(), first.session_id.clone()].map(|id| (id, false));
    assert_eq!(list(&ann, "").await.unwrap(), both);
    assert_eq!(list(&ann, "ann").await.unwrap(), both);
    assert_eq!(list(&server.admin_token, "ann").await.unwrap(), both);
    assert_eq!(list(&secret, "").await.unwrap()[1], (first.session_id.clone(), true));
    for (token, operator) in [(&ann, "admin"), (&ann, "nobody"), (&eve, "ann"), (&eve, "nobody")] {
        let refused = list(token, operator).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::NotFound, &*format!("Operator {operator} not found")));
    }
    let revoke = async |token: &String, id: &str| {
        let request = RevokeSessionRequest { session_id: id.to_owned() };
        as_(token).revoke_session(request).await.map(drop).map_err(|status| status.code())
    };
    assert_eq!(revoke(&eve, &first.session_id).await, Err(Code::NotFound));
    assert_eq!(revoke(&ann, "hpw_AAAAAAAA").await, Err(Code::NotFound));
    for _ in 0..2 {
        assert_eq!(revoke(&secret.clone(), &second.session_id).await, Ok(()), "repeats are harmless");
    }
    assert_eq!(revoke(&server.admin_token, &first.session_id).await, Ok(()));
    assert_eq!(list(&ann, "").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_makes_no_other_and_no_code_for_one() {
    let server = AnySystem::start().await;
    let (_, secret) = session(&server, &server.admin_token).await;
    let mut client = server.clients(&Caller::Operator(secret)).session;
    assert_eq!(client.create_session(CreateSessionRequest {}).await.unwrap_err().code(), Code::PermissionDenied);
    let refused = client.create_sign_in_code(CreateSignInCodeRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
