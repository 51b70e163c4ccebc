//! Where a call comes from: believed from trusted proxies alone, by gRPC and by REST.

use homepot::pb::device::v1 as pb;
use homepot_tests::{
    Server, ServerOptions, elsewhere, field,
    rest::{Request, send_raw_from},
    strangers::{RawCall, channel},
};
use prost::Message as _;
use serde_json::json;
use tonic::Code;

const FETCH: &str = "/homepot.device.v1.DeviceService/FetchCommands";
const ENROLL: &str = "/homepot.device.v1.DeviceService/Enroll";

/// The address that a server's log names for the failures of device `name`.
pub(super) async fn address_of(server: &Server, name: &str) -> String {
    server
        .process()
        .logged("who failed", |line| {
            (field(line, "name")? == name).then(|| field(line, "ip")?.as_str().map(str::to_owned))?
        })
        .await
}

async fn fail(server: &Server, name: &str, header: (&'static str, &str)) -> String {
    fail_at(server, &server.grpc_addr, name, header).await
}

/// The address that a server believes of a device that fails, and calls at `address`.
pub(super) async fn fail_at(server: &Server, address: &str, name: &str, header: (&'static str, &str)) -> String {
    let key = format!("hpd_{}", "A".repeat(43));
    let call = RawCall::new(FETCH).header("x-device-id", name).header("x-api-key", key).header(header.0, header.1);
    let status = call.message(0, b"").status(&mut channel([127, 0, 0, 1].into(), address)).await;
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    address_of(server, name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_address_is_believed_from_trusted_networks_in_the_named_header_alone() {
    let trusting = ServerOptions::default().env("HOMEPOT_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.0/8");
    let server = Server::start_with(trusting.clone()).await;
    let through = |chain: &'static str| ("x-forwarded-for", chain);
    assert!(fail(&server, "a", through("192.0.2.7")).await.contains("192.0.2.7"));
    assert!(fail(&server, "b", through("198.51.100.1, 192.0.2.8, 10.1.2.3")).await.contains("192.0.2.8"));
    assert!(fail(&server, "c", ("x-homepot-forwarded-for", "192.0.2.9")).await.contains("127.0.0.1"));
    assert!(fail(&server, "d", ("forwarded", "for=192.0.2.9")).await.contains("127.0.0.1"));

    let standard = Server::start_with(trusting.env("HOMEPOT_FORWARDED_HEADER", "forwarded")).await;
    assert!(fail(&standard, "e", ("forwarded", "for=192.0.2.9")).await.contains("192.0.2.9"));
    assert!(fail(&standard, "f", through("192.0.2.7")).await.contains("127.0.0.1"));

    let nobody = Server::start().await;
    assert!(fail(&nobody, "g", through("192.0.2.7")).await.contains("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_its_own_process_is_believed_when_its_network_is_trusted() {
    let services = ServerOptions::default()
        .env("HOMEPOT_ROLES", "registry,telemetry,command,link")
        .env("HOMEPOT_TRUSTED_PROXIES", "127.0.0.1");
    let services = Server::start_with(services).await;
    let gateway = ServerOptions::default()
        .env("HOMEPOT_ROLES", "gateway")
        .env("HOMEPOT_GRPC_URL", format!("http://{}", services.grpc_addr));
    let gateway = Server::start_with(gateway).await;
    let from = elsewhere();
    let key = format!("hpd_{}", "A".repeat(43));
    let pending = Request::get("/api/v1/devices/pending").device("till", &key).from(from);
    assert_eq!(gateway.rest(pending.header("x-homepot-forwarded-for", "192.0.2.9")).await.status, 401);
    assert!(address_of(&services, "till").await.contains(&from.to_string()));
}

/// The header of the PROXY protocol, version 2, by which a balancer says that its client is at `client`.
fn proxied(client: [u8; 4], request: &Request) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    bytes.extend(client);
    bytes.extend([127, 0, 0, 1, 0xd4, 0x31, 0x1f, 0x40]);
    bytes.extend(request.bytes());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_protocol_is_believed_from_trusted_proxies_alone_and_one_bad_client_locks_out_no_other() {
    let balancer = elsewhere();
    let options = ServerOptions::default()
        .env("HOMEPOT_TRUSTED_PROXIES", balancer.to_string())
        .env("HOMEPOT_PROXY_PROTOCOL", "on");
    let server = Server::start_with(options).await;
    // Who is no trusted proxy is served as before.
    server.create_site("site-001", false).await;
    let good = server.enroll("site-001", "till").await;
    let pending = |device: &str, key: &str| Request::get("/api/v1/devices/pending").device(device, key);
    let send = async |from, bytes: &[u8]| {
        // Who is refused before it was read gets no answer, or a reset.
        let answer = send_raw_from(from, &server.rest_addr, bytes).await.unwrap_or_default();
        String::from_utf8_lossy(&answer).into_owned()
    };

    let key = format!("hpd_{}", "A".repeat(43));
    let bad = [192, 0, 2, 7];
    assert!(send(balancer, &proxied(bad, &pending("stolen", &key))).await.starts_with("HTTP/1.1 401"));
    assert!(address_of(&server, "stolen").await.contains("192.0.2.7"));
    for _ in 0..120 {
        let answer = send(balancer, &proxied(bad, &pending("stolen", &key))).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let answer = send(balancer, &proxied([192, 0, 2, 8], &pending("till", &good.api_key))).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let own = send(balancer, &pending("till", &good.api_key).bytes()).await;
    assert!(own.starts_with("HTTP/1.1 200"), "a trusted proxy may call for itself: {own}");
    let broken = b"\r\n\r\n\0\r\nNO QUIT\x21\x11\0\x0c123456789012GET / HTTP/1.1\r\n\r\n";
    assert_eq!(send(balancer, broken).await, "", "half a header is none");
    let nobody = send([127, 0, 0, 1].into(), &proxied([192, 0, 2, 9], &pending("till", &good.api_key))).await;
    assert!(!nobody.contains("200 OK"), "a header of a stranger is no request: {nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_enrolment_is_for_calls_that_came_from_this_machine_straight() {
    let server = Server::start_with(ServerOptions::default().env("HOMEPOT_OPEN_ENROLLMENT", "loopback")).await;
    server.create_site("site-001", true).await;
    let request = |device_id: &str| pb::EnrollRequest {
        site_id: "site-001".to_owned(),
        device_id: device_id.to_owned(),
        name: "Till".to_owned(),
        ..Default::default()
    };
    let body = |device_id: &str| json!({"site_id": "site-001", "device_id": device_id, "name": "Till"});
    let foreign = [
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 proxy"),
        ("x-forwarded-proto", "https"),
        ("x-homepot-forwarded-for", "127.0.0.1"),
    ];
    for (name, value) in foreign {
        let message = request("stranger").encode_to_vec();
        let call = RawCall::new(ENROLL).header(name, value).message(message.len() as u32, &message);
        let status = call.status(&mut channel(elsewhere(), &server.grpc_addr)).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{name}: {status:?}");
        let rest = Request::post("/api/v1/devices/sites/site-001/devices").header(name, value).json(&body("stranger"));
        assert_eq!(server.rest(rest).await.status, 401, "{name}");
    }
    let text = body("stranger").to_string();
    let head = format!("Host: pot.example\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", text.len());
    let raw = format!("POST /api/v1/devices/sites/site-001/devices HTTP/1.1\r\n{head}{text}");
    let answer = homepot_tests::rest::send_raw(&server.rest_addr, raw.as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&answer));

    let message = request("till-1").encode_to_vec();
    let call = RawCall::new(ENROLL).message(message.len() as u32, &message);
    assert_eq!(call.status(&mut channel(elsewhere(), &server.grpc_addr)).await.code(), Code::Ok);
    let rest = Request::post("/api/v1/devices/sites/site-001/devices").json(&body("till-2"));
    assert!(server.rest(rest).await.status < 300);
}
