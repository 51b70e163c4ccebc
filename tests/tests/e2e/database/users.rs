//! The schema's owner migrates, and each role runs as a database user of its own that may make and drop nothing.

use std::process::Command;

use homepot::pb::{
    command::v1::{CommandState, WatchRequest, WatchResponse},
    device::v1::attach_response::Message as Down,
    registry::v1::DeviceStatus,
};
use homepot_tests::{
    Cluster, Database, Server, ServerOptions, Session, data_parent, eventually, field, homepot_command, rest::Request,
};
use serde_json::{Value, json};
use tonic::Streaming;

const SECRET: &str = "kWq3nUeT0zYvBc7LmXoR5sGhJ2dPfA9iKtNrVbEw";
const ADMIN_TOKEN: &str = "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
const OWNER: &str = "pot_owner";
const ROLES: [&str; 4] = ["registry", "telemetry", "command", "link"];

/// A Postgres whose database belongs to [`OWNER`], with a user for each role that has no right yet.
async fn with_users() -> Cluster {
    let cluster = Cluster::start().await;
    let users: String = ROLES.iter().map(|role| format!("CREATE ROLE \"pot-{role}\" LOGIN;")).collect();
    let statement = format!(
        "CREATE ROLE {OWNER} LOGIN; {users} ALTER DATABASE homepot OWNER TO {OWNER};
        REVOKE ALL ON DATABASE homepot FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT ALL ON SCHEMA public TO {OWNER}"
    );
    cluster.database().run(&statement).await;
    cluster
}

fn as_user(cluster: &Cluster, user: &str) -> Database {
    cluster.database().as_user(user)
}

/// What a command printed and whether it succeeded.
fn output(mut command: Command) -> (bool, String) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), told)
}

fn migrate(cluster: &Cluster) -> (bool, String) {
    let directory = data_parent();
    let mut command = homepot_command();
    command
        .arg("migrate")
        .env("HOMEPOT_DATABASE_URL", as_user(cluster, OWNER).url())
        .env("HOMEPOT_DATABASE_USERS", ROLES.map(|role| format!("pot-{role}")).join(", "))
        .env("HOMEPOT_SECRET", SECRET)
        .env("HOMEPOT_ADMIN_TOKEN", ADMIN_TOKEN)
        .env("HOMEPOT_DATA_DIR", directory.path().join("data"));
    output(command)
}

/// What a server of `role` runs with.
fn options(cluster: &Cluster, role: &str) -> ServerOptions {
    ServerOptions::default()
        .env("HOMEPOT_ROLES", role)
        .env("HOMEPOT_DATABASE_URL", as_user(cluster, &format!("pot-{role}")).url())
        .env("HOMEPOT_MIGRATIONS", "wait")
        .env("HOMEPOT_SECRET", SECRET)
}

async fn start(cluster: &Cluster, role: &str) -> Server {
    let mut server = Server::start_with(options(cluster, role)).await;
    ADMIN_TOKEN.clone_into(&mut server.admin_token);
    server
}

/// How a server ends that does not start.
fn refusal(cluster: &Cluster, role: &str) -> String {
    let mut command = homepot_command();
    let directory = data_parent();
    command.arg("serve").envs(options(cluster, role).env).env("HOMEPOT_DATA_DIR", directory.path().join("data"));
    for address in ["GRPC", "REST", "OPS"] {
        command.env(format!("HOMEPOT_{address}_ADDR"), "127.0.0.1:0");
    }
    let (started, told) = output(command);
    assert!(!started, "{told}");
    told
}

async fn grant_sight(cluster: &Cluster) {
    cluster.database().run(&format!("GRANT pg_read_all_stats TO {OWNER}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_as_a_user_that_may_make_nothing_serves_devices_operators_and_watches() {
    let cluster = with_users().await;
    grant_sight(&cluster).await;
    let (migrated, told) = migrate(&cluster);
    assert!(migrated && told.contains("gave a database user the rights of a server"), "{told}");
    let (migrated, told) = migrate(&cluster);
    assert!(migrated && !told.contains("gave a database user"), "nothing is left to give: {told}");

    let registry = start(&cluster, "registry").await;
    let telemetry = start(&cluster, "telemetry").await;
    let command = start(&cluster, "command").await;
    let link = start(&cluster, "link").await;
    let url = |server: &Server| format!("http://{}", server.grpc_addr);
    let gateway = ServerOptions::default()
        .env("HOMEPOT_ROLES", "gateway")
        .env("HOMEPOT_REGISTRY_URL", url(&registry))
        .env("HOMEPOT_TELEMETRY_URL", url(&telemetry))
        .env("HOMEPOT_COMMAND_URL", url(&command))
        .env("HOMEPOT_LINK_URL", url(&link));
    let gateway = Server::start_with(gateway).await;
    let call = |request: Request| gateway.rest(request.bearer(ADMIN_TOKEN));

    // A device and its operator.
    registry.create_site("site-001", false).await;
    let token = registry.enrollment_token("site-001").await;
    let key = link.enroll_with(&token, "site-001", "till").await;
    let (mut session, _) = Session::attach(&link, &key).await;
    session.send(crate::telemetry::message(1, vec![crate::telemetry::sample(chrono::Utc::now(), 1.5)])).await;
    crate::telemetry::ack(&mut session).await;
    eventually("presence", async || {
        let shown = call(Request::get("/api/v2/devices/till")).await.json();
        (shown["device"]["presence"]["status"] == DeviceStatus::Online.as_str_name()).then_some(())
    })
    .await;
    let newest = call(Request::get("/api/v2/samples/latest?device_ids=till")).await;
    assert!(newest.text().contains("1.5"), "{}", newest.text());

    // A watch of one user is told what another did, however late that commits.
    let mut news = command.admin().command.watch(WatchRequest::default()).await.unwrap().into_inner();
    let ping = json!({"command_type": "PING"});
    let queued = call(Request::post("/api/v2/devices/till/commands").json(&ping)).await.json();
    let id = queued["command"]["command_id"].as_str().unwrap().to_owned();
    let delivered = |message: &Down| matches!(message, Down::Command(_)).then_some(());
    session.expect("the command, by a hint from another user", delivered).await;
    until(&mut news, &id, CommandState::Sent).await;
    // Longer than what is looked back at in any case.
    let slow = format!(
        "UPDATE commands SET state = 'unknown', finished_at = now(), changed_at = now(),
            history = history || history_step('unknown', now(), 'a test') WHERE command_id = '{id}';
        SELECT pg_sleep(4)"
    );
    as_user(&cluster, "pot-link").run(&slow).await;
    until(&mut news, &id, CommandState::Unknown).await;

    // Retention drops what is too old, and days to come are prepared: here by a clock that runs ahead.
    let partitions =
        |day: &str| format!("SELECT count(*) FROM pg_class WHERE relname = 'samples_' || to_char({day}, 'YYYYMMDD')");
    let old = "current_date - 60";
    as_user(&cluster, OWNER).run(&format!("SELECT make_partitions('samples', {old}, {old})")).await;
    let count = async |day: &str| cluster.database().number(&partitions(day)).await;
    eventually("retention", async || (count(old).await == 0).then_some(())).await;
    assert_eq!((count("current_date + 2").await, count("current_date + 3").await), (1, 0));
    let today = cluster.database().number("SELECT to_char(current_date, 'YYYYMMDD')::bigint").await;
    cluster.clock.set(3 * 24 * 3600);
    eventually("the days that are to come now", async || (count("current_date + 2").await == 1).then_some(())).await;
    assert_ne!(cluster.database().number("SELECT to_char(current_date, 'YYYYMMDD')::bigint").await, today);
    drop(session);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_transactions_watches_would_not_see_refuses_to_start_and_says_which_grant_is_missing() {
    let cluster = with_users().await;
    let missing = format!("GRANT pg_read_all_stats TO {OWNER};");
    let (migrated, told) = migrate(&cluster);
    assert!(!migrated && told.contains(&missing), "{told}");
    for role in ROLES {
        let told = refusal(&cluster, role);
        assert!(told.contains(&missing) && told.contains(&format!("pot-{role}")), "{told}");
    }
    grant_sight(&cluster).await;
    assert!(migrate(&cluster).0);
    let (command, link) = (start(&cluster, "command").await, start(&cluster, "link").await);
    let watch = async || {
        let mut news = command.admin().command.watch(WatchRequest::default()).await?.into_inner();
        news.message().await
    };
    assert!(watch().await.is_ok());

    // Whoever takes it away again ends all news: none is better than some.
    cluster.database().run(&format!("REVOKE pg_read_all_stats FROM {OWNER}")).await;
    eventually("no watch to begin", async || watch().await.err()).await;
    let said = |line: &Value| field(line, "error")?.as_str()?.contains(&missing).then_some(());
    command.process().logged("which grant is missing", said).await;
    drop(link);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_user_was_not_named_waits_and_says_what_its_user_lacks() {
    let cluster = with_users().await;
    grant_sight(&cluster).await;
    cluster.database().run("CREATE ROLE \"pot-late\" LOGIN; GRANT CONNECT ON DATABASE homepot TO \"pot-late\"").await;
    cluster.database().run("GRANT USAGE ON SCHEMA public TO \"pot-late\"").await;
    assert!(migrate(&cluster).0);
    let ops_addr = homepot_tests::free_address();
    let directory = data_parent();
    let mut command = homepot_command();
    command
        .arg("serve")
        .envs(options(&cluster, "link").env)
        .env("HOMEPOT_DATABASE_URL", as_user(&cluster, "pot-late").url())
        .env("HOMEPOT_DATA_DIR", directory.path().join("data"))
        .env("HOMEPOT_GRPC_ADDR", "127.0.0.1:0")
        .env("HOMEPOT_OPS_ADDR", &ops_addr);
    let server = homepot_tests::Process::start("the server that waits", &mut command);
    let said = |line: &Value| {
        let lacks = field(line, "lacks")?.as_str()?;
        (lacks.starts_with("GRANT SELECT ON TABLE __diesel_schema_migrations TO")).then_some(())
    };
    server.logged("what its user lacks", said).await;
    let told = Request::get("/readyz").send(&ops_addr).await;
    assert_eq!((told.status, told.text().trim()), (503, "not ready: starting, schema (waiting for `homepot migrate`)"));

    let mut command = homepot_command();
    command
        .arg("migrate")
        .env("HOMEPOT_DATABASE_URL", as_user(&cluster, OWNER).url())
        .env("HOMEPOT_DATABASE_USERS", "pot-late")
        .env("HOMEPOT_SECRET", SECRET)
        .env("HOMEPOT_ADMIN_TOKEN", ADMIN_TOKEN)
        .env("HOMEPOT_DATA_DIR", directory.path().join("data"));
    let (migrated, told) = output(command);
    assert!(migrated, "{told}");
    let ready = |line: &Value| (field(line, "message")?.as_str()? == "ready").then_some(());
    server.logged("that it is ready", ready).await;
}

/// Reads on until the command has come to that state.
async fn until(news: &mut Streaming<WatchResponse>, id: &str, state: CommandState) {
    let told = async {
        loop {
            let answer = news.message().await.unwrap().expect("the watch goes on");
            if answer.commands.iter().any(|command| command.command_id == id && command.state() == state) {
                return;
            }
        }
    };
    tokio::time::timeout(homepot_tests::PATIENCE, told).await.expect("the watch tells every change");
}
