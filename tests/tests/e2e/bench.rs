//! The benchmarks run, and what they count is what is stored. How fast that is, nobody asks here.

use std::{path::Path, process::Command};

use homepot_tests::{data_parent, processes_with, program};
use serde_json::Value;

/// Runs a benchmark to its end; answers what it wrote under its own name.
fn bench(name: &str, arguments: &[&str], output: &Path) -> Value {
    run(name, arguments, output);
    result(name, output)
}

fn run(name: &str, arguments: &[&str], output: &Path) {
    let done = Command::new(program("homepot-bench")).arg(name).args(arguments).arg("--output").arg(output).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
}

fn result(name: &str, output: &Path) -> Value {
    let told = std::fs::read_to_string(output.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&told).unwrap()
}

/// Nothing but the results is left, and nobody runs.
fn check_clean(output: &Path, results: usize) {
    assert_eq!(processes_with(&output.display().to_string()), Vec::<u32>::new());
    let left: Vec<_> = std::fs::read_dir(output).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), results, "only the results are left: {left:?}");
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
    check_clean(output.path(), 3);
}

#[test]
fn benchmarks_of_commands_see_each_command_to_its_end_and_leave_nothing_running() {
    let output = data_parent();
    // The broker is compared with where people measure; here is none.
    let few = ["--devices", "5", "--rate", "20", "--seconds", "1", "--without-mosquitto"];
    let latency = bench("command-latency", &few, output.path());
    assert_eq!(latency["details"]["commands"], 20, "{latency}");
    let few = ["--devices", "5", "--in-flight", "10", "--seconds", "1", "--ceiling-commands", "500", "--ended", "50"];
    let rate = bench("command-rate", &few, output.path());
    assert!(rate["details"]["commands"].as_u64().unwrap() > 0, "{rate}");
    assert!(rate["rows"][0]["ceiling"]["figure"].as_f64().unwrap() > 0.0, "{rate}");
    assert_eq!(rate["details"]["tenths"]["per_second"].as_array().unwrap().len(), 10, "{rate}");
    check_clean(output.path(), 2);
}

#[test]
fn benchmarks_of_servers_that_die_wait_for_every_device_and_leave_nothing_running() {
    let output = data_parent();
    let failover = bench("failover", &["--devices", "6"], output.path());
    assert_eq!(failover["details"]["lost_their_stream"], 6, "{failover}");
    let both = bench("failover", &["--devices", "6", "--spread"], output.path());
    assert_eq!(both["details"]["lost_their_stream"], 3, "{both}");
    let few = ["--devices", "4", "--settle-seconds", "0", "--end"];
    let restart = bench("restart", &[few.as_slice(), &["sigterm"]].concat(), output.path());
    run("restart", &[few.as_slice(), &["kill", "--without-tickets"]].concat(), output.path());
    let dear = result("restart-without-tickets", output.path());
    let checks = |told: &Value| told["details"]["restarts"][0]["argon2_checks"].as_f64().unwrap();
    assert!(checks(&dear) >= checks(&restart) + 4.0, "tickets spare the slow check: {restart} {dear}");
    check_clean(output.path(), 3);
}

#[test]
fn a_benchmark_of_traces_counts_spans_where_there_are_some_and_leaves_nothing_running() {
    let output = data_parent();
    let few = ["--devices", "4", "--in-flight", "4", "--rounds", "1", "--seconds", "1"];
    let traces = bench("traces", &few, output.path());
    let spans = |of: usize| traces["details"]["spans"][of]["spans"].as_u64().unwrap();
    assert_eq!((spans(0), traces["details"]["spans"][2]["traces"].as_str()), (0, Some("everything")), "{traces}");
    assert!(spans(2) > 0, "{traces}");
    assert!(traces["rows"][2]["ratio"].as_f64().unwrap() > 0.0, "{traces}");
    check_clean(output.path(), 1);
}

#[test]
fn a_benchmark_of_a_simulated_fleet_compares_what_was_sent_with_what_is_stored() {
    let output = data_parent();
    let few = ["--devices", "12", "--seconds", "12", "--ceiling-seconds", "6"];
    let simulation = bench("simulation", &few, output.path());
    assert_eq!(simulation["rows"][0]["figure"], 12.0, "{simulation}");
    assert!(simulation["rows"][2]["figure"].as_f64().unwrap() > 0.0, "{simulation}");
    check_clean(output.path(), 1);
}

#[test]
fn a_benchmark_of_packing_reads_back_what_it_packed_of_every_scenario_and_of_this_machine() {
    let output = data_parent();
    let pack = bench("pack", &["--devices", "1", "--agent-interval-ms", "10"], output.path());
    let rows = pack["rows"].as_array().unwrap();
    let packed: Vec<_> = rows.iter().filter(|row| row["unit"] == "B/sample").collect();
    assert_eq!(packed.len(), 10, "nine scenarios and this machine: {pack}");
    // The same seed gives the same samples, so this says nothing about the machine: a tenth of what rows take.
    for row in &packed[..9] {
        let figure = row["figure"].as_f64().unwrap();
        assert!(figure > 5.0 && figure < 16.0, "{row}");
    }
    assert_eq!(pack["details"]["this machine"]["samples"], 720, "{pack}");
    let of_all = |figure: &str| pack["details"]["all scenarios"][figure].as_f64().unwrap();
    let added = of_all("bytes_a_sample_on_disk") / of_all("bytes_a_sample");
    // Empty ends of pages count much where there is one device a scenario.
    assert!(added > 1.0 && added < 1.5, "{pack}");
    check_clean(output.path(), 1);
}
