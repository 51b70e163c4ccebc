//! Connections that go silent while TCP lives, as behind a proxy that stopped forwarding.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use chrono::Utc;
use homepot::model::Sample;
use homepot_store::{
    Lane, Store, StoreConfig,
    samples::{self, Expected, NewSample},
};

use crate::fixture::*;

/// A proxy to the test's Postgres whose first connections can be made silent: they stay open, and nothing passes.
struct Proxy {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    silent: Arc<AtomicUsize>,
}

impl Proxy {
    fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, silent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let proxy = Self { address, accepted: accepted.clone(), silent: silent.clone() };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let number = accepted.fetch_add(1, Ordering::SeqCst) + 1;
                let Ok(server) = UnixStream::connect(&socket) else { return };
                let passes = {
                    let silent = silent.clone();
                    move || silent.load(Ordering::SeqCst) < number
                };
                let (to, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn({
                    let passes = passes.clone();
                    move || forward(from, to, &passes)
                });
                thread::spawn(move || forward(server, client, &passes));
            }
        });
        proxy
    }

    /// Silences all connections of now.
    fn silence(&self) {
        self.silent.store(self.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

/// A silent connection does not even pass on that it was closed.
fn forward(mut from: impl Read, mut to: impl Write + Close, passes: &impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if passes() && to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    if passes() {
        to.close();
    } else {
        loop {
            thread::park();
        }
    }
}

trait Close {
    fn close(&self);
}

impl Close for TcpStream {
    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Close for UnixStream {
    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

fn parameter(url: &str, name: &str) -> String {
    let (_, rest) = url.split_once(&format!("{name}=")).unwrap();
    rest.split('&').next().unwrap().replace("%2F", "/").replace("%2D", "-")
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_over_new_connections_when_the_old_ones_fall_silent() {
    let (database, d) = with_device("d").await;
    let url = database.url();
    let socket = format!(".s.PGSQL.{}", parameter(&url, "port"));
    let proxy = Proxy::to(PathBuf::from(parameter(&url, "host")).join(socket));
    let name = url.split_once("///").unwrap().1.split('?').next().unwrap();
    let config = StoreConfig::new(format!("postgres://homepot@{}/{name}?application_name=behind", proxy.address));
    let store = Store::open(StoreConfig { threads: 4, ..config }).await.unwrap().lane(Lane::Devices);
    let write = move |number: i64| {
        let at = Utc::now() - chrono::TimeDelta::seconds(number);
        let new = NewSample { device: d.pk, sample: Sample { cpu_percent: Some(1.0), ..Sample::empty(at) } };
        move |conn: &mut _| samples::write(conn, std::slice::from_ref(&new), Utc::now(), Expected::New)
    };
    store.run("write_samples", write(0)).await.unwrap();
    proxy.silence();
    // Twice as many as there are threads: all of them meet silent connections.
    let tasks: Vec<_> = (1..=4)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut tries = 0;
                // As the writer of samples does: what passes is tried again.
                while let Err(error) = store.run("write_samples", write(number)).await {
                    assert!(error.is_passing(), "{error:?}");
                    tries += 1;
                }
                tries
            })
        })
        .collect();
    // It stood for minutes before calls had a deadline of the client's own.
    let all = async {
        let mut tries = 0;
        for task in tasks {
            tries += task.await.unwrap();
        }
        tries
    };
    let tries = tokio::time::timeout(Duration::from_secs(60), all).await.expect("a deadline for each call");
    assert!(tries > 0, "nobody met a silent connection");
    assert_eq!(store.check().await, Ok(()));
}
