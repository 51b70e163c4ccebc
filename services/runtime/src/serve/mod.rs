//! Serving: sockets, TLS, gRPC and REST, with a deadline for every way a peer can be slow.
//!
//! Accepting never waits: each connection is a task from its first moment, and [`Gate`] bounds how many there are, how many
//! of them nobody has let in yet, and what those may do. A connection has seconds until somebody is let in on it; after
//! that HTTP/2 pings, HTTP/1 header timeouts and TCP keepalive notice a peer that is gone. Serving ends with a
//! [`crate::Drain`]; whoever serves bounds that end, because a stream can take for ever.

mod accept;
mod connection;
mod deadline;
mod gate;
mod grpc;
mod places;
mod proxy;
mod rest;
mod run;

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use crate::peer::TrustedProxies;

pub(crate) use self::{
    gate::CLOSING,
    places::{Place, Places},
};
pub use self::{
    gate::{ClientConnection, Gate, GateConfig},
    grpc::grpc,
    places::Limits,
    rest::rest,
};

/// Connections that wait to be accepted: a fleet comes back all at once.
const BACKLOG: i32 = 4096;

/// A socket that listens and is not served yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// Who speaks the PROXY protocol; `None`: nobody.
    balancers: Option<TrustedProxies>,
}

/// An address can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("--{setting} ({variable}): can't listen on {address}: {reason}", variable = variable(setting))]
pub struct BindError {
    /// The setting, as a flag without its dashes.
    pub setting: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// Why, in words for a person.
    pub reason: String,
}

impl Listener {
    /// Listens on `address`, which `setting` gave. Needs no async runtime, so that a port in use is told before
    /// anything slow has started.
    pub fn bind(setting: &'static str, address: SocketAddr) -> Result<Self, BindError> {
        let fault = |error: io::Error| BindError { setting, address, reason: reason(&error) };
        let socket = TcpListener::bind(address).map_err(fault)?;
        rustix::net::listen(&socket, BACKLOG).map_err(|errno| fault(errno.into()))?;
        socket.set_nonblocking(true).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        Ok(Self { socket, address, balancers: None })
    }

    /// Connections of `balancers` may begin with a header of the PROXY protocol, version 2, which says whose they are.
    #[must_use]
    pub fn behind(self, balancers: Option<TrustedProxies>) -> Self {
        Self { balancers, ..self }
    }

    /// Where it listens, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn variable(setting: &str) -> String {
    format!("HOMEPOT_{}", setting.to_uppercase().replace('-', "_"))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process listens there".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not; ports under 1024 are for root".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_told_with_the_flag_that_changes_it() {
        let first = Listener::bind("grpc-addr", SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let error = Listener::bind("rest-addr", first.address()).unwrap_err().to_string();
        let told = format!("can't listen on {}: another process listens there", first.address());
        assert_eq!(error, format!("--rest-addr (HOMEPOT_REST_ADDR): {told}"));
    }
}
