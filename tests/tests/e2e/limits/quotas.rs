//! Write quotas: whoever stores too much is told so, or slowed down, and nobody else notices.

use chrono::{TimeDelta, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{
        analytics::v1 as analytics_pb,
        device::v1::{ReportSamplesRequest, Samples, attach_request::Message as Up, attach_response::Message as Down},
        registry::v1::Role,
        telemetry::v1::Sample,
    },
};
use homepot_tests::{Server, ServerOptions, Session, grpc::Caller, rest::Request};
use serde_json::json;
use tonic::Code;

use super::payload;

fn small_quotas() -> ServerOptions {
    ServerOptions::default()
        .env("HOMEPOT_OPERATOR_WRITE_RATE", "1KiB")
        .env("HOMEPOT_OPERATOR_WRITE_BURST", "64KiB")
        .env("HOMEPOT_DEVICE_WRITE_RATE", "1KiB")
        .env("HOMEPOT_DEVICE_WRITE_BURST", "64KiB")
}

fn activity() -> analytics_pb::LogActivityRequest {
    let activity = analytics_pb::Activity {
        activity_type: analytics_pb::ActivityType::Click.into(),
        metadata: Some(payload(3_000)),
        ..Default::default()
    };
    analytics_pb::LogActivityRequest { activity: Some(activity), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_stores_too_much_is_told_which_limit_it_is_and_no_other_is() {
    let server = Server::start_with(small_quotas()).await;
    let token = server.create_operator("loud", Role::Viewer, &[]).await;
    let mut loud = server.clients(&Caller::Operator(token.clone()));
    let mut stored = 0;
    let refused = loop {
        match loud.analytics.log_activity(activity()).await {
            Ok(_) => stored += 1,
            Err(status) => break status,
        }
        assert!(stored < 100, "64 KiB were far exceeded");
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("write quota of operator loud"), "{}", refused.message());
    let error = homepot::Error::from(&refused);
    assert!(error.retry_delay().is_some(), "RetryInfo says when");

    let body = json!({"activity_type": "click", "metadata": {"text": "x".repeat(3_000)}});
    let request = Request::post("/api/v1/analytics/user-activity").bearer(&token).json(&body);
    let answer = server.rest(request).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());

    // It may still read, and everybody else may still write.
    loud.analytics.list_activities(analytics_pb::ListActivitiesRequest::default()).await.unwrap();
    server.admin().analytics.log_activity(activity()).await.unwrap();
    assert_eq!(server.database().number("SELECT count(*) FROM user_activities").await, stored + 1);
}

fn sample(age_ms: i64) -> Sample {
    let at = Utc::now() - TimeDelta::milliseconds(age_ms);
    let collected_at = Some(to_proto_timestamp(at));
    Sample { collected_at, cpu_percent: Some(1.0), extra: Some(payload(3_000)), ..Default::default() }
}

fn message(first_seq: u64, samples: Vec<Sample>) -> Up {
    Up::Samples(Samples { first_seq, samples, resent: false })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_sends_too_much_is_slowed_down_on_its_stream_and_loses_nothing() {
    // Four times the burst, at a rate that takes it a few seconds.
    const MESSAGES: u64 = 20;
    const SAMPLES: u64 = 10;
    let options = small_quotas().env("HOMEPOT_DEVICE_WRITE_RATE", "256KiB");
    let server = Server::start_with(options).await;
    server.create_site("site-001", false).await;
    let (loud, quiet) = (server.enroll("site-001", "loud").await, server.enroll("site-001", "quiet").await);
    let (mut session, _) = Session::attach(&server, &loud).await;
    for number in 0..MESSAGES {
        let first_seq = number * SAMPLES + 1;
        let samples = (0..SAMPLES).map(|n| sample(i64::try_from(first_seq + n).unwrap())).collect();
        session.send(message(first_seq, samples)).await;
    }
    // Another device's sample does not wait for those.
    let (mut other, _) = Session::attach(&server, &quiet).await;
    other.send(message(1, vec![sample(0)])).await;
    let ack = |message: &Down| match message {
        Down::SamplesAck(ack) => Some(ack.clone()),
        _ => None,
    };
    assert!(other.expect("an acknowledgement", ack).await.refused.is_empty());
    let mut last = 0;
    while last < MESSAGES * SAMPLES {
        let ack = session.expect("an acknowledgement", ack).await;
        assert!(ack.refused.is_empty(), "{ack:?}");
        last = ack.seq;
    }
    let stored = "SELECT count(*) FROM samples JOIN devices USING (device) WHERE device_id = 'loud'";
    assert_eq!(server.database().number(stored).await, (MESSAGES * SAMPLES) as i64);
    let metrics = server.ops("/metrics").await.text();
    let pauses = metrics.lines().find_map(|line| line.strip_prefix("homepot_limits_pauses_total "));
    assert!(pauses.is_some_and(|pauses| pauses != "0"), "the stream was slowed down: {pauses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_call_of_a_device_beyond_its_quota_is_refused_and_says_when_to_come_back() {
    let server = Server::start_with(small_quotas()).await;
    server.create_site("site-001", false).await;
    let (loud, quiet) = (server.enroll("site-001", "loud").await, server.enroll("site-001", "quiet").await);
    let mut client = server.clients(&Caller::Device(loud.clone())).device;
    let mut age_ms = 0;
    let refused = loop {
        age_ms += 1;
        assert!(age_ms < 100, "64 KiB were far exceeded");
        let request = ReportSamplesRequest { samples: vec![sample(age_ms)], ..Default::default() };
        if let Err(status) = client.report_samples(request).await {
            break status;
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("write quota of device loud"), "{}", refused.message());
    assert!(homepot::Error::from(&refused).retry_delay().is_some(), "RetryInfo says when");
    let mut other = server.clients(&Caller::Device(quiet)).device;
    let request = ReportSamplesRequest { samples: vec![sample(0)], ..Default::default() };
    assert_eq!(other.report_samples(request).await.unwrap().into_inner().accepted, 1);
}
