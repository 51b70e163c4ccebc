//! Shared by gRPC and REST: a task for each connection, and the times at which it must end.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::IntoResponse as _};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tower::ServiceExt as _;

use super::{
    Gate, Listener, accept,
    connection::Connection,
    deadline::{Deadline, Expiry},
    gate::{Call, ClientConnection},
    places::Stage,
    proxy,
};
use crate::{Drain, peer::ShownCertificate};

/// A TLS handshake may take this long.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without a call is told to go after this, or up to as long again.
const IDLE: Duration = Duration::from_secs(300);
/// From there it has this long to finish.
const GRACE: Duration = Duration::from_secs(5);

/// How the calls of a port are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Rest,
}

/// A port that is served.
pub(super) struct Port {
    pub(super) protocol: Protocol,
    pub(super) builder: Builder<TokioExecutor>,
    pub(super) router: Router,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) gate: Gate,
}

/// Serves until `drain`, then until the last connection has ended.
pub(super) async fn run(listener: Listener, port: Port, drain: Drain) -> io::Result<()> {
    let balancers = listener.balancers.unwrap_or_default();
    let listener = TcpListener::from_std(listener.socket)?;
    let port = Arc::new(port);
    let connections = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = drain.wait() => break,
            accepted = accept::next(&listener) => accepted,
        };
        if balancers.contains(peer.ip()) {
            connections.spawn(port.clone().serve_balanced(stream, peer, drain.clone()));
            continue;
        }
        if let Some(client) = port.gate.enter(peer).await {
            // Noted at once: by the time its task has its turn a flood may have taken its place.
            if accept::has_spoken(&stream) {
                client.set_stage(Stage::Spoke);
            }
            connections.spawn(port.clone().serve(stream, peer, client, drain.clone()));
        }
    }
    // From here on the kernel refuses who comes.
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

impl Port {
    /// Serves a client whose address a balancer tells.
    async fn serve_balanced(self: Arc<Self>, mut stream: TcpStream, balancer: SocketAddr, drain: Drain) {
        let told = tokio::select! {
            told = proxy::client(&mut stream, balancer) => told,
            () = drain.wait() => return,
        };
        let peer = match told {
            Ok(peer) => peer,
            Err(error) => {
                metrics::counter!("homepot_proxy_headers_refused_total").increment(1);
                tracing::debug!(%balancer, %error, "a trusted proxy sent no good PROXY header");
                return;
            }
        };
        if let Some(client) = self.gate.enter(peer).await {
            self.serve(stream, peer, client, drain).await;
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, client: ClientConnection, drain: Drain) {
        let reason = tokio::select! {
            () = client.lost() => Some("displaced"),
            reason = self.serve_connection(stream, peer, &client, &drain) => reason,
        };
        if let Some(reason) = reason {
            client.gate().refused(reason);
            tracing::debug!(%peer, reason, "connection closed");
        }
    }

    /// Answers why the connection had to go, where it did not end by itself.
    async fn serve_connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        client: &ClientConnection,
        drain: &Drain,
    ) -> Option<&'static str> {
        let shaken = tokio::select! {
            shaken = self.shake_hands(stream, peer, client) => shaken,
            () = drain.wait() => None,
        };
        let connection = shaken?;
        let info = connection.info(peer);
        let is_of_service = connection.is_of_service();
        if is_of_service {
            client.let_in();
        }
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(info.clone());
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.extensions_mut().insert(client.clone());
            if is_of_service {
                request.extensions_mut().insert(ShownCertificate);
            }
            self.protocol.answer(self.router.clone(), request.map(Body::new), client.clone())
        });
        let mut served = pin!(self.builder.serve_connection(TokioIo::new(connection), service));
        let overstays = async {
            overstays(client).await;
            client.is_stranger()
        };
        let (mut drains, mut ends) = (pin!(drain.wait()), pin!(overstays));
        let mut told = false;
        loop {
            tokio::select! {
                ended = &mut served => {
                    if let Err(error) = ended {
                        tracing::debug!(error, "connection ended with an error");
                    }
                    return None;
                }
                () = &mut drains, if !told => {
                    told = true;
                    served.as_mut().graceful_shutdown();
                }
                is_stranger = &mut ends => {
                    served.as_mut().graceful_shutdown();
                    let finished = tokio::time::timeout(GRACE, &mut served).await.is_ok();
                    let let_in_meanwhile = !client.is_stranger() && !client.is_idle();
                    if !finished && let_in_meanwhile {
                        drop(served.await);
                    }
                    return is_stranger.then_some("not_let_in");
                }
            }
        }
    }

    async fn shake_hands(&self, stream: TcpStream, peer: SocketAddr, client: &ClientConnection) -> Option<Connection> {
        let Some(tls) = &self.tls else { return Some(Connection::plain(stream, client.clone())) };
        let patience = HANDSHAKE_TIMEOUT.min(client.gate().patience());
        match tokio::time::timeout(patience, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                client.set_stage(Stage::Established);
                return Some(Connection::tls(stream, client.clone()));
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "tls handshake failed"),
            Err(_) => tracing::debug!(%peer, "tls handshake took too long"),
        }
        metrics::counter!("homepot_tls_handshake_failures_total").increment(1);
        None
    }
}

impl Protocol {
    async fn answer(
        self,
        router: Router,
        request: Request<Body>,
        client: ClientConnection,
    ) -> Result<Response<Held>, Infallible> {
        let Some(call) = client.begin_call().await else { return Ok(self.too_many_calls().map(Held::of_no_call)) };
        client.set_stage(Stage::Established);
        let deadline = (self == Self::Grpc).then(|| Deadline::of(request.headers()));
        let answer = router.oneshot(request);
        let (Ok(answer), ends) = match deadline {
            Some(deadline) => deadline.bound(answer).await,
            None => (answer.await, None),
        };
        Ok(answer.map(|body| Held { body, call: Some(call), ends }))
    }

    /// What a stranger is told when too many calls of strangers wait already.
    fn too_many_calls(self) -> Response<Body> {
        let told = "too many calls wait here whose callers nobody knows yet";
        match self {
            Self::Grpc => Status::resource_exhausted(told).into_http(),
            Self::Rest => (StatusCode::TOO_MANY_REQUESTS, told).into_response(),
        }
    }
}

/// The body of an answer: the call lasts as long as it does.
pub(super) struct Held {
    body: Body,
    call: Option<Call>,
    /// When the client gives up.
    ends: Option<Expiry>,
}

impl Held {
    fn of_no_call(body: Body) -> Self {
        Self { body, call: None, ends: None }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let Some(ends) = &mut self.ends else { return Poll::Pending };
        let trailers = ready!(ends.poll_trailers(cx));
        // Whoever still writes to it learns that nobody reads.
        self.body = Body::empty();
        (self.ends, self.call) = (None, None);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends when the connection has to go: it was a stranger's for too long, or nobody has used it for long.
async fn overstays(client: &ClientConnection) {
    tokio::select! {
        () = client.overstayed() => if client.is_stranger() { return },
        () = client.until_let_in() => {}
    }
    let mut before = client.calls_in_all();
    loop {
        tokio::time::sleep(IDLE).await;
        let now = client.calls_in_all();
        if client.is_idle() && now == before {
            return;
        }
        before = now;
    }
}
