//! Wrong keys: each asks the server to find out that it is wrong, which must cost next to nothing.

use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::{task::JoinSet, time::interval};

use super::{Attack, Target, attacker};
use crate::grpc::{Caller, Connection, call, connection};

/// Wrong keys a second of the attack as it was first described.
const A_SECOND: u32 = 150;
const FETCH: &str = "/homepot.device.v1.DeviceService/FetchCommands";

/// From one address, over one connection.
pub(super) const ONE_ADDRESS: Attack = Attack {
    name: "wrong-keys",
    about: "Tries 150 wrong keys a second from one address, half of them with the public letters of a real key.",
    settings: &[],
    tls: false,
    run: |target| {
        let connections = (0..2).map(|number| guesser(&target, number, 0)).collect();
        attack(target, connections).boxed()
    },
};

/// From as many addresses as there are keys in a second.
pub(super) const MANY_ADDRESSES: Attack = Attack {
    name: "wrong-keys-spread",
    about: "Tries 150 wrong keys a second, each from an address of its own, half with the public letters of a real key.",
    settings: &[],
    tls: false,
    run: |target| {
        let connections = (0..target.size(A_SECOND)).map(|number| guesser(&target, number, number)).collect();
        attack(target, connections).boxed()
    },
};

/// A connection that shows a wrong key of the device that the attackers know of.
fn guesser(target: &Target, number: usize, address: usize) -> Connection {
    let mut key = target.device.clone();
    // Twelve letters of a key are public: its kind and the letters it is found by.
    let known = if number.is_multiple_of(2) { 12 } else { 4 };
    key.api_key = format!("{}{}", &key.api_key[..known], "A".repeat(key.api_key.len() - known));
    connection(attacker(address).into(), &target.grpc_addr, &Caller::Device(key))
}

async fn attack(target: Target, connections: Vec<Connection>) {
    let mut guesses = JoinSet::new();
    for number in 0..target.size(A_SECOND) {
        let connection = connections[number % connections.len()].clone();
        guesses.spawn(async move {
            let mut ticks = interval(Duration::from_secs(1));
            loop {
                ticks.tick().await;
                // Whatever it says: the next one is tried all the same.
                let _ = call(connection.clone(), FETCH, Vec::new()).await;
            }
        });
    }
    target.at_strength();
    while guesses.join_next().await.is_some() {}
}
