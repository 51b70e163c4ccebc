//! Over Postgres: the suite, and what only Postgres has.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use homepot_hints::{CHANNEL, NotifyTransport, Patience, Transport};
use homepot_store::{
    PgConnection, Store, StoreConfig,
    cluster::{ClusterConfig, PrivateCluster},
    notify::notify,
    test_support::TestDatabase,
};
use homepot_tests::{data_parent, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    proxy::{Proxy, Upstream},
    suite::{Replica, Rig, connected, flows, soon, suite},
};

suite!(Postgres);

/// A database of its own, in a cluster that it shares with other tests, unless it is to be killed.
struct Postgres {
    url: String,
    cluster: Cluster,
}

enum Cluster {
    Shared(#[allow(dead_code, reason = "dropped with the test")] TestDatabase),
    Own(Keeper),
}

/// The thread that has a cluster: Postgres ends with the thread that starts it.
struct Keeper {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<thread::JoinHandle<()>>,
    _directory: TempDir,
}

type Order = Box<dyn FnOnce(&mut PrivateCluster) + Send>;

impl Keeper {
    fn start() -> Self {
        let directory = data_parent();
        let config = ClusterConfig { data_dir: directory.path().join("data") };
        let (orders, given) = mpsc::channel::<Order>();
        let thread = thread::spawn(move || {
            std::fs::create_dir_all(&config.data_dir).unwrap();
            let mut cluster = PrivateCluster::start(config).unwrap();
            given.into_iter().for_each(|order| order(&mut cluster));
        });
        Self { orders: Some(orders), thread: Some(thread), _directory: directory }
    }

    async fn order<T: Send + 'static>(&self, work: impl FnOnce(&mut PrivateCluster) -> T + Send + 'static) -> T {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let order = move |cluster: &mut PrivateCluster| drop(answer.send(work(cluster)));
        self.orders.as_ref().unwrap().send(Box::new(order)).unwrap();
        soon("the cluster", answered).await.unwrap()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // With the sender the thread ends, and the cluster with it.
        self.orders = None;
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

impl Postgres {
    async fn store(&self, url: &str) -> Store {
        Store::open(StoreConfig { threads: 2, ..StoreConfig::new(url) }).await.unwrap()
    }

    fn parameter(&self, name: &str) -> String {
        let (_, rest) = self.url.split_once(&format!("{name}=")).unwrap();
        rest.split('&').next().unwrap().replace("%2F", "/").replace("%2D", "-")
    }

    fn keeper(&self) -> &Keeper {
        match &self.cluster {
            Cluster::Own(keeper) => keeper,
            Cluster::Shared(_) => panic!("others use this cluster"),
        }
    }
}

impl Rig for Postgres {
    async fn start() -> Self {
        let database = TestDatabase::empty().await;
        Self { url: database.url(), cluster: Cluster::Shared(database) }
    }

    async fn start_mortal() -> Self {
        let keeper = Keeper::start();
        let url = keeper.order(|cluster| cluster.database_url()).await;
        Self { url, cluster: Cluster::Own(keeper) }
    }

    async fn transport(&self, proxy: Option<&Proxy>, patience: Patience) -> Arc<dyn Transport> {
        let url = match proxy {
            None => self.url.clone(),
            Some(proxy) => {
                let (_, after_slashes) = self.url.split_once("///").unwrap();
                let database = after_slashes.split('?').next().unwrap();
                format!("postgres://homepot@{}/{database}", proxy.address)
            }
        };
        Arc::new(NotifyTransport::new(self.store(&url).await).with_patience(patience))
    }

    fn upstream(&self) -> Upstream {
        let socket = format!(".s.PGSQL.{}", self.parameter("port"));
        Upstream::Unix(PathBuf::from(self.parameter("host")).join(socket))
    }

    async fn publish(&self, message: &[u8]) {
        let message = String::from_utf8(message.to_vec()).unwrap();
        let send = move |conn: &mut PgConnection| notify(conn, CHANNEL, &[message]);
        self.store(&self.url).await.run("notify", send).await.unwrap();
    }

    async fn kill(&mut self) {
        let pid = self.keeper().order(|cluster| cluster.pid()).await;
        kill(pid.cast_signed());
    }

    async fn start_again(&mut self) {
        let revive = |cluster: &mut PrivateCluster| {
            while !cluster.revive().unwrap() {
                thread::sleep(Duration::from_millis(10));
            }
        };
        self.keeper().order(revive).await;
    }
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_killed_is_replaced() {
    let rig = Postgres::start_mortal().await;
    let here = Replica::on(rig.transport(None, Patience::default()).await);
    let there = Replica::on(rig.transport(None, Patience::default()).await);
    connected(&here, &there).await;
    let held = there.hints.device(1);
    let listening = rig.store(&rig.url).await.run("listening", listening).await.unwrap();
    assert_eq!(listening.len(), 2, "each replica has one");
    // Postgres takes that for a crash of all of it, and starts anew.
    kill(listening[0]);
    soon("the wake-up", held.hint()).await;
    flows(&here, &there, 2).await;
    flows(&there, &here, 3).await;
}

/// The process ids of the connections that listen.
fn listening(conn: &mut PgConnection) -> Result<Vec<i32>, homepot_store::StoreError> {
    use diesel::{RunQueryDsl as _, dsl::sql, sql_types::Integer};
    let backends = sql::<Integer>(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'homepot listening' \
        AND datname = current_database()",
    );
    Ok(backends.load(conn)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_dropped_listens_no_more() {
    let rig = Postgres::start().await;
    let here = Replica::on(rig.transport(None, Patience::default()).await);
    connected(&here, &here).await;
    let store = rig.store(&rig.url).await;
    drop(here);
    eventually("the connection to be closed", async || {
        store.run("listening", listening).await.unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_in_the_error() {
    for url in ["postgres://u:hidden@127.0.0.1:1/db", "postgres://u:hidden@nowhere.invalid/db"] {
        let store = Store::start(StoreConfig::new(url)).unwrap();
        let error = NotifyTransport::new(store).listen().await.err().unwrap().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }
}
