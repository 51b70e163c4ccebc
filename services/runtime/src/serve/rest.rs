//! Serves an axum router: HTTP/1.1 and HTTP/2 on one port, with the timeouts that `axum::serve` does not have.

use std::{io, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};

use super::{
    Gate, Listener,
    run::{Port, Protocol, run},
};
use crate::{Drain, tls::Tls};

/// From a connection's first byte, or from the last answer, to the end of the next request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_BYTES: u32 = 16 * 1024;
const HEADERS: usize = 64;
/// What HTTP/1 holds of a peer at once, headers included.
const BUFFER_BYTES: usize = 64 * 1024;
/// What HTTP/2 holds of a peer that nobody reads, for a request and for the connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 128 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;
/// See the same of gRPC.
const RESET_STREAMS: usize = 64;

/// Serves `router` at `listener` until `drain`, then until the last request is answered. Connections come in by `gate`;
/// handlers find the peer in [`axum::extract::ConnectInfo`].
pub async fn rest(listener: Listener, tls: Option<&Tls>, router: Router, gate: Gate, drain: Drain) -> io::Result<()> {
    let port = Port {
        protocol: Protocol::Rest,
        builder: builder(),
        router,
        tls: tls.map(|tls| tls.acceptor(&["h2", "http/1.1"])).transpose()?,
        gate,
    };
    run(listener, port, drain).await
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADERS)
        .max_buf_size(BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HEADER_BYTES)
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESET_STREAMS)
        .max_local_error_reset_streams(RESET_STREAMS);
    builder
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use axum::{extract::ConnectInfo, routing::get};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        sync::Notify,
        task::JoinHandle,
    };

    use super::*;
    use crate::serve::GateConfig;

    struct Served {
        address: SocketAddr,
        drain: Drain,
        serving: JoinHandle<io::Result<()>>,
    }

    fn serve(router: Router) -> Served {
        let listener = Listener::bind("rest-addr", SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let (address, drain) = (listener.address(), Drain::new());
        let serving = tokio::spawn({
            let drain = drain.clone();
            async move { rest(listener, None, router, Gate::new(GateConfig::default()), drain).await }
        });
        Served { address, drain, serving }
    }

    async fn whole_answer(stream: &mut TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_handler_learns_the_peers_address() {
        let served =
            serve(Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string())));
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let answer = whole_answer(&mut stream).await;
        assert!(answer.ends_with(&stream.local_addr().unwrap().to_string()), "{answer}");
        served.drain.start();
        served.serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_request_in_flight_is_answered_after_the_drain_began() {
        let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (arrived, go) = (arrived.clone(), go.clone());
            async move || {
                arrived.notify_one();
                go.notified().await;
                "done"
            }
        };
        let served = serve(Router::new().route("/", get(handler)));
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let mut idle = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        arrived.notified().await;
        served.drain.start();
        go.notify_one();
        let answer = whole_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        // The idle connection was closed rather than waited for.
        assert_eq!(whole_answer(&mut idle).await, "");
        served.serving.await.unwrap().unwrap();
        assert!(TcpStream::connect(served.address).await.is_err());
    }

    #[tokio::test]
    async fn headers_that_never_end_are_not_waited_for() {
        let served = serve(Router::new().route("/", get(async || "hello")));
        for beginning in ["", "P", "GET / HTTP/1.1\r\nhost: a-host-with-a-long-name\r\n"] {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            stream.write_all(beginning.as_bytes()).await.unwrap();
            tokio::time::pause();
            let read = tokio::time::timeout(3 * HEADER_TIMEOUT, stream.read_to_end(&mut Vec::new())).await;
            assert!(read.is_ok(), "still open after {beginning:?}");
            tokio::time::resume();
        }
        served.drain.start();
        served.serving.await.unwrap().unwrap();
    }
}
