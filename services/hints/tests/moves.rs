//! The address of Redis, its password and its authority are replaced while replicas use it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::Ordering},
};

use homepot_hints::{
    RedisTransport,
    settings::{RedisFiles, RedisSettings},
};
use homepot_runtime::reload::Files;
use homepot_tests::{RedisServer, data_parent, eventually};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tempfile::TempDir;

use crate::{
    redis::{authority, settings, with_tls},
    suite::{Replica, connected, flows, soon},
};

/// What tells the process that has them of a file of hosts of its own.
const HOSTS: &str = "HOMEPOT_TEST_HOSTS";

/// Two replicas that read the same files, and a device that waits at the second.
struct Pair {
    directory: TempDir,
    replicas: [Replica; 2],
    files: [Arc<dyn Files>; 2],
}

impl Pair {
    async fn start(urls: &str, ca: Option<&str>) -> Self {
        let directory = data_parent();
        let at = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let files = RedisFiles { addresses: Some(at("url", urls)), authorities: ca.map(|pem| at("ca.pem", pem)) };
        let authorities = ca.map(|pem| vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()]);
        let settings = RedisSettings { authorities, files, ..settings(urls) };
        let transports = [(); 2].map(|()| RedisTransport::new(settings.clone()).unwrap());
        let files = transports.each_ref().map(|transport| transport.files().unwrap());
        let pair = Self { directory, files, replicas: transports.map(|transport| Replica::on(Arc::new(transport))) };
        pair.works(0).await;
        pair
    }

    /// Hints pass both ways, about devices that were not spoken of before.
    async fn works(&self, number: i64) {
        let [here, there] = &self.replicas;
        connected(here, there).await;
        flows(here, there, 2 * number + 1).await;
        flows(there, here, 2 * number + 2).await;
    }

    fn lay(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    /// New contents that can't be used: each replica says why, which holds no secret, and goes on with what it had.
    async fn refuses(&self, name: &str, text: &str, why: &str) {
        self.lay(name, text);
        for files in &self.files {
            let told = files.look().await.unwrap_err();
            assert!(told.contains(why) && !told.contains("hidden"), "{text}: {told}");
        }
    }

    /// New contents that are taken, once, and everybody is woken, as hints may have been lost.
    async fn takes(&self, name: &str, text: &str) {
        self.lay(name, text);
        let held = self.replicas[1].hints.device(i64::MAX);
        for files in &self.files {
            assert_eq!(files.look().await, Ok(true), "{text}");
            assert_eq!(files.look().await, Ok(false), "{text}");
        }
        soon("the wake-up", held.hint()).await;
    }

    /// No connection broke meanwhile: that would have been an outage.
    fn never_broke(&self) {
        for replica in &self.replicas {
            assert_eq!(replica.tap.connections.load(Ordering::SeqCst), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_go_over_to_the_new_address_and_nothing_is_left_at_the_old_one() {
    let [mut old, new, mut dead] = [RedisServer::start().await, RedisServer::start().await, RedisServer::start().await];
    dead.kill9();
    let pair = Pair::start(&old.url(), None).await;
    pair.refuses("url", "", "is empty").await;
    pair.refuses("url", "http://:hidden@redis", "is not an address").await;
    pair.refuses("url", &format!("redis://:hidden@{}", dead.address()), &dead.address().to_string()).await;
    pair.works(1).await;
    // What was there before is no news.
    pair.lay("url", &old.url());
    assert_eq!(pair.files[0].look().await, Ok(false));

    pair.takes("url", &new.url()).await;
    eventually("nobody to be connected to the old one", async || clients(&old).await.is_empty().then_some(())).await;
    old.kill9();
    pair.works(2).await;
    pair.never_broke();
}

/// The connections to `server`, but for the one that asks.
async fn clients(server: &RedisServer) -> Vec<String> {
    let list = server.command(&["CLIENT", "LIST"]).await;
    list.lines().filter(|line| !line.is_empty() && !line.contains("cmd=client")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_replaced_in_the_file_first_and_then_at_redis() {
    let server = RedisServer::start().await;
    let user = async |name: &str, words: &str| {
        let words = format!("ACL SETUSER {name} reset on {words} resetchannels &homepot_hints");
        assert_eq!(server.command(&words.split(' ').collect::<Vec<_>>()).await, "+OK");
    };
    let url = |user: &str| format!("redis://{user}@{}", server.address());
    user("till", ">one +publish +subscribe +ping").await;
    user("deaf", ">hidden +publish +ping").await;
    user("mute", ">hidden +subscribe +ping").await;
    let pair = Pair::start(&url("till:one"), None).await;
    pair.refuses("url", &url("till:hidden"), "authentication failed").await;
    // Those who may do half of it would cut others off.
    pair.refuses("url", &url("deaf:hidden"), "no permissions").await;
    pair.refuses("url", &url("mute:hidden"), "no permissions").await;
    pair.works(1).await;
    user("till", ">one >hidden +publish +subscribe +ping").await;
    pair.takes("url", &url("till:hidden")).await;
    pair.works(2).await;
    pair.never_broke();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_replaced_and_one_that_does_not_vouch_is_not_taken() {
    let (ours, theirs) = (authority(), authority());
    let server = RedisServer::start_with(with_tls(&ours)).await;
    let pair = Pair::start(&format!("rediss://{}", server.address()), Some(&ours.pem())).await;
    pair.refuses("ca.pem", "hidden", "holds no certificate").await;
    pair.refuses("ca.pem", &theirs.pem(), "certificate").await;
    pair.works(1).await;
    pair.takes("ca.pem", &format!("{}{}", theirs.pem(), ours.pem())).await;
    pair.works(2).await;
    pair.never_broke();
}

#[test]
fn an_address_and_authorities_that_are_in_no_file_are_not_followed() {
    assert!(RedisTransport::new(settings("redis://redis")).unwrap().files().is_none());
    let files = RedisFiles { addresses: None, authorities: Some(PathBuf::from("/nowhere/ca.pem")) };
    let transport = RedisTransport::new(RedisSettings { files, ..settings("redis://redis") }).unwrap();
    assert_eq!(transport.files().unwrap().setting(), "redis-ca-file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_looked_up_for_each_connection() {
    match std::env::var_os(HOSTS) {
        Some(hosts) => comes_to_where_the_name_leads(Path::new(&hosts)).await,
        None => with_hosts_of_its_own("moves::a_name_is_looked_up_for_each_connection"),
    }
}

async fn comes_to_where_the_name_leads(hosts: &Path) {
    let leads_to = |to: SocketAddr| fs::write(hosts, format!("{} redis.test\n", to.ip())).unwrap();
    let (mut old, new) = (RedisServer::start().await, RedisServer::start().await);
    leads_to(old.address());
    let url = format!("redis://redis.test:{}", old.address().port());
    let [here, there] = [(); 2].map(|()| Replica::on(Arc::new(RedisTransport::new(settings(&url)).unwrap())));
    connected(&here, &there).await;
    leads_to(new.address());
    old.kill9();
    flows(&here, &there, 1).await;
    flows(&there, &here, 2).await;
}

/// Runs a test of this program once more, where the system's file of hosts is one that the test may write. Where this user
/// may mount nothing, as in some containers, there is nothing to try.
// Says that nothing was tried.
#[allow(clippy::print_stderr)]
fn with_hosts_of_its_own(test: &str) {
    let directory = data_parent();
    let hosts = directory.path().join("hosts");
    fs::write(&hosts, "").unwrap();
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["sh", "-ec", &format!("mount --bind \"$1\" /etc/hosts\n{script}"), "sh"]).arg(&hosts);
        command
    };
    if !unshare("").output().is_ok_and(|done| done.status.success()) {
        return eprintln!("skipped: this user may mount nothing in a namespace of its own");
    }
    let mut again = unshare("shift\nexec \"$@\"");
    again.arg(std::env::current_exe().unwrap()).args(["--exact", test]).env(HOSTS, &hosts);
    let done = again.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
