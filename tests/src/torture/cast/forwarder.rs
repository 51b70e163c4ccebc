//! The agents' load balancer: a new connection goes to a replica that answers. It cuts connections when told to, also in
//! the middle of a message.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

const CHUNK: usize = 4 * 1024;

/// How a connection is cut.
#[derive(Default)]
struct Scissors {
    now: Notify,
    /// Half of what comes next still goes through.
    at_half: AtomicBool,
}

type Connections = Arc<Mutex<BTreeMap<usize, Arc<Scissors>>>>;

/// A running forwarder; it ends with its value.
pub(super) struct Forwarder {
    address: String,
    connections: Connections,
    task: JoinHandle<()>,
}

impl Forwarder {
    /// Starts one in front of `replicas`.
    pub(super) async fn start(replicas: [String; 2]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let connections = Connections::default();
        let task = tokio::spawn(accept(listener, replicas, connections.clone()));
        Self { address, connections, task }
    }

    /// Where agents connect.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Cuts a connection, the `pick`th of those there are and around again; `false`: there is none.
    pub(super) fn cut(&self, pick: usize, at_half: bool) -> bool {
        let connections = self.connections.lock();
        let Some(scissors) = connections.values().nth(pick % connections.len().max(1)) else { return false };
        if at_half {
            scissors.at_half.store(true, Ordering::Relaxed);
        } else {
            scissors.now.notify_one();
        }
        true
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, replicas: [String; 2], connections: Connections) {
    for number in 0.. {
        let Ok((agent, _)) = listener.accept().await else { continue };
        let (replicas, connections) = (replicas.clone(), connections.clone());
        tokio::spawn(async move {
            let Some(replica) = connect(&replicas, number).await else { return };
            let scissors = Arc::new(Scissors::default());
            let entry = |scissors: Option<Arc<Scissors>>| {
                let mut connections = connections.lock();
                match scissors {
                    Some(scissors) => connections.insert(number, scissors),
                    None => connections.remove(&number),
                }
            };
            entry(Some(scissors.clone()));
            forward(agent, replica, &scissors).await;
            entry(None);
        });
    }
}

/// Each replica in turn, or the other one where it does not answer.
async fn connect(replicas: &[String; 2], number: usize) -> Option<TcpStream> {
    for address in [&replicas[number % 2], &replicas[(number + 1) % 2]] {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Some(stream);
        }
    }
    None
}

/// Carries bytes both ways until either side ends or the connection is cut; then both sides are closed.
async fn forward(mut agent: TcpStream, mut replica: TcpStream, scissors: &Scissors) {
    let (from_agent, to_agent) = agent.split();
    let (from_replica, to_replica) = replica.split();
    // However it ends, that is the end of both.
    let _ = tokio::select! {
        () = scissors.now.notified() => Ok(()),
        ended = carry(from_agent, to_replica, scissors) => ended,
        ended = carry(from_replica, to_agent, scissors) => ended,
    };
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    scissors: &Scissors,
) -> io::Result<()> {
    let mut buffer = [0; CHUNK];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if scissors.at_half.load(Ordering::Relaxed) {
            return to.write_all(&buffer[..read / 2]).await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}
