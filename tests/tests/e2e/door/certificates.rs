//! Certificates that are replaced while the server serves.

use homepot::pb::{
    command::v1::QueueRequest, device::v1::attach_response::Message as Down, registry::v1::WhoAmIRequest,
};
use homepot_tests::{
    Certificate, Server, ServerOptions, Session, TlsWay, eventually, field,
    grpc::{Caller, Clients},
    program, workspace,
};

use crate::house::rust_files;

/// Replaces files by `write`, asks `servers` to read theirs anew, and waits until each has said `what`. One may have looked by
/// itself before it was asked.
pub(crate) async fn replace(servers: &[&Server], what: &str, write: impl FnOnce()) {
    let said: Vec<_> = servers.iter().map(|server| server.process().log().len()).collect();
    write();
    for (server, said) in servers.iter().zip(said) {
        hang_up(server);
        let read = |line: &serde_json::Value| field(line, "message")?.as_str()?.contains(what).then_some(());
        server.process().logged_after(said, what, read).await;
    }
}

/// Asks a server to read its files anew.
pub(crate) fn hang_up(server: &Server) {
    let pid = rustix::process::Pid::from_raw(server.process().id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
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
    let ends = metric(&server, "homepot_tls_certificate_expiry_timestamp_seconds{setting=\"tls-cert\"}").await;
    assert!(ends > 0.0, "{ends}");

    replace(&[&server], "new connections use the new files", || first.replace_with(&second)).await;
    let new = TlsWay::to(&direct, &second, "h2").await;
    let distrusted = TlsWay::to(&direct, &first, "h2").await;
    let by = |way: &TlsWay| Clients::new(&way.address, &Caller::Operator(server.admin_token.clone()));
    assert!(by(&distrusted).registry.who_am_i(WhoAmIRequest {}).await.is_err(), "it trusts the certificate of before");
    let queue = QueueRequest { device_id: "till".to_owned(), command_type: "PING".to_owned(), ..Default::default() };
    by(&new).command.queue(queue.clone()).await.unwrap();
    let delivered = |message: &Down| matches!(message, Down::Command(_)).then_some(());
    session.expect("a command on the stream from before", delivered).await;

    let spoil = || std::fs::write(first.file(), "no certificate").unwrap();
    replace(&[&server], "the old ones stay in their place", spoil).await;
    assert_eq!(metric(&server, "homepot_files_unusable{setting=\"tls-cert\"}").await, 1.0);
    by(&new).command.queue(queue).await.unwrap();
    session.expect("another one", delivered).await;
    replace(&[&server], "can be used again", || first.replace_with(&second)).await;
    eventually("the warning to end", async || {
        (metric(&server, "homepot_files_unusable{setting=\"tls-cert\"}").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(server.ops("/readyz").await.status, 200);
}

pub(crate) async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.ops("/metrics").await.text();
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("{name}: {text}"))
}

/// A check that a setting, a variable or a build could leave out is one that somebody leaves out.
#[test]
fn no_program_has_a_way_around_the_check_of_a_certificate() {
    // How rustls, and what stands on it, spell a check of one's own. Servers check clients by `ClientCertVerifier`.
    const WAYS: [&str; 5] =
        ["dangerous()", "ServerCertVerifier", "ServerCertVerified", "danger_accept", "set_certificate_verifier"];
    for part in ["src", "host", "agent", "simulator", "services"] {
        for file in rust_files(&workspace().join(part)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let found = WAYS.iter().find(|way| text.contains(**way));
            assert_eq!(found, None, "{}", file.display());
        }
    }
    for (name, arguments) in [
        ("homepot", &["serve", "--help"][..]),
        ("homepot", &["ctl", "--help"]),
        ("homepot-agent", &["run", "--help"]),
        ("homepot-sim", &["--help"]),
    ] {
        let help = std::process::Command::new(program(name)).args(arguments).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap().to_lowercase();
        assert!(help.contains("--"), "{name} {arguments:?} says which flags it has");
        for word in ["skip", "no-verify", "insecure-tls", "no-check", "danger"] {
            assert!(!help.contains(word), "{name} {arguments:?} has something like --{word}");
        }
    }
}
