//! The server a role at a time: each process runs what is its own, and all together are what one process is.

use futures_util::future::join_all;
use homepot::pb::{
    command::v1 as command_pb,
    device::v1::attach_response::Message as Down,
    registry::v1::{DeviceStatus, GetDeviceRequest},
};
use homepot_tests::{
    Cluster, Process, Server, ServerOptions, Session, data_parent, eventually, field, free_address, homepot_command,
    rest::Request,
};
use tonic::Code;

/// Every role in a process of its own, on the database of the first.
struct Apart {
    registry: Server,
    telemetry: Server,
    command: Server,
    link: Server,
    gateway: Server,
}

impl Apart {
    async fn start() -> Self {
        let role = |role: &str| ServerOptions::default().env("HOMEPOT_ROLES", role);
        let registry = Server::start_with(role("registry")).await;
        let telemetry = registry.start_beside(role("telemetry")).await;
        let command = registry.start_beside(role("command")).await;
        let link = registry.start_beside(role("link")).await;
        let url = |server: &Server| format!("http://{}", server.grpc_addr);
        let gateway = role("gateway")
            .env("HOMEPOT_REGISTRY_URL", url(&registry))
            .env("HOMEPOT_TELEMETRY_URL", url(&telemetry))
            .env("HOMEPOT_COMMAND_URL", url(&command))
            .env("HOMEPOT_LINK_URL", url(&link));
        let mut gateway = Server::start_with(gateway).await;
        gateway.admin_token.clone_from(&registry.admin_token);
        Self { registry, telemetry, command, link, gateway }
    }

    async fn call(&self, request: Request) -> homepot_tests::rest::Response {
        self.gateway.rest(request.bearer(&self.registry.admin_token)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_in_a_process_of_its_own_serves_a_device_and_its_operator() {
    let apart = Apart::start().await;
    let site = serde_json::json!({"site_id": "site-001", "name": "Shop"});
    assert_eq!(apart.call(Request::post("/api/v2/sites").json(&site)).await.status, 200);

    // What is not its own, a process does not have.
    let foreign = apart.telemetry.admin().registry.get_device(GetDeviceRequest { device_id: "till".into() }).await;
    assert_eq!(foreign.unwrap_err().code(), Code::Unimplemented);
    let queue =
        command_pb::QueueRequest { device_id: "till".into(), command_type: "PING".into(), ..Default::default() };
    assert_eq!(apart.registry.admin().command.queue(queue).await.unwrap_err().code(), Code::Unimplemented);

    // A device by its own stream, which the gateway has nothing to do with.
    let token = apart.registry.enrollment_token("site-001").await;
    let key = apart.link.enroll_with(&token, "site-001", "till").await;
    let (mut session, _) = Session::attach(&apart.link, &key).await;
    let shown = || apart.call(Request::get("/api/v2/devices/till"));
    eventually("presence, which the registry keeps", async || {
        (shown().await.json()["device"]["presence"]["status"] == DeviceStatus::Online.as_str_name()).then_some(())
    })
    .await;
    let ping = serde_json::json!({"command_type": "PING"});
    let queued = apart.call(Request::post("/api/v2/devices/till/commands").json(&ping)).await;
    assert_eq!(queued.status, 200, "{}", queued.text());
    let delivered = session
        .expect("the command, by a hint from another process", |message| match message {
            Down::Command(delivery) => Some(delivery.command_id.clone()),
            _ => None,
        })
        .await;
    assert_eq!(queued.json()["command"]["command_id"], delivered.as_str());
    drop(session);
    eventually("its absence", async || {
        (shown().await.json()["device"]["presence"]["status"] == DeviceStatus::Offline.as_str_name()).then_some(())
    })
    .await;

    // Each has the metrics of what it does, and health for what it serves.
    let health = apart.call(Request::get("/api/v1/health/health")).await;
    assert_eq!(health.status, 200);
    drop(apart.command);
    eventually("the gateway to say that a service is away", async || {
        (apart.gateway.rest(Request::get("/api/v1/health/health")).await.status == 503).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_wait_for_the_schema_and_writes_nothing_where_everything_is_given() {
    let cluster = Cluster::start().await;
    let directory = data_parent();
    let data_dir = directory.path().join("data");
    let ops_addr = free_address();
    let with_everything = |mut command: std::process::Command| {
        command
            .env("HOMEPOT_DATABASE_URL", cluster.database().url())
            .env("HOMEPOT_SECRET", "kWq3nUeT0zYvBc7LmXoR5sGhJ2dPfA9iKtNrVbEw")
            .env("HOMEPOT_DATA_DIR", &data_dir);
        command
    };
    let mut waiting = with_everything(homepot_command());
    waiting
        .arg("serve")
        .env("HOMEPOT_MIGRATIONS", "wait")
        .env("HOMEPOT_GRPC_ADDR", "127.0.0.1:0")
        .env("HOMEPOT_REST_ADDR", "127.0.0.1:0")
        .env("HOMEPOT_OPS_ADDR", &ops_addr);
    let mut server = Process::start("the server that waits", &mut waiting);
    let said = |text: &'static str| {
        move |line: &serde_json::Value| (field(line, "message")?.as_str()?.starts_with(text)).then_some(())
    };
    server.logged("that it waits", said("waiting for `homepot migrate`")).await;
    let ready = async || Request::get("/readyz").send(&ops_addr).await;
    let told = ready().await;
    assert_eq!((told.status, told.text().trim()), (503, "not ready: starting, schema (waiting for `homepot migrate`)"));
    assert!(!data_dir.exists(), "it needs no directory");

    let mut migrate = with_everything(homepot_command());
    migrate.arg("migrate").env("HOMEPOT_ADMIN_TOKEN", "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    assert!(migrate.status().unwrap().success());
    server.logged("that it is ready", said("ready")).await;
    assert_eq!(ready().await.status, 200);
    assert!(!data_dir.exists(), "everything was given");
    server.kill();

    // A schema of a newer version that no longer bears this one.
    let too_new = "UPDATE schema_bears SET oldest_migration = '99990101000000'";
    cluster.database().run(too_new).await;
    let refused = waiting.output().unwrap();
    let told = String::from_utf8_lossy(&refused.stdout).into_owned() + &String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("start a newer version of homepot"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_spread_over_replicas_and_none_is_lost_or_doubled_when_one_of_them_is_killed() {
    let role = |role: &str| ServerOptions::default().env("HOMEPOT_ROLES", role);
    let first = Server::start_with(role("registry,telemetry,command,link")).await;
    let address = free_address();
    let mut second = first.start_beside(role("registry,command").env("HOMEPOT_GRPC_ADDR", &address)).await;
    let both = format!("http://{}, http://{address}", first.grpc_addr);
    let others = format!("http://{}", first.grpc_addr);
    let gateway = role("gateway")
        .env("HOMEPOT_GRPC_URL", others)
        .env("HOMEPOT_REGISTRY_URL", both.clone())
        .env("HOMEPOT_COMMAND_URL", both);
    let gateway = Server::start_with(gateway).await;
    first.create_site("site-001", false).await;
    first.enroll("site-001", "till").await;

    // What one calls may be answered by either, and that is told by who answered it.
    let ask = async || gateway.rest(Request::get("/api/v2/whoami").bearer(&first.admin_token)).await.status;
    let answered = async |server: &Server, method| calls(server, method).await;
    eventually("both to have their share", async || {
        assert_eq!(ask().await, 200);
        (answered(&first, "WhoAmI").await > 0 && answered(&second, "WhoAmI").await > 0).then_some(())
    })
    .await;

    let queue = async |key: String| {
        let request = Request::post("/api/v2/devices/till/commands").header("idempotency-key", &key);
        let request = request.json(&serde_json::json!({"command_type": "PING"})).bearer(&first.admin_token);
        let answer = gateway.rest(request).await;
        assert_eq!(answer.status, 200, "a call with a key does not fail: {}", answer.text());
        (key, answer.json()["command"]["command_id"].as_str().unwrap().to_owned())
    };
    let killed = std::cell::Cell::new(false);
    let asking = async {
        let mut after = 0;
        while after < 50 {
            after += usize::from(killed.get());
            assert_eq!(ask().await, 200, "a call that may be repeated does not fail");
        }
    };
    // So many at once that some are under way at the replica that is killed, whenever that is.
    let queueing = join_all((0..16).map(async |caller| {
        let mut queued = Vec::new();
        let mut after = 0;
        while after < 10 {
            after += usize::from(killed.get());
            queued.push(queue(format!("{caller}-{}", queued.len())).await);
        }
        queued
    }));
    let killing = async {
        let before = answered(&second, "Queue").await;
        eventually("calls under way", async || (answered(&second, "Queue").await > before + 16).then_some(())).await;
        second.kill9();
        killed.set(true);
    };
    let ((), queued, ()) = tokio::join!(asking, queueing, killing);

    let mut told: Vec<_> = queued.into_iter().flatten().collect();
    let stored = first.database().rows("SELECT idempotency_key, command_id FROM ledger").await;
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    let mut stored: Vec<_> = stored.iter().map(|row| (text(row, "idempotency_key"), text(row, "command_id"))).collect();
    told.sort();
    stored.sort();
    assert_eq!(stored, told, "one command for each key, the one that was answered");

    second.restart().await;
    eventually("its share after it is back", async || {
        assert_eq!(ask().await, 200);
        (answered(&second, "WhoAmI").await > 0).then_some(())
    })
    .await;
}

/// How many calls of a method a server has answered.
async fn calls(server: &Server, method: &str) -> u64 {
    let text = server.ops("/metrics").await.text();
    let of_method =
        |line: &str| line.starts_with("homepot_grpc_requests_total") && line.contains(&format!("/{method}\""));
    text.lines().filter(|line| of_method(line)).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
