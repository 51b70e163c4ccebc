//! Clocks that are wrong, on real processes: the server's, the database's apart from it, and a device's. What is stored is
//! compared with what was measured, and nothing may be lost.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{command::v1 as command_pb, device::v1 as device_pb, telemetry::v1::Sample},
};
use homepot_tests::{
    Agent, AgentOptions, Cluster, FakeClock, Server, ServerOptions, Session, eventually, field,
    grpc::{Caller, DeviceKey},
};
use serde_json::Value;

use super::ledger;

const SITE: &str = "site-001";
const DAY: i64 = 86_400;

/// A server of that database and with that clock, which asks for a sample a second.
async fn server(cluster: &Cluster, clock: Option<&FakeClock>) -> Server {
    let mut options = ServerOptions::default()
        .env("HOMEPOT_DATABASE_URL", cluster.database().url())
        .env("HOMEPOT_SAMPLE_INTERVAL", "1s");
    for (name, value) in clock.map(FakeClock::env).into_iter().flatten() {
        options = options.env(name, value);
    }
    let server = Server::start_with(options).await;
    server.create_site(SITE, false).await;
    server
}

/// Has a device report samples of these times; all must be taken.
async fn report(server: &Server, key: &DeviceKey, times: impl IntoIterator<Item = DateTime<Utc>>) {
    let sample = |at| Sample { collected_at: Some(to_proto_timestamp(at)), ..Default::default() };
    let samples: Vec<_> = times.into_iter().map(sample).collect();
    let count = samples.len();
    let request = device_pb::ReportSamplesRequest { samples, ..Default::default() };
    let mut device = server.clients(&Caller::Device(key.clone())).device;
    let answer = device.report_samples(request).await.unwrap().into_inner();
    assert_eq!((answer.accepted as usize, answer.refused), (count, Vec::new()));
}

fn hours_ago(hours: std::ops::Range<i64>) -> Vec<DateTime<Utc>> {
    hours.map(|hours| Utc::now() - TimeDelta::hours(hours)).collect()
}

async fn count(cluster: &Cluster) -> i64 {
    cluster.database().number("SELECT count(*) FROM samples").await
}

/// A metric of the server; 0 while it is not there.
async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.ops("/metrics").await.text();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or_default()
}

/// Rounds of maintenance that the server has tried.
async fn rounds(server: &Server) -> f64 {
    let text = server.ops("/metrics").await.text();
    let counts = text.lines().filter(|line| line.starts_with("homepot_store_operation_seconds_count{"));
    let of_rounds = counts.filter(|line| line.contains(r#"operation="maintain""#));
    of_rounds.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Waits until the server has begun and ended a round of maintenance.
async fn round(server: &Server) {
    let before = rounds(server).await;
    // The first of two may have begun before.
    let done = async || (rounds(server).await >= before + 2.0).then_some(());
    eventually("two rounds of maintenance", done).await;
}

async fn held(server: &Server, held: f64) {
    let is_so = async || (metric(server, "homepot_maintenance_held").await == held).then_some(());
    eventually(&format!("homepot_maintenance_held is {held}"), is_so).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_own_clock_decides_nothing() {
    let (cluster, clock) = (Cluster::start().await, FakeClock::new());
    let server = server(&cluster, Some(&clock)).await;
    let key = server.enroll(SITE, "till").await;
    report(&server, &key, hours_ago(0..50)).await;
    clock.set(20 * DAY);
    round(&server).await;
    assert_eq!(count(&cluster).await, 50);
    for ahead in [20 * DAY, -600, -20 * DAY] {
        clock.set(ahead);
        report(&server, &key, [Utc::now()]).await;
        // Tickets, tokens and their ends go by the database's clock too.
        let (_session, welcome) = Session::attach(&server, &key).await;
        let told = welcome.server_time.unwrap();
        assert!((told.seconds - Utc::now().timestamp()).abs() < 30, "{told:?}");
    }
    assert_eq!(count(&cluster).await, 53);
    let corrected = cluster.database().number("SELECT count(*) FROM corrected_samples").await;
    assert_eq!(corrected, 0, "what devices measured is stored as it came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_clock_leaps_loses_nothing_and_an_operator_can_say_that_it_is_right() {
    let cluster = Cluster::start().await;
    let server = server(&cluster, None).await;
    let key = server.enroll(SITE, "till").await;
    report(&server, &key, hours_ago(0..50)).await;
    round(&server).await;

    cluster.clock.set(20 * DAY);
    held(&server, 1.0).await;
    report(&server, &key, [Utc::now()]).await;
    assert_eq!(count(&cluster).await, 51);
    cluster.clock.set(0);
    held(&server, 0.0).await;
    report(&server, &key, [Utc::now()]).await;
    assert_eq!(count(&cluster).await, 52);
    let corrected = cluster.database().number("SELECT count(*) FROM corrected_samples").await;
    assert_eq!(corrected, 0, "the leap was not followed");

    // And when it is true after all, samples of three weeks ago go.
    cluster.clock.set(20 * DAY);
    held(&server, 1.0).await;
    let mut confirm = homepot_tests::homepot_command();
    // The address in a file, as pods have it.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cluster.database().url()).unwrap();
    confirm.arg("confirm-clock").env("HOMEPOT_DATABASE_URL_FILE", file.path());
    let output = tokio::task::spawn_blocking(move || confirm.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    eventually("old samples go", async || (count(&cluster).await == 0).then_some(())).await;
}

/// Where each sample of a device is stored, what its clock showed, and how far from the truth it is stored: the machine's
/// uptime tells, which no clock moves. In seconds.
async fn stored(server: &Server) -> Vec<(i64, f64)> {
    let query = "SELECT (extract(epoch FROM coalesce(c.device_time, s.collected_at)) * 1000000)::bigint AS shown,
            extract(epoch FROM s.collected_at)::float8 AS at, s.uptime_seconds AS uptime
        FROM samples s LEFT JOIN corrected_samples c USING (device, collected_at)";
    let rows = server.database().rows(query).await;
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split_ascii_whitespace().next().unwrap().parse().unwrap();
    let booted = Utc::now().timestamp_micros() as f64 / 1e6 - uptime;
    let row = |row: &Value| {
        let truth = booted + row["uptime"].as_f64().unwrap();
        (row["shown"].as_i64().unwrap(), row["at"].as_f64().unwrap() - truth)
    };
    rows.iter().map(row).collect()
}

/// What the agent's clock showed for each sample it measured, in microseconds.
fn measured(agent: &Agent) -> BTreeSet<i64> {
    let at = |line: &Value| {
        let time = field(line, "collected_at").and_then(Value::as_str).unwrap();
        DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros()
    };
    agent.samples().iter().map(at).collect()
}

/// Waits until all of `measured` is stored; each once, and where it was measured.
async fn all_stored(server: &Server, measured: &BTreeSet<i64>) {
    let found = async || {
        let stored = stored(server).await;
        let shown: BTreeSet<_> = stored.iter().map(|(shown, _)| *shown).collect();
        assert_eq!(shown.len(), stored.len(), "a sample is stored twice");
        measured.is_subset(&shown).then_some(stored)
    };
    let stored = eventually("all that was measured is stored", found).await;
    for (shown, off) in stored {
        // The uptime is told in whole seconds.
        assert!((-2.0..4.0).contains(&off), "{shown} is stored {off} s from when it was measured");
    }
    assert_eq!(server.database().number("SELECT count(*) FROM sample_losses").await, 0);
}

async fn agent(server: &Server, clock: &FakeClock) -> Agent {
    let token = server.enrollment_token(SITE).await;
    let mut options = AgentOptions::new(SITE, "till").enrollment_token(&token);
    for (name, value) in clock.env() {
        options = options.env(name, &value);
    }
    Agent::start(server, options)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_offline_survives_a_device_whose_clock_is_set_in_between() {
    let mut server = Server::start_with(ServerOptions::default().env("HOMEPOT_SAMPLE_INTERVAL", "1s")).await;
    server.create_site(SITE, false).await;
    let clock = FakeClock::new();
    let mut agent = agent(&server, &clock).await;
    eventually("a first sample", async || (!stored(&server).await.is_empty()).then_some(())).await;

    server.kill9();
    let mut read = agent.samples().len();
    for ahead in [0, 10 * DAY, -10 * DAY, -3_600, 10 * DAY] {
        clock.set(ahead);
        read += 4;
        agent.read_samples(read).await;
    }
    server.restart().await;
    all_stored(&server, &measured(&agent)).await;
    let corrected = server.database().number("SELECT count(*) FROM corrected_samples").await;
    assert!(corrected >= 16, "{corrected} samples were corrected");

    // What the agent had sent and can't know to be stored is sent again, and its clock is right by then.
    agent.kill9();
    clock.set(0);
    std::fs::remove_file(agent.state_dir().join("spool/ledger")).unwrap();
    agent.restart();
    agent.read_samples(2).await;
    all_stored(&server, &measured(&agent)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_a_database_that_go_wrong_under_a_device_refuse_nothing() {
    let (cluster, server_clock, device_clock) = (Cluster::start().await, FakeClock::new(), FakeClock::new());
    let server = server(&cluster, Some(&server_clock)).await;
    let agent = agent(&server, &device_clock).await;
    let database = cluster.database();
    let mut read = 2;
    agent.read_samples(read).await;
    for ahead in [-600, 20 * DAY, 0] {
        cluster.clock.set(ahead);
        server_clock.set(ahead);
        read += 8;
        agent.read_samples(read).await;
    }
    let measured = measured(&agent);
    let query = "SELECT count(*) FROM samples WHERE (extract(epoch FROM collected_at) * 1000000)::bigint IN ";
    let list = measured.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let stored = async || (database.number(&format!("{query} ({list})")).await == measured.len() as i64).then_some(());
    eventually("all samples are stored as they were measured", stored).await;
    assert_eq!(metric(&server, r#"homepot_samples_refused_total{field="collected_at",source="real"}"#).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_misses_nothing_when_the_databases_clock_goes_back() {
    let cluster = Cluster::start().await;
    let server = server(&cluster, None).await;
    let key = server.enroll(SITE, "till").await;
    let mut device = ledger::attach(&server, &key, "journal").await;
    let command_id = ledger::queue(&server, "till", "PING").await;
    ledger::delivered(&mut device).await;
    let request = command_pb::WatchRequest { device_ids: vec!["till".to_owned()], ..Default::default() };
    let mut news = server.admin().command.watch(request.clone()).await.unwrap().into_inner();
    // The first message may be of before the command; any cursor will do.
    let cursor = loop {
        let message = news.message().await.unwrap().unwrap();
        if !message.cursor.is_empty() {
            break message.cursor;
        }
    };
    drop(news);

    cluster.clock.set(-20);
    ledger::end(&mut device, &command_id, command_pb::CommandState::Succeeded).await;
    let request = command_pb::WatchRequest { cursor, ..request };
    let mut news = server.admin().command.watch(request).await.unwrap().into_inner();
    let told = async {
        loop {
            let message = news.message().await.unwrap().unwrap();
            let ended = message.commands.iter().any(|command| {
                command.command_id == command_id && command.state() == command_pb::CommandState::Succeeded
            });
            if ended {
                return;
            }
        }
    };
    tokio::time::timeout(homepot_tests::PATIENCE, told).await.expect("the viewer is told that the command ended");
}
