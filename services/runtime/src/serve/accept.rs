//! Accepts connections until told to stop; a handshake never holds up the next connection.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustix::net::sockopt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

use super::{Connection, Listener};
use crate::Drain;

/// A TLS handshake may take this long.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// TLS handshakes at once; more wait in the backlog.
const HANDSHAKES: usize = 512;
/// How long to wait when the process has no descriptor left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);
/// An idle TCP peer is asked after this, then thrice in steps of [`KEEPALIVE_INTERVAL`].
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The connections that come in at `listener` until `drain`. Needs a runtime.
pub(super) fn connections(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    drain: Drain,
) -> io::Result<ReceiverStream<Connection>> {
    let listener = TcpListener::from_std(listener.socket)?;
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        tokio::select! {
            () = drain.wait() => {}
            () = sender.closed() => {}
            () = accept(listener, tls, &sender) => {}
        }
    });
    Ok(ReceiverStream::new(receiver))
}

/// Goes on until nobody takes connections any more.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, sender: &mpsc::Sender<Connection>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%peer, %error, "connection ended before it began");
            continue;
        }
        let Some(tls) = &tls else {
            if sender.send(Connection::plain(stream, peer)).await.is_err() {
                return;
            }
            continue;
        };
        let Ok(permit) = handshakes.clone().acquire_owned().await else { return };
        let (tls, sender) = (tls.clone(), sender.clone());
        tokio::spawn(async move {
            let connection = handshake(&tls, stream, peer).await;
            drop(permit);
            if let Some(connection) = connection {
                // Nobody takes it any more: it closes.
                let _ = sender.send(connection).await;
            }
        });
    }
}

async fn handshake(tls: &TlsAcceptor, stream: TcpStream, peer: SocketAddr) -> Option<Connection> {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => return Some(Connection::tls(stream, peer)),
        Ok(Err(error)) => tracing::debug!(%peer, %error, "tls handshake failed"),
        Err(_) => tracing::debug!(%peer, "tls handshake took too long"),
    }
    metrics::counter!("homepot_tls_handshake_failures_total").increment(1);
    None
}

/// A connection that broke before it was accepted is nobody's fault; anything else (no descriptors left) passes, and
/// asking again at once would only burn a core.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    tracing::error!(%error, "can't accept connections, trying again");
    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(())
}
