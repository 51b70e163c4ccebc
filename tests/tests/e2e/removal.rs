//! Real devices and sites are removed for good, with their history or without.

use std::time::{Duration, Instant};

use homepot::pb::{
    command::v1 as command_pb,
    device::v1::{EnrollRequest, GoodbyeReason, ReportSamplesRequest},
    registry::v1::{self as pb, History, Role},
    telemetry::v1 as telemetry_pb,
};
use homepot_tests::{
    AnySystem, Server, Session, System, eventually,
    grpc::{Caller, DeviceKey},
    rest::Request,
};
use tonic::{Code, Status};

const SITE: &str = "shop-7";

async fn server() -> AnySystem {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    server
}

/// The same as a process of the test's own.
async fn own_server() -> Server {
    let server = Server::start().await;
    server.create_site(SITE, false).await;
    server
}

fn device_removal(device_id: &str, history: History) -> pb::RemoveDeviceRequest {
    let (device_id, confirm) = (device_id.to_owned(), device_id.to_owned());
    pb::RemoveDeviceRequest { device_id, history: history.into(), confirm }
}

fn site_removal(history: History, with_devices: bool) -> pb::RemoveSiteRequest {
    let (site_id, confirm) = (SITE.to_owned(), SITE.to_owned());
    pb::RemoveSiteRequest { site_id, history: history.into(), confirm, with_devices }
}

async fn remove(server: &System, device_id: &str, history: History) -> Result<pb::RemoveDeviceResponse, Status> {
    let mut admin = server.admin().registry;
    Ok(admin.remove_device(device_removal(device_id, history)).await?.into_inner())
}

async fn report(server: &System, key: &DeviceKey) -> Result<(), Status> {
    let sample = telemetry_pb::Sample { cpu_percent: Some(12.5), ..Default::default() };
    let request = ReportSamplesRequest { samples: vec![sample], ..Default::default() };
    server.clients(&Caller::Device(key.clone())).device.report_samples(request).await?;
    Ok(())
}

async fn get(server: &System, device_id: &str) -> Result<pb::Device, Status> {
    let request = pb::GetDeviceRequest { device_id: device_id.to_owned() };
    Ok(server.admin().registry.get_device(request).await?.into_inner().device.unwrap())
}

async fn listed(server: &System) -> Vec<String> {
    let page = server.admin().registry.list_devices(pb::ListDevicesRequest::default()).await.unwrap().into_inner();
    page.devices.into_iter().map(|device| device.device_id).collect()
}

async fn samples(server: &System, device_id: &str) -> Result<usize, Status> {
    let request = telemetry_pb::ListSamplesRequest { device_id: device_id.to_owned(), ..Default::default() };
    Ok(server.admin().telemetry.list_samples(request).await?.into_inner().samples.len())
}

fn violations(status: &Status) -> Vec<String> {
    let error = homepot::Error::from(status);
    error.field_violations().iter().map(|violation| violation.field.clone()).collect()
}

/// Whether the device's row is marked, whatever the services say.
async fn is_marked(server: &System, device_id: &str) -> bool {
    let query = format!("SELECT count(*) FROM devices WHERE device_id = '{device_id}' AND removed_at IS NOT NULL");
    server.database().number(&query).await == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_removed_is_shut_out_in_two_seconds_and_its_history_is_read_by_its_id() {
    let server = server().await;
    let key = server.enroll(SITE, "till-7").await;
    server.enroll(SITE, "till-8").await;
    report(&server, &key).await.unwrap();
    let mut watch = server.admin().registry.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    let (mut session, _) = Session::attach(&server, &key).await;

    let begun = Instant::now();
    let removed = remove(&server, "till-7", History::Keep).await.unwrap().device.unwrap();
    assert!(removed.removed_at.is_some() && !removed.active);
    session.expect_goodbye(GoodbyeReason::Revoked).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "2 s, and a slow machine: {:?}", begun.elapsed());
    assert_eq!(report(&server, &key).await.unwrap_err().code(), Code::Unauthenticated);
    while !watch.message().await.unwrap().expect("the watch goes on").removed_device_ids.contains(&"till-7".to_owned())
    {
    }

    assert_eq!(listed(&server).await, ["till-8"]);
    assert_eq!(get(&server, "till-7").await.unwrap().removed_at, removed.removed_at);
    assert_eq!(samples(&server, "till-7").await.unwrap(), 1);
    let request = pb::ListStateChangesRequest { device_id: "till-7".to_owned(), ..Default::default() };
    let changes = server.admin().registry.list_state_changes(request).await.unwrap().into_inner().changes;
    assert!(!changes.is_empty());
    let request = command_pb::ListRequest { device_id: "till-7".to_owned(), ..Default::default() };
    server.admin().command.list(request).await.unwrap();

    // It can't come back, be changed or be told anything.
    let mut admin = server.admin().registry;
    let device_id = "till-7".to_owned();
    let activate = admin.activate_device(pb::ActivateDeviceRequest { device_id: device_id.clone() }).await;
    assert_eq!(activate.unwrap_err().code(), Code::FailedPrecondition);
    let rotate = pb::RotateDeviceKeyRequest { device_id: device_id.clone(), overlap: None };
    assert_eq!(admin.rotate_device_key(rotate).await.unwrap_err().code(), Code::FailedPrecondition);
    let queue = command_pb::QueueRequest { device_id, command_type: "PING".to_owned(), ..Default::default() };
    assert_eq!(server.admin().command.queue(queue).await.unwrap_err().code(), Code::FailedPrecondition);
    let token = server.enrollment_token(SITE).await;
    let (site_id, device_id, name) = (SITE.to_owned(), "till-7".to_owned(), "till-7".to_owned());
    let enroll = EnrollRequest { site_id, device_id, name, ..Default::default() };
    let enrollee = Caller::Enrollee(token);
    let taken = server.clients(&enrollee).device.enroll(enroll.clone()).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);

    // A repeat is harmless, and the history can go later.
    assert_eq!(remove(&server, "till-7", History::Keep).await.unwrap().device.unwrap().removed_at, removed.removed_at);
    assert_eq!(remove(&server, "till-7", History::Purge).await.unwrap().device, None);
    assert_eq!(remove(&server, "till-7", History::Purge).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(get(&server, "till-7").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(samples(&server, "till-7").await.unwrap_err().code(), Code::NotFound);
    server.clients(&enrollee).device.enroll(enroll).await.unwrap();
    assert_eq!(samples(&server, "till-7").await.unwrap(), 0, "another device");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_said_in_full_or_refused_by_the_field() {
    let server = server().await;
    server.enroll(SITE, "till-7").await;
    let mut admin = server.admin().registry;
    let whole = device_removal("till-7", History::Purge);
    for (request, field) in [
        (pb::RemoveDeviceRequest { history: 0, ..whole.clone() }, "history"),
        (pb::RemoveDeviceRequest { history: 9, ..whole.clone() }, "history"),
        (pb::RemoveDeviceRequest { confirm: String::new(), ..whole.clone() }, "confirm"),
        (pb::RemoveDeviceRequest { confirm: "till-8".to_owned(), ..whole.clone() }, "confirm"),
    ] {
        let refused = admin.remove_device(request).await.unwrap_err();
        assert_eq!((refused.code(), violations(&refused)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
    let refused = admin.remove_site(pb::RemoveSiteRequest { site_id: SITE.to_owned(), ..Default::default() }).await;
    assert_eq!(violations(&refused.unwrap_err()), ["history", "confirm"]);

    // Admins of other sites find nothing to remove, and those of this one no way to the site itself.
    let elsewhere = server.create_operator("guard", Role::Admin, &[SITE]).await;
    let mut guard = server.clients(&Caller::Operator(elsewhere)).registry;
    let refused = guard.remove_site(site_removal(History::Keep, false)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    server.create_site("shop-8", false).await;
    server.enroll("shop-8", "till-8").await;
    let refused = guard.remove_device(device_removal("till-8", History::Keep)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    guard.remove_device(whole).await.unwrap();
    assert_eq!(listed(&server).await, ["till-8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_a_crash_cut_short_is_finished_by_a_repeat() {
    let mut server = own_server().await;
    let key = server.enroll(SITE, "till-7").await;
    report(&server, &key).await.unwrap();
    // So much that it takes a while: three days, a sample every two seconds.
    let rows = "INSERT INTO samples (device, collected_at, received_at, cpu_percent) \
        SELECT device, t, now(), 1 FROM devices, generate_series(now() - interval '3 days', now() - interval '1 minute', \
        interval '2 seconds') AS t WHERE device_id = 'till-7'";
    server.database().run(rows).await;
    let mut admin = server.admin().registry;
    let call = tokio::spawn(async move { admin.remove_device(device_removal("till-7", History::Purge)).await });
    eventually("the device is marked", async || is_marked(&server, "till-7").await.then_some(())).await;
    server.kill9();
    assert!(call.await.unwrap().is_err(), "nobody answers");
    server.restart().await;
    // As far as it got: in no list, and out.
    assert_eq!(listed(&server).await, [] as [&str; 0]);
    assert_eq!(report(&server, &key).await.unwrap_err().code(), Code::Unauthenticated);
    remove(&server, "till-7", History::Purge).await.unwrap();
    assert_eq!(server.database().number("SELECT count(*) FROM samples").await, 0);
    assert_eq!(server.database().number("SELECT count(*) FROM devices").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_goes_with_its_devices_only_where_that_is_said() {
    let server = server().await;
    for device_id in ["till-1", "till-2"] {
        let key = server.enroll(SITE, device_id).await;
        report(&server, &key).await.unwrap();
    }
    let mut admin = server.admin().registry;
    let refused = admin.remove_site(site_removal(History::Purge, false)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("2 device(s)") && refused.message().contains("with_devices"), "{refused:?}");

    let kept = admin.remove_site(site_removal(History::Keep, true)).await.unwrap().into_inner();
    assert_eq!(kept.devices_removed, 2);
    assert!(kept.site.unwrap().removed_at.is_some());
    assert_eq!(listed(&server).await, [] as [&str; 0]);
    assert!(admin.list_sites(pb::ListSitesRequest::default()).await.unwrap().into_inner().sites.is_empty());
    assert_eq!(samples(&server, "till-1").await.unwrap(), 1);
    let site_id = SITE.to_owned();
    let token = pb::CreateEnrollmentTokenRequest { site_id: site_id.clone(), ..Default::default() };
    assert_eq!(admin.create_enrollment_token(token).await.unwrap_err().code(), Code::NotFound);
    let create = pb::CreateSiteRequest { site_id: site_id.clone(), name: "x".to_owned(), ..Default::default() };
    assert_eq!(admin.create_site(create.clone()).await.unwrap_err().code(), Code::AlreadyExists);
    let again = admin.remove_site(site_removal(History::Keep, false)).await.unwrap().into_inner();
    assert_eq!(again.devices_removed, 0);

    let purged = admin.remove_site(site_removal(History::Purge, true)).await.unwrap().into_inner();
    assert_eq!((purged.site, purged.devices_removed), (None, 2));
    assert_eq!(admin.remove_site(site_removal(History::Purge, true)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(server.database().number("SELECT count(*) FROM samples").await, 0);
    admin.create_site(create).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_removes_devices_and_sites_too() {
    let server = server().await;
    server.enroll(SITE, "till-7").await;
    let delete = async |target: &str| {
        server.rest(Request::new("DELETE", &format!("/api/v2/{target}")).bearer(&server.admin_token)).await
    };
    assert_eq!(delete("devices/till-7").await.status, 422);
    let kept = delete("devices/till-7?history=HISTORY_KEEP&confirm=till-7").await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    assert!(kept.json()["device"]["removed_at"].is_string());
    assert_eq!(delete(&format!("sites/{SITE}?history=HISTORY_PURGE&confirm={SITE}")).await.status, 409);
    let gone = delete(&format!("sites/{SITE}?history=HISTORY_PURGE&confirm={SITE}&with_devices=true")).await;
    assert_eq!((gone.status, &gone.json()["devices_removed"]), (200, &serde_json::json!(1)), "{}", gone.text());
    assert_eq!(delete(&format!("sites/{SITE}?history=HISTORY_PURGE&confirm={SITE}")).await.status, 404);
}
