//! The database's user, password, place and authority are replaced under a stream and a watch.

use std::{cell::Cell, path::Path};

use chrono::Utc;
use homepot::pb::{
    command::v1::{QueueRequest, WatchRequest, WatchResponse},
    device::v1::attach_response::Message as Down,
};
use homepot_tests::{
    Certificate, Cluster, Database, PATIENCE, Server, ServerOptions, Session, data_parent, field, grpc::Clients,
};
use tonic::Streaming;

use crate::{
    door::certificates::{hang_up, metric, replace},
    telemetry::{ack, message, sample},
};

pub(crate) const TAKEN: &str = "new connections use the new files";
pub(crate) const KEPT: &str = "the old ones stay in their place";
const CLOSED: &str = "the last connection to the database's old address is closed";

/// A file as Kubernetes lays it: a link, and what it leads to is replaced.
pub(crate) struct Mounted {
    directory: tempfile::TempDir,
    laid: Cell<u32>,
}

impl Mounted {
    pub(crate) fn new(text: &str) -> Self {
        let mounted = Self { directory: data_parent(), laid: Cell::default() };
        mounted.lay(text);
        mounted
    }

    pub(crate) fn file(&self) -> String {
        self.directory.path().join("url").display().to_string()
    }

    pub(crate) fn lay(&self, text: &str) {
        self.laid.set(self.laid.get() + 1);
        let at = |name: &str| self.directory.path().join(name);
        let target = at(&format!("url.{}", self.laid.get()));
        std::fs::write(&target, text).unwrap();
        std::os::unix::fs::symlink(&target, at("url.new")).unwrap();
        std::fs::rename(at("url.new"), at("url")).unwrap();
    }
}

/// A server on the database of another one, whose schema it leaves alone.
async fn start_by(file: &Mounted, other: &Server) -> Server {
    let secret = other.data_dir().join("server-secret").display().to_string();
    let options = ServerOptions::default()
        .env("HOMEPOT_DATABASE_URL_FILE", file.file())
        .env("HOMEPOT_MIGRATIONS", "wait")
        .env("HOMEPOT_SECRET_FILE", secret);
    let mut server = Server::start_with(options).await;
    server.admin_token.clone_from(&other.admin_token);
    server
}

/// A device on its stream, and an operator who watches commands. They are queued at another server.
struct Busy {
    elsewhere: Clients,
    session: Session,
    news: Streaming<WatchResponse>,
    sent: u64,
}

impl Busy {
    async fn on(server: &Server, elsewhere: &Server) -> Self {
        server.create_site("site-001", false).await;
        let key = server.enroll("site-001", "till").await;
        let (session, _) = Session::attach(server, &key).await;
        let news = server.admin().command.watch(WatchRequest::default()).await.unwrap().into_inner();
        Self { elsewhere: elsewhere.admin(), session, news, sent: 0 }
    }

    /// A sample is stored, a command is delivered, and the watch tells of it: on the stream and the watch of the first hour.
    async fn works(&mut self) {
        self.sent += 1;
        self.session.send(message(self.sent, vec![sample(Utc::now(), 1.0)])).await;
        ack(&mut self.session).await;
        let ping = QueueRequest { device_id: "till".into(), command_type: "PING".into(), ..Default::default() };
        let queued = self.elsewhere.command.queue(ping).await.unwrap().into_inner().command.unwrap();
        let delivered = |message: &Down| match message {
            Down::Command(command) => (command.command_id == queued.command_id).then_some(()),
            _ => None,
        };
        self.session.expect("the command", delivered).await;
        let told = async {
            loop {
                let news = self.news.message().await.unwrap().expect("the watch goes on");
                if news.commands.iter().any(|command| command.command_id == queued.command_id) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("the watch tells of it");
    }
}

/// Waits until `server` has said it, after so many lines of its log.
async fn says(server: &Server, after: usize, what: &str) {
    let said = |line: &serde_json::Value| field(line, "message")?.as_str()?.contains(what).then_some(());
    server.process().logged_after(after, what, said).await;
}

/// How many connections fit these words of `pg_stat_activity`.
async fn connections(database: &Database, words: &str) -> i64 {
    database.number(&format!("SELECT count(*) FROM pg_stat_activity WHERE {words}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn user_and_password_are_replaced_without_ending_anything_and_then_the_old_user_is_dropped() {
    let elsewhere = Server::start().await;
    let database = elsewhere.database();
    for statement in [
        "CREATE ROLE first LOGIN PASSWORD 'one' IN ROLE homepot",
        "CREATE ROLE second LOGIN PASSWORD 'three' IN ROLE homepot",
        "CREATE DATABASE another",
        "COPY (VALUES ('local all first,second scram-sha-256'), ('local all all trust')) TO PROGRAM 'cat > pg_hba.conf'",
        "DO 'BEGIN PERFORM pg_reload_conf(); END'",
    ] {
        database.run(statement).await;
    }
    let url = |user: &str, password: &str| format!("{}&password={password}", database.clone().as_user(user).url());
    let file = Mounted::new(&url("first", "one"));
    let server = start_by(&file, &elsewhere).await;
    let mut busy = Busy::on(&server, &elsewhere).await;
    busy.works().await;
    let unusable = async || metric(&server, "homepot_files_unusable{setting=\"database-url-file\"}").await;
    assert_eq!(unusable().await, 0.0);

    // A password: the new one lies in the file before Postgres knows it, and counts as soon as Postgres does.
    replace(&[&server], KEPT, || file.lay(&url("first", "two"))).await;
    assert_eq!(unusable().await, 1.0);
    busy.works().await;
    let said = server.process().log().len();
    database.run("ALTER ROLE first PASSWORD 'two'").await;
    hang_up(&server);
    says(&server, said, TAKEN).await;
    says(&server, said, CLOSED).await;
    busy.works().await;

    // What can't be used is not, with one warning that says why and holds no secret.
    let elsewhere_url = url("second", "three").replace("/homepot?", "/another?");
    for broken in ["", "nonsense hidden", &url("second", "hidden"), &elsewhere_url] {
        replace(&[&server], KEPT, || file.lay(broken)).await;
        assert_eq!(unusable().await, 1.0, "{broken}");
        busy.works().await;
    }
    let log = server.process().log();
    let warnings: Vec<_> = log
        .iter()
        .filter(|line| field(line, "setting").is_some_and(|setting| setting == "database-url-file"))
        .filter_map(|line| field(line, "error")?.as_str())
        .collect();
    let expected = ["authentication failed", "is empty", "libpq can't read it", "authentication failed", "migrations"];
    assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
    for (told, expected) in warnings.iter().zip(expected) {
        assert!(told.contains(expected), "{warnings:?}");
    }
    let told = server.process().printed();
    assert!(["hidden", "three"].iter().all(|secret| !told.contains(secret)), "{told}");

    // Another user. Nobody comes as the one of before any more, who can be dropped.
    let said = server.process().log().len();
    replace(&[&server], TAKEN, || file.lay(&url("second", "three"))).await;
    says(&server, said, CLOSED).await;
    assert_eq!(unusable().await, 0.0);
    assert_eq!(connections(&database, "usename = 'first'").await, 0);
    database.run("DROP ROLE first").await;
    busy.works().await;
    let listening = "usename = 'second' AND application_name = 'homepot listening'";
    assert_eq!(connections(&database, listening).await, 1);
    assert_eq!(metric(&server, "homepot_sessions{source=\"real\"}").await, 1.0);
    assert_eq!(database.number("SELECT count(*) FROM samples").await, busy.sent.cast_signed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_standby_is_taken_once_it_has_taken_over() {
    let mut primary = Cluster::start().await;
    let standby = primary.start_standby().await;
    let file = Mounted::new(&primary.database().url());
    let options = ServerOptions::default().env("HOMEPOT_DATABASE_URL_FILE", file.file());
    let server = Server::start_with(options).await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&server, &key).await;
    session.send(message(1, vec![sample(Utc::now(), 1.0)])).await;
    ack(&mut session).await;

    replace(&[&server], KEPT, || file.lay(&standby.database().url())).await;
    let said = server.process().log().len();
    primary.kill();
    session.send(message(2, vec![sample(Utc::now(), 2.0)])).await;
    standby.promote().await;
    says(&server, said, TAKEN).await;
    ack(&mut session).await;
    assert_eq!(standby.database().number("SELECT count(*) FROM samples").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_the_database_that_can_not_be_used_leaves_the_old_one_in_its_place() {
    let (own, directory) = (Certificate::new(), data_parent());
    let cluster = Cluster::start_with_tls(&own).await;
    let authority = directory.path().join("ca.pem");
    let lay = |from: &Path| std::fs::copy(from, &authority).map(drop).unwrap();
    lay(&own.file());
    let verified = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let options = ServerOptions::default().env("HOMEPOT_DATABASE_URL", cluster.tcp_url(&verified));
    let server = Server::start_with(options).await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&server, &key).await;

    let others = Certificate::new();
    for broken in ["no certificate".into(), std::fs::read_to_string(others.file()).unwrap()] {
        replace(&[&server], KEPT, || std::fs::write(&authority, &broken).unwrap()).await;
        assert_eq!(metric(&server, "homepot_files_unusable{setting=\"database-url\"}").await, 1.0);
    }
    // Connections that are made now are made with what the file held before.
    let end_all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    assert!(cluster.database().number(end_all).await > 0);
    session.send(message(1, vec![sample(Utc::now(), 1.0)])).await;
    ack(&mut session).await;
    replace(&[&server], "the files can be used again", || lay(&own.file())).await;
    assert_eq!(metric(&server, "homepot_files_unusable{setting=\"database-url\"}").await, 0.0);
}
