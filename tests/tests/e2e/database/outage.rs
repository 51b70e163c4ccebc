//! Links stay ready through a short outage of their database, so that proxies leave the devices' streams alone.

use std::time::{Duration, Instant};

use homepot_tests::{
    Cluster, Server, ServerOptions, Session, eventually,
    grpc::{Caller, call, connection},
    rest::Response,
};

use crate::telemetry::{ack, message, sample};

const GRACE: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn a_link_stays_ready_without_its_database_for_a_while_and_other_roles_do_not() {
    let mut cluster = Cluster::start().await;
    let with = |roles: &str| {
        let grace = format!("{}s", GRACE.as_secs());
        ServerOptions::default().env("HOMEPOT_ROLES", roles).env("HOMEPOT_OUTAGE_GRACE", grace)
    };
    let link = with("registry,link").env("HOMEPOT_DATABASE_URL", cluster.database().url());
    let link = Server::start_with(link).await;
    let secret = link.data_dir().join("server-secret").display().to_string();
    let telemetry = with("telemetry").env("HOMEPOT_DATABASE_URL", cluster.database().url());
    let telemetry = Server::start_with(telemetry.env("HOMEPOT_SECRET_FILE", secret)).await;
    link.create_site("site-001", false).await;
    let key = link.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&link, &key).await;
    session.send(message(1, vec![sample(chrono::Utc::now(), 1.0)])).await;
    ack(&mut session).await;

    assert!(serving(&link).await);
    let stopped = Instant::now();
    cluster.stop();
    eventually("the link to say what it lacks", async || {
        says(&link, 200, "ready, for a while without: database (").await
    })
    .await;
    assert!(
        link.ops("/metrics")
            .await
            .text()
            .lines()
            .any(|line| { line.starts_with("homepot_database_trouble{") && line.ends_with(" 1") })
    );
    eventually("the other one to be ready no more", async || says(&telemetry, 503, "not ready: database (").await)
        .await;
    // What is sent meanwhile waits.
    session.send(message(2, vec![sample(chrono::Utc::now(), 2.0)])).await;
    eventually("the link to be ready no more", async || (!serving(&link).await).then_some(())).await;
    assert!(stopped.elapsed() >= GRACE, "{:?}", stopped.elapsed());
    assert!(says(&link, 503, "not ready: database (").await.is_some());

    cluster.start_again().await;
    ack(&mut session).await;
    eventually("readiness", async || says(&link, 200, "ready\n").await).await;
    assert!(serving(&link).await);
    assert_eq!(cluster.database().number("SELECT count(*) FROM samples").await, 2);
}

async fn says(server: &Server, status: u16, text: &str) -> Option<()> {
    let Response { status: found, body, .. } = server.ops("/readyz").await;
    (found == status && String::from_utf8_lossy(&body).starts_with(text)).then_some(())
}

/// What gRPC's health service says of the process.
async fn serving(server: &Server) -> bool {
    let connection = connection([127, 0, 0, 1].into(), &server.ops_addr, &Caller::Nobody);
    let answer = call(connection, "/grpc.health.v1.Health/Check", Vec::new()).await.unwrap();
    // A HealthCheckResponse: its field 1 is 1 for SERVING and 2 for NOT_SERVING.
    assert!(matches!(answer[..], [8, 1 | 2]), "{answer:?}");
    answer[1] == 1
}
