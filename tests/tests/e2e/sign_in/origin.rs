//! A browser sends the cookie whoever made it call. What another site's page makes it send is refused.

use homepot_tests::{AnySystem, Server, rest::Request};
use serde_json::json;

use super::*;

/// Headers, as a browser sends them.
type Headers = [(&'static str, &'static str)];

/// What a browser says of the page behind a request that changes something, and whether it is taken. Requests go to
/// `http://localhost`.
const CALLERS: [(&str, &Headers, bool); 10] = [
    ("our page", &[("Sec-Fetch-Site", "same-origin")], true),
    ("our page in an older browser", &[("Origin", "http://localhost")], true),
    ("another site's page", &[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")], false),
    ("another site's page that hides its origin", &[("Sec-Fetch-Site", "cross-site"), ("Origin", "null")], false),
    ("another host of our site", &[("Sec-Fetch-Site", "same-site")], false),
    ("nobody's page", &[("Sec-Fetch-Site", "none")], false),
    ("another site's page in an older browser", &[("Origin", "https://evil.example")], false),
    ("another port of this machine", &[("Origin", "http://localhost:3000")], false),
    ("our host without TLS", &[("Origin", "https://localhost")], false),
    ("no browser", &[], false),
];

fn with(request: Request, headers: &[(&str, &str)]) -> Request {
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_taken_from_our_own_page_alone() {
    let server = Server::start().await;
    server.create_site("alpha", false).await;
    for (name, headers, is_taken) in CALLERS {
        // Someone's page must not sign a browser in either: its owner would work as somebody else.
        let sign_in = with(Request::post("/session"), headers).json(&json!({ "token": server.admin_token }));
        let answer = server.rest(sign_in).await;
        assert_eq!(answer.status, if is_taken { 201 } else { 403 }, "signing in by {name}: {}", answer.text());
        assert_eq!(answer.header("set-cookie").is_some(), is_taken, "{name}");
        assert!(is_taken || answer.text().contains("from the server's own page only"), "{}", answer.text());

        let cookie = cookie(&server, &server.admin_token).await;
        let queue = Request::new("PATCH", "/api/v2/sites/alpha").json(&json!({ "location": name }));
        let answer = server.rest(with(queue, headers).header("Cookie", &cookie)).await;
        assert_eq!(answer.status, if is_taken { 200 } else { 403 }, "{name}: {}", answer.text());
        let web = Request::post("/homepot.registry.v1.RegistryService/ListSites").body([0; 5]);
        let web = with(web.header("Content-Type", "application/grpc-web+proto"), headers);
        let answer = server.rest(web.header("Cookie", &cookie)).await;
        assert_eq!(answer.status, if is_taken { 200 } else { 403 }, "gRPC-Web by {name}: {}", answer.text());

        let out = with(Request::new("DELETE", "/session"), headers).header("Cookie", &cookie);
        assert_eq!(server.rest(out).await.status, if is_taken { 204 } else { 403 }, "signing out by {name}");
        assert_eq!(who_am_i(&server, &cookie).await.status, if is_taken { 401 } else { 200 }, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_with_a_cookie_is_read_by_our_own_page_and_a_token_needs_no_page() {
    let server = AnySystem::start().await;
    let cookie = cookie(&server, &server.admin_token).await;
    for (site, due) in [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)] {
        let get = Request::get("/api/v2/whoami").header("Sec-Fetch-Site", site);
        let answer = server.rest(get.clone().header("Cookie", &cookie)).await;
        assert_eq!(answer.status, due, "{site}: {}", answer.text());
        assert_eq!(server.rest(get.bearer(&server.admin_token)).await.status, 200, "a token from {site}");
    }
    // Without the header it is a program, or a browser that lets no other page read the answer.
    let get = Request::get("/api/v2/whoami").header("Cookie", &cookie);
    assert_eq!(server.rest(get).await.status, 200);
    let post = Request::post("/api/v2/sites").json(&json!({ "site_id": "alpha", "name": "Alpha" }));
    let post = post.header("Sec-Fetch-Site", "cross-site").header("Cookie", &cookie).bearer(&server.admin_token);
    assert_eq!(server.rest(post).await.status, 200, "a token is no browser's doing");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shows_ours_in_a_frame() {
    let server = AnySystem::start().await;
    let cookie = cookie(&server, &server.admin_token).await;
    for path in ["/", "/docs/", "/api/v2/whoami"] {
        let answer = server.rest(with_cookie(Request::get(path), &cookie)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"), "{path}");
    }
}
