//! Signing in with an identity provider: who becomes which operator, and which browser gets the session.

use homepot::pb::registry::v1::{self as pb, ListOperatorsRequest, Operator, Role};
use homepot_tests::{Fault, Member, Provider, Server, ServerOptions, eventually};
use serde_json::json;
use tonic::Code;

use super::*;

const ROLES: &str = "admins=fleet-admin, alpha-staff=operator@alpha, beta-staff=operator@beta, all=viewer";

struct World {
    server: Server,
    provider: Provider,
}

/// A browser on its way.
struct Begun {
    url: String,
    /// The cookie that it keeps.
    cookie: String,
}

/// The browser is back.
struct Back {
    /// Where it is sent.
    to: String,
    /// The cookie of its session, where somebody is signed in.
    session: Option<String>,
}

impl World {
    async fn start() -> Self {
        let provider = Provider::start().await;
        let settings = provider.settings("http://127.0.0.1:8000", ROLES);
        let options =
            settings.into_iter().fold(ServerOptions::default(), |options, (name, value)| options.env(name, value));
        let server = Server::start_with(options).await;
        server.create_site("alpha", false).await;
        server.create_site("beta", false).await;
        Self { server, provider }
    }

    async fn begin(&self, body: Value) -> Begun {
        let answer = self.server.rest(from_page(Request::post("/session/provider")).json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        Begun { url, cookie: cookie_of(&answer) }
    }

    /// As browsers come back: from another site's page, with the cookies they have here.
    async fn come_back(&self, parameters: &[(String, String)], cookie: Option<&str>) -> Back {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request =
            Request::get(&format!("/session/callback?{}", pairs.join("&"))).header("Sec-Fetch-Site", "cross-site");
        let request = match cookie {
            Some(cookie) => request.header("Cookie", cookie),
            None => request,
        };
        let answer = self.server.rest(request).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let set = set.filter_map(|(_, value)| value.split(';').next()).find(|cookie| cookie.contains("hpw_"));
        Back { to: answer.header("location").unwrap().to_owned(), session: set.map(str::to_owned) }
    }

    async fn sign_in_with(&self, body: Value, member: &Member) -> Back {
        let begun = self.begin(body).await;
        let back = self.provider.sign_in(&begun.url, member);
        self.come_back(&back, Some(&begun.cookie)).await
    }

    /// The cookie of a session of `member`.
    async fn sign_in(&self, member: &Member) -> String {
        let back = self.sign_in_with(json!({}), member).await;
        assert_eq!(back.to, "/#/signed-in");
        back.session.expect("somebody is signed in")
    }

    async fn me(&self, cookie: &str) -> Value {
        let answer = who_am_i(&self.server, cookie).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    async fn operators(&self) -> Vec<Operator> {
        let list = self.server.admin().registry.list_operators(ListOperatorsRequest::default()).await;
        list.unwrap().into_inner().operators
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_give_role_and_sites_anew_at_each_sign_in() {
    let world = World::start().await;
    let options = world.server.rest(Request::get("/session")).await;
    assert_eq!((options.status, options.json()), (200, json!({ "provider": { "name": "Acme" } })));

    let ann = |groups: &[&str]| Member::new("17", "ann", groups);
    let first = world.sign_in(&ann(&["alpha-staff", "beta-staff", "all"])).await;
    let me = world.me(&first).await;
    assert_eq!(me["operator"]["name"], "ann");
    assert_eq!(
        (&me["operator"]["role"], &me["operator"]["site_ids"]),
        (&json!("ROLE_OPERATOR"), &json!(["alpha", "beta"]))
    );
    let second = world.sign_in(&ann(&["admins"])).await;
    for cookie in [&first, &second] {
        let me = world.me(cookie).await;
        assert_eq!((&me["operator"]["role"], &me["operator"]["site_ids"]), (&json!("ROLE_ADMIN"), &json!([])));
    }
    let operators = world.operators().await;
    let ann_listed: Vec<_> = operators.iter().filter(|operator| operator.subject == "17").collect();
    let [listed] = ann_listed.as_slice() else { panic!("{operators:?}") };
    assert_eq!((listed.name.as_str(), &listed.issuer, listed.token_id.as_str()), ("ann", &world.provider.issuer(), ""));

    let log = format!("{:?}", world.server.process().log());
    let line = world.server.process().logged("the sign-in in the audit log", |line| {
        let is_it = line["target"] == "audit" && line["operator"] == "ann";
        is_it.then(|| line.clone())
    });
    assert!(line.await["method"].as_str().unwrap().ends_with("/CreateSession"));
    for secret in [&first, &second].map(|cookie| cookie.split_once('=').unwrap().1) {
        assert!(!log.contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_its_groups_is_told_so_and_its_sessions_end() {
    let world = World::start().await;
    let nobody = world.sign_in_with(json!({}), &Member::new("1", "nobody", &["others"])).await;
    assert_eq!((nobody.to.as_str(), nobody.session), ("/#/signed-in?failed=NO_ROLE", None));
    let session = world.sign_in(&Member::new("17", "ann", &["all"])).await;
    world.me(&session).await;
    let back = world.sign_in_with(json!({}), &Member::new("17", "ann", &[])).await;
    assert_eq!(back.to, "/#/signed-in?failed=NO_ROLE");
    assert_eq!(who_am_i(&world.server, &session).await.status, 401);
    assert!(world.operators().await.iter().all(|operator| operator.name != "nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_becomes_the_operator_of_somebody_else() {
    let world = World::start().await;
    world.server.create_operator("bob", Role::Viewer, &[]).await;
    let mut names = Vec::new();
    for (subject, name) in [("1", "admin"), ("2", "bob"), ("3", "bob"), ("4", "ann"), ("4", "admin")] {
        let cookie = world.sign_in(&Member::new(subject, name, &["all"])).await;
        let name = world.me(&cookie).await["operator"]["name"].as_str().unwrap().to_owned();
        names.push(name);
    }
    assert!(
        names[0].starts_with("admin-") && names[1].starts_with("bob-") && names[2].starts_with("bob-"),
        "{names:?}"
    );
    assert_ne!(names[1], names[2]);
    assert_eq!(names[3..], ["ann", "ann"], "a name is for ever, whatever the provider calls the person later");

    // It has no token and gets none, and the operators with tokens are as they were.
    let mut admin = world.server.admin().registry;
    let refused = admin.rotate_operator_token(pb::RotateOperatorTokenRequest { name: "ann".to_owned() }).await;
    assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
    let operators = world.operators().await;
    let of = |name: &str| operators.iter().find(|operator| operator.name == name).unwrap();
    assert_eq!((of("admin").role(), of("admin").subject.as_str()), (Role::Admin, ""));
    assert_eq!((of("bob").role(), of("bob").subject.as_str()), (Role::Viewer, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_is_out_within_seconds_and_does_not_come_back() {
    let world = World::start().await;
    let ann = Member::new("17", "ann", &["admins"]);
    let session = world.sign_in(&ann).await;
    let (_, secret) = session.split_once('=').unwrap();
    let mut registry = world.server.clients(&Caller::Operator(secret.to_owned())).registry;
    let mut watch = registry.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    watch.message().await.unwrap().expect("the first message");
    let request = pb::RevokeOperatorRequest { name: "ann".to_owned(), ..Default::default() };
    world.server.admin().registry.revoke_operator(request).await.unwrap();
    let ended = async {
        loop {
            if let Err(status) = watch.message().await {
                return status.code();
            }
        }
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), ended).await;
    assert_eq!(ended.expect("the watch ends"), Code::Unauthenticated);
    assert_eq!(who_am_i(&world.server, &session).await.status, 401);
    let back = world.sign_in_with(json!({}), &ann).await;
    assert_eq!((back.to.as_str(), back.session), ("/#/signed-in?failed=OPERATOR_REVOKED", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_of_the_provider_does_not_count_as_the_last_one() {
    let world = World::start().await;
    let session = world.sign_in(&Member::new("17", "ann", &["admins"])).await;
    let revoke = Request::post("/api/v2/operators/admin/revoke").json(&json!({}));
    let answer = world.server.rest(with_cookie(revoke, &session)).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_browser_that_began_gets_the_session_and_once() {
    let world = World::start().await;
    let ann = Member::new("17", "ann", &["all"]);
    let unknown = "/#/signed-in?failed=SIGN_IN_UNKNOWN";
    let (begun, other) = (world.begin(json!({})).await, world.begin(json!({})).await);
    let back = world.provider.sign_in(&begun.url, &ann);
    // Without a begun sign-in, by another browser, and with the state of another sign-in.
    let mut crossed = back.clone();
    crossed[1] = world.provider.sign_in(&other.url, &ann)[1].clone();
    for (parameters, cookie) in [
        (&back, None),
        (&back, Some(other.cookie.as_str())),
        (&crossed, Some(begun.cookie.as_str())),
        (&Vec::new(), Some(begun.cookie.as_str())),
        (&[&back[..], &back[..]].concat(), Some(begun.cookie.as_str())),
    ] {
        let refused = world.come_back(parameters, cookie).await;
        assert_eq!((refused.to.as_str(), refused.session), (unknown, None));
    }
    assert_eq!(world.provider.calls("/token"), 0, "nothing of that reaches the provider");

    assert!(world.come_back(&back, Some(&begun.cookie)).await.session.is_some());
    let again = world.come_back(&back, Some(&begun.cookie)).await;
    assert_eq!((again.to.as_str(), again.session), ("/#/signed-in?failed=PROVIDER_REFUSED", None));
    // Where the provider takes codes twice, the server does not.
    world.provider.be(&[Fault::CodesForEver]);
    let begun = world.begin(json!({ "window": true })).await;
    let back = world.provider.sign_in(&begun.url, &ann);
    assert!(world.come_back(&back, Some(&begun.cookie)).await.session.is_some());
    let again = world.come_back(&back, Some(&begun.cookie)).await;
    assert_eq!((again.to.as_str(), again.session), ("/#/signed-in?window=1&failed=SIGN_IN_UNKNOWN", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_says_in_place_of_a_code_is_a_word_that_the_page_knows() {
    let world = World::start().await;
    for (error, word) in [
        ("access_denied", "PROVIDER_REFUSED"),
        ("login_required", "PROVIDER_REFUSED"),
        ("server_error", "PROVIDER_FAILED"),
        ("%3Cscript%3E", "PROVIDER_REFUSED"),
    ] {
        let begun = world.begin(json!({})).await;
        let (_, state) = world.provider.sign_in(&begun.url, &Member::new("17", "ann", &[])).remove(1);
        let parameters = [("error".to_owned(), error.to_owned()), ("state".to_owned(), state)];
        let back = world.come_back(&parameters, Some(&begun.cookie)).await;
        assert_eq!((back.to, back.session), (format!("/#/signed-in?failed={word}"), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_the_provider_is_fresh_when_the_person_showed_who_it_is() {
    let world = World::start().await;
    let ann = Member::new("17", "ann", &["admins"]);
    let make = async |cookie: &str, name: &str| {
        let body = json!({ "name": name, "role": "ROLE_VIEWER" });
        world.server.rest(with_cookie(Request::post("/api/v2/operators").json(&body), cookie)).await
    };
    let session = world.sign_in(&ann).await;
    assert_eq!(make(&session, "one").await.status, 200);
    for fault in [Fault::OldAuthTime, Fault::NoAuthTime] {
        world.provider.be(&[fault]);
        let session = world.sign_in(&ann).await;
        let refused = make(&session, "two").await;
        assert_eq!((refused.status, &refused.json()["reason"]), (409, &json!("SIGN_IN_AGAIN")), "{fault:?}");
        let back = world.sign_in_with(json!({ "fresh": true }), &ann).await;
        assert_eq!(back.to, "/#/signed-in?failed=PROVIDER_FAILED", "{fault:?}");
    }
    world.provider.be(&[]);
    let back = world.sign_in_with(json!({ "fresh": true }), &ann).await;
    assert_eq!(make(&back.session.unwrap(), "two").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_keeps_no_server_from_starting() {
    let provider = Provider::start().await;
    provider.be(&[Fault::Down]);
    let settings = provider.settings("http://127.0.0.1:8000", ROLES);
    let options =
        settings.into_iter().fold(ServerOptions::default(), |options, (name, value)| options.env(name, value));
    let world = World { server: Server::start_with(options).await, provider };
    assert_eq!(world.provider.calls("/.well-known/openid-configuration"), 0);
    let begin = || from_page(Request::post("/session/provider")).json(&json!({}));
    let answer = world.server.rest(begin()).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("PROVIDER_FAILED")), "{}", answer.text());
    world.provider.be(&[]);
    let up = async || (world.server.rest(begin()).await.status == 200).then_some(());
    eventually("the provider is asked again", up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_provider_says_so() {
    let server = Server::start().await;
    assert_eq!(server.rest(Request::get("/session")).await.json(), json!({ "provider": null }));
    let answer = server.rest(from_page(Request::post("/session/provider")).json(&json!({}))).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (409, &json!("NO_PROVIDER")));
    let back = server.rest(Request::get("/session/callback?code=x&state=y")).await;
    assert_eq!((back.status, back.header("location")), (303, Some("/#/signed-in?failed=NO_PROVIDER")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_page_begins_a_sign_in_and_no_address_begins_too_many() {
    let world = World::start().await;
    let post = || Request::post("/session/provider").json(&json!({}));
    for headers in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", "https://evil.example")],
        &[],
    ] {
        let request = headers.iter().fold(post(), |request, (name, value)| request.header(name, value));
        let answer = world.server.rest(request).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{headers:?}: {}", answer.text());
    }
    let unknown = from_page(Request::post("/session/provider")).json(&json!({ "to": "https://evil.example" }));
    assert_eq!(world.server.rest(unknown).await.status, 422);

    let from = homepot_tests::elsewhere();
    let mut told = Vec::new();
    for _ in 0..110 {
        told.push(world.server.rest(from_page(post()).from(from)).await.status);
    }
    assert_eq!(told.iter().filter(|status| **status == 200).count(), 100);
    assert!(told[100..].iter().all(|status| *status == 429), "{told:?}");
    assert_eq!(world.server.rest(from_page(post())).await.status, 200, "others are not kept out");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_finishes_what_one_began() {
    let world = World::start().await;
    let settings = world.provider.settings("http://127.0.0.1:8000", ROLES);
    let options =
        settings.into_iter().fold(ServerOptions::default(), |options, (name, value)| options.env(name, value));
    let beside = World { server: world.server.start_beside(options).await, provider: Provider::start().await };
    let begun = world.begin(json!({})).await;
    let back = world.provider.sign_in(&begun.url, &Member::new("17", "ann", &["all"]));
    let session = beside.come_back(&back, Some(&begun.cookie)).await.session.expect("it is signed in");
    assert_eq!(world.me(&session).await["operator"]["name"], "ann");
}
