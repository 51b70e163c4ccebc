//! What whoever runs the server sees: health, metrics, request ids, settings, starts and stops.

use std::time::Duration;

use homepot::pb::{device::v1::GoodbyeReason, registry::v1 as pb};
use homepot_tests::{
    Process, Server, Session, data_parent, elsewhere,
    grpc::{Caller, call, connection},
    homepot_command, postmaster, processes_with,
    rest::Request,
};

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_answer_on_the_ops_address() {
    let server = Server::start().await;
    server.admin().registry.who_am_i(pb::WhoAmIRequest {}).await.unwrap();
    assert_eq!(server.ops("/livez").await.status, 200);
    assert_eq!(server.ops("/readyz").await.status, 200);
    let metrics = server.ops("/metrics").await;
    assert_eq!(metrics.status, 200);
    for name in ["homepot_store_operation_seconds", "WhoAmI"] {
        assert!(metrics.text().contains(name), "{name} in\n{}", metrics.text());
    }
    // gRPC health on the same port, for probes that speak gRPC: field 1 is 1, SERVING.
    let health = connection(elsewhere(), &server.ops_addr, &Caller::Nobody);
    let answer = call(health, "/grpc.health.v1.Health/Check", Vec::new()).await.unwrap();
    assert_eq!(answer.as_ref(), [8, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_goes_through_and_comes_back_and_one_is_made_where_there_is_none() {
    let server = Server::start().await;
    let request = Request::get("/api/v1/health/health");
    let given = server.rest(request.clone().header("X-Request-ID", "shop-7.42")).await;
    assert_eq!(given.header("x-request-id"), Some("shop-7.42"));
    let made = server.rest(request).await.header("x-request-id").map(str::to_owned);
    assert!(made.is_some_and(|id| id.len() >= 16));

    let mut request = tonic::Request::new(pb::WhoAmIRequest {});
    request.metadata_mut().insert("x-request-id", "shop-7.43".parse().unwrap());
    let answer = server.admin().registry.who_am_i(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "shop-7.43");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_the_devices_and_is_over_within_ten_seconds_with_open_streams() {
    let mut server = Server::start().await;
    server.create_site("site-001", false).await;
    let mut sessions = Vec::new();
    for name in ["a", "b", "c"] {
        let key = server.enroll("site-001", name).await;
        sessions.push(Session::attach(&server, &key).await.0);
    }
    let postmaster = postmaster(&server.data_dir()).expect("the private cluster runs");
    let farewells = tokio::spawn(async move {
        for session in &mut sessions {
            let goodbye = session.expect_goodbye(GoodbyeReason::Draining).await;
            assert!(goodbye.reconnect_after.is_some(), "the devices are told when to return");
        }
    });
    let status = server.stop(Duration::from_secs(10)).await;
    assert!(status.success(), "{status}");
    farewells.await.unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{postmaster}")).exists(), "the private cluster stops with it");
    assert_eq!(processes_with(&server.data_dir().display().to_string()), [] as [u32; 0]);

    server.restart().await;
    let devices = server.admin().registry.list_devices(pb::ListDevicesRequest::default()).await.unwrap().into_inner();
    assert_eq!(devices.devices.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_nothing_that_keeps_the_next_start_from_working() {
    let mut server = Server::start().await;
    server.create_site("site-001", false).await;
    let token = server.admin_token.clone();
    for _ in 0..3 {
        // Postgres may still be on its way out; the next start has to wait for it or take over.
        server.kill9_and_look_away();
        server.restart().await;
    }
    // Postgres alone is killed, its lock file stays.
    server.kill9();
    assert_eq!(server.admin_token, token);
    server.restart().await;
    let sites = server.admin().registry.list_sites(pb::ListSitesRequest::default()).await.unwrap().into_inner();
    assert_eq!(sites.sites.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_cluster_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start().await;
    let rows = server.database().rows("SELECT name, setting FROM pg_settings").await;
    let setting = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["setting"].clone();
    assert_eq!(setting("listen_addresses"), "");
    assert_eq!(setting("fsync"), "on");
    let sockets = setting("unix_socket_directories");
    let mode = std::fs::metadata(sockets.as_str().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{sockets} is closed to others");
    let token = std::fs::metadata(server.data_dir().join("admin-token")).unwrap();
    assert_eq!(token.permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_the_settings_are_told_at_once_and_nothing_starts() {
    let directory = data_parent();
    let mut command = homepot_command();
    command.arg("serve").env("HOMEPOT_DATA_DIR", directory.path().join("data"));
    command.env("HOMEPOT_OPEN_ENROLLMENT", "everybody");
    command.args(["--grpc-addr", "nonsense", "--sample-interval", "0s", "--rest-addr", "0.0.0.0:0"]);
    let mut process = Process::start("homepot serve", &mut command);
    let status = process.ended(Duration::from_secs(20)).await;
    assert!(!status.success());
    let told = process.tail();
    for setting in ["--grpc-addr", "--sample-interval", "--rest-addr", "--open-enrollment"] {
        assert!(told.contains(setting), "{setting} in\n{told}");
    }
    assert!(!directory.path().join("data").exists());
}
