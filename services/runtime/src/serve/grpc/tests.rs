use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::*;
use crate::{drain::within, serve::GateConfig};

fn listener() -> Listener {
    Listener::bind("grpc-addr", SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

fn gate() -> Gate {
    Gate::new(GateConfig::default())
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
    let mut serving = tokio::spawn(grpc(listener, None, health(), gate(), drain.clone()));

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
    let tls = Arc::new(Tls::load("tls-cert", &cert, &key).unwrap());

    let listener = listener();
    let address = listener.address();
    let drain = Drain::new();
    let serving = tokio::spawn({
        let drain = drain.clone();
        async move { grpc(listener, Some(&tls), health(), gate(), drain).await }
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
    let serving = tokio::spawn(grpc(listener, None, health(), gate(), drain.clone()));
    let mut silent = TcpStream::connect(address).await.unwrap();
    // The server's settings frame: the connection is up, and from here on only the peer's silence is left.
    silent.read_u8().await.unwrap();
    tokio::time::pause();
    let read = tokio::time::timeout(2 * gate().patience(), silent.read_to_end(&mut Vec::new())).await;
    assert!(read.is_ok(), "the connection is still open");
    tokio::time::resume();
    drain.start();
    serving.await.unwrap().unwrap();
}

/// A port, its address, and the end of it.
struct Served {
    address: SocketAddr,
    drain: Drain,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

impl Served {
    fn start(routes: Routes, tls: Option<Tls>, gate: Gate) -> Self {
        let listener = listener();
        let (address, drain) = (listener.address(), Drain::new());
        let serving = tokio::spawn({
            let drain = drain.clone();
            async move { grpc(listener, tls.as_ref(), routes, gate, drain).await }
        });
        Self { address, drain, serving }
    }

    async fn stop(self) {
        self.drain.start();
        self.serving.await.unwrap().unwrap();
    }
}

fn certificate() -> (Tls, Certificate) {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    (Tls::load("tls-cert", &cert, &key).unwrap(), Certificate::from_pem(pair.cert.pem()))
}

#[tokio::test]
async fn silent_tls_connections_keep_no_client_waiting() {
    let (tls, authority) = certificate();
    let served = Served::start(health(), Some(tls), gate());
    // More than handshakes were ever done at once.
    let mut silent = Vec::new();
    for _ in 0..600 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let trust = ClientTlsConfig::new().ca_certificate(authority);
    let endpoint = Endpoint::try_from(format!("https://localhost:{}", served.address.port())).unwrap();
    let channel = endpoint.tls_config(trust).unwrap().connect().await.unwrap();
    assert!(HealthClient::new(channel).check(overall()).await.is_ok());
    drop(silent);
    served.stop().await;
}

#[tokio::test]
async fn tls_before_1_2_is_refused() {
    let (tls, _) = certificate();
    let served = Served::start(health(), Some(tls), gate());
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // ClientHello of TLS 1.1: version, random, no session, two cipher suites, no compression.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    stream.write_all(&record).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    // An alert, and no ServerHello (22).
    assert_eq!(answer.first(), Some(&21), "{answer:?}");
    served.stop().await;
}

#[tokio::test]
async fn who_only_ever_asks_for_health_is_told_to_go_and_connects_again() {
    let served = Served::start(health(), None, gate());
    let channel = Endpoint::try_from(format!("http://{}", served.address)).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel);
    let mut watched = client.watch(overall()).await.unwrap().into_inner();
    assert!(watched.message().await.unwrap().is_some());
    tokio::time::pause();
    let ended = tokio::time::timeout(3 * gate().patience(), watched.message()).await;
    tokio::time::resume();
    assert!(ended.is_ok_and(|answer| !matches!(answer, Ok(Some(_)))), "a stranger's stream lives on");
    assert!(client.check(overall()).await.is_ok());
    served.stop().await;
}

/// A gRPC method that lets its caller in.
fn routes() -> Routes {
    use axum::{extract::Extension, routing::post};
    let enter = post(async |Extension(connection): Extension<crate::serve::ClientConnection>| {
        connection.let_in();
        tonic::Status::ok("").into_http::<tonic::body::Body>().map(axum::body::Body::new)
    });
    Routes::from(axum::Router::new().route("/test.Test/Enter", enter))
}

async fn enter(channel: &mut tonic::transport::Channel) -> tonic::Code {
    use tower::{Service as _, ServiceExt as _};
    let request = http::Request::post("http://localhost/test.Test/Enter").body(tonic::body::Body::empty()).unwrap();
    let answer = channel.ready().await.unwrap().call(request).await.unwrap();
    tonic::Status::from_header_map(answer.headers()).unwrap().code()
}

#[tokio::test]
async fn who_was_let_in_stays() {
    let served = Served::start(routes(), None, gate());
    let stream = TcpStream::connect(served.address).await.unwrap();
    let local = stream.local_addr().unwrap();
    let stream = std::sync::Mutex::new(Some(stream));
    let connector = tower::service_fn(move |_| {
        let stream = stream.lock().unwrap().take();
        async move { stream.map(hyper_util::rt::TokioIo::new).ok_or_else(|| io::Error::other("the connection ended")) }
    });
    let endpoint = Endpoint::try_from("http://localhost").unwrap();
    let mut channel = endpoint.connect_with_connector(connector).await.unwrap();
    assert_eq!(enter(&mut channel).await, tonic::Code::Ok);
    tokio::time::pause();
    tokio::time::sleep(5 * gate().patience()).await;
    tokio::time::resume();
    // The connector has no second connection to give.
    assert_eq!(enter(&mut channel).await, tonic::Code::Ok, "{local}");
    drop(channel);
    served.stop().await;
}

#[tokio::test]
async fn a_flood_of_streams_that_are_reset_at_once_ends_its_connection() {
    let served = Served::start(routes(), None, gate());
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let frame = |kind: u8, flags: u8, id: u32, payload: &[u8]| {
        let mut frame = vec![0, 0, payload.len() as u8, kind, flags];
        frame.extend(id.to_be_bytes());
        frame.extend(payload);
        frame
    };
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    for id in (1..2000).step_by(2) {
        // POST, http, "/", and the end of the headers; then the stream is cancelled.
        bytes.extend(frame(1, 4, id, &[0x83, 0x86, 0x84]));
        bytes.extend(frame(3, 0, id, &8_u32.to_be_bytes()));
    }
    let _ = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let mut rest = &answer[..];
    let mut goaway = None;
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        if *kind == 7 {
            goaway = after.get(4..8).map(<[u8]>::to_vec);
        }
        rest = after.get(length..).unwrap_or_default();
    }
    // ENHANCE_YOUR_CALM.
    assert_eq!(goaway, Some(vec![0, 0, 0, 11]));
    served.stop().await;
}
