//! Bounds how many connections a port holds, and what a connection may do before a credential is accepted on it.
//!
//! Until a credential is accepted, a connection is a stranger. It may have few calls at once, few bytes and few
//! seconds, and it holds a place, which it loses to a newcomer when there are too many strangers ([`super::places`]).
//! From then on the usual limits apply. The descriptors of a port are counted for it alone, so no port can take those
//! of another; of the gRPC port's, some stay free of devices for whoever is new there.
//!
//! Connections from trusted proxies are never strangers: each carries many clients, whom other limits count by the address
//! that the proxy tells.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use homepot::{Error, Kind};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::places::{Limits, Place, Places, Stage};
use crate::peer::{TrustedProxies, counted_as};

/// Connections that may be open past a port's number while the ones that made room for them close.
pub(crate) const CLOSING: usize = 16;
/// How long a newcomer waits for those to close where there are more of them. They do so at once, when their turn comes.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);
/// Calls at once on a stranger's connection; more wait until one ends or is let in. A proxy or a gateway that has just
/// connected may make many at once, and the first good one opens the way for all.
const STRANGER_CALLS: usize = 8;
/// Calls that wait so, on all connections of a port.
const WAITING_CALLS: usize = 4096;
/// Bytes that are read from a stranger; more wait until it is let in.
const STRANGER_BYTES: usize = 64 * 1024;
/// How long devices are told to wait when this server has no place for them.
const FULL_RETRY: Duration = Duration::from_secs(30);

/// What a port holds.
#[derive(Clone, Debug)]
pub struct GateConfig {
    /// The port's name in metrics and log: `grpc`, `rest` or `ops`.
    pub port: &'static str,
    /// Connections in all.
    pub connections: usize,
    /// Connections of devices; fewer than in all.
    pub devices: usize,
    /// Connections on which nobody was let in yet.
    pub strangers: Limits,
    /// How long a connection may stay without being let in.
    pub patience: Duration,
    /// How many calls may be made on it until then.
    pub calls: usize,
    /// Whether bytes are counted until somebody is let in. HTTP/2 takes in what nobody reads, HTTP/1 does not.
    pub count_bytes: bool,
    /// Proxies, whose connections are never strangers.
    pub trusted: TrustedProxies,
}

impl Default for GateConfig {
    /// For tests and whoever has no settings: the limits of a small server.
    fn default() -> Self {
        Self {
            port: "grpc",
            connections: 1024,
            devices: 960,
            strangers: Limits { total: 512, per_address: 256 },
            patience: Duration::from_secs(10),
            calls: 100,
            count_bytes: true,
            trusted: TrustedProxies::default(),
        }
    }
}

/// The gate of one port. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: GateConfig,
    open: AtomicUsize,
    devices: AtomicUsize,
    /// Wakes the newcomer that waits for a connection to close.
    closed: Notify,
    /// Calls of strangers that wait for their turn.
    waiting: AtomicUsize,
    strangers: Places,
}

/// A connection as seen by whoever answers its calls: found in the extensions of every request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientConnection(Arc<Client>);

#[derive(Debug)]
struct Client {
    gate: Gate,
    /// Taken off when somebody was let in; from trusted proxies there is none.
    place: Mutex<Option<Place>>,
    lost: CancellationToken,
    opened: Instant,
    /// Set once somebody was let in: whether a device was.
    let_in: OnceLock<bool>,
    /// Wakes whoever waits for somebody to be let in, or for a call to end.
    changed: Notify,
    calls: AtomicUsize,
    calls_in_all: AtomicUsize,
    bytes_left: AtomicUsize,
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Call(ClientConnection);

/// A call that waits for its turn.
struct Waiting<'a>(&'a AtomicUsize);

/// A check of credentials under way.
pub(crate) struct Check<'a>(&'a ClientConnection);

impl Gate {
    /// A gate that nobody has come through yet.
    pub fn new(config: GateConfig) -> Self {
        let strangers = Places::new(config.strangers);
        let (open, devices, closed, waiting) = Default::default();
        Self(Arc::new(Inner { config, open, devices, closed, waiting, strangers }))
    }

    /// Takes a new connection from `peer` in; `None` when there is no descriptor left for it.
    ///
    /// A flood brings newcomers faster than those that make room for them can close. Whoever comes then waits for a moment:
    /// if it was refused, a flood would keep everybody out.
    pub(crate) async fn enter(&self, peer: SocketAddr) -> Option<ClientConnection> {
        let inner = &self.0;
        let open = inner.open.fetch_add(1, Relaxed) + 1;
        if open > inner.config.connections && !(inner.strangers.evict() && self.have_closed().await) {
            inner.open.fetch_sub(1, Relaxed);
            self.refused("full");
            return None;
        }
        metrics::gauge!("homepot_connections", "port" => inner.config.port).set(open as f64);
        let ip = peer.ip().to_canonical();
        let trusted = inner.config.trusted.vouches(ip, false);
        Some(self.connection(ip, trusted))
    }

    /// Waits until few connections are left that have to close; `false`: they do not.
    async fn have_closed(&self) -> bool {
        let inner = &self.0;
        let closed = async {
            loop {
                let closed = inner.closed.notified();
                if inner.open.load(Relaxed) <= inner.config.connections + CLOSING {
                    return;
                }
                closed.await;
            }
        };
        tokio::time::timeout(CLOSES_WITHIN, closed).await.is_ok()
    }

    fn connection(&self, ip: IpAddr, trusted: bool) -> ClientConnection {
        let place = (!trusted).then(|| self.0.strangers.take(counted_as(ip)));
        let lost = place.as_ref().map_or_else(CancellationToken::new, |place| place.lost().clone());
        ClientConnection(Arc::new(Client {
            gate: self.clone(),
            place: Mutex::new(place),
            lost,
            opened: Instant::now(),
            let_in: OnceLock::new(),
            changed: Notify::new(),
            calls: AtomicUsize::new(0),
            calls_in_all: AtomicUsize::new(0),
            bytes_left: AtomicUsize::new(STRANGER_BYTES),
        }))
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        let port = self.0.config.port;
        metrics::counter!("homepot_connections_refused_total", "port" => port, "reason" => reason).increment(1);
    }

    pub(crate) fn patience(&self) -> Duration {
        self.0.config.patience
    }
}

impl ClientConnection {
    /// Notes that an operator, or somebody who enrolled, was let in on this connection.
    pub fn let_in(&self) {
        self.note_let_in(false);
    }

    /// Notes that a device was let in on this connection; an error when this server holds as many as it has room for.
    pub fn let_device_in(&self) -> Result<(), Error> {
        let gate = &self.0.gate.0;
        if self.0.let_in.get() == Some(&true) {
            return Ok(());
        }
        if gate.devices.fetch_add(1, Relaxed) >= gate.config.devices {
            gate.devices.fetch_sub(1, Relaxed);
            self.0.gate.refused("full");
            let told = "this server holds as many devices as it has room for";
            return Err(Error::new(Kind::Unavailable, told).retry_after(FULL_RETRY));
        }
        if !self.note_let_in(true) {
            // An operator was there first, or another call of the same connection.
            gate.devices.fetch_sub(1, Relaxed);
        }
        Ok(())
    }

    /// Marks the connection as one whose credentials are being checked, as long as the answer is kept: it is the last to
    /// make room.
    pub(crate) fn checking(&self) -> Check<'_> {
        self.set_stage(Stage::Checking);
        Check(self)
    }

    /// `true` when this noted it first.
    fn note_let_in(&self, device: bool) -> bool {
        let first = self.0.let_in.set(device).is_ok();
        if first {
            drop(self.place().take());
            self.0.changed.notify_waiters();
        }
        first
    }

    /// Notes how far a stranger has come.
    pub(crate) fn set_stage(&self, stage: Stage) {
        if let Some(place) = &*self.place() {
            place.set_stage(stage);
        }
    }

    fn place(&self) -> parking_lot::MutexGuard<'_, Option<Place>> {
        self.0.place.lock()
    }

    /// Whether nobody was let in yet.
    pub(crate) fn is_stranger(&self) -> bool {
        self.place().is_some()
    }

    fn is_checking(&self) -> bool {
        self.place().as_ref().is_some_and(|place| place.stage() == Stage::Checking)
    }

    /// Begins a call, when its turn has come; `None` when too many wait already.
    pub(crate) async fn begin_call(&self) -> Option<Call> {
        if let Some(call) = self.try_begin_call() {
            return Some(call);
        }
        let waiting = &self.0.gate.0.waiting;
        let before = waiting.fetch_add(1, Relaxed);
        let _waiting = Waiting(waiting);
        if before >= WAITING_CALLS {
            return None;
        }
        loop {
            let changed = self.0.changed.notified();
            if let Some(call) = self.try_begin_call() {
                return Some(call);
            }
            changed.await;
        }
    }

    fn try_begin_call(&self) -> Option<Call> {
        let most = if self.is_stranger() { STRANGER_CALLS } else { usize::MAX };
        self.0.calls.fetch_update(Relaxed, Relaxed, |calls| (calls < most).then_some(calls + 1)).ok()?;
        let before = self.0.calls_in_all.fetch_add(1, Relaxed);
        if before >= self.0.gate.0.config.calls && self.is_stranger() {
            self.0.lost.cancel();
        }
        Some(Call(self.clone()))
    }

    /// Whether no call is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.calls.load(Relaxed) == 0
    }

    /// How many calls began.
    pub(crate) fn calls_in_all(&self) -> usize {
        self.0.calls_in_all.load(Relaxed)
    }

    /// How many bytes may be read now; `None`: as many as there are.
    pub(crate) fn bytes_left(&self) -> Option<usize> {
        let counts = self.0.gate.0.config.count_bytes && self.is_stranger();
        counts.then(|| self.0.bytes_left.load(Relaxed))
    }

    /// Notes that a stranger sent `bytes`.
    pub(crate) fn spent(&self, bytes: usize) {
        self.0.bytes_left.fetch_sub(bytes, Relaxed);
    }

    /// Ends when the connection has to close at once, because its place went to another.
    pub(crate) async fn lost(&self) {
        self.0.lost.cancelled().await;
    }

    /// Ends when somebody is let in.
    pub(crate) async fn until_let_in(&self) {
        loop {
            let changed = self.0.changed.notified();
            if !self.is_stranger() {
                return;
            }
            changed.await;
        }
    }

    /// Ends when the connection was a stranger's for too long. A check of credentials that waits for its turn is not the
    /// stranger's fault: it has as long again.
    pub(crate) async fn overstayed(&self) {
        let patience = self.0.gate.patience();
        let deadline = self.0.opened + patience;
        tokio::time::sleep_until(deadline).await;
        while self.is_checking() && Instant::now() < deadline + 2 * patience {
            tokio::time::sleep(patience / 10).await;
        }
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let gate = &self.gate.0;
        let open = gate.open.fetch_sub(1, Relaxed) - 1;
        metrics::gauge!("homepot_connections", "port" => gate.config.port).set(open as f64);
        gate.closed.notify_waiters();
        if self.let_in.get() == Some(&true) {
            gate.devices.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.0.calls.fetch_sub(1, Relaxed);
        if self.0.is_stranger() {
            self.0.0.changed.notify_waiters();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Drop for Check<'_> {
    fn drop(&mut self) {
        self.0.set_stage(Stage::Established);
    }
}

#[cfg(test)]
mod tests;
