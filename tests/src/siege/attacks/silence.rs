//! Connections that say nothing: each takes a descriptor of the server for as long as it is let.

use std::{net::Ipv4Addr, time::Duration};

use futures_util::FutureExt as _;
use tokio::{io::AsyncReadExt as _, task::JoinSet};

use super::{Attack, Target, attacker, connect};

/// Connections of the attack as it was first described.
const CONNECTIONS: u32 = 1_100;
/// How long a connection that was refused or closed waits before it comes again.
const AGAIN: Duration = Duration::from_millis(200);

/// From one address.
pub(super) const ONE_ADDRESS: Attack = Attack {
    name: "silence",
    about: "Opens 1,100 connections from one address to each port, says nothing, and opens them again.",
    settings: &[],
    tls: false,
    run: |target| attack(target, |_| attacker(0)).boxed(),
};

/// From as many addresses as there are connections.
pub(super) const MANY_ADDRESSES: Attack = Attack {
    name: "silence-spread",
    about: "Opens 1,100 connections to each port, each from an address of its own, and says nothing.",
    settings: &[],
    tls: false,
    run: |target| attack(target, attacker).boxed(),
};

async fn attack(target: Target, address_of: fn(usize) -> Ipv4Addr) {
    let mut connections = JoinSet::new();
    // A process has descriptors for a few thousand; the ports share them.
    let ports = [&target.grpc_addr, &target.rest_addr, &target.ops_addr];
    for number in 0..target.size(CONNECTIONS) {
        let (from, port) = (address_of(number), ports[number % ports.len()].clone());
        connections.spawn(hold(from, port));
        // Others need a turn, or the kernel's queue overflows and the fleet waits for that.
        if number % 64 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    target.at_strength();
    while connections.join_next().await.is_some() {}
}

/// Keeps one connection, or the attempt at one, up.
async fn hold(from: Ipv4Addr, port: String) {
    loop {
        if let Ok(mut stream) = connect(from, &port).await {
            let mut heard = [0; 64];
            while stream.read(&mut heard).await.is_ok_and(|read| read > 0) {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}
