//! Bytes of strangers: no room is made for what they announce, and little is read of what they send.

use homepot_tests::{
    Server, elsewhere,
    rest::Request,
    strangers::{RawCall, channel, ended, silent},
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;

use homepot::pb::registry::v1::Role;
use homepot_tests::ServerOptions;

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// `list_services`, as a ServerReflectionRequest.
const LIST_SERVICES: [u8; 3] = [0x3a, 1, b'*'];

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_announces_more_than_a_stranger_may_send_is_refused_at_once() {
    let server = Server::start().await;
    let open = [
        // tonic's reflection ends its stream without a word where a message can't be read.
        (REFLECTION, Code::Ok),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Code::Ok),
        ("/grpc.health.v1.Health/Check", Code::OutOfRange),
        ("/grpc.health.v1.Health/Watch", Code::OutOfRange),
        ("/homepot.device.v1.DeviceService/Enroll", Code::OutOfRange),
    ];
    for (path, code) in open {
        let call = RawCall::new(path).message(4 * 1024 * 1024, b"x").left_open();
        let mut channel = channel(elsewhere(), &server.grpc_addr);
        assert_eq!(call.status(&mut channel).await.code(), code, "{path}");
    }
    // The ports of probes and of REST have the same services or none: health is all that anybody finds there.
    let call = RawCall::new("/grpc.health.v1.Health/Check").message(4 * 1024 * 1024, b"x").left_open();
    let status = call.status(&mut channel(elsewhere(), &server.ops_addr)).await;
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_strangers_are_few_and_a_new_one_takes_the_place_of_the_oldest() {
    let server = Server::start().await;
    let from = elsewhere();
    let list = RawCall::new(REFLECTION).message(3, &LIST_SERVICES);
    let (mut channels, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let mut channel = channel(from, &server.grpc_addr);
        for _ in 0..4 {
            streams.push(list.clone().left_open().begin(&mut channel).await.unwrap());
        }
        channels.push(channel);
    }
    let mut next = channel(from, &server.grpc_addr);
    assert_eq!(list.status(&mut next).await.code(), Code::Ok);
    assert_eq!(ended(streams.remove(0)).await.code(), Code::ResourceExhausted);
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_behind_a_proxy_is_for_operators_and_can_be_switched_off() {
    let list = RawCall::new(REFLECTION).message(3, &LIST_SERVICES);
    let server = Server::start_with(ServerOptions::default().env("HOMEPOT_TRUSTED_PROXIES", "127.0.0.1")).await;
    let mut nobody = channel(elsewhere(), &server.grpc_addr);
    assert_eq!(list.status(&mut nobody).await.code(), Code::Unauthenticated);
    let viewer = server.create_operator("somebody", Role::Viewer, &[]).await;
    let shown = list.clone().header("authorization", format!("Bearer {viewer}"));
    assert_eq!(shown.status(&mut nobody).await.code(), Code::Ok);

    let off = Server::start_with(ServerOptions::default().env("HOMEPOT_REFLECTION", "off")).await;
    let shown = list.header("authorization", format!("Bearer {}", off.admin_token));
    assert_eq!(shown.status(&mut channel(elsewhere(), &off.grpc_addr)).await.code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_not_read_before_its_sender_is_known() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let senders = [
        ("/api/v1/analytics/device-metrics", "x-device-id: till\r\nx-api-key: hpd_wrong\r\n".to_owned(), 401),
        ("/api/v1/sites/", "authorization: Bearer hpo_wrong\r\n".to_owned(), 401),
        // A good key is asked for the rest; none of it comes, and the connection is closed by us.
        ("/api/v1/analytics/device-metrics", format!("x-device-id: till\r\nx-api-key: {}\r\n", key.api_key), 0),
    ];
    for (path, credentials, status) in senders {
        let chunk = "x".repeat(5000);
        let bodies = [
            "content-length: 1000000\r\n\r\n{".to_owned(),
            format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{chunk}\r\n", chunk.len()),
        ];
        for body in bodies {
            let mut stream = silent(elsewhere(), &server.rest_addr).await.unwrap();
            let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{credentials}{body}");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            if status == 0 {
                stream.shutdown().await.unwrap();
                let read = stream.read_exact(&mut answer).await;
                assert!(read.is_err() || answer.ends_with(b"400"), "{:?}", String::from_utf8_lossy(&answer));
                continue;
            }
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{path}");
        }
    }
    // Whoever is known sends as much as before.
    let large = json!({"cpu_percent": 1.0, "extra_metrics": {"note": "x".repeat(3000), "more": "y".repeat(3000)}});
    let known = Request::post("/api/v1/analytics/device-metrics").device("till", &key.api_key).json(&large);
    let answer = server.rest(known).await;
    assert!(answer.status < 300 || answer.text().contains("extra"), "{} {}", answer.status, answer.text());
}
