//! Signing in at the web page: cookies and who may use them, sessions and their ends, the fresh sign-in, identity providers.

mod cookie;
mod ends;
mod fresh;
mod link;
mod origin;
mod provider;

use homepot::pb::session::v1::{CreateSessionRequest, Session};
use homepot_tests::{
    System,
    grpc::Caller,
    rest::{Request, Response},
};
use serde_json::Value;

/// A request as a browser sends it from the server's own page.
fn from_page(request: Request) -> Request {
    request.header("Sec-Fetch-Site", "same-origin")
}

/// A request of the page with its cookie.
fn with_cookie(request: Request, cookie: &str) -> Request {
    from_page(request).header("Cookie", cookie)
}

/// Signs in as the page does.
async fn sign_in(server: &System, body: Value) -> Response {
    server.rest(from_page(Request::post("/session")).json(&body)).await
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie_of(answer: &Response) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
    set.split(';').next().unwrap_or_default().to_owned()
}

/// The cookie of a new session of the operator with this token.
async fn cookie(server: &System, token: &str) -> String {
    cookie_of(&sign_in(server, serde_json::json!({ "token": token })).await)
}

/// A new session of the operator with this token, and its secret.
async fn session(server: &System, token: &str) -> (Session, String) {
    let mut client = server.clients(&Caller::Operator(token.to_owned())).session;
    let made = client.create_session(CreateSessionRequest {}).await.expect("a token signs in").into_inner();
    (made.session.expect("what was made"), made.secret)
}

async fn who_am_i(server: &System, cookie: &str) -> Response {
    server.rest(with_cookie(Request::get("/api/v2/whoami"), cookie)).await
}
