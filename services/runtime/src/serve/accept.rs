//! Accepts connections: one after the other, at once, whatever those before it do.

use std::{io, net::SocketAddr, time::Duration};

use rustix::net::{RecvFlags, sockopt};
use tokio::net::{TcpListener, TcpStream};

/// How long to wait when the process has no descriptor left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);
/// An idle TCP peer is asked after this, then thrice in steps of [`KEEPALIVE_INTERVAL`].
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The next connection at `listener`.
pub(super) async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        match prepare(&stream) {
            Ok(()) => return (stream, peer),
            Err(error) => tracing::debug!(%peer, %error, "connection ended before it began"),
        }
    }
}

/// Whether the peer has said something already. In a flood it takes a while until a connection is accepted, and whoever
/// comes with a request has sent it by then.
pub(super) fn has_spoken(stream: &TcpStream) -> bool {
    let mut first = [0; 1];
    // A connection that has ended, or broken, has nothing to say.
    matches!(rustix::net::recv(stream, &mut first, RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((read, _)) if read > 0)
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
