//! Serves an axum router: HTTP/1.1 and HTTP/2 on one port, with the timeouts that `axum::serve` does not have.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::sync::Semaphore;
use tokio_stream::StreamExt as _;
use tonic::transport::server::Connected as _;
use tower::ServiceExt as _;

use super::{Connection, Listener, Tls, accept};
use crate::Drain;

/// From a connection's first byte, or from the last answer, to the end of the next request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_BYTES: u32 = 16 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;
/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 4096;

/// Serves `router` at `listener` until `drain`, then until the last request is answered. Handlers find the peer in
/// [`ConnectInfo`].
pub async fn rest(listener: Listener, tls: Option<&Tls>, router: Router, drain: Drain) -> io::Result<()> {
    let acceptor = tls.map(|tls| tls.acceptor(&["h2", "http/1.1"]));
    let mut connections = accept::connections(listener, acceptor, drain.clone())?;
    let builder = Arc::new(builder());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.ok()?;
            Some((connections.next().await?, place))
        };
        let (connection, place) = tokio::select! {
            () = drain.wait() => break,
            next = next => match next {
                Some(next) => next,
                None => break,
            },
        };
        let served = serve_connection(&builder, connection, router.clone());
        let served = graceful.watch(served);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(error, "connection ended with an error");
            }
            drop(place);
        });
    }
    graceful.shutdown().await;
    Ok(())
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(HEADER_BYTES)
        .max_concurrent_streams(STREAMS);
    builder
}

/// The connection as something that can be told to stop after the request it is at.
fn serve_connection(
    builder: &Builder<TokioExecutor>,
    connection: Connection,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static
{
    let peer = connection.connect_info().remote_addr();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
        }
        router.clone().oneshot(request)
    });
    builder.serve_connection(TokioIo::new(connection), service).into_owned()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        sync::Notify,
        task::JoinHandle,
    };

    use super::*;

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
            async move { rest(listener, None, router, drain).await }
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
