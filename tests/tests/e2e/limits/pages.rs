//! A page ends by bytes as well, so that every client can take it.

use homepot::pb::{
    analytics::v1 as analytics_pb, command::v1 as pb, registry::v1 as registry_pb, telemetry::v1 as telemetry_pb,
};
use homepot_tests::{Server, rest::Request};
use prost::Message;

use super::{payload, queue};

/// What a page may take; a client of gRPC takes four times as much unless told otherwise.
const PAGE_BYTES: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_large_commands_comes_in_pages_that_a_default_client_takes() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let queued = queue(&server, "till", 120, 60_000).await;
    // As devices answer them.
    let results = "WITH told AS (UPDATE commands SET result = payload RETURNING 1) SELECT count(*) FROM told";
    assert_eq!(server.database().number(results).await, 120);

    let (mut listed, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let request =
            pb::ListRequest { device_id: "till".to_owned(), page_size: 1_000, page_token, ..Default::default() };
        let page = server.admin().command.list(request).await.unwrap().into_inner();
        assert!(page.encoded_len() <= PAGE_BYTES, "a page of {} bytes", page.encoded_len());
        listed.extend(page.commands.into_iter().map(|command| command.command_id));
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let newest_first: Vec<_> = queued.iter().rev().cloned().collect();
    assert_eq!(listed, newest_first);
    assert!(pages >= 14, "{pages}");

    // The same by REST, whose list is whole.
    let request = Request::get("/api/v1/devices/device/till/commands").bearer(&server.admin_token);
    let whole = server.rest(request).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.json().as_array().unwrap().len(), 120);
    drop(key);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_list_with_large_items_is_cut_by_bytes_too() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let mut admin = server.admin();

    for _ in 0..30 {
        let target = pb::Target { device_ids: vec!["till".to_owned()], ..Default::default() };
        let request = pb::StartRunRequest {
            target: Some(target),
            command_type: "RUN_DIAGNOSTICS".to_owned(),
            payload: Some(payload(60_000)),
            ..Default::default()
        };
        admin.command.start_run(request).await.unwrap();
    }
    let request = pb::ListRunsRequest { page_size: 1_000, ..Default::default() };
    let runs = admin.command.list_runs(request).await.unwrap().into_inner();
    assert!(runs.encoded_len() <= PAGE_BYTES && runs.runs.len() < 30 && !runs.next_page_token.is_empty());

    for number in 0..30_u8 {
        let error = analytics_pb::ErrorReport {
            category: "api".to_owned(),
            severity: analytics_pb::Severity::Error.into(),
            error_message: format!("fault of kind {}", char::from(b'a' + number)),
            // Four bytes each.
            stack_trace: "\u{1F4A5}".repeat(15_000),
            ..Default::default()
        };
        admin
            .analytics
            .log_error(analytics_pb::LogErrorRequest { error: Some(error), ..Default::default() })
            .await
            .unwrap();
    }
    let request = analytics_pb::ListErrorsRequest { page_size: 1_000, ..Default::default() };
    let errors = admin.analytics.list_errors(request).await.unwrap().into_inner();
    assert!(errors.encoded_len() <= PAGE_BYTES && !errors.next_page_token.is_empty(), "{}", errors.errors.len());

    // Rows as they come: what is tried is the reading.
    let rows = "WITH made AS (INSERT INTO user_activities (at, activity_type, source, operator, metadata)
            SELECT now() - n * interval '1 ms', 'click', 'real', 'admin', jsonb_build_object('text', repeat('x', 4000))
            FROM generate_series(1, 1000) AS n RETURNING 1),
        changed AS (UPDATE devices SET config = jsonb_build_object('text', repeat('x', 16000)) RETURNING 1),
        measured AS (INSERT INTO samples (device, collected_at, received_at, extra)
            SELECT device, now() - n * interval '1 ms', now(), jsonb_build_object('text', repeat('x', 4000))
            FROM devices, generate_series(1, 1000) AS n RETURNING 1)
        SELECT (SELECT count(*) FROM made) + (SELECT count(*) FROM measured)";
    assert_eq!(server.database().number(rows).await, 2_000);
    let request = analytics_pb::ListActivitiesRequest { page_size: 1_000, ..Default::default() };
    let activities = admin.analytics.list_activities(request).await.unwrap().into_inner();
    assert!(activities.encoded_len() <= PAGE_BYTES && !activities.next_page_token.is_empty());
    let device_id = "till".to_owned();
    let request = telemetry_pb::ListSamplesRequest { device_id, page_size: 1_000, ..Default::default() };
    let samples = admin.telemetry.list_samples(request).await.unwrap().into_inner();
    assert!(samples.encoded_len() <= PAGE_BYTES && !samples.next_page_token.is_empty());
    assert!(samples.samples.len() > 200);

    for number in 0..80 {
        server.enroll("site-001", &format!("more-{number:03}")).await;
    }
    let configured = "WITH changed AS (UPDATE devices SET config = jsonb_build_object('text', repeat('x', 16000))
        RETURNING 1) SELECT count(*) FROM changed";
    assert_eq!(server.database().number(configured).await, 81);
    let request = registry_pb::ListDevicesRequest { page_size: 1_000, ..Default::default() };
    let devices = admin.registry.list_devices(request).await.unwrap().into_inner();
    assert!(devices.encoded_len() <= PAGE_BYTES && !devices.next_page_token.is_empty(), "{}", devices.devices.len());
    drop(key);
}
