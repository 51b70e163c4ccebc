//! For tests: a migrated database of one's own, in a cluster that the test process starts once.
//!
//! The cluster lies in a temporary directory. A small guard process ends it and removes the directory when the test
//! process is gone, however it ended: tests have no last line in which to do that.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
};

use diesel::{Connection, PgConnection, connection::SimpleConnection};

use crate::{
    Store, StoreConfig, StoreError, clock,
    cluster::{ClusterConfig, PrivateCluster},
    maintenance::Retention,
    migrate, partitions,
};

const TEMPLATE: &str = "homepot_template";

struct SharedCluster {
    /// Address of a database, all but its name.
    url: Box<dyn Fn(&str) -> String + Send + Sync>,
    /// Its standard input ends with this process.
    _guard: Child,
}

static CLUSTER: OnceLock<SharedCluster> = OnceLock::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database with the schema in it and nothing else; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    store: Store,
}

impl TestDatabase {
    /// Makes one. Panics when it can't: a test has no use for the error.
    pub async fn new() -> Self {
        let name = tokio::task::spawn_blocking(|| create(Some(TEMPLATE))).await.expect("a database");
        Self::of(name).await
    }

    /// Makes one without the schema.
    pub async fn empty() -> Self {
        let name = tokio::task::spawn_blocking(|| create(None)).await.expect("a database");
        Self::of(name).await
    }

    async fn of(name: String) -> Self {
        let store = Store::open(StoreConfig { threads: 4, ..StoreConfig::new(url(&name)) }).await.expect("a store");
        Self { name, store }
    }

    /// A store on it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub fn url(&self) -> String {
        url(&self.name)
    }

    /// A connection apart from the store's.
    pub fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url()).expect("a connection")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let dropped = PgConnection::establish(&url("postgres")).ok().map(|mut conn| {
            let name = &self.name;
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        });
        // It goes with the cluster anyway.
        drop(dropped);
    }
}

/// Undoes all migrations.
pub fn revert_all_migrations(conn: &mut PgConnection) -> Result<(), StoreError> {
    migrate::revert_all(conn)
}

fn url(database: &str) -> String {
    (CLUSTER.get_or_init(start).url)(database)
}

fn create(template: Option<&str>) -> String {
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let template = template.unwrap_or("template0");
    let mut conn = PgConnection::establish(&url("postgres")).expect("a connection");
    conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).expect("a database");
    name
}

fn start() -> SharedCluster {
    let dir = tempfile::Builder::new().prefix("homepot-test-").tempdir().expect("a directory").keep();
    // Postgres may run as another user, who has to pass through.
    fs::set_permissions(&dir, Permissions::from_mode(0o711)).expect("permissions");
    let (started, cluster) = mpsc::channel();
    let data_dir = dir.clone();
    // Postgres dies with the thread that starts it, and a test's thread ends too soon.
    thread::spawn(move || {
        let config = ClusterConfig { data_dir };
        let settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"];
        let cluster = PrivateCluster::start_with(config, &settings).expect("a private cluster");
        let template = cluster.url_of("postgres");
        let parts = template.split_once("/postgres?").expect("an address");
        let (before, after) = (parts.0.to_owned(), parts.1.to_owned());
        let url = move |name: &str| format!("{before}/{name}?{after}");
        started.send((url, cluster.pid())).expect("a waiting test");
        loop {
            thread::park();
        }
    });
    let (url, pid) = cluster.recv().expect("a private cluster");
    make_template(&url);
    SharedCluster { url: Box::new(url), _guard: guard(pid, &dir) }
}

fn make_template(url: &dyn Fn(&str) -> String) {
    let mut conn = PgConnection::establish(&url("postgres")).expect("a connection");
    conn.batch_execute(&format!("CREATE DATABASE {TEMPLATE}")).expect("a template");
    let mut conn = PgConnection::establish(&url(TEMPLATE)).expect("a connection");
    migrate::run(&mut conn, &[]).expect("migrations");
    let now = clock::database_now(&mut conn).expect("a clock");
    partitions::ensure(&mut conn, now, &Retention::default()).expect("partitions");
}

fn guard(pid: u32, dir: &Path) -> Child {
    // Bounded: where nobody reaps orphans, a dead process keeps its number.
    const SCRIPT: &str = "cat >/dev/null; kill -QUIT $1 2>/dev/null; \
        for _ in $(seq 50); do kill -0 $1 2>/dev/null || break; [ -e $2/postgres/data/postmaster.pid ] || break; \
        sleep 0.1; done; rm -rf $2";
    Command::new("/bin/sh")
        .args(["-c", SCRIPT, "guard", &pid.to_string()])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a guard")
}
