//! Server reflection, asked by a client that is not ours: grpcio from PyPI, without any of our files.

use std::time::Duration;

use homepot_tests::{Process, Server, workspace};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_lists_the_services_and_calls_them_by_reflection_alone() {
    // Where each role is a process of its own, no address answers for all services.
    let server = Server::start().await;
    let venv = std::env::var("HOMEPOT_VENV").map_or_else(|_| workspace().join(".venv"), Into::into);
    let python = venv.join("bin/python");
    assert!(python.is_file(), "{} is missing; `scripts/bootstrap test` makes it", python.display());

    let mut command = std::process::Command::new(python);
    command.arg(workspace().join("tests/clients/python/reflection.py")).arg(&server.grpc_addr);
    command.env("HOMEPOT_TOKEN", &server.admin_token).env("PYTHONDONTWRITEBYTECODE", "1");
    let mut client = Process::start("reflection.py", &mut command);
    let status = client.ended(Duration::from_secs(60)).await;
    assert!(status.success(), "{}", client.tail());
    assert!(client.printed().contains("all of it answered"), "{}", client.printed());
}
