//! Nobody gives more than it has, and what somebody made can be found and ended.

use homepot::pb::registry::v1 as pb;
use homepot_tests::{
    AnySystem,
    grpc::{Caller, Clients},
};
use prost_types::Duration;
use tonic::{Code, Status};

fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

/// An admin of the sites, made by whoever `clients` are.
async fn admin_by(
    clients: &mut Clients,
    name: &str,
    sites: &[&str],
    time_to_live: Option<Duration>,
) -> Result<pb::CreateOperatorResponse, Status> {
    let site_ids = sites.iter().map(|site| (*site).to_owned()).collect();
    let request =
        pb::CreateOperatorRequest { name: name.to_owned(), role: pb::Role::Admin.into(), site_ids, time_to_live };
    clients.registry.create_operator(request).await.map(tonic::Response::into_inner)
}

async fn revoke(clients: &mut Clients, name: &str, with_made: bool) -> Result<pb::RevokeOperatorResponse, Status> {
    let request = pb::RevokeOperatorRequest { name: name.to_owned(), with_made };
    clients.registry.revoke_operator(request).await.map(tonic::Response::into_inner)
}

async fn names(clients: &mut Clients) -> Vec<String> {
    let page = clients.registry.list_operators(pb::ListOperatorsRequest::default()).await.unwrap().into_inner();
    page.operators.into_iter().map(|operator| operator.name).collect()
}

async fn server_of_two_sites() -> AnySystem {
    let server = AnySystem::start().await;
    server.create_site("alpha", false).await;
    server.create_site("beta", false).await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_whose_token_ends_makes_nothing_that_lasts_longer() {
    let server = server_of_two_sites().await;
    let made = admin_by(&mut server.admin(), "short", &["alpha"], seconds(600)).await.unwrap();
    let end = made.operator.unwrap().expires_at;
    let mut short = server.clients(&Caller::Operator(made.token));

    let heir = admin_by(&mut short, "heir", &["alpha"], None).await.unwrap().operator.unwrap();
    assert_eq!((heir.expires_at, heir.made_by.as_str(), heir.name.as_str()), (end, "short", "heir@short"));
    for time_to_live in [seconds(3_600), seconds(315_000_000)] {
        let refused = admin_by(&mut short, "lasting", &["alpha"], time_to_live).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        assert!(refused.message().contains("time_to_live"), "{refused:?}");
    }
    assert_eq!(admin_by(&mut short, "wider", &[], None).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(admin_by(&mut short, "other", &["beta"], None).await.unwrap_err().code(), Code::PermissionDenied);

    let token = |time_to_live| pb::CreateEnrollmentTokenRequest {
        site_id: "alpha".to_owned(),
        time_to_live,
        ..Default::default()
    };
    let made = short.registry.create_enrollment_token(token(None)).await.unwrap().into_inner();
    let made = made.enrollment_token.unwrap();
    assert_eq!((made.expires_at, made.created_by.as_str()), (end, "short"));
    let refused = short.registry.create_enrollment_token(token(seconds(3_600))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);

    // An admin of every site that ends can't take over one that does not.
    let made = admin_by(&mut server.admin(), "fleet", &[], seconds(600)).await.unwrap();
    let mut fleet = server.clients(&Caller::Operator(made.token));
    let rotate = pb::RotateOperatorTokenRequest { name: "admin".to_owned() };
    assert_eq!(fleet.registry.rotate_operator_token(rotate).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_of_a_site_lists_and_ends_its_own_and_no_others() {
    let server = server_of_two_sites().await;
    let as_admin = |token: String| server.clients(&Caller::Operator(token));
    let mut ann = as_admin(server.create_operator("ann", pb::Role::Admin, &["alpha"]).await);
    server.create_operator("beta-admin", pb::Role::Admin, &["beta"]).await;
    let bob = admin_by(&mut ann, "bob", &["alpha"], None).await.unwrap();
    let mut bob = as_admin(bob.token);
    let cyd = admin_by(&mut bob, "cyd", &["alpha"], None).await.unwrap().operator.unwrap();
    assert_eq!(cyd.name, "cyd@bob@ann");
    assert_eq!(names(&mut ann).await, ["ann", "bob@ann", "cyd@bob@ann"]);
    assert_eq!(names(&mut bob).await, ["bob@ann", "cyd@bob@ann"]);

    let other = revoke(&mut bob, "ann", false).await.unwrap_err();
    let nobody = revoke(&mut bob, "eve", false).await.unwrap_err();
    assert_eq!((other.code(), nobody.code()), (Code::NotFound, Code::NotFound));
    assert_eq!(other.message().replace("ann", "eve"), nobody.message());
    let rotate = pb::RotateOperatorTokenRequest { name: "admin".to_owned() };
    assert_eq!(bob.registry.rotate_operator_token(rotate).await.unwrap_err().code(), Code::NotFound);
    let rotate = pb::RotateOperatorTokenRequest { name: "cyd@bob@ann".to_owned() };
    ann.registry.rotate_operator_token(rotate).await.expect("what those made is its own too");
    revoke(&mut bob, "cyd@bob@ann", false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_an_admin_ends_what_it_made_where_it_is_told_to() {
    let server = server_of_two_sites().await;
    let mut admin = server.admin();
    let mut thief =
        server.clients(&Caller::Operator(server.create_operator("thief", pb::Role::Admin, &["alpha"]).await));
    let heir = admin_by(&mut thief, "heir", &["alpha"], None).await.unwrap();
    let token = pb::CreateEnrollmentTokenRequest { site_id: "alpha".to_owned(), ..Default::default() };
    thief.registry.create_enrollment_token(token).await.unwrap();

    let left = revoke(&mut admin, "thief", false).await.unwrap();
    assert_eq!((left.operators_left, left.enrollment_tokens_left), (1, 1));
    let mut heir = server.clients(&Caller::Operator(heir.token));
    heir.registry.who_am_i(pb::WhoAmIRequest {}).await.expect("left as it was");
    let taken = revoke(&mut admin, "thief", true).await.unwrap();
    assert_eq!((taken.also_revoked, taken.enrollment_tokens_revoked), (vec!["heir@thief".to_owned()], 1));
    assert_eq!((taken.operators_left, taken.enrollment_tokens_left), (0, 0));
    let refused = heir.registry.who_am_i(pb::WhoAmIRequest {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}
