//! The siege in its small form; `make siege` attacks at ten times the size that docs/security.md describes.

// What it says goes to whoever reads the test's output.
#![allow(clippy::print_stderr)]

use std::time::Duration;

use homepot_tests::siege::{Plan, attacks, run};

/// Every attack at a twentieth of its size. That nobody is kept out must hold on the slowest machine; how fast all of it
/// is, is not asked here.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_kept_out_by_any_attack() {
    let plan = Plan { devices: 20, window: Duration::from_secs(2), percent: 5 };
    let mut broken = Vec::new();
    for attack in attacks::ALL {
        let verdict = run(attack, &plan, |line| eprintln!("{line}")).await;
        broken.extend(verdict.broken());
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
