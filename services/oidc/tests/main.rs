//! The client against an identity provider that is at fault, one test a fault.

// The tests share the clock of the machine that they run on.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use homepot_host::settings::test_support;
use homepot_oidc::{Attempt, Fault, Person, Provider, settings::OidcFlags};
use homepot_tests::{Certificate, Fault as At, Member};

const PAGE: &str = "http://127.0.0.1:8000";

struct World {
    provider: homepot_tests::Provider,
    client: Provider,
}

fn attempt(is_fresh: bool) -> Attempt {
    let word = |name: &str| format!("{name}-{}", another_word());
    let begun_at = now();
    Attempt { state: word("state"), nonce: word("nonce"), verifier: word("verifier"), is_fresh, begun_at }
}

/// Another word each time.
fn another_word() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{:040}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}

fn ann() -> Member {
    Member::new("17", "ann", &["admins", "others"])
}

impl World {
    async fn start() -> Self {
        Self::of(homepot_tests::Provider::start().await, &[])
    }

    fn of(provider: homepot_tests::Provider, more: &[String]) -> Self {
        let (secret, flags): (Vec<_>, Vec<_>) =
            provider.settings(PAGE, "admins=fleet-admin").into_iter().partition(|(name, _)| name.ends_with("_SECRET"));
        let flag = |(name, value): (&str, String)| {
            format!("--{}={value}", name.trim_start_matches("HOMEPOT_").to_lowercase().replace('_', "-"))
        };
        let flags: Vec<_> = flags.into_iter().map(flag).chain(more.iter().cloned()).collect();
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let secret: Vec<_> = secret.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let settings = test_support::read(&flags, &secret, OidcFlags::read).unwrap().unwrap();
        Self { client: Provider::new(settings).unwrap(), provider }
    }

    async fn sign_in_as(&self, attempt: &Attempt, issuer: Option<&str>) -> Result<Person, Fault> {
        let url = self.client.authorization_url(attempt).await?;
        let back = self.provider.sign_in(&url, &ann());
        let code = &back.iter().find(|(name, _)| name == "code").unwrap().1;
        self.client.person(code, issuer, attempt, now()).await
    }

    async fn sign_in(&self) -> Result<Person, Fault> {
        self.sign_in_as(&attempt(false), None).await
    }

    /// Signs in while the provider has this fault; answers why the token can't be trusted.
    async fn distrust(fault: At) -> String {
        let world = Self::start().await;
        world.provider.be(&[fault]);
        match world.sign_in().await {
            Err(Fault::Untrusted(why)) => why,
            other => panic!("{fault:?}: {other:?}"),
        }
    }

    /// The same where no token comes at all.
    async fn miss(fault: At) -> String {
        let world = Self::start().await;
        world.provider.be(&[fault]);
        match world.sign_in().await {
            Err(Fault::Unavailable(why)) => why,
            other => panic!("{fault:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn who_signs_in_is_told_with_its_groups() {
    let world = World::start().await;
    let person = world.sign_in().await.unwrap();
    assert_eq!((person.subject.as_str(), person.name.as_deref()), ("17", Some("ann")));
    assert_eq!(person.groups, ["admins", "others"]);
    assert!(person.authenticated_at.is_some_and(|at| (now() - at).abs() < 60));
    for _ in 0..3 {
        world.sign_in().await.unwrap();
    }
    let calls = ["/.well-known/openid-configuration", "/keys", "/token"].map(|path| world.provider.calls(path));
    assert_eq!(calls, [1, 1, 4], "what seldom changes is kept");
}

#[tokio::test]
async fn the_way_to_the_provider_carries_no_secret() {
    let world = World::start().await;
    let attempt = attempt(true);
    let url = world.client.authorization_url(&attempt).await.unwrap();
    assert!(url.contains(&attempt.state) && url.contains("prompt=login") && url.contains("max_age=0"), "{url}");
    assert!(!url.contains(&attempt.verifier) && !url.contains("between-the-two"), "{url}");
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    assert_eq!(World::distrust(At::AlgNone).await, "its algorithm 'none' is not taken");
}

#[tokio::test]
async fn a_token_that_is_signed_with_the_public_key_as_a_secret_is_refused() {
    assert_eq!(World::distrust(At::Hs256).await, "its algorithm 'HS256' is not taken");
}

#[tokio::test]
async fn a_token_that_was_changed_after_it_was_signed_is_refused() {
    assert_eq!(World::distrust(At::WrongSignature).await, "its signature is wrong");
}

#[tokio::test]
async fn a_token_for_another_sign_in_is_refused() {
    assert_eq!(World::distrust(At::WrongNonce).await, "it was made for another sign-in");
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    assert_eq!(World::distrust(At::WrongIssuer).await, "it is of another issuer");
}

#[tokio::test]
async fn a_token_for_another_client_is_refused() {
    assert_eq!(World::distrust(At::WrongAudience).await, "it is for another client");
    assert_eq!(World::distrust(At::OtherParty).await, "it was made for another client");
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused() {
    assert_eq!(World::distrust(At::Expired).await, "it has expired");
}

#[tokio::test]
async fn a_token_of_the_future_is_refused_and_the_clocks_are_named() {
    assert!(World::distrust(At::Future).await.contains("clocks"));
}

#[tokio::test]
async fn a_key_that_was_rotated_is_found_without_a_restart() {
    let world = World::start().await;
    world.sign_in().await.unwrap();
    world.provider.rotate_key();
    world.sign_in().await.unwrap();
    assert_eq!(world.provider.calls("/keys"), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_no_flood_of_fetches() {
    let world = World::start().await;
    world.provider.be(&[At::UnknownKey]);
    for _ in 0..20 {
        assert_eq!(world.sign_in().await, Err(Fault::Untrusted("the provider has no such key".to_owned())));
    }
    assert_eq!((world.provider.calls("/keys"), world.provider.calls("/token")), (2, 20));
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_to_its_end() {
    assert!(World::miss(At::Oversized).await.contains("too large"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::start().await;
    world.provider.be(&[At::Redirect]);
    let Err(Fault::Unavailable(why)) = world.sign_in().await else { panic!("taken") };
    assert!(why.contains("redirect"), "{why}");
    assert_eq!(world.provider.calls("/elsewhere"), 0);
}

#[tokio::test]
async fn a_provider_that_says_it_is_another_is_refused() {
    let why = World::miss(At::OtherIssuer).await;
    assert!(why.contains("of the issuer 'http://127.0.0.1:1'"), "{why}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_not_waited_for() {
    let world = World::start().await;
    world.sign_in().await.unwrap();
    world.provider.be(&[At::Slow]);
    // From here on time passes as soon as nothing else is left to do.
    tokio::time::pause();
    let Err(Fault::Unavailable(why)) = world.sign_in().await else { panic!("taken") };
    assert!(why.contains("in time"), "{why}");
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_seldom_and_used_again_when_it_is_back() {
    let world = World::start().await;
    world.provider.be(&[At::Down]);
    assert!(matches!(world.sign_in().await, Err(Fault::Unavailable(_))));
    // However slow this machine is.
    tokio::time::pause();
    for _ in 0..10 {
        assert!(matches!(world.sign_in().await, Err(Fault::Unavailable(_))));
    }
    assert_eq!(world.provider.calls("/.well-known/openid-configuration"), 1);
    world.provider.be(&[]);
    tokio::time::advance(std::time::Duration::from_secs(3)).await;
    tokio::time::resume();
    world.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_fresh_sign_in_needs_the_providers_word_that_it_is_one() {
    let world = World::start().await;
    world.sign_in_as(&attempt(true), None).await.unwrap();
    for fault in [At::NoAuthTime, At::OldAuthTime] {
        world.provider.be(&[fault]);
        let refused = world.sign_in_as(&attempt(true), None).await;
        assert!(matches!(refused, Err(Fault::Untrusted(_))), "{fault:?}: {refused:?}");
        world.sign_in().await.unwrap();
    }
    assert_eq!(world.sign_in().await.unwrap().authenticated_at.map(|at| (now() - at) / 1800), Some(2));
}

#[tokio::test]
async fn a_code_is_worth_nothing_without_the_secret_that_its_sign_in_began_with() {
    let world = World::start().await;
    let (ours, theirs) = (attempt(false), attempt(false));
    let url = world.client.authorization_url(&ours).await.unwrap();
    let back = world.provider.sign_in(&url, &ann());
    let refused = world.client.person(&back[0].1, None, &theirs, now()).await;
    assert_eq!(refused, Err(Fault::Refused("400 invalid_grant".to_owned())));
}

#[tokio::test]
async fn who_comes_back_from_another_provider_is_not_believed() {
    let world = World::start().await;
    let issuer = world.provider.issuer();
    world.sign_in_as(&attempt(false), Some(&issuer)).await.unwrap();
    let refused = world.sign_in_as(&attempt(false), Some("https://evil.example")).await;
    assert!(matches!(refused, Err(Fault::Untrusted(_))), "{refused:?}");
}

#[tokio::test]
async fn over_tls_a_provider_is_believed_where_its_authority_is_trusted() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let of = async |trusted: &Certificate| {
        let provider = homepot_tests::Provider::start_over_tls(&certificate).await;
        World::of(provider, &[format!("--oidc-ca-file={}", trusted.file().display())])
    };
    of(&certificate).await.sign_in().await.unwrap();
    let refused = of(&other).await.sign_in().await;
    assert!(matches!(&refused, Err(Fault::Unavailable(why)) if why.contains("certificate")), "{refused:?}");
}
