//! What devices measured: never summed over real and simulated ones.

use homepot::pb::telemetry::v1::{
    LatestRequest, ListSamplesRequest, Metric, QueryGrouping, QueryRequest, Series, WatchRequest,
    query_response::Message,
};
use serde_json::json;

use super::*;

async fn query(world: &World, request: QueryRequest) -> Result<Vec<Series>, Status> {
    let request = QueryRequest { metrics: vec![Metric::CpuPercent.into()], ..request };
    let mut pieces = world.server.admin().telemetry.query(request).await?.into_inner();
    let mut found = Vec::new();
    while let Some(piece) = pieces.message().await? {
        found.extend(match piece.message {
            Some(Message::Series(series)) => Some(series),
            _ => None,
        });
    }
    Ok(found)
}

/// Whose they are, of what source, and the largest value of each.
fn told(series: &[Series]) -> Vec<(&str, DeviceSource, f64)> {
    let largest = |series: &Series| series.points.iter().map(|point| point.max).fold(0.0, f64::max);
    series.iter().map(|series| (series.device_id.as_str(), series.source(), largest(series))).collect()
}

fn together(request: QueryRequest) -> QueryRequest {
    QueryRequest { grouping: QueryGrouping::Together.into(), ..request }
}

fn named(ids: &[&str]) -> QueryRequest {
    QueryRequest { device_ids: ids.iter().map(|id| (*id).to_owned()).collect(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn series_are_marked_and_devices_taken_together_are_of_one_source() {
    let world = World::build().await;
    let _sessions = world.measured().await;
    let site = || QueryRequest { site_id: SITE.to_owned(), ..Default::default() };
    let only = |source: DeviceSource, request| QueryRequest { source: source.into(), ..request };
    let (till, robot) = ((TILL, REAL, 10.0), (ROBOT, SIMULATED, 90.0));

    // One by one: both, or one of them.
    assert_eq!(told(&query(&world, site()).await.unwrap()), [robot, till]);
    assert_eq!(told(&query(&world, only(REAL, site())).await.unwrap()), [till]);
    assert_eq!(told(&query(&world, named(&[TILL, ROBOT])).await.unwrap()), [till, robot]);
    assert_eq!(told(&query(&world, only(SIMULATED, named(&[TILL, ROBOT]))).await.unwrap()), [robot]);

    // A site together: the real ones, unless told otherwise.
    let of = |source, value| [("", source, value)];
    assert_eq!(told(&query(&world, together(site())).await.unwrap()), of(REAL, 10.0));
    assert_eq!(told(&query(&world, only(SIMULATED, together(site()))).await.unwrap()), of(SIMULATED, 90.0));

    // Named ones together: whatever they are, but no mixture.
    assert_eq!(told(&query(&world, together(named(&[ROBOT]))).await.unwrap()), of(SIMULATED, 90.0));
    let mixture = together(named(&[TILL, ROBOT]));
    let (field, reason) = fault(query(&world, mixture.clone()).await.unwrap_err());
    assert_eq!(field, "source");
    assert!(reason.contains("robot is simulated") && reason.contains("give one"), "{reason}");
    assert_eq!(told(&query(&world, only(REAL, mixture)).await.unwrap()), of(REAL, 10.0));
    assert_eq!(fault(query(&world, QueryRequest { source: 9, ..site() }).await.unwrap_err()).0, "source");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_samples_are_marked_and_filtered_also_as_they_come() {
    let world = World::build().await;
    let [_till, mut robot] = world.measured().await;
    let mut telemetry = world.server.admin().telemetry;
    for (source, ids) in [(None, vec![ROBOT, TILL]), (Some(REAL), vec![TILL]), (Some(SIMULATED), vec![ROBOT])] {
        let source = source.unwrap_or_default().into();
        let latest = telemetry.latest(LatestRequest { source, ..Default::default() }).await.unwrap().into_inner();
        let found: Vec<_> = latest.samples.iter().map(|sample| (sample.device_id.as_str(), sample.source())).collect();
        let expected: Vec<_> = ids.iter().map(|id| (*id, if *id == TILL { REAL } else { SIMULATED })).collect();
        assert_eq!(found, expected);
    }
    let request = ListSamplesRequest { device_id: ROBOT.to_owned(), ..Default::default() };
    let history = telemetry.list_samples(request).await.unwrap().into_inner();
    assert_eq!(history.samples[0].source(), SIMULATED);

    let mut watches = Vec::new();
    for source in [REAL, SIMULATED] {
        let request = WatchRequest { source: source.into(), ..Default::default() };
        let mut news = telemetry.watch(request).await.unwrap().into_inner();
        let first = news.message().await.unwrap().unwrap().samples;
        assert_eq!(first.iter().map(|sample| sample.source()).collect::<Vec<_>>(), [source]);
        watches.push(news);
    }
    world.sends(&mut robot, 2, 91.0).await;
    let next = watches[1].message().await.unwrap().unwrap().samples;
    assert_eq!(next[0].sample.as_ref().unwrap().cpu_percent, Some(91.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_marks_samples_series_and_rows_and_a_prometheus_has_a_label() {
    let world = World::build().await;
    let _sessions = world.measured().await;
    let latest = &world.json("/api/v2/samples/latest").await["samples"];
    assert_eq!(texts(latest, "source"), ["DEVICE_SOURCE_SIMULATED", "DEVICE_SOURCE_REAL"]);
    let latest = &world.json("/api/v2/samples/latest?source=DEVICE_SOURCE_REAL").await["samples"];
    assert_eq!(texts(latest, "device_id"), [TILL]);
    let table = async |target: &str| {
        let request = Request::get(target).header("Accept", "text/csv").bearer(&world.server.admin_token);
        let text = world.server.rest(request).await.text();
        text.split_terminator("\r\n").map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = table("/api/v2/samples/latest?source=DEVICE_SOURCE_SIMULATED").await;
    assert!(lines.len() == 2 && lines[0].ends_with(",source"), "{lines:?}");
    assert!(lines[1].starts_with(ROBOT) && lines[1].ends_with(",DEVICE_SOURCE_SIMULATED"), "{lines:?}");

    let path = format!("/api/v2/series?metrics=METRIC_CPU_PERCENT&site_id={SITE}");
    let told = async |query: &str| world.get(&format!("{path}{query}")).await.series();
    assert_eq!(texts(&told("").await["series"], "source"), ["DEVICE_SOURCE_SIMULATED", "DEVICE_SOURCE_REAL"]);
    let answer = told("&grouping=QUERY_GROUPING_TOGETHER").await;
    assert_eq!(texts(&answer["series"], "source"), ["DEVICE_SOURCE_REAL"]);
    assert_eq!(answer["plan"]["source"], "QUERY_SOURCE_RAW");
    let lines = table(&format!("{path}&source=DEVICE_SOURCE_SIMULATED")).await;
    assert!(lines[0].starts_with("device_id,site_id,metric,source,start_time,count,"), "{lines:?}");
    let begin = format!("{ROBOT},{SITE},METRIC_CPU_PERCENT,DEVICE_SOURCE_SIMULATED,");
    assert!(lines.len() > 1 && lines[1..].iter().all(|row| row.starts_with(&begin)), "{lines:?}");
    let together = "metrics=METRIC_CPU_PERCENT&grouping=QUERY_GROUPING_TOGETHER";
    let mixture = format!("/api/v2/series?{together}&device_ids={TILL}&device_ids={ROBOT}");
    let answer = world.get(&mixture).await;
    assert_eq!((answer.status, &answer.json()["detail"][0]["loc"]), (422, &json!(["query", "source"])));

    let text = world.get("/telemetry/prometheus").await.text();
    for (device, source, value) in [(TILL, "real", "10"), (ROBOT, "simulated", "90")] {
        let labels = format!("device_id=\"{device}\",site_id=\"{SITE}\",source=\"{source}\"");
        assert!(text.contains(&format!("homepot_device_cpu_percent{{{labels}}} {value}\n")), "{text}");
    }
    let text = world.get("/telemetry/prometheus?source=real").await.text();
    assert!(text.contains(TILL) && !text.contains(ROBOT), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_metrics_count_real_and_simulated_apart() {
    let world = World::of(homepot_tests::Server::start().await).await;
    let [_till, mut robot] = world.measured().await;
    world.sends(&mut robot, 2, 91.0).await;
    for (name, real, simulated) in [
        ("homepot_enrollments_total", 1.0, 1.0),
        ("homepot_sessions", 1.0, 1.0),
        ("homepot_samples_stored_total", 1.0, 2.0),
    ] {
        for (source, count) in [("real", real), ("simulated", simulated)] {
            let series = format!("{name}{{source=\"{source}\"}}");
            assert_eq!(world.metric(&series).await, Some(count), "{series}");
        }
    }
}
