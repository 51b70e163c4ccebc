//! No client sends a key or token in clear off this machine unless it was told to, and none mistakes REST for gRPC.

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use homepot_tests::{Server, clean, data_parent, homepot_command, program};

const TOKEN: &str = "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

/// Runs a program to its end; its status and all it said.
fn run(command: &mut Command) -> (i32, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn no_client_sends_a_secret_in_clear_to_another_machine_unless_it_is_told_to() {
    // Not a loopback address by its letters, and yet Linux connects to it on this machine: a client that goes on after all
    // is caught, and nothing leaves.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://0.0.0.0:{}", listener.local_addr().unwrap().port());
    let state = data_parent();
    let clients: [(&str, Vec<&str>); 5] = [
        ("homepot", vec!["ctl", "whoami", "--server", &url]),
        (
            "homepot",
            vec![
                "serve",
                "--roles",
                "gateway",
                "--rest-addr",
                "127.0.0.1:0",
                "--ops-addr",
                "127.0.0.1:0",
                "--grpc-url",
                &url,
            ],
        ),
        ("homepot-agent", vec!["run", "--site", "s", "--device-id", "d", "--server", &url]),
        ("homepot-sim", vec!["fleet", "--devices", "1", "--sites", "1", "--server", &url]),
        ("homepot-sim", vec!["traffic", "--url", &url]),
    ];
    for (name, arguments) in clients {
        let mut command = clean(Command::new(program(name)));
        command.args(&arguments).env("HOMEPOT_TOKEN", TOKEN);
        command.env("HOMEPOT_AGENT_STATE_DIR", state.path().join("state")).env("HOMEPOT_SIM_STATE_DIR", state.path());
        let (status, told) = run(&mut command);
        assert_ne!(status, 0, "{arguments:?}: {told}");
        assert!(told.contains("in clear") && told.contains("--allow-plaintext"), "{arguments:?}: {told}");
        assert!(!told.contains(TOKEN), "{arguments:?}: {told}");
        let connected = listener.accept().map(|_| ()).unwrap_err().kind();
        assert_eq!(connected, std::io::ErrorKind::WouldBlock, "{arguments:?}");
    }
    // With the word it tries. Nobody there speaks gRPC, so it fails in another way.
    let mut command = homepot_command();
    command.args(["ctl", "whoami", "--server", &url, "--allow-plaintext"]).env("HOMEPOT_TOKEN", TOKEN);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    listener.set_nonblocking(false).unwrap();
    drop(listener.accept().unwrap());
    drop(listener);
    let told = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(!told.contains("in clear"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctl_at_the_rest_address_says_what_that_is() {
    let server = Server::start().await;
    let mut command = homepot_command();
    command.args(["ctl", "whoami", "--server", &format!("http://{}", server.rest_addr)]);
    let (status, told) = run(command.env("HOMEPOT_TOKEN", TOKEN));
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("not gRPC") && told.contains("REST") && told.contains("50051"), "{told}");
    assert!(!told.contains("compression"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctl_trusts_the_authorities_of_the_machine_when_none_are_named() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = data_parent();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&cert, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let options =
        homepot_tests::ServerOptions::default().env("HOMEPOT_TLS_CERT", path(&cert)).env("HOMEPOT_TLS_KEY", path(&key));
    let server = Server::start_with(options).await;
    let port = server.grpc_addr.rsplit_once(':').unwrap().1.to_owned();
    let ctl = |authorities: &std::path::Path| {
        let mut command = homepot_command();
        command.args(["ctl", "whoami", "--server", &format!("https://localhost:{port}")]);
        // Where the machine's authorities are, for whoever reads them as OpenSSL does.
        command.env("HOMEPOT_TOKEN", &server.admin_token).env("SSL_CERT_FILE", authorities).env_remove("SSL_CERT_DIR");
        run(&mut command)
    };
    let (status, told) = ctl(&cert);
    assert!(status == 0 && told.contains("admin"), "{told}");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let others = directory.path().join("other.pem");
    std::fs::write(&others, other.cert.pem()).unwrap();
    let (status, told) = ctl(&others);
    assert!(status == 1 && !told.contains("admin"), "{told}");
}
