//! One-time links: from the server's start, from the shell, and what becomes of them.

use homepot::pb::{registry::v1 as pb, session::v1::CreateSignInCodeRequest};
use homepot_tests::{AnySystem, Process, Server, System, grpc::Caller, homepot_command};
use serde_json::{Value, json};
use tonic::Code;

use super::*;

async fn code(server: &System, token: &str) -> String {
    let mut client = server.clients(&Caller::Operator(token.to_owned())).session;
    client.create_sign_in_code(CreateSignInCodeRequest {}).await.unwrap().into_inner().code
}

/// The code of the link that stands in a text.
fn code_in(text: &str) -> String {
    let (_, rest) = text.split_once("/#/sign-in?code=").unwrap_or_else(|| panic!("no link in {text}"));
    rest.split_whitespace().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_signs_its_operator_in_once_and_is_good_for_nothing_else() {
    let server = Server::start().await;
    let token = server.create_operator("ann", pb::Role::Viewer, &[]).await;
    let code = code(&server, &token).await;
    let mut registry = server.clients(&Caller::Operator(code.clone())).registry;
    assert_eq!(registry.who_am_i(pb::WhoAmIRequest {}).await.unwrap_err().code(), Code::Unauthenticated);
    let answer = sign_in(&server, json!({ "code": code })).await;
    assert_eq!((answer.status, &answer.json()["operator"]), (201, &json!("ann")));
    let again = sign_in(&server, json!({ "code": code })).await;
    assert_eq!(again.status, 401);
    assert!(again.text().contains("homepot ctl sign-in"), "{}", again.text());
    let log = format!("{:?}", server.process().log());
    assert!(log.contains(&code[..12]) && !log.contains(&code), "the log names codes and tells none");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_show_a_code_at_once_one_gets_in() {
    let server = AnySystem::start().await;
    let code = code(&server, &server.admin_token).await;
    let tries = (0..8).map(|_| sign_in(&server, json!({ "code": code })));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(server.database().number("SELECT count(*) FROM operator_sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_ends_after_ten_minutes_and_with_its_operators_token() {
    let server = AnySystem::start().await;
    let token = server.create_operator("ann", pb::Role::Viewer, &[]).await;
    let old = code(&server, &token).await;
    server.database().run("UPDATE sign_in_codes SET created_at = now() - interval '10 minutes 1 second'").await;
    assert_eq!(sign_in(&server, json!({ "code": old })).await.status, 401);
    let rotated = code(&server, &token).await;
    let request = pb::RotateOperatorTokenRequest { name: "ann".to_owned() };
    server.admin().registry.rotate_operator_token(request).await.unwrap();
    assert_eq!(sign_in(&server, json!({ "code": rotated })).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_shows_a_link_to_the_person_at_the_terminal_and_not_to_the_log() {
    let server = Server::start().await;
    let beside = on_terminal(&server, &[]);
    let shown = |line: &Value| line.as_str().filter(|line| line.contains("Dashboard: ")).map(str::to_owned);
    let line = beside.logged("the link", shown).await;
    assert!(line.contains("Dashboard: http://127.0.0.1:") && line.matches("hpl_").count() == 1, "{line}");
    let answer = sign_in(&server, json!({ "code": code_in(&line) })).await;
    assert_eq!((answer.status, &answer.json()["operator"]), (201, &json!("admin")));
    // Where nobody sits at the terminal it would end up in a file.
    assert!(!server.process().printed().contains("hpl_"));
    assert!(!format!("{:?}", server.process().log()).contains("Dashboard"));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_start_shows_no_link() {
    let server = Server::start().await;
    let mut beside = on_terminal(&server, &[("HOMEPOT_TRUSTED_PROXIES", "127.0.0.1")]);
    beside.logged("that it is ready", |line| line.as_str()?.contains("ready").then_some(())).await;
    beside.terminate();
    beside.ended(homepot_tests::PATIENCE).await;
    assert!(!format!("{:?}", beside.log()).contains("Dashboard"), "{}", beside.tail());
}

/// Another server on the same database, started by a person at a terminal.
fn on_terminal(server: &Server, more: &[(&str, &str)]) -> Process {
    let addresses = ["HOMEPOT_GRPC_ADDR", "HOMEPOT_REST_ADDR", "HOMEPOT_OPS_ADDR"];
    let mut command = homepot_command();
    command.arg("serve").envs(addresses.map(|name| (name, "127.0.0.1:0"))).envs(more.iter().copied());
    command.env("HOMEPOT_DATABASE_URL", server.database().url()).env("HOMEPOT_DATA_DIR", server.data_dir());
    Process::start_on_terminal("homepot serve", command.env("HOMEPOT_LOG", "info"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_makes_a_link_for_whoever_asks() {
    let server = AnySystem::start().await;
    let token = server.create_operator("ann", pb::Role::Viewer, &[]).await;
    let ctl = |arguments: &[&str]| {
        let mut command = homepot_command();
        command.arg("ctl").args(arguments).env("HOMEPOT_TOKEN", &token);
        command.env("HOMEPOT_GRPC_URL", format!("http://{}", server.grpc_addr));
        command.output().unwrap()
    };
    let page = format!("http://{}", server.rest_addr);
    let printed = ctl(&["sign-in", "--dashboard", &page]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.starts_with(&format!("{page}/#/sign-in?code=hpl_")), "{printed}");
    let answer = sign_in(&server, json!({ "code": code_in(&printed) })).await;
    assert_eq!((answer.status, &answer.json()["operator"]), (201, &json!("ann")));
    let far = ctl(&["sign-in", "--dashboard", "http://pot.example"]);
    assert!(!far.status.success() && String::from_utf8_lossy(&far.stderr).contains("in clear"));
}
