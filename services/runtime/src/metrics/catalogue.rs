//! Every metric of the server: its name, labels and meaning, in one place.
//!
//! A counter that first appears with its first event hides that event from `increase()`, which needs a value before it. So all
//! counters are there from the start, at 0, with each value that their labels can have. A test compares this with
//! what the code records and with docs/operations.md.

use ::metrics::{Label, Unit};

use super::process;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How values are spread.
    Histogram,
}

/// The values of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// All of them.
    These(&'static [&'static str]),
    /// As many as the code or the contract has names: they appear when they occur.
    Names,
}

/// A metric.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    labels: &'static [(&'static str, Values)],
    pub(super) help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [(&'static str, Values)], help: &'static str) -> Metric {
    Metric { kind: Kind::Counter, name, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [(&'static str, Values)], help: &'static str) -> Metric {
    Metric { kind: Kind::Gauge, name, labels, help }
}

const fn histogram(name: &'static str, labels: &'static [(&'static str, Values)], help: &'static str) -> Metric {
    Metric { kind: Kind::Histogram, name, labels, help }
}

const SOURCES: &[&str] = &["real", "simulated"];
const SOURCE: (&str, Values) = ("source", Values::These(SOURCES));
const ENDS: &[&str] = &["succeeded", "failed", "rejected", "expired", "cancelled", "unknown"];
const LOSSES: &[&str] = &["spool_full", "too_old", "damaged"];
const SEVERITIES: &[&str] = &["critical", "error", "warning", "info"];
const GOODBYES: &[&str] = &[
    "GOODBYE_REASON_UNSPECIFIED",
    "GOODBYE_REASON_SUPERSEDED",
    "GOODBYE_REASON_REVOKED",
    "GOODBYE_REASON_DRAINING",
    "GOODBYE_REASON_PROTOCOL",
    "GOODBYE_REASON_AGED",
    "GOODBYE_REASON_SILENT",
    "GOODBYE_REASON_INTERNAL",
];
const MESSAGES: &[&str] =
    &["undecodable", "hello", "samples", "samples_lost", "command_acknowledged", "command_started", "command_outcome"];
const PORTS: &[&str] = &["grpc", "rest", "ops"];
const CONNECTIONS_REFUSED: &[&str] = &["full", "displaced", "not_let_in"];
const LIMITS: &[&str] = &[
    "write_quota",
    "transfer_rate",
    "device calls",
    "transfers",
    "calls",
    "answers",
    "reports",
    "queries",
    "watches",
    "REST answers",
];
const TLS_FILES: &[&str] =
    &["tls-cert", "grpc-client-ca", "grpc-ca", "grpc-client-cert", "otel-exporter-otlp-certificate"];
const FILES: &[&str] = &[
    "tls-cert",
    "grpc-client-ca",
    "grpc-ca",
    "grpc-client-cert",
    "otel-exporter-otlp-certificate",
    "database-url-file",
    "database-url",
];
const CUTS: &[&str] = &["silent", "too_long", "abandoned"];
const FEEDS: &[&str] = &["commands", "devices", "rollouts", "runs", "samples"];
const HINTS: &[(&str, Values)] = &[
    ("transport", Values::These(&["postgres", "redis"])),
    ("about", Values::These(&["device", "ledger", "presence", "runs"])),
];
/// As gRPC describes the codes that a caller is turned away with.
const REFUSALS: &[&str] = &[
    "The request does not have valid authentication credentials",
    "The caller does not have permission to execute the specified operation",
    "Some resource has been exhausted",
    "The service is currently unavailable",
];

/// All of them.
pub(super) const METRICS: &[Metric] = &[
    gauge(
        "homepot_build_info",
        &[("version", Values::Names)],
        "The version of this process, as a label; the value is 1.",
    ),
    gauge("process_start_time_seconds", &[], "When this process started, in seconds since 1970."),
    counter("process_cpu_seconds_total", &[], "Processor time of this process, in seconds."),
    gauge("process_resident_memory_bytes", &[], "Memory of this process that is in RAM, in bytes."),
    gauge("process_threads", &[], "Threads of this process."),
    gauge("process_open_fds", &[], "Files and sockets that this process has open."),
    gauge("process_max_fds", &[], "Files and sockets that this process may have open."),
    counter(
        "homepot_grpc_requests_total",
        &[("method", Values::Names), ("code", Values::Names)],
        "gRPC calls answered, by method and code.",
    ),
    histogram(
        "homepot_grpc_request_seconds",
        &[("method", Values::Names)],
        "Time until a gRPC call was answered; of streams, until their headers.",
    ),
    counter(
        "homepot_http_requests_total",
        &[("route", Values::Names), ("method", Values::Names), ("status", Values::Names)],
        "REST requests answered, by route, method and status.",
    ),
    histogram(
        "homepot_http_request_seconds",
        &[("route", Values::Names), ("method", Values::Names)],
        "Time until a REST request was answered.",
    ),
    counter("homepot_trace_spans_sent_total", &[], "Spans of traces sent to the collector."),
    counter(
        "homepot_trace_spans_dropped_total",
        &[("reason", Values::These(&["queue_full", "not_sent"]))],
        "Spans of traces dropped because too many waited, or because the collector did not take them.",
    ),
    gauge("homepot_connections", &[("port", Values::These(PORTS))], "Open connections."),
    counter(
        "homepot_connections_refused_total",
        &[("port", Values::These(PORTS)), ("reason", Values::These(CONNECTIONS_REFUSED))],
        "Connections refused or closed before a credential was accepted.",
    ),
    counter(
        "homepot_limits_refused_total",
        &[("limit", Values::These(LIMITS))],
        "Calls refused because their caller, or all callers together, had used up a limit.",
    ),
    gauge("homepot_limits_held", &[("limit", Values::These(LIMITS))], "How much of a limit is in use."),
    counter("homepot_limits_pauses_total", &[], "Pauses of devices' streams that used up their write quota."),
    counter("homepot_tls_handshake_failures_total", &[], "TLS handshakes that failed."),
    gauge(
        "homepot_tls_certificate_expiry_timestamp_seconds",
        &[("setting", Values::These(TLS_FILES))],
        "When the certificate in the files of a setting ends, of several the first, in seconds since 1970.",
    ),
    gauge(
        "homepot_files_unusable",
        &[("setting", Values::These(FILES))],
        "1 while what the files of a setting hold now can't be used, and what they held before counts.",
    ),
    counter(
        "homepot_proxy_headers_refused_total",
        &[],
        "Connections of trusted proxies that began with a broken PROXY header.",
    ),
    counter(
        "homepot_auth_refusals_total",
        &[("code", Values::These(REFUSALS))],
        "Calls turned away before they reached a service.",
    ),
    counter("homepot_auth_failures_total", &[], "Wrong credentials presented."),
    counter("homepot_auth_throttled_total", &[], "Callers slowed down after wrong credentials."),
    counter("homepot_argon2_checks_total", &[], "Slow checks of secrets."),
    counter("homepot_argon2_queue_full_total", &[], "Slow checks of secrets refused because too many waited."),
    gauge("homepot_server_secret_differs", &[], "1 while this replica has another server secret than the others."),
    counter(
        "homepot_source_refusals_total",
        &[("declared", Values::These(&["none", "real", "simulated"])), ("recorded", Values::These(SOURCES))],
        "Callers that are not what their device's record has.",
    ),
    gauge("homepot_sessions", &[SOURCE], "Devices that hold a stream here."),
    counter(
        "homepot_sessions_ended_total",
        &[("reason", Values::These(GOODBYES)), SOURCE],
        "Streams that ended, and why; UNSPECIFIED: the device went.",
    ),
    counter("homepot_sessions_contested_total", &[], "Devices of which it was found that two machines use their key."),
    counter("homepot_devices_silent_total", &[SOURCE], "Devices that fell silent, as this process found."),
    counter(
        "homepot_messages_refused_total",
        &[("message", Values::These(MESSAGES))],
        "Messages of devices that were refused.",
    ),
    counter("homepot_samples_stored_total", &[SOURCE], "Samples stored."),
    counter("homepot_samples_repeated_total", &[SOURCE], "Samples that were stored already."),
    counter(
        "homepot_samples_refused_total",
        &[("field", Values::Names), SOURCE],
        "Samples refused, by the field at fault.",
    ),
    counter(
        "homepot_samples_lost_total",
        &[("reason", Values::These(LOSSES)), SOURCE],
        "Samples that devices had to let go of.",
    ),
    histogram("homepot_ingest_batch_samples", &[("lane", Values::Names), SOURCE], "Samples written together."),
    gauge(
        "homepot_ingest_waiting_submissions",
        &[("lane", Values::Names), SOURCE],
        "Submissions of samples that wait for the database.",
    ),
    counter("homepot_ingest_retries_total", &[], "Writes put off because the database was away."),
    counter(
        "homepot_ingest_copies_redone_total",
        &[],
        "Batches of samples written again because some were stored already.",
    ),
    counter(
        "homepot_samples_corrected_total",
        &[SOURCE],
        "Samples of devices whose clock is wrong, stored at the time at which they were measured.",
    ),
    gauge(
        "homepot_maintenance_held",
        &[],
        "1 while the database's clock is in doubt and nothing is rolled up or dropped.",
    ),
    gauge("homepot_rollup_lag_seconds", &[], "How far minutes are behind."),
    counter("homepot_rollup_rows_total", &[("resolution", Values::These(&["1m", "1h"]))], "Rows of rollups written."),
    counter("homepot_rollup_late_total", &[], "Minutes folded again because samples came late."),
    gauge("homepot_packing_lag_seconds", &[], "How far packing is behind the hours that it may pack."),
    counter("homepot_packed_blocks_total", &[], "Hours of devices that were packed."),
    counter("homepot_packed_samples_total", &[], "Samples in hours that were packed."),
    counter("homepot_packed_bytes_total", &[], "Bytes of hours that were packed."),
    counter("homepot_packed_again_total", &[], "Hours packed again because samples came late."),
    counter("homepot_packing_refused_total", &[], "Hours that could not be packed and stay in rows."),
    counter("homepot_partitions_dropped_total", &[], "Partitions dropped because their retention was over."),
    gauge("homepot_feed_viewers", &[("feed", Values::These(FEEDS))], "Watches of commands, devices and live values."),
    counter(
        "homepot_feed_lagged_total",
        &[("feed", Values::These(FEEDS))],
        "Watches of commands, devices and live values that read too slowly.",
    ),
    counter("homepot_commands_queued_total", &[SOURCE], "Commands queued."),
    counter("homepot_commands_delivered_total", &[SOURCE], "Commands handed to devices, repeats counted."),
    counter(
        "homepot_commands_finished_total",
        &[("state", Values::These(ENDS)), SOURCE],
        "Commands that ended, and how.",
    ),
    gauge(
        "homepot_rollouts",
        &[("state", Values::Names), SOURCE],
        "Rollouts that have not ended, by the source of their devices; the same on every replica.",
    ),
    gauge(
        "homepot_rollout_devices",
        &[("state", Values::Names), SOURCE],
        "Devices of rollouts that have not ended; the same on every replica.",
    ),
    counter("homepot_artifact_bytes_sent_total", &[], "Bytes of releases' files that devices fetched."),
    counter("homepot_enrollments_total", &[SOURCE], "Devices enrolled."),
    counter("homepot_takeovers_total", &[], "Simulated devices that became real."),
    counter("homepot_simulated_devices_removed_total", &[], "Simulated devices removed."),
    counter(
        "homepot_errors_logged_total",
        &[("severity", Values::These(SEVERITIES)), SOURCE],
        "Errors that applications reported.",
    ),
    counter("homepot_activities_logged_total", &[SOURCE], "User activities reported."),
    counter("homepot_hints_published_total", HINTS, "Wake-ups sent to other replicas."),
    counter("homepot_hints_received_total", HINTS, "Wake-ups received from other replicas."),
    counter("homepot_hints_lost_total", HINTS, "Wake-ups lost on the way; each costs a second."),
    histogram(
        "homepot_store_operation_seconds",
        &[("operation", Values::Names), ("lane", Values::Names)],
        "Time that operations of the database took.",
    ),
    gauge("homepot_database_clock_step_seconds", &[], "How far the database's clock is from where it should be."),
    gauge("homepot_database_trouble", &[("reason", Values::Names)], "1 while the database takes no writes, and why."),
    gauge("homepot_database_oldest_transaction_seconds", &[], "Age of the oldest transaction that is open."),
    counter(
        "homepot_database_connections_cut_total",
        &[("reason", Values::These(CUTS))],
        "Connections to the database given up.",
    ),
    counter(
        "homepot_store_errors_total",
        &[("operation", Values::Names), ("kind", Values::Names)],
        "Operations of the database that failed.",
    ),
];

/// Describes every metric to the recorder, and begins every counter at 0.
pub(super) fn register() {
    for metric in METRICS.iter().filter(|metric| !process::NAMES.contains(&metric.name)) {
        let Metric { kind, name, help, .. } = *metric;
        match kind {
            Kind::Counter => ::metrics::describe_counter!(name, Unit::Count, help),
            Kind::Gauge => ::metrics::describe_gauge!(name, help),
            Kind::Histogram => ::metrics::describe_histogram!(name, help),
        }
        if kind == Kind::Counter {
            for labels in combinations(metric.labels) {
                ::metrics::counter!(name, labels).increment(0);
            }
        }
    }
}

/// The labels with every value; none where they are known only once they occur.
fn combinations(labels: &[(&'static str, Values)]) -> Vec<Vec<Label>> {
    let mut all = vec![Vec::new()];
    for (label, values) in labels {
        let Values::These(values) = values else { return Vec::new() };
        let longer = |before: &Vec<Label>| {
            let before = before.clone();
            values.iter().map(move |value| {
                let mut labels = before.clone();
                labels.push(Label::from_static_parts(label, value));
                labels
            })
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::{Path, PathBuf},
    };

    use homepot::{
        model::{CommandState, DeviceSource, LossReason},
        pb::{analytics::v1::Severity, device::v1::GoodbyeReason},
    };

    use super::*;
    use crate::metrics::Metrics;

    fn workspace() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn sources(directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                // Tests come last in a file, and record what they like.
                let text = fs::read_to_string(&path).unwrap();
                found.push(text.split("#[cfg(test)]\nmod").next().unwrap().to_owned());
            }
        }
    }

    /// Every metric that the code records by its name, with its kind and labels.
    fn recorded() -> BTreeMap<String, (Kind, BTreeSet<String>)> {
        let mut files = Vec::new();
        for service in fs::read_dir(workspace().join("services")).unwrap() {
            sources(&service.unwrap().path().join("src"), &mut files);
        }
        let mut recorded = BTreeMap::new();
        for (kind, macro_name) in
            [(Kind::Counter, "counter!("), (Kind::Gauge, "gauge!("), (Kind::Histogram, "histogram!(")]
        {
            for rest in files.iter().flat_map(|file| file.split(macro_name).skip(1)) {
                let Some(rest) = rest.trim_start().strip_prefix("\"homepot_") else { continue };
                let (name, rest) = rest.split_once('"').unwrap();
                let arguments = &rest[..rest.find(';').unwrap_or(rest.len())];
                let labels = arguments.split("\" =>").collect::<Vec<_>>();
                let labels = labels[..labels.len() - 1].iter().map(|text| text.rsplit('"').next().unwrap().to_owned());
                let entry = recorded.entry(format!("homepot_{name}")).or_insert((kind, BTreeSet::new()));
                entry.1.extend(labels);
            }
        }
        recorded
    }

    /// Metrics whose names or labels are put together in code.
    const BY_OTHER_MEANS: &[&str] = &[
        "homepot_hints_published_total",
        "homepot_hints_received_total",
        "homepot_hints_lost_total",
        "homepot_http_requests_total",
    ];

    fn by_other_means(name: &str) -> bool {
        BY_OTHER_MEANS.contains(&name) || process::NAMES.contains(&name)
    }

    #[test]
    fn the_table_has_every_metric_that_the_code_records_and_no_other() {
        let recorded = recorded();
        assert!(recorded.len() > 30, "the test finds no metrics: {recorded:?}");
        let table: BTreeMap<_, _> = METRICS
            .iter()
            .map(|metric| {
                let labels: BTreeSet<_> = metric.labels.iter().map(|(label, _)| (*label).to_owned()).collect();
                (metric.name.to_owned(), (metric.kind, labels))
            })
            .collect();
        assert_eq!(table.len(), METRICS.len(), "a metric stands in the table twice");
        for (name, found) in &recorded {
            if !by_other_means(name) {
                let told = table.get(name);
                assert_eq!(
                    told,
                    Some(found),
                    "{name} is not in METRICS (services/runtime/src/metrics) as the code has it"
                );
            }
        }
        for name in process::NAMES {
            assert!(table.contains_key(name), "{name} is not in METRICS");
        }
        for name in table.keys().filter(|name| !by_other_means(name)) {
            assert!(recorded.contains_key(name), "nothing records {name}");
        }
    }

    #[test]
    fn every_counter_is_there_from_the_start_with_every_value_of_its_labels() {
        let (recorder, metrics) = Metrics::local();
        ::metrics::with_local_recorder(&recorder, register);
        let text = metrics.render();
        for line in [
            "homepot_sessions_contested_total 0",
            "homepot_commands_finished_total{state=\"unknown\",source=\"real\"} 0",
            "homepot_samples_lost_total{reason=\"too_old\",source=\"simulated\"} 0",
            "homepot_hints_lost_total{transport=\"redis\",about=\"runs\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
        }
        let counters = METRICS.iter().filter(|metric| metric.kind == Kind::Counter);
        for metric in counters.filter(|metric| !process::NAMES.contains(&metric.name)) {
            let values = metric.labels.iter().map(|(_, values)| match values {
                Values::These(values) => values.len(),
                Values::Names => 0,
            });
            let found = text.lines().filter(|line| {
                line.strip_prefix(metric.name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.ends_with(" 0")
            });
            assert_eq!(found.count(), values.product::<usize>(), "{}", metric.name);
            assert!(!metric.help.is_empty());
        }
    }

    #[test]
    fn the_values_of_labels_are_those_of_the_model() {
        assert_eq!(DeviceSource::ALL.map(DeviceSource::as_str), SOURCES);
        let ends: BTreeSet<_> =
            CommandState::ALL.into_iter().filter(|state| state.is_end()).map(|s| s.as_str()).collect();
        assert_eq!(ends, ENDS.iter().copied().collect());
        assert_eq!(LossReason::ALL.map(LossReason::as_str), LOSSES);
        let reasons: Vec<_> = (0..).map_while(|n| GoodbyeReason::try_from(n).ok()).map(|r| r.as_str_name()).collect();
        assert_eq!(reasons.into_iter().collect::<BTreeSet<_>>(), GOODBYES.iter().copied().collect());
        let severities = (1..).map_while(|n| Severity::try_from(n).ok());
        let word = |severity: Severity| severity.as_str_name().trim_start_matches("SEVERITY_").to_lowercase();
        assert_eq!(severities.map(word).collect::<BTreeSet<_>>(), SEVERITIES.iter().map(|s| (*s).to_owned()).collect());
        use tonic::Code::{PermissionDenied, ResourceExhausted, Unauthenticated, Unavailable};
        let codes = [Unauthenticated, PermissionDenied, ResourceExhausted, Unavailable];
        assert_eq!(codes.map(|code| code.description()), REFUSALS);
    }

    #[test]
    fn the_documentation_tells_of_every_metric() {
        let page = fs::read_to_string(workspace().join("docs/operations.md")).unwrap();
        for metric in METRICS {
            assert!(page.contains(metric.name), "docs/operations.md does not tell of {}", metric.name);
        }
    }
}
