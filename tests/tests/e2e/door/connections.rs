//! Connections: whoever takes all it can takes nothing from operators, from probes, or from devices with a key.

use std::net::IpAddr;

use homepot::pb::registry::v1 as pb;
use homepot_tests::{
    Server, ServerOptions, Session, elsewhere, eventually,
    grpc::{Caller, DeviceKey},
    rest::Request,
    strangers::silent,
};
use tokio::net::TcpStream;

/// A limit that a few hundred connections go beyond.
const DESCRIPTORS: u32 = 256;

async fn server() -> Server {
    let server = Server::start_with(ServerOptions::default().descriptors(DESCRIPTORS)).await;
    server.create_site("site-001", false).await;
    server
}

/// Silent connections, kept open; those that the server did not want count as well.
async fn flood(from: IpAddr, address: &str, count: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        open.extend(silent(from, address).await.ok());
    }
    open
}

async fn everybody_gets_in(server: &Server, key: &DeviceKey, from: IpAddr) {
    assert_eq!(server.ops("/readyz").await.status, 200);
    let sites = Request::get("/api/v1/sites/").bearer(&server.admin_token).from(from);
    assert_eq!(server.rest(sites).await.status, 200);
    server.admin().registry.who_am_i(pb::WhoAmIRequest {}).await.unwrap();
    drop(Session::attach(server, key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_nobody_out_of_any_port() {
    let server = server().await;
    let key = server.enroll("site-001", "till").await;
    // From the address that everybody else of this test has, and more of them than there are descriptors.
    let here = IpAddr::from([127, 0, 0, 1]);
    for address in [&server.grpc_addr, &server.rest_addr, &server.ops_addr] {
        let flood = flood(here, address, 400).await;
        everybody_gets_in(&server, &key, here).await;
        drop(flood);
    }
    everybody_gets_in(&server, &key, elsewhere()).await;
    let metrics = server.ops("/metrics").await.text();
    for port in ["grpc", "rest", "ops"] {
        let counted = format!("homepot_connections_refused_total{{port=\"{port}\",reason=\"displaced\"}}");
        let line = metrics.lines().find(|line| line.starts_with(&counted)).expect("it is counted");
        assert!(!line.ends_with(" 0"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_beyond_the_descriptors_are_told_so_and_operators_and_probes_still_get_in() {
    let server = server().await;
    let mut sessions = Vec::new();
    let mut refused = 0;
    for number in 0..90 {
        let key = server.enroll("site-001", &format!("till-{number}")).await;
        match Session::open(&server, &key).await {
            Ok(session) => sessions.push(session),
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
                let error = homepot::Error::from(&status);
                assert!(error.retry_delay().is_some(), "it is told when to come again: {status:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && sessions.len() > 60, "{refused} of 90 were refused");
    assert_eq!(server.ops("/readyz").await.status, 200);
    let list = Request::get("/api/v1/devices/device").bearer(&server.admin_token);
    assert_eq!(server.rest(list).await.status, 200);
    // Operators who speak gRPC have places that devices can't take.
    server
        .clients(&Caller::Operator(server.admin_token.clone()))
        .registry
        .who_am_i(pb::WhoAmIRequest {})
        .await
        .unwrap();
    let metrics = server.ops("/metrics").await.text();
    let counted = format!("homepot_connections_refused_total{{port=\"grpc\",reason=\"full\"}} {refused}");
    assert!(metrics.contains(&counted), "{counted}");
    // A place that gets free is taken again.
    drop(sessions);
    let key = server.enroll("site-001", "late").await;
    eventually("a place for a device", async || Session::open(&server, &key).await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_open_files_is_told_at_the_start() {
    let server = server().await;
    let limit = server
        .process()
        .logged("the limit of open files", |line| {
            let message = homepot_tests::field(line, "message")?.as_str()?;
            message.starts_with("connections that the limit").then(|| homepot_tests::field(line, "limit")?.as_u64())?
        })
        .await;
    assert_eq!(limit, u64::from(DESCRIPTORS));
}
