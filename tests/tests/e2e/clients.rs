//! The OpenAPI document is a contract: a validator takes it, clients that others generate from it work, and a fuzzer that makes
//! requests up by it finds no answer that it does not describe.
//!
//! What runs here is not ours: see `tests/requirements.txt` and `tests/clients/`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use homepot::pb::{device::v1::ReportSamplesRequest, registry::v1::Role, telemetry::v1::Sample};
use homepot_tests::{AnySystem, Process, System, grpc::Caller, rest::Request, workspace};

use super::ledger::with_devices;

const DOCUMENT: &str = "/api/v2/openapi.json";
/// What the fuzzer makes requests up from: the same each time, so that a run that failed can be looked at again.
const SEED: &str = "20261127";
/// How long the fuzzer goes on, in seconds.
const FUZZ_SECONDS: &str = "100";
/// Generating and compiling a client takes a while on two busy cores.
const PATIENCE: Duration = Duration::from_secs(300);

/// A file of the packages that `scripts/bootstrap test` installed.
fn installed(path: &str) -> PathBuf {
    let packages = std::env::var("HOMEPOT_VENV").map_or_else(|_| workspace().join(".venv"), Into::into);
    let path = packages.join(path);
    assert!(path.exists(), "{} is missing; `scripts/bootstrap test` makes it", path.display());
    path
}

/// Runs it to its end and answers what it printed.
async fn run(name: &str, command: &mut Command) -> String {
    let mut process = Process::start(name, command.env("PYTHONDONTWRITEBYTECODE", "1"));
    let status = process.ended(PATIENCE).await;
    assert!(status.success(), "{name}: {}\n{}", process.printed(), process.tail());
    process.printed()
}

/// The document as the server answers it, in a file.
async fn document(server: &System, directory: &Path) -> PathBuf {
    let answer = server.rest(Request::get(DOCUMENT)).await;
    assert_eq!(answer.status, 200);
    let path = directory.join("openapi.json");
    std::fs::write(&path, answer.text()).unwrap();
    path
}

/// A server with one device that has reported once.
async fn with_sample() -> AnySystem {
    let (server, [key]) = with_devices(["till"]).await;
    let samples = vec![Sample { cpu_percent: Some(42.5), ..Default::default() }];
    let report = ReportSamplesRequest { samples, ..Default::default() };
    server.clients(&Caller::Device(key)).device.report_samples(report).await.unwrap();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_valid_and_a_client_generated_in_python_lists_queues_queries_and_watches() {
    let (server, directory) = (with_sample().await, tempfile::tempdir().unwrap());
    let document = document(&server, directory.path()).await;
    run("openapi-spec-validator", Command::new(installed("bin/openapi-spec-validator")).arg(&document)).await;

    let clients = workspace().join("tests/clients/python");
    let mut generate = Command::new(installed("bin/openapi-python-client"));
    generate.args(["generate", "--meta", "none", "--fail-on-warning", "--path"]).arg(&document);
    generate.arg("--config").arg(clients.join("generator.yml"));
    generate.arg("--output-path").arg(directory.path().join("homepot_client"));
    run("openapi-python-client", &mut generate).await;

    let mut walk = Command::new(installed("bin/python"));
    walk.arg(clients.join("walk.py")).arg(format!("http://{}", server.rest_addr)).arg("till");
    walk.env("PYTHONPATH", directory.path()).env("HOMEPOT_TOKEN", &server.admin_token);
    assert!(run("walk.py", &mut walk).await.contains("all of it answered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_generated_in_typescript_compiles_and_lists_queues_queries_and_watches() {
    let (server, directory) = (with_sample().await, tempfile::tempdir().unwrap());
    let document = document(&server, directory.path()).await;
    // Beside what is made, the packages: they are found from there, and the checkout stays as it is.
    let clients = workspace().join("tests/clients/typescript");
    for file in ["walk.ts", "tsconfig.json", "package.json"] {
        std::fs::copy(clients.join(file), directory.path().join(file)).unwrap();
    }
    let packages = installed("node/node_modules");
    std::os::unix::fs::symlink(&packages, directory.path().join("node_modules")).unwrap();
    let program = |name: &str| {
        let mut command = Command::new(packages.join(".bin").join(name));
        command.current_dir(directory.path());
        command
    };
    run("openapi-typescript", program("openapi-typescript").arg(&document).args(["--output", "schema.d.ts"])).await;
    run("tsc", program("tsc").args(["--project", "."])).await;

    let mut walk = Command::new("node");
    walk.arg(directory.path().join("out/walk.js")).arg(format!("http://{}", server.rest_addr)).arg("till");
    walk.env("HOMEPOT_TOKEN", &server.admin_token);
    assert!(run("walk.js", &mut walk).await.contains("all of it answered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fuzzer_that_goes_by_the_document_is_always_answered_as_it_says() {
    let (server, directory) = (with_sample().await, tempfile::tempdir().unwrap());
    let document = document(&server, directory.path()).await;
    let clients = workspace().join("tests/clients/schemathesis");
    let mut fuzz = Command::new(installed("bin/schemathesis"));
    fuzz.arg("--config-file").arg(clients.join("schemathesis.toml"));
    fuzz.arg("run").arg(&document).args([
        "--url",
        &format!("http://{}", server.rest_addr),
        "--no-color",
        "--max-time",
        FUZZ_SECONDS,
        "--seed",
        SEED,
    ]);
    // The token is read from the environment: command lines are seen by all.
    fuzz.env("HOMEPOT_TOKEN", server.create_operator("fuzzer", Role::Admin, &[]).await)
        .env("SCHEMATHESIS_HOOKS", clients.join("hooks.py"));
    fuzz.env("PYTHONPATH", &clients).current_dir(directory.path());
    run("schemathesis", &mut fuzz).await;
    // And it still stands.
    assert_eq!(server.rest(Request::get(DOCUMENT)).await.status, 200);
}
