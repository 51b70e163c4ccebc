//! Series: from samples and from rollups, with their gaps.

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{
        registry::v1::Role,
        telemetry::v1::{
            Gap, GapReason, Metric, Point, QueryGrouping, QueryPlan, QueryRequest, QuerySource, Series,
            query_response::Message,
        },
    },
};
use homepot_tests::{AnySystem, System, eventually, grpc::Caller};
use prost_types::Duration;
use tonic::{Code, Status};

use super::{SITE, device_with, field, minutes_ago, time};

/// An answer, piece by piece.
#[derive(Debug, Default)]
struct Answer {
    plan: QueryPlan,
    series: Vec<Series>,
    gaps: Vec<Gap>,
}

impl Answer {
    /// Start, count and newest of each point.
    fn points(&self) -> Vec<(DateTime<Utc>, i64, f64)> {
        let points = self.series.iter().flat_map(|series| &series.points);
        points.map(|point| (time(point.start_time.as_ref()), point.count, point.last)).collect()
    }

    fn gaps(&self, reason: GapReason) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let gaps = self.gaps.iter().filter(|gap| gap.reason() == reason);
        gaps.map(|gap| (time(gap.start_time.as_ref()), time(gap.end_time.as_ref()))).collect()
    }
}

async fn ask_as(server: &System, caller: Caller, request: QueryRequest) -> Result<Answer, Status> {
    let mut stream = server.clients(&caller).telemetry.query(request).await?.into_inner();
    let mut answer = Answer::default();
    let mut first = true;
    while let Some(piece) = stream.message().await? {
        match piece.message.unwrap() {
            Message::Plan(plan) => {
                assert!(first, "the plan comes first");
                answer.plan = plan;
            }
            Message::Series(series) => {
                assert!((1..=1_000).contains(&series.points.len()), "{} points", series.points.len());
                answer.series.push(series);
            }
            Message::Gap(gap) => answer.gaps.push(gap),
        }
        first = false;
    }
    assert!(!first, "there is a plan");
    Ok(answer)
}

async fn ask(server: &System, request: QueryRequest) -> Result<Answer, Status> {
    ask_as(server, Caller::Operator(server.admin_token.clone()), request).await
}

/// Of the processor of these devices, so many minutes from `start` on.
fn request(device_ids: &[&str], start: DateTime<Utc>, minutes: i64, resolution: i64) -> QueryRequest {
    QueryRequest {
        device_ids: device_ids.iter().map(|id| (*id).to_owned()).collect(),
        metrics: vec![Metric::CpuPercent.into()],
        start_time: Some(to_proto_timestamp(start)),
        end_time: Some(to_proto_timestamp(start + TimeDelta::minutes(minutes))),
        resolution: (resolution > 0).then_some(Duration { seconds: resolution, nanos: 0 }),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_back_as_points_of_the_resolution_asked_for() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let start = minutes_ago(5);
    let samples: Vec<_> = (0..12).map(|n| (start + TimeDelta::seconds(n * 5), n as f64)).collect();
    device_with(&server, SITE, "till", &samples).await;

    let each = ask(&server, request(&["till"], start, 1, 5)).await.unwrap();
    assert_eq!(each.plan.source(), QuerySource::Raw);
    assert_eq!(each.points(), samples.iter().map(|(at, value)| (*at, 1, *value)).collect::<Vec<_>>());
    assert_eq!(each.gaps, []);
    let series = &each.series[0];
    assert_eq!((series.device_id.as_str(), series.site_id.as_str()), ("till", SITE));
    assert_eq!(series.metric(), Metric::CpuPercent);

    let folded = ask(&server, request(&["till"], start, 1, 30)).await.unwrap();
    let first = &folded.series[0].points[0];
    let expected = Point {
        start_time: Some(to_proto_timestamp(start)),
        count: 6,
        min: 0.0,
        max: 5.0,
        average: 2.5,
        sum: 15.0,
        last: 5.0,
    };
    assert_eq!((folded.points().len(), first), (2, &expected));
    // Left to the server, the last hour is one point each five seconds.
    let usual = QueryRequest { start_time: None, end_time: None, ..request(&["till"], start, 1, 0) };
    assert_eq!(ask(&server, usual).await.unwrap().plan.resolution.unwrap().seconds, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn rollups_answer_as_samples_do_and_long_answers_come_in_pieces() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    // Before the hour that the roller waits for.
    let start = minutes_ago(150);
    let samples: Vec<_> = (0..120).map(|n| (start + TimeDelta::seconds(n * 10), (n % 7) as f64)).collect();
    device_with(&server, SITE, "till", &samples).await;
    let minutes = request(&["till"], start, 20, 60);
    let from_samples = ask(&server, minutes.clone()).await.unwrap();
    assert_eq!(from_samples.plan.source(), QuerySource::Minutes);
    assert_eq!(from_samples.points().len(), 20);
    assert!(from_samples.points().iter().all(|(_, count, _)| *count == 6));

    let rolled = "SELECT count(*) FROM rollup_1m";
    eventually("the rollup", async || (server.database().number(rolled).await == 20).then_some(())).await;
    let from_rollup = ask(&server, minutes).await.unwrap();
    assert_eq!((from_rollup.series, from_rollup.gaps), (from_samples.series, from_samples.gaps));

    let hours = ask(&server, request(&["till"], start, 20, 3_600)).await.unwrap();
    assert_eq!(hours.plan.source(), QuerySource::Hours);
    assert_eq!(hours.points().iter().map(|(_, count, _)| count).sum::<i64>(), 120);

    let every_second: Vec<_> = (0..1_000).map(|n| (start + TimeDelta::seconds(n), 1.0)).collect();
    let mut session = device_with(&server, SITE, "busy", &every_second).await;
    let rest = (1_000..1_500).map(|n| super::sample(start + TimeDelta::seconds(n), 1.0)).collect();
    session.send(super::message(1_001, rest)).await;
    super::ack(&mut session).await;
    let long = QueryRequest { max_points: 10_000, ..request(&["busy"], start, 25, 1) };
    let long = ask(&server, long).await.unwrap();
    assert_eq!((long.series.len(), long.points().len()), (2, 1_500));
}

#[tokio::test(flavor = "multi_thread")]
async fn stretches_without_samples_and_lost_samples_are_gaps() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let start = minutes_ago(20);
    let at = |minute| start + TimeDelta::minutes(minute);
    // Minutes 5 to 7 are missing.
    let samples: Vec<_> = (0..10).filter(|n| !(5..8).contains(n)).map(|n| (at(n), 1.0)).collect();
    device_with(&server, SITE, "till", &samples).await;
    let lost = format!(
        "INSERT INTO sample_losses (device, start_at, end_at, reason, samples, received_at)
        SELECT device, '{}', '{}', 'spool_full', 42, now() FROM devices WHERE device_id = 'till'; SELECT 1",
        at(5).to_rfc3339(),
        at(7).to_rfc3339()
    );
    assert_eq!(server.database().number(&lost).await, 1);

    let answer = ask(&server, request(&["till"], start, 12, 60)).await.unwrap();
    assert_eq!(answer.gaps(GapReason::NoSamples), [(at(5), at(8)), (at(10), at(12))]);
    assert_eq!(answer.gaps(GapReason::SpoolFull), [(at(5), at(7))]);
    assert!(answer.gaps.iter().all(|gap| gap.device_id == "till"));
    let told: Vec<_> = answer.gaps.iter().map(|gap| gap.samples).collect();
    assert_eq!(told, [0, 0, 42]);
    // A sample a minute leaves seconds empty, and that is no gap.
    let fine = ask(&server, request(&["till"], start, 4, 10)).await.unwrap();
    assert_eq!(fine.gaps, []);
    // What was lost elsewhere does not show.
    assert_eq!(ask(&server, request(&["till"], start, 4, 60)).await.unwrap().gaps, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_told_apart_or_taken_together() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    server.create_site("site-002", false).await;
    let start = minutes_ago(5);
    device_with(&server, SITE, "till-1", &[(start, 10.0)]).await;
    device_with(&server, SITE, "till-2", &[(start, 30.0), (start + TimeDelta::seconds(1), 20.0)]).await;
    device_with(&server, "site-002", "kiosk", &[(start, 99.0)]).await;

    let of_site = QueryRequest { site_id: SITE.to_owned(), ..request(&[], start, 1, 60) };
    let apart = ask(&server, of_site.clone()).await.unwrap();
    let names: Vec<_> = apart.series.iter().map(|series| series.device_id.as_str()).collect();
    assert_eq!(names, ["till-1", "till-2"]);
    let together = QueryRequest { grouping: QueryGrouping::Together.into(), ..of_site.clone() };
    let together = ask(&server, together).await.unwrap();
    let series = &together.series[0];
    assert_eq!((series.device_id.as_str(), series.site_id.as_str()), ("", SITE));
    let point = &series.points[0];
    assert_eq!((point.count, point.min, point.max, point.sum, point.last), (3, 10.0, 30.0, 60.0, 20.0));

    let grouping = QueryGrouping::Together.into();
    let mixed = QueryRequest { grouping, ..request(&["kiosk", "till-1", "kiosk"], start, 1, 60) };
    let mixed = ask(&server, mixed).await.unwrap();
    assert_eq!((mixed.series[0].site_id.as_str(), mixed.series[0].points[0].count), ("", 2));

    // Who may not see a site does not learn that it is there.
    let token = server.create_operator("elsewhere", Role::Viewer, &["site-002"]).await;
    for request in [of_site, request(&["kiosk", "till-1"], start, 1, 60), request(&["nobody"], start, 1, 60)] {
        let refusal = ask_as(&server, Caller::Operator(token.clone()), request).await.unwrap_err();
        assert_eq!(refusal.code(), Code::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_query_is_told_by_the_fields_name() {
    let server = AnySystem::start_with(
        homepot_tests::ServerOptions::default()
            .env("HOMEPOT_RETENTION_SAMPLES", "1d")
            .env("HOMEPOT_RETENTION_MINUTES", "10d")
            .env("HOMEPOT_RETENTION_HOURS", "20d"),
    )
    .await;
    server.create_site(SITE, false).await;
    device_with(&server, SITE, "till", &[]).await;
    let start = minutes_ago(10);
    let good = || request(&["till"], start, 5, 60);
    let days_ago = |days| Utc::now() - TimeDelta::days(days);
    let second = || Some(Duration { seconds: 1, nanos: 0 });
    let metrics = |metrics: &[i32]| QueryRequest { metrics: metrics.to_vec(), ..good() };
    let bad = [
        ("device_ids", QueryRequest { device_ids: Vec::new(), ..good() }),
        ("device_ids", QueryRequest { device_ids: vec!["till".to_owned(); 101], ..good() }),
        ("device_ids", QueryRequest { device_ids: vec!["no device".to_owned()], ..good() }),
        ("site_id", QueryRequest { site_id: SITE.to_owned(), ..good() }),
        ("metrics", metrics(&[])),
        ("metrics", metrics(&[0])),
        ("metrics", metrics(&[99])),
        ("metrics", metrics(&[1, 2, 1])),
        ("grouping", QueryRequest { grouping: 9, ..good() }),
        ("start_time", QueryRequest { end_time: Some(to_proto_timestamp(start)), ..good() }),
        ("start_time", request(&["till"], days_ago(21), 5, 3_600)),
        ("start_time", QueryRequest { start_time: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }), ..good() }),
        ("resolution", request(&["till"], start, 5, 61)),
        ("resolution", request(&["till"], days_ago(2), 5, 10)),
        ("resolution", request(&["till"], days_ago(11), 5, 60)),
        ("resolution", QueryRequest { resolution: second(), max_points: 100, ..good() }),
        ("max_points", QueryRequest { max_points: 10_001, ..good() }),
    ];
    for (name, request) in bad {
        let refusal = ask(&server, request.clone()).await.unwrap_err();
        assert_eq!((refusal.code(), field(refusal).as_str()), (Code::InvalidArgument, name), "{request:?}");
    }
    // One of several that is not there is named.
    let missing = ask(&server, request(&["till", "till-8"], start, 5, 60)).await.unwrap_err();
    assert_eq!((missing.code(), missing.message()), (Code::NotFound, "Device till-8 not found"));
    // Left to the server, the resolution is what is still kept there.
    let old = ask(&server, request(&["till"], days_ago(2), 5, 0)).await.unwrap();
    assert_eq!(old.plan.source(), QuerySource::Minutes);
}
