//! Who may not see a thing is not told whether it is there.

use homepot::{
    access::Audience,
    contract::METHODS,
    pb::{device::v1 as device_pb, registry::v1 as pb},
};
use homepot_tests::{
    AnySystem, elsewhere,
    grpc::{Caller, call, connection},
    rest::Request,
};
use serde_json::json;
use tonic::{Code, Status};

use super::world::World;

/// `message` about things that are not there: the ids in it are changed, and stay as long as they were.
fn about_nothing(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    for at in 0..message.len() {
        if message[at..].starts_with(b"alpha") {
            message[at..at + 5].copy_from_slice(b"omega");
        }
        let uuid = message.get(at..at + 36).and_then(|bytes| std::str::from_utf8(bytes).ok());
        if uuid.is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()) {
            message[at + 24..at + 36].copy_from_slice(b"000000000000");
        }
        let is_id = [b"hpe_", b"hpw_"].iter().any(|prefix| message[at..].starts_with(*prefix));
        if is_id && message.len() >= at + 12 {
            message[at + 4..at + 12].copy_from_slice(b"AAAAAAAA");
        }
    }
    message
}

/// What a refusal says, but for the ids that the caller gave.
fn told(status: &Status) -> (Code, String) {
    let uuid = |word: &str| uuid::Uuid::try_parse(word.trim_matches(|c: char| !c.is_ascii_hexdigit())).is_ok();
    let words = status.message().split(' ').map(|word| if uuid(word) { "ID" } else { word });
    (status.code(), words.collect::<Vec<_>>().join(" ").replace("omega", "alpha"))
}

/// Methods about what belongs to the whole fleet: every operator may see it.
const OF_ALL: &[&str] = &["/homepot.rollout.v1.ReleaseService/GetRelease"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_is_refused_in_the_same_words_as_what_is_not_there() {
    let world = World::build().await;
    let mut compared = 0;
    for method in METHODS {
        let path = method.path;
        let caller = match method.audience {
            Audience::Device => Caller::Device(world.beta.clone()),
            Audience::Enrollee => Caller::Enrollee(world.server.enrollment_token("beta").await),
            _ => Caller::Operator(world.beta_admin.clone()),
        };
        let message = world.message(path).await;
        let ask = async |message| call(connection(elsewhere(), &world.server.grpc_addr, &caller), path, message).await;
        let (there, not_there) = (ask(message.clone()).await, ask(about_nothing(&message)).await);
        match (there, not_there) {
            (Err(there), Err(not_there)) => {
                assert_eq!(told(&there), told(&not_there), "{path}");
                compared += 1;
            }
            (Ok(_), Ok(_)) => {}
            (Ok(_), Err(not_there)) if OF_ALL.contains(&path) => assert_eq!(not_there.code(), Code::NotFound),
            (there, not_there) => panic!("{path}: {there:?}, but of what is not there {not_there:?}"),
        }
    }
    assert!(compared > 25, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_operators_elsewhere_are_free_for_an_admin_of_a_site() {
    let server = AnySystem::start().await;
    server.create_site("alpha", false).await;
    server.create_site("beta", false).await;
    server.create_operator("night-shift", pb::Role::Viewer, &["alpha"]).await;
    let token = server.create_operator("beta-admin", pb::Role::Admin, &["beta"]).await;
    let mut admin = server.clients(&Caller::Operator(token)).registry;
    let mut make = async |name: &str| {
        let (role, site_ids) = (pb::Role::Viewer.into(), vec!["beta".to_owned()]);
        let request = pb::CreateOperatorRequest { name: name.to_owned(), role, site_ids, ..Default::default() };
        admin.create_operator(request).await.map(|made| made.into_inner().operator.unwrap().name)
    };
    for name in ["night-shift", "admin", "nobody-yet"] {
        assert_eq!(make(name).await.unwrap(), format!("{name}@beta-admin"));
    }
    assert_eq!(make("night-shift").await.unwrap_err().code(), Code::AlreadyExists, "its own it knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_token_tells_nothing_of_other_sites_and_little_of_their_devices() {
    let server = AnySystem::start().await;
    server.create_site("alpha", false).await;
    server.create_site("beta", false).await;
    server.enroll("alpha", "alpha-till").await;
    let request = pb::CreateEnrollmentTokenRequest { site_id: "beta".to_owned(), max_uses: 100, ..Default::default() };
    let token = server.admin().registry.create_enrollment_token(request).await.unwrap().into_inner().secret;
    let mut device = server.clients(&Caller::Enrollee(token.clone())).device;
    let mut enroll = async |site_id: &str, device_id: &str| {
        let (site_id, device_id) = (site_id.to_owned(), device_id.to_owned());
        let name = "New".to_owned();
        device.enroll(device_pb::EnrollRequest { site_id, device_id, name, ..Default::default() }).await.map(drop)
    };
    let there = enroll("alpha", "new").await.unwrap_err();
    let not_there = enroll("omega", "new").await.unwrap_err();
    assert_eq!(told(&there), told(&not_there));
    let over_rest = async |site: &str| {
        let request = Request::post(&format!("/api/v1/devices/sites/{site}/devices"));
        let request = request.header("x-enrollment-token", &token).json(&json!({"device_id": "new", "name": "New"}));
        let answer = server.rest(request).await;
        (answer.status, answer.text().replace("omega", "alpha"))
    };
    assert_eq!(over_rest("alpha").await.0, 403);

    // An id that is taken has to be told, but not where, and not for ever.
    enroll("beta", "beta-till").await.unwrap();
    let elsewhere = enroll("beta", "alpha-till").await.unwrap_err();
    let here = enroll("beta", "beta-till").await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::AlreadyExists);
    assert_eq!(elsewhere.message().replace("alpha", "beta"), here.message());
    for _ in 0..9 {
        assert_eq!(enroll("beta", "alpha-till").await.unwrap_err().code(), Code::AlreadyExists);
    }
    for device_id in ["alpha-till", "not-there"] {
        assert_eq!(enroll("beta", device_id).await.unwrap_err().code(), Code::ResourceExhausted, "{device_id}");
    }
}
