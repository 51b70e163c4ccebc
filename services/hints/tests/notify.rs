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
};
use homepot_tests::{data_parent, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    proxy::{Proxy, Upstream},
    suite::{Replica, Rig, connected, flows, soon, suite},
};

suite!(Postgres);

/// A cluster of its own: others' tests would not survive its death.
struct Postgres {
    url: String,
    socket: PathBuf,
    orders: mpsc::Sender<Order>,
    keeper: Option<thread::JoinHandle<()>>,
    _directory: TempDir,
}

type Order = Box<dyn FnOnce(&mut PrivateCluster) + Send>;

impl Postgres {
    async fn order<T: Send + 'static>(&self, work: impl FnOnce(&mut PrivateCluster) -> T + Send + 'static) -> T {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let order = move |cluster: &mut PrivateCluster| drop(answer.send(work(cluster)));
        self.orders.send(Box::new(order)).unwrap();
        soon("the cluster", answered).await.unwrap()
    }

    async fn store(&self, url: &str) -> Store {
        Store::open(StoreConfig { threads: 2, ..StoreConfig::new(url) }).await.unwrap()
    }
}

impl Rig for Postgres {
    async fn start() -> Self {
        let directory = data_parent();
        let config = ClusterConfig { data_dir: directory.path().join("data") };
        let (orders, given) = mpsc::channel::<Order>();
        // Postgres ends with the thread that starts it.
        let keeper = thread::spawn(move || {
            std::fs::create_dir_all(&config.data_dir).unwrap();
            let mut cluster = PrivateCluster::start(config).unwrap();
            given.into_iter().for_each(|order| order(&mut cluster));
        });
        let mut rig =
            Self { url: String::new(), socket: PathBuf::new(), orders, keeper: Some(keeper), _directory: directory };
        rig.url = rig.order(|cluster| cluster.database_url()).await;
        let parameter = |name: &str| {
            let (_, rest) = rig.url.split_once(&format!("{name}=")).unwrap();
            rest.split('&').next().unwrap().replace("%2F", "/").replace("%2D", "-")
        };
        rig.socket = PathBuf::from(parameter("host")).join(format!(".s.PGSQL.{}", parameter("port")));
        rig
    }

    async fn transport(&self, proxy: Option<&Proxy>, patience: Patience) -> Arc<dyn Transport> {
        let url = match proxy {
            None => self.url.clone(),
            Some(proxy) => format!("postgres://homepot@{}/homepot", proxy.address),
        };
        Arc::new(NotifyTransport::new(self.store(&url).await, url).with_patience(patience))
    }

    fn upstream(&self) -> Upstream {
        Upstream::Unix(self.socket.clone())
    }

    async fn publish(&self, message: &[u8]) {
        let message = String::from_utf8(message.to_vec()).unwrap();
        let send = move |conn: &mut PgConnection| notify(conn, CHANNEL, &[message]);
        self.store(&self.url).await.run("notify", send).await.unwrap();
    }

    async fn kill(&mut self) {
        let pid = self.order(|cluster| cluster.pid()).await;
        kill(pid.cast_signed());
    }

    async fn start_again(&mut self) {
        self.order(|cluster| {
            while !cluster.revive().unwrap() {
                thread::sleep(Duration::from_millis(10));
            }
        })
        .await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // With the last sender the keeper ends, and the cluster with it.
        self.orders = mpsc::channel().0;
        let _ = self.keeper.take().map(thread::JoinHandle::join);
    }
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_killed_is_replaced() {
    let rig = Postgres::start().await;
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
    let backends = sql::<Integer>("SELECT pid FROM pg_stat_activity WHERE application_name = 'homepot listening'");
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
    let rig = Postgres::start().await;
    let store = rig.store(&rig.url).await;
    for url in ["postgres://u:hidden@127.0.0.1:1/db", "postgres://u:hidden@nowhere.invalid/db", "mysql://u:hidden@h"] {
        let error = NotifyTransport::new(store.clone(), url).listen().await.err().unwrap().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }
}
