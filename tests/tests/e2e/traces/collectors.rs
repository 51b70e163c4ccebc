//! A collector that is away, refuses, hangs, or is somebody else: serving goes on.

use std::time::Duration;

use homepot_tests::{
    Certificate, Collector, Manner, PATIENCE, Server, ServerOptions, eventually, field, free_address, rest::Request,
};
use serde_json::Value;

use super::{sharing, span};

const WHO_AM_I: &str = "homepot.registry.v1.RegistryService/WhoAmI";
const TAKES_NONE: &str = "the collector takes no spans of traces; until it does, they are dropped";
const TAKES_AGAIN: &str = "the collector takes spans of traces again";

fn to(url: &str) -> ServerOptions {
    ServerOptions::default()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        .env("OTEL_TRACES_SAMPLER_ARG", "1")
        .env("HOMEPOT_TRACE_DEVICE_SHARE", "0")
}

async fn ask(server: &Server) {
    let answer = server.rest(Request::get("/api/v2/whoami").bearer(&server.admin_token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn says(text: &'static str) -> impl Fn(&Value) -> Option<Value> {
    move |line| (field(line, "message")?.as_str()? == text).then(|| line.clone())
}

async fn dropped(server: &Server, reason: &str) -> u64 {
    let start = format!("homepot_trace_spans_dropped_total{{reason=\"{reason}\"}} ");
    let text = server.ops("/metrics").await.text();
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).expect("the counter is always there")
}

/// Asks until so many spans were dropped, in more batches than one.
async fn is_dropped_again(server: &Server) {
    let first = dropped(server, "not_sent").await;
    eventually("another batch to be dropped", async || {
        ask(server).await;
        (dropped(server, "not_sent").await > first).then_some(())
    })
    .await;
}

fn warnings(server: &Server) -> usize {
    server.process().log().iter().filter_map(says(TAKES_NONE)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_told_of_once_and_used_when_it_is_there() {
    let server = Server::start_with(to(&format!("http://{}", free_address()))).await;
    ask(&server).await;
    let told = server.process().logged("that the collector is away", says(TAKES_NONE)).await;
    assert!(field(&told, "error").is_some_and(Value::is_string), "{told}");
    is_dropped_again(&server).await;
    is_dropped_again(&server).await;
    assert_eq!(warnings(&server), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_refuses_is_told_of_once_and_once_more_when_it_takes_spans() {
    let collector = Collector::start(Manner::Refuses).await;
    let server = Server::start_with(sharing(&collector, "1", "0")).await;
    ask(&server).await;
    server.process().logged("that the collector refuses", says(TAKES_NONE)).await;
    is_dropped_again(&server).await;
    assert_eq!(warnings(&server), 1);
    collector.turn(Manner::Takes);
    eventually("spans at the collector", async || {
        ask(&server).await;
        span(&collector.spans(), "homepot", WHO_AM_I).map(drop)
    })
    .await;
    server.process().logged("that the collector takes spans", says(TAKES_AGAIN)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_neither_requests_nor_the_stop() {
    let collector = Collector::start(Manner::Hangs).await;
    let mut server = Server::start_with(sharing(&collector, "1", "0")).await;
    ask(&server).await;
    collector.is_called(1).await;
    // Far more spans than may wait, while the first message is without an answer.
    eventually("spans to be dropped", async || {
        for _ in 0..50 {
            ask(&server).await;
        }
        (dropped(&server, "queue_full").await + dropped(&server, "not_sent").await > 0).then_some(())
    })
    .await;
    ask(&server).await;
    assert!(server.stop(Duration::from_secs(10)).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_before_the_server_ends() {
    let collector = Collector::start(Manner::Takes).await;
    let mut server = Server::start_with(sharing(&collector, "1", "0")).await;
    ask(&server).await;
    assert!(server.stop(PATIENCE).await.success());
    let seen = span(&collector.spans(), "homepot", WHO_AM_I).expect("it was sent before the end");
    assert_eq!(seen.attribute("operator"), "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_spans_go_to_the_collector_that_is_vouched_for_and_to_no_other() {
    let (own, other) = (Certificate::new(), Certificate::new());
    let collector = Collector::over_tls(&own).await;
    let trusting = |certificate: &Certificate| {
        to(&collector.url).env("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate.file().display().to_string())
    };
    let server = Server::start_with(trusting(&other)).await;
    ask(&server).await;
    server.process().logged("that the collector is not believed", says(TAKES_NONE)).await;
    assert!(collector.spans().is_empty());
    drop(server);

    let server = Server::start_with(trusting(&own)).await;
    ask(&server).await;
    collector.sees("the call", |spans| span(spans, "homepot", WHO_AM_I)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_anywhere_unless_a_collector_is_named() {
    let collector = Collector::start(Manner::Takes).await;
    let off = sharing(&collector, "1", "1").env("OTEL_SDK_DISABLED", "true");
    let mut server = Server::start_with(off).await;
    ask(&server).await;
    assert!(server.stop(PATIENCE).await.success());
    assert!(collector.spans().is_empty());
}
