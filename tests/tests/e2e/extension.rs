//! What a new rpc costs, and what it is given: `tests/example` adds a service to the server by its protocol file, its rules and a
//! few lines. Nothing else knows of it, and yet it is behind the door, on every way in, in the document and in the audit log.

use homepot::pb::registry::v1::Role;
use homepot_tests::{
    Server, ServerOptions,
    grpc::{Caller, DeviceKey, call, connection},
    rest::Request,
};
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;

const PUT: &str = "/homepot.example.v1.ExampleService/PutNote";
const LIST: &str = "/homepot.example.v1.ExampleService/ListNotes";

/// `PutNoteRequest`, as any client in any language would have it.
#[derive(Clone, PartialEq, Message)]
struct PutNote {
    #[prost(string, tag = "1")]
    note_id: String,
    #[prost(string, tag = "2")]
    text: String,
}

fn note(note_id: &str, text: &str) -> Vec<u8> {
    PutNote { note_id: note_id.to_owned(), text: text.to_owned() }.encode_to_vec()
}

async fn start() -> Server {
    let server = Server::start_with(ServerOptions::default().program("homepot-example")).await;
    server.create_site("site-001", false).await;
    server
}

async fn by_grpc(server: &Server, caller: &Caller, path: &'static str, message: Vec<u8>) -> Result<Vec<u8>, Code> {
    let connection = connection(std::net::Ipv4Addr::LOCALHOST.into(), &server.grpc_addr, caller);
    call(connection, path, message).await.map(Into::into).map_err(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_rpc_is_reached_by_grpc_grpc_web_and_rest_and_told_of_in_the_document_and_the_audit_log() {
    let server = start().await;
    let admin = Caller::Operator(server.admin_token.clone());
    assert_eq!(by_grpc(&server, &admin, PUT, note("a", "by gRPC")).await, Ok(vec![8, 1]));

    // gRPC-Web: a frame's head, its length and the message.
    let message = note("b", "by gRPC-Web");
    let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    frame.extend(message);
    let web = Request::post(PUT).bearer(&server.admin_token).header("content-type", "application/grpc-web+proto");
    let answer = server.rest(web.body(frame)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.body.starts_with(&[0, 0, 0, 0, 2, 8, 2]), "{:?}", answer.body);

    let put = Request::new("PUT", "/api/v2/notes/c").bearer(&server.admin_token).json(&json!({"text": "by REST"}));
    let answer = server.rest(put).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"notes": 3})));
    let listed = server.rest(Request::get("/api/v2/notes?prefix=c").bearer(&server.admin_token)).await.text();
    assert!(listed.contains(r#"data: {"note_id":"c","text":"by REST"}"#), "{listed}");

    let document = server.rest(Request::get("/api/v2/openapi.json")).await.json();
    let body = &document["components"]["schemas"]["example.v1.PutNoteRequest.In"];
    assert_eq!((&body["properties"]["text"]["maxLength"], &body["required"]), (&json!(20), &json!(["text"])));
    assert_eq!(document["paths"]["/api/v2/notes"]["get"]["operationId"], "Example_ListNotes");

    let audited = |line: &Value| (line["target"] == "audit" && line["on"] == "note_id=c").then(|| line.clone());
    let line = server.process().logged("the audit line of a note", audited).await;
    assert_eq!((&line["method"], &line["operator"], &line["result"]), (&json!(PUT), &json!("admin"), &json!("ok")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_rpc_is_refused_to_wrong_callers_and_its_fields_are_checked_by_its_contract_alone() {
    let server = start().await;
    let viewer = server.create_operator("guest", Role::Viewer, &[]).await;
    let device = server.enroll("site-001", "till").await;
    let wrong_key = DeviceKey { device_id: "till".into(), api_key: format!("hpd_{}", "A".repeat(43)) };
    let wrong = [
        (Caller::Nobody, Code::Unauthenticated),
        (Caller::Operator(format!("hpo_{}", "A".repeat(43))), Code::Unauthenticated),
        (Caller::Device(device), Code::Unauthenticated),
        (Caller::Device(wrong_key), Code::Unauthenticated),
        (Caller::Operator(viewer.clone()), Code::PermissionDenied),
    ];
    for (caller, due) in wrong {
        assert_eq!(by_grpc(&server, &caller, PUT, note("a", "x")).await, Err(due), "{caller:?}");
    }
    assert_eq!(by_grpc(&server, &Caller::Operator(viewer.clone()), LIST, Vec::new()).await, Ok(Vec::new()));
    let put = |token: &str| Request::new("PUT", "/api/v2/notes/a").bearer(token).json(&json!({"text": "x"}));
    assert_eq!(server.rest(put(&viewer)).await.status, 403);
    assert_eq!(server.rest(Request::new("PUT", "/api/v2/notes/a").json(&json!({"text": "x"}))).await.status, 401);

    let long = json!({"text": "longer than twenty letters"});
    let refused = server.rest(Request::new("PUT", "/api/v2/notes/no%20spaces").bearer(&server.admin_token).json(&long));
    let detail = refused.await.json()["detail"].clone();
    assert_eq!(
        (&detail[0]["loc"], &detail[1]["loc"]),
        (&json!(["path", "note_id"]), &json!(["body", "text"])),
        "{detail}"
    );
    let admin = Caller::Operator(server.admin_token.clone());
    assert_eq!(by_grpc(&server, &admin, PUT, note("a", "")).await, Err(Code::InvalidArgument));
}
