//! Serves gRPC: HTTP/2 only, with pings, on windows that a stream of small messages does not wear out.

use std::{io, time::Duration};

use tokio_stream::StreamExt as _;
use tonic::{service::Routes, transport::Server};

use super::{Listener, Tls, accept};
use crate::Drain;

/// h2 charges small frames against a budget tied to this window; under 1 MiB it ends lively connections.
const WINDOW_BYTES: u32 = 1024 * 1024;
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls at once on one connection. A device has one stream; the rest is for gateways.
const CALLS: u32 = 1024;
const HEADER_BYTES: u32 = 16 * 1024;
/// From a call to the head of its answer; a stream may go on after it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves `routes` at `listener` until `drain`, then until the last connection has ended.
pub async fn grpc(listener: Listener, tls: Option<&Tls>, routes: Routes, drain: Drain) -> io::Result<()> {
    let acceptor = tls.map(|tls| tls.acceptor(&["h2"]));
    let connections = accept::connections(listener, acceptor, drain.clone())?;
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(PING_INTERVAL))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .initial_connection_window_size(WINDOW_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .max_concurrent_streams(CALLS)
        .http2_max_header_list_size(HEADER_BYTES)
        .timeout(ANSWER_TIMEOUT);
    let incoming = connections.map(Ok::<_, io::Error>);
    let router = server.add_routes(routes);
    router.serve_with_incoming_shutdown(incoming, async move { drain.wait().await }).await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use tokio::{io::AsyncReadExt as _, net::TcpStream};
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

    use super::*;
    use crate::{drain::within, serve::connection::GREETING_TIMEOUT};

    fn listener() -> Listener {
        Listener::bind("grpc-addr", SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    }

    fn health() -> Routes {
        Routes::new(tonic_health::server::health_reporter().1)
    }

    fn overall() -> HealthCheckRequest {
        HealthCheckRequest { service: String::new() }
    }

    #[tokio::test]
    async fn an_open_stream_keeps_the_server_until_the_deadline_and_no_longer() {
        let listener = listener();
        let url = format!("http://{}", listener.address());
        let drain = Drain::new();
        let mut serving = tokio::spawn(grpc(listener, None, health(), drain.clone()));

        let channel = Endpoint::try_from(url).unwrap().connect().await.unwrap();
        let mut stream = HealthClient::new(channel).watch(overall()).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some());

        drain.start();
        let stopped = within(Duration::from_millis(200), "grpc", async { drop((&mut serving).await) }).await;
        assert!(!stopped, "a stream that nobody ends holds the server");
        drop(stream);
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn tls_is_spoken_when_there_is_a_certificate() {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        std::fs::write(&cert, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let tls = Arc::new(Tls::load(&cert, &key).unwrap());

        let listener = listener();
        let address = listener.address();
        let drain = Drain::new();
        let serving = tokio::spawn({
            let drain = drain.clone();
            async move { grpc(listener, Some(&tls), health(), drain).await }
        });
        let trust = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pair.cert.pem()));
        let endpoint = Endpoint::try_from(format!("https://localhost:{}", address.port())).unwrap();
        let channel = endpoint.tls_config(trust).unwrap().connect().await.unwrap();
        assert!(HealthClient::new(channel).check(overall()).await.is_ok());
        drain.start();
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_is_let_go() {
        let listener = listener();
        let address = listener.address();
        let drain = Drain::new();
        let serving = tokio::spawn(grpc(listener, None, health(), drain.clone()));
        let mut silent = TcpStream::connect(address).await.unwrap();
        // The server's settings frame: the connection is up, and from here on only the peer's silence is left.
        silent.read_u8().await.unwrap();
        tokio::time::pause();
        let read = tokio::time::timeout(2 * GREETING_TIMEOUT, silent.read_to_end(&mut Vec::new())).await;
        assert!(read.is_ok(), "the connection is still open");
        tokio::time::resume();
        drain.start();
        serving.await.unwrap().unwrap();
    }
}
