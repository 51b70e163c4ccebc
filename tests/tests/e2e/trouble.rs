//! A database in trouble: devices wait, nothing is lost, and whoever asks is told why.

use chrono::{TimeDelta, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{
        device::v1::{SamplesAck, attach_request::Message as Up, attach_response::Message as Down},
        telemetry::v1 as telemetry_pb,
    },
};
use homepot_tests::{
    Certificate, Cluster, Process, Server, ServerOptions, Session, eventually, free_address, rest::Request,
};

/// As many samples as a message holds.
const MANY: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_read_only_database_samples_wait_and_readiness_says_why() {
    let server = Server::start_with(unready_at_once()).await;
    let mut session = reporting(&server).await;

    turn(&server, "on").await;
    send(&session, 2, 1).await;
    told_of(&server, "read_only").await;

    turn(&server, "off").await;
    assert_eq!(acknowledged(&mut session).await, 2);
    eventually("readiness", async || (server.ops("/readyz").await.status == 200).then_some(())).await;
    assert_eq!(server.database().number("SELECT count(*) FROM samples").await, 2);
    assert!(server.ops("/metrics").await.text().contains("homepot_database_trouble{reason=\"read_only\"} 0"));
}

#[tokio::test(flavor = "multi_thread")]
// Says that nothing was tried.
#[allow(clippy::print_stderr)]
async fn on_a_full_disk_samples_wait_and_readiness_says_why() {
    let Some(cluster) = Cluster::start_on_disk(192).await else {
        eprintln!("skipped: this user may mount nothing in a namespace of its own");
        return;
    };
    let options = unready_at_once().env("HOMEPOT_DATABASE_URL", cluster.database().url());
    let server = Server::start_with(options).await;
    let mut session = reporting(&server).await;

    cluster.fill_disk();
    // More than fits into the pages that there are.
    send(&session, 2, MANY).await;
    told_of(&server, "disk_full").await;

    cluster.free_disk();
    assert_eq!(acknowledged(&mut session).await, 1 + MANY);
    eventually("readiness", async || (server.ops("/readyz").await.status == 200).then_some(())).await;
    assert_eq!(cluster.database().number("SELECT count(*) FROM samples").await, i64::try_from(1 + MANY).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_before_its_database_waits_for_it() {
    let mut first = Server::start().await;
    let url = first.database().url();
    first.kill9();
    let directory = homepot_tests::data_parent();
    let ops_addr = free_address();
    let mut command = homepot_tests::homepot_command();
    command
        .arg("serve")
        .env("HOMEPOT_DATABASE_URL", url)
        .env("HOMEPOT_DATA_DIR", directory.path().join("data"))
        .env("HOMEPOT_GRPC_ADDR", "127.0.0.1:0")
        .env("HOMEPOT_REST_ADDR", "127.0.0.1:0")
        .env("HOMEPOT_OPS_ADDR", &ops_addr);
    let second = Process::start("the second server", &mut command);
    let said = |text: &'static str| {
        move |line: &serde_json::Value| (homepot_tests::field(line, "message")?.as_str()? == text).then_some(())
    };
    second.logged("that it waits", said("waiting for the database")).await;
    let get = async |path: &str| Request::get(path).send(&ops_addr).await;
    assert_eq!(get("/livez").await.status, 200);
    let ready = get("/readyz").await;
    assert_eq!((ready.status, ready.text().trim()), (503, "not ready: starting, database (waiting)"));

    first.restart().await;
    second.logged("that it is ready", said("ready")).await;
    assert_eq!(get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_promoted_when_the_primary_dies_takes_over_and_has_all_that_was_acknowledged() {
    let mut primary = Cluster::start().await;
    let standby = primary.start_standby().await;
    let options = unready_at_once().env("HOMEPOT_DATABASE_URL", primary.url_with(&standby));
    let server = Server::start_with(options).await;
    let mut session = reporting(&server).await;

    primary.kill();
    send(&session, 2, 1).await;
    eventually("readiness to say it", async || (server.ops("/readyz").await.status == 503).then_some(())).await;
    standby.promote().await;
    // With what its session wrote, too: the stream goes on.
    assert_eq!(acknowledged(&mut session).await, 2);
    eventually("readiness", async || (server.ops("/readyz").await.status == 200).then_some(())).await;
    assert_eq!(standby.database().number("SELECT count(*) FROM samples").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_at_a_port_is_spoken_to_by_tls_and_one_that_shows_another_certificate_not_at_all() {
    let (own, others) = (Certificate::new(), Certificate::new());
    let cluster = Cluster::start_with_tls(&own).await;
    let verified = |by: &Certificate| format!("sslmode=verify-full&sslrootcert={}", by.file().display());
    let options = ServerOptions::default().env("HOMEPOT_DATABASE_URL", cluster.tcp_url(&verified(&own)));
    let server = Server::start_with(options).await;
    assert_eq!(server.ops("/readyz").await.status, 200);
    let connections = |tls: &str| {
        format!(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE ssl = {tls} AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    };
    assert!(cluster.database().number(&connections("true")).await > 0);
    assert_eq!(cluster.database().number(&connections("false")).await, 0);

    let directory = homepot_tests::data_parent();
    let mut command = homepot_tests::homepot_command();
    command
        .arg("serve")
        .env("HOMEPOT_DATABASE_URL", cluster.tcp_url(&verified(&others)))
        .env("HOMEPOT_DATA_DIR", directory.path().join("data"))
        .env("HOMEPOT_GRPC_ADDR", "127.0.0.1:0")
        .env("HOMEPOT_REST_ADDR", "127.0.0.1:0")
        .env("HOMEPOT_OPS_ADDR", "127.0.0.1:0");
    let deceived = Process::start("a server that trusts another authority", &mut command);
    let said = |line: &serde_json::Value| line.to_string().contains("certificate verify failed").then_some(());
    deceived.logged("why it does not take the database for its own", said).await;
}

/// A server that does not stay ready for the sake of its streams.
fn unready_at_once() -> ServerOptions {
    ServerOptions::default().env("HOMEPOT_OUTAGE_GRACE", "0s")
}

/// The session of a device whose first sample is stored.
async fn reporting(server: &Server) -> Session {
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(server, &key).await;
    send(&session, 1, 1).await;
    assert_eq!(acknowledged(&mut session).await, 1);
    session
}

/// Ends once readiness says that this is the matter with the database; the server is alive, and its metric says the same.
async fn told_of(server: &Server, reason: &str) {
    eventually("readiness to say it", async || {
        let ready = server.ops("/readyz").await;
        (ready.status == 503 && ready.text().contains(&format!("database ({reason})"))).then_some(())
    })
    .await;
    assert_eq!(server.ops("/livez").await.status, 200);
    let metric = format!("homepot_database_trouble{{reason=\"{reason}\"}} 1");
    assert!(server.ops("/metrics").await.text().contains(&metric));
}

/// Makes the database read-only, or takes that back, also for connections of now.
async fn turn(server: &Server, word: &str) {
    let database = server.database();
    let set = format!("ALTER DATABASE homepot SET default_transaction_read_only = {word}");
    database.number(&format!("SET transaction_read_only = off; {set}; SELECT 1")).await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        AND backend_type = 'client backend'";
    database.number(end).await;
}

/// Sends so many samples, measured a millisecond apart until now.
async fn send(session: &Session, first_seq: u64, count: u64) {
    let now = Utc::now();
    let sample = |ago| telemetry_pb::Sample {
        collected_at: Some(to_proto_timestamp(now - TimeDelta::milliseconds(i64::try_from(ago).expect("few")))),
        cpu_percent: Some(1.0),
        ..telemetry_pb::Sample::default()
    };
    let samples = (0..count).rev().map(sample).collect();
    let samples = homepot::pb::device::v1::Samples { first_seq, samples, ..Default::default() };
    session.send(Up::Samples(samples)).await;
}

async fn acknowledged(session: &mut Session) -> u64 {
    let ack = |message: &Down| match message {
        Down::SamplesAck(SamplesAck { seq, refused, .. }) => Some((*seq, refused.len())),
        _ => None,
    };
    let (seq, refused) = session.expect("an acknowledgement", ack).await;
    assert_eq!(refused, 0, "nothing is refused for the database's trouble");
    seq
}
