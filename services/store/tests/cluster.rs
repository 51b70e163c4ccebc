//! The private cluster: started, crashed, fought over.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection, sql_query};
use homepot_store::{
    Store, StoreConfig,
    cluster::{ClusterConfig, ClusterError, PrivateCluster},
    health,
};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

const DIR: &str = "HOMEPOT_TEST_CLUSTER_DIR";

/// Open for Postgres's user to pass through, where that is another one.
fn temporary_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

fn start(dir: &Path) -> Result<PrivateCluster, ClusterError> {
    PrivateCluster::start(ClusterConfig { data_dir: dir.to_owned() })
}

fn connect(cluster: &PrivateCluster) -> PgConnection {
    PgConnection::establish(&cluster.database_url()).unwrap()
}

fn is_running(pid: u32) -> bool {
    // A zombie has no command line.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|text| !text.is_empty())
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// Not a test of its own: the server that the tests below kill. It runs only when they start it.
#[test]
fn helper_that_holds_a_cluster_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let cluster = start(Path::new(&dir)).unwrap();
    println!("\nup {}", cluster.pid());
    let mut nothing = String::new();
    std::io::stdin().read_to_string(&mut nothing).unwrap();
}

struct Server {
    child: Child,
    postmaster: u32,
}

fn server(dir: &Path) -> Server {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster::helper_that_holds_a_cluster_until_it_is_killed", "--nocapture"])
        .env(DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let up = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("up ")?.parse().ok());
    Server { child, postmaster: up.expect("a server that comes up") }
}

impl Server {
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_cluster_starts_keeps_its_data_and_leaves_nothing_running() {
    let dir = temporary_dir();
    let cluster = start(dir.path()).unwrap();
    connect(&cluster).batch_execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)").unwrap();
    let pid = cluster.pid();
    cluster.stop().unwrap();
    assert!(!is_running(pid));
    let cluster = start(dir.path()).unwrap();
    assert_eq!(sql_query("SELECT x FROM kept").execute(&mut connect(&cluster)).unwrap(), 1);
    let fsync = "SELECT 1 WHERE current_setting('fsync') = 'on' AND current_setting('listen_addresses') = ''";
    assert_eq!(sql_query(fsync).execute(&mut connect(&cluster)).unwrap(), 1);
    let pid = cluster.pid();
    drop(cluster);
    assert!(!is_running(pid));
}

#[test]
fn nobody_else_may_enter_the_clusters_directory() {
    let dir = temporary_dir();
    let cluster = start(dir.path()).unwrap();
    for inside in ["postgres", "postgres/run", "postgres/data"] {
        let meta = fs::metadata(dir.path().join(inside)).unwrap();
        assert_eq!(meta.mode() & 0o777, 0o700, "{inside}");
    }
    // Postgres's own user holds it, which is never root.
    let meta = fs::metadata(dir.path().join("postgres/data")).unwrap();
    assert_ne!(meta.uid(), 0);
    let process = fs::metadata(format!("/proc/{}", cluster.pid())).unwrap();
    assert_eq!(process.uid(), meta.uid());
}

#[test]
fn postgres_ends_when_its_server_is_killed_and_the_next_server_has_the_data() {
    let dir = temporary_dir();
    let mut server = server(dir.path());
    let postmaster = server.postmaster;
    server.kill();
    // At once: the old one may still be on its way out.
    let cluster = start(dir.path()).unwrap();
    assert!(!is_running(postmaster));
    assert_ne!(cluster.pid(), postmaster);
    connect(&cluster).batch_execute("CREATE TABLE t (x int)").unwrap();
}

#[test]
fn a_killed_server_takes_postgres_along() {
    let dir = temporary_dir();
    let mut server = server(dir.path());
    let postmaster = server.postmaster;
    assert!(is_running(postmaster));
    server.kill();
    wait_until("postgres ends", || !is_running(postmaster));
}

#[tokio::test]
async fn a_store_works_again_after_postgres_was_away() {
    let dir = temporary_dir();
    let cluster = start(dir.path()).unwrap();
    let store = Store::open(StoreConfig { threads: 4, ..StoreConfig::new(cluster.database_url()) }).await.unwrap();
    store.run("ping", health::ping).await.unwrap();
    cluster.stop().unwrap();
    for _ in 0..2 {
        assert!(store.run("ping", health::ping).await.unwrap_err().is_passing());
    }
    let _cluster = start(dir.path()).unwrap();
    for _ in 0..8 {
        store.run("ping", health::ping).await.unwrap();
    }
}

#[test]
fn a_second_server_is_told_who_holds_the_directory() {
    let dir = temporary_dir();
    let server = server(dir.path());
    let Err(error) = start(dir.path()) else { panic!("two servers on one directory") };
    let ClusterError::Held { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(*holder, server.child.id().to_string());
    assert!(error.to_string().contains(holder.as_str()), "{error}");
}

#[test]
fn an_orphaned_postmaster_of_ours_is_stopped_first() {
    let dir = temporary_dir();
    drop(start(dir.path()).unwrap());
    // Started behind our back, as if an earlier server had left it: nothing tells it to stop.
    let data = dir.path().canonicalize().unwrap().join("postgres/data");
    let owner = fs::metadata(&data).unwrap();
    let mut command = Command::new(postgres_binary());
    command.arg("-D").arg(&data).args(["-c", "listen_addresses=", "-k"]).arg(data.parent().unwrap().join("run"));
    if owner.uid() != fs::metadata("/proc/self").unwrap().uid() {
        std::os::unix::process::CommandExt::uid(&mut command, owner.uid());
        std::os::unix::process::CommandExt::gid(&mut command, owner.gid());
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut orphan = command.spawn().unwrap();
    let ready = || fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.contains("ready"));
    wait_until("the orphan is up", ready);
    // It is our child here, so somebody has to reap it while the cluster waits for its end.
    let reaper = std::thread::spawn(move || orphan.wait().unwrap());
    let cluster = start(dir.path()).unwrap();
    assert!(reaper.join().unwrap().success());
    connect(&cluster);
}

#[test]
fn a_stale_pid_file_that_names_a_strangers_process_is_no_obstacle() {
    let dir = temporary_dir();
    drop(start(dir.path()).unwrap());
    let data = dir.path().join("postgres/data");
    // Ours: alive, and not a postmaster.
    let stale =
        format!("{}\n{}\n1700000000\n5432\n/nowhere\n\n  1234  5678\nready\n", std::process::id(), data.display());
    fs::write(data.join("postmaster.pid"), stale).unwrap();
    connect(&start(dir.path()).unwrap());
}

#[test]
fn an_unfinished_first_start_is_begun_again() {
    let dir = temporary_dir();
    drop(start(dir.path()).unwrap());
    let home = dir.path().join("postgres");
    fs::rename(home.join("data"), home.join("data.new")).unwrap();
    fs::remove_file(home.join("data.new/PG_VERSION")).unwrap();
    connect(&start(dir.path()).unwrap());
    assert!(!home.join("data.new").exists());
}

#[test]
fn data_of_another_major_version_is_refused_with_what_to_do() {
    let dir = temporary_dir();
    drop(start(dir.path()).unwrap());
    fs::write(dir.path().join("postgres/data/PG_VERSION"), "9\n").unwrap();
    let Err(error) = start(dir.path()) else { panic!("it started") };
    let ClusterError::OtherVersion { data, found, .. } = &error else { panic!("{error}") };
    assert_eq!(data, "9");
    let told = error.to_string();
    for part in ["PostgreSQL 9", &format!("PostgreSQL {found}"), "postgresql-9", "pg_upgrade"] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_directory_with_a_long_path_has_its_socket_elsewhere() {
    let dir = temporary_dir();
    let long = dir.path().join("x".repeat(120));
    let cluster = start(&long).unwrap();
    connect(&cluster);
    let elsewhere = cluster.database_url();
    assert!(!elsewhere.contains("xxx"), "{elsewhere}");
    let host = elsewhere.split("host=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert_eq!(fs::metadata(&host).unwrap().mode() & 0o777, 0o700);
    cluster.stop().unwrap();
    assert!(!Path::new(&host).exists());
}

#[test]
fn a_directory_that_postgres_user_cannot_reach_is_named() {
    // Only root runs it as someone else.
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let dir = temporary_dir();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let Err(error) = start(&closed.join("data")) else { panic!("it started") };
    let ClusterError::NotTraversable { dir, .. } = &error else { panic!("{error}") };
    assert_eq!(*dir, closed.canonicalize().unwrap());
}

fn postgres_binary() -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("postgres"));
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    on_path.chain(debian.map(|entry| entry.path().join("bin/postgres"))).find(|path| path.is_file()).unwrap()
}

#[test]
fn postgres_that_ended_by_itself_is_started_again_with_its_data() {
    let dir = temporary_dir();
    let mut cluster = start(dir.path()).unwrap();
    connect(&cluster).batch_execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").unwrap();
    assert!(!cluster.revive().unwrap());
    let before = cluster.pid();
    rustix::process::kill_process(Pid::from_raw(before.cast_signed()).unwrap(), Signal::KILL).unwrap();
    wait_until("it to be started again", || cluster.revive().unwrap());
    assert_ne!(cluster.pid(), before);
    connect(&cluster).batch_execute("SELECT id FROM kept").unwrap();
}
