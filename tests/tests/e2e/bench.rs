//! The benchmarks run, and what they count is what is stored. How fast that is, nobody asks here.

use std::{path::Path, process::Command};

use homepot_tests::{data_parent, processes_with, program};
use serde_json::Value;

/// Runs a benchmark to its end; answers what it wrote.
fn bench(name: &str, arguments: &[&str], output: &Path) -> Value {
    let done = Command::new(program("homepot-bench")).arg(name).args(arguments).arg("--output").arg(output).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    let told = std::fs::read_to_string(output.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&told).unwrap()
}

#[test]
fn benchmarks_end_well_on_a_few_devices_and_leave_nothing_running() {
    let output = data_parent();
    let few = |rest: &[&'static str]| [&["--devices", "10", "--batch", "5"], rest].concat();
    let ingest = bench("ingest", &few(&["--rounds", "1", "--seconds", "1"]), output.path());
    assert!(ingest["details"]["samples"].as_u64().unwrap() > 0, "{ingest}");
    let rest = bench("rest", &["--connections", "4", "--seconds", "1"], output.path());
    assert!(rest["details"]["requests"].as_u64().unwrap() > 0, "{rest}");
    let outage = bench("outage", &few(&["--rate", "100", "--away", "1", "--around", "1"]), output.path());
    assert_eq!(outage["rows"][0]["figure"], 300.0, "{outage}");

    assert_eq!(processes_with(&output.path().display().to_string()), Vec::<u32>::new());
    let left: Vec<_> = std::fs::read_dir(output.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "only the results are left: {left:?}");
}
