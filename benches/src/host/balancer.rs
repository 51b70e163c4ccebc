//! What stands in front of several replicas: a forwarder of bytes that knows whom to prefer, and passes over who is dead.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::copy,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::free_address;

/// Where new connections go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefers {
    /// The first replica, as long as it lives.
    First,
    /// Each in turn.
    EachInTurn,
}

/// A running forwarder; dropping it cuts all connections.
#[derive(Debug)]
pub struct Balancer {
    /// `host:port` for the devices.
    pub address: String,
    accepting: JoinHandle<()>,
}

impl Balancer {
    /// Forwards to these.
    pub async fn start(targets: Vec<String>, prefers: Prefers) -> anyhow::Result<Self> {
        let address = free_address()?;
        let listener = TcpListener::bind(&address).await?;
        let (targets, turn) = (Arc::new(targets), Arc::new(AtomicUsize::new(0)));
        let accepting = tokio::spawn(async move {
            let mut forwarding = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        // Out of files, for example; the device comes again.
                        let Ok((device, _)) = accepted else { continue };
                        let first = match prefers {
                            Prefers::First => 0,
                            Prefers::EachInTurn => turn.fetch_add(1, Ordering::Relaxed),
                        };
                        forwarding.spawn(forward(device, targets.clone(), first));
                    }
                    Some(_) = forwarding.join_next() => {}
                }
            }
        });
        Ok(Self { address, accepting })
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries bytes both ways until either side ends.
async fn forward(mut device: TcpStream, targets: Arc<Vec<String>>, first: usize) {
    for place in 0..targets.len() {
        let Ok(mut replica) = TcpStream::connect(&targets[(first + place) % targets.len()]).await else { continue };
        let _ = (device.set_nodelay(true), replica.set_nodelay(true));
        let (mut from_device, mut to_device) = device.split();
        let (mut from_replica, mut to_replica) = replica.split();
        tokio::select! {
            _ = copy(&mut from_device, &mut to_replica) => {}
            _ = copy(&mut from_replica, &mut to_device) => {}
        }
        return;
    }
}
