//! The crash test of the command ledger and of rollouts, in its short form; `make torture` goes on for minutes.

// What it says goes to whoever reads the test's output.
#![allow(clippy::print_stderr)]

use std::time::Duration;

use homepot_tests::torture::{Plan, Transport, run};

/// Half a minute of it, with another schedule each time: its seed is printed, and repeats it.
// The test runner shows it where the test fails.
#[allow(clippy::print_stderr)]
async fn torture(transport: Transport) {
    let plan = Plan { time: Duration::from_secs(30), agents: 3, rate: 25, seed: fastrand::u64(..), transport };
    let verdict = run(&plan, |line| eprintln!("{line}")).await;
    assert!(verdict.offences.is_empty(), "{verdict}\nseed {}", plan.seed);
    assert!(verdict.commands > 100 && verdict.rollouts > 1, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_keeps_its_promises_whoever_is_killed_while_postgres_wakes_the_replicas() {
    torture(Transport::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_keeps_its_promises_whoever_is_killed_while_redis_wakes_the_replicas() {
    torture(Transport::Redis).await;
}
