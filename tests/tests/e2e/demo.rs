//! The demo: what a stranger runs first.

use std::{net::TcpListener, process::Command, time::Duration};

use homepot_tests::{Process, data_parent, homepot_command, processes_with};
use tempfile::TempDir;

/// The demo's command on free ports, with a data directory of its own.
fn demo(directory: &TempDir) -> Command {
    // The demo prints its addresses before anything listens on them, so they have to be known beforehand. All are
    // held until all are chosen, so that they differ.
    let free: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let address = |index: usize| free[index].local_addr().unwrap().to_string();
    let mut command = homepot_command();
    command
        .arg("demo")
        .env("HOMEPOT_DEMO_DATA_DIR", directory.path().join("data"))
        .env("HOMEPOT_GRPC_ADDR", address(0))
        .env("HOMEPOT_REST_ADDR", address(1))
        .env("HOMEPOT_OPS_ADDR", address(2));
    command
}

fn left_over(directory: &TempDir) -> Vec<u32> {
    processes_with(&directory.path().display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_works_twice_in_a_row_and_leaves_nothing_running() {
    let directory = data_parent();
    // Ended the moment all of it was shown: each part must be at work by then.
    for _ in 0..2 {
        let mut process = Process::start("homepot demo", demo(&directory).args(["--seconds", "1"]));
        let status = process.ended(Duration::from_secs(90)).await;
        assert!(status.success(), "{}", process.tail());
        let printed = process.printed();
        for promise in ["grpcurl", "curl", "hpo_", "succeeded", "the rollout halts by itself", "/#/sign-in?code=hpl_"] {
            assert!(printed.contains(promise), "'{promise}' in\n{printed}");
        }
        assert_eq!(left_over(&directory), [] as [u32; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_demo_and_all_of_its_parts() {
    let directory = data_parent();
    let mut process = Process::start("homepot demo", &mut demo(&directory));
    process.prints("grpcurl").await;
    assert!(left_over(&directory).len() > 1, "the server, the agent and Postgres run");
    process.interrupt();
    process.ended(Duration::from_secs(20)).await;
    assert_eq!(left_over(&directory), [] as [u32; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_cannot_work_says_why_and_fails() {
    let directory = data_parent();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = demo(&directory);
    command.env("HOMEPOT_REST_ADDR", &address).args(["--seconds", "8"]);
    let mut process = Process::start("homepot demo", &mut command);
    let status = process.ended(Duration::from_secs(90)).await;
    assert!(!status.success());
    assert!(process.tail().contains(&address), "{}", process.tail());
    assert_eq!(left_over(&directory), [] as [u32; 0]);
}
