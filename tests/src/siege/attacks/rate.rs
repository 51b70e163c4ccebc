//! New connections all the time: a server that handles one after the other never comes to those who mean it.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
    time::MissedTickBehavior,
};

use super::{Attack, Target, attacker, connect};

/// New connections a second, of the attacks as they were first described.
const A_SECOND: u32 = 200;
/// How long each is held.
const HELD: Duration = Duration::from_secs(2);
/// Connections begin in bursts of this distance.
const BURST: Duration = Duration::from_millis(50);

/// Connections that begin to speak and stop.
pub(super) const GREETINGS: Attack = Attack {
    name: "greetings",
    about: "Opens 200 connections a second from one address to gRPC; each begins a greeting and never ends it.",
    settings: &[],
    tls: false,
    run: |target| {
        let address = target.grpc_addr.clone();
        attack(target, address, b"PRI * HTTP/2.0\r\n".to_vec()).boxed()
    },
};

/// Handshakes that stop when the server has done its part of the work, which is the greater one.
pub(super) const TLS_HANDSHAKES: Attack = Attack {
    name: "tls-handshakes",
    about: "Begins 200 TLS handshakes a second from one address with a server that speaks TLS, and ends none.",
    settings: &[],
    tls: true,
    run: |target| {
        let address = target.grpc_addr.clone();
        let greeting = target.certificate.as_ref().expect("the server speaks TLS").greeting("h2");
        attack(target, address, greeting).boxed()
    },
};

/// Requests whose headers never end.
pub(super) const SLOW_HEADERS: Attack = Attack {
    name: "slow-headers",
    about: "Opens 200 connections a second from one address to REST; each sends a request whose headers never end.",
    settings: &[],
    tls: false,
    run: |target| {
        let address = target.rest_addr.clone();
        attack(target, address, b"GET /api/v1/sites/ HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_vec()).boxed()
    },
};

/// Requests to enrol whose bodies never end.
pub(super) const SLOW_BODIES: Attack = Attack {
    name: "slow-bodies",
    about: "Opens 200 connections a second from one address to REST; each announces 30 kB of JSON and sends a byte.",
    settings: &[],
    tls: false,
    run: |target| {
        let address = target.rest_addr.clone();
        let request = b"POST /api/v1/devices/sites/siege/devices HTTP/1.1\r\nhost: localhost\r\n\
            content-type: application/json\r\ncontent-length: 30000\r\n\r\n{";
        attack(target, address, request.to_vec()).boxed()
    },
};

async fn attack(target: Target, address: String, said: Vec<u8>) {
    let said: Arc<[u8]> = said.into();
    let mut connections = JoinSet::new();
    let mut tick = tokio::time::interval(BURST);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let of_a_burst = (target.size(A_SECOND) / 20).max(1);
    // As many as are held at once from then on.
    let bursts = HELD.as_millis() / BURST.as_millis();
    for burst in 0_u128.. {
        tick.tick().await;
        for _ in 0..of_a_burst {
            let (address, said) = (address.clone(), said.clone());
            connections.spawn(async move {
                let Ok(mut stream) = connect(attacker(0), &address).await else { return };
                let _ = stream.write_all(&said).await;
                let mut heard = [0; 256];
                let listen = async { while stream.read(&mut heard).await.is_ok_and(|read| read > 0) {} };
                let _ = tokio::time::timeout(HELD, listen).await;
            });
        }
        while connections.try_join_next().is_some() {}
        if burst == bursts {
            target.at_strength();
        }
    }
}
