//! Certificates that are replaced while the server serves.

use homepot::pb::{
    command::v1::QueueRequest, device::v1::attach_response::Message as Down, registry::v1::WhoAmIRequest,
};
use homepot_tests::{
    Certificate, Server, ServerOptions, Session, TlsWay, eventually, field,
    grpc::{Caller, Clients},
};

/// Asks the server to read its files anew, and waits until it has said `what`.
async fn reload(server: &Server, what: &str) {
    let said = server.process().log().len();
    let pid = rustix::process::Pid::from_raw(server.process().id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let read = |line: &serde_json::Value| field(line, "message")?.as_str()?.contains(what).then_some(());
    server.process().logged_after(said, what, read).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_for_new_connections_and_a_broken_one_for_none() {
    let (first, second) = (Certificate::new(), Certificate::new());
    let [cert, key] = first.settings();
    let mut server = Server::start_with(ServerOptions::default().env(cert.0, cert.1).env(key.0, key.1)).await;
    let direct = server.grpc_addr.clone();
    let old = TlsWay::to(&direct, &first, "h2").await;
    server.grpc_addr.clone_from(&old.address);
    server.create_site("site-001", false).await;
    let till = server.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&server, &till).await;
    let ends = metric(&server, "homepot_tls_certificate_expiry_timestamp_seconds").await;
    assert!(ends > 0.0, "{ends}");

    first.replace_with(&second);
    reload(&server, "new connections are shown a new certificate").await;
    let new = TlsWay::to(&direct, &second, "h2").await;
    let distrusted = TlsWay::to(&direct, &first, "h2").await;
    let by = |way: &TlsWay| Clients::new(&way.address, &Caller::Operator(server.admin_token.clone()));
    assert!(by(&distrusted).registry.who_am_i(WhoAmIRequest {}).await.is_err(), "it trusts the certificate of before");
    let queue = QueueRequest { device_id: "till".to_owned(), command_type: "PING".to_owned(), ..Default::default() };
    by(&new).command.queue(queue.clone()).await.unwrap();
    let delivered = |message: &Down| matches!(message, Down::Command(_)).then_some(());
    session.expect("a command on the stream from before", delivered).await;

    std::fs::write(first.file(), "no certificate").unwrap();
    reload(&server, "the old ones stay in their place").await;
    assert_eq!(metric(&server, "homepot_tls_files_unusable").await, 1.0);
    by(&new).command.queue(queue).await.unwrap();
    session.expect("another one", delivered).await;
    first.replace_with(&second);
    reload(&server, "can be used again").await;
    eventually("the warning to end", async || {
        (metric(&server, "homepot_tls_files_unusable").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(server.ops("/readyz").await.status, 200);
}

async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.ops("/metrics").await.text();
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("{name}: {text}"))
}
