//! Serves gRPC: HTTP/2 only, with pings, on windows that a stream of small messages does not wear out.

use std::{io, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tonic::service::Routes;

use super::{
    Gate, Listener,
    run::{Port, Protocol, run},
};
use crate::{Drain, tls::Tls};

/// h2 charges small frames against a budget tied to this window; under 1 MiB it ends lively connections.
const WINDOW_BYTES: u32 = 1024 * 1024;
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls at once on one connection. A device has one stream; the rest is for gateways.
const CALLS: u32 = 1024;
const HEADER_BYTES: u32 = 16 * 1024;
/// What may wait to be sent on one stream: whoever reads nothing holds no more.
const SEND_BYTES: usize = 64 * 1024;
/// Streams that the peer reset and nobody looked at yet, and streams that we reset for the peer's faults: past either the
/// connection ends. Floods of either kind cost a server its processors.
const RESET_STREAMS: usize = 64;

/// Serves `routes` at `listener` until `drain`, then until the last connection has ended. Connections come in by `gate`.
pub async fn grpc(listener: Listener, tls: Option<&Tls>, routes: Routes, gate: Gate, drain: Drain) -> io::Result<()> {
    let port = Port {
        protocol: Protocol::Grpc,
        builder: builder(),
        router: routes.prepare().into_axum_router(),
        tls: tls.map(|tls| tls.acceptor(&["h2"])).transpose()?,
        gate,
    };
    run(listener, port, drain).await
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .initial_connection_window_size(WINDOW_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .max_concurrent_streams(CALLS)
        .max_header_list_size(HEADER_BYTES)
        .max_send_buf_size(SEND_BYTES)
        .max_pending_accept_reset_streams(RESET_STREAMS)
        .max_local_error_reset_streams(RESET_STREAMS);
    builder
}

#[cfg(test)]
mod tests;
