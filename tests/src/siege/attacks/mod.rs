//! The attacks, a module each. An attack is one future that runs until it is dropped; it says [`Target::at_strength`]
//! when everything that it can hold at once is held. Its size is bounded by [`Target::size`].
//!
//! [`Target::at_strength`]: super::Target::at_strength
//! [`Target::size`]: super::Target::size

mod announce;
mod loud;
mod rate;
mod silence;
mod wrong_keys;

use std::net::Ipv4Addr;

use futures_util::future::BoxFuture;
use tokio::net::{TcpSocket, TcpStream};

use super::Target;

/// One kind of attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// What the command line and the table call it.
    pub name: &'static str,
    /// What the attackers do, in one sentence.
    pub about: &'static str,
    /// Settings of the server, for an attack that needs a special one.
    pub settings: &'static [(&'static str, &'static str)],
    /// Whether the server speaks TLS. The fleet, operators and probes do too then.
    pub tls: bool,
    /// Attacks until it is dropped.
    pub run: fn(Target) -> BoxFuture<'static, ()>,
}

/// Every attack there is.
pub const ALL: &[Attack] = &[
    silence::ONE_ADDRESS,
    silence::MANY_ADDRESSES,
    announce::ANNOUNCE,
    rate::GREETINGS,
    rate::TLS_HANDSHAKES,
    rate::SLOW_HEADERS,
    rate::SLOW_BODIES,
    wrong_keys::ONE_ADDRESS,
    wrong_keys::MANY_ADDRESSES,
    loud::VIEWER,
    loud::DEVICE,
];

/// The address of attacker number `number`: addresses of this machine that neither the fleet nor operators call from.
fn attacker(number: usize) -> Ipv4Addr {
    let [_, high, middle, low] = u32::try_from(number % 0x3F_FFFF + 1).unwrap_or(1).to_be_bytes();
    Ipv4Addr::new(127, 128 | high, middle, low)
}

/// Connects to `address` from the address of an attacker.
async fn connect(from: Ipv4Addr, address: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(address.parse().map_err(std::io::Error::other)?).await
}
