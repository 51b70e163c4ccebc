//! The REST gateway's client: HTTP/1.1 over a bounded pool of connections that are kept, as people's and devices' clients do.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use homepot::model::ServerAddress;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsConnector;

const CONNECT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Connections to one gateway. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Rest(Arc<Inner>);

struct Inner {
    /// For the `Host` header.
    authority: String,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    turns: Semaphore,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// What the gateway answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Null where the body is no JSON.
    pub(crate) body: Value,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    /// Nobody took the connection: nothing was sent.
    #[error("the gateway can't be reached: {0}")]
    Unreachable(io::Error),
    /// The connection ended, or time was over, before the answer came: whether it was heard nobody knows.
    #[error("the gateway did not answer: {0}")]
    NoAnswer(String),
    /// The call itself makes no sense.
    #[error("can't be sent: {0}")]
    Malformed(String),
}

/// A call's headers.
pub(crate) type Headers<'a> = &'a [(&'static str, &'a str)];

impl Rest {
    /// The gateway at `url`; at most so many calls at the same time.
    pub(crate) fn new(url: &str, ca: Option<&Path>, allow_plaintext: bool, together: usize) -> anyhow::Result<Self> {
        let address = ServerAddress::parse(url, allow_plaintext).map_err(|fault| anyhow::anyhow!("{url}: {fault}"))?;
        let uri: Uri = address.to_string().parse().with_context(|| format!("{url} is no URL"))?;
        let tls = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self(Arc::new(Inner {
            authority: uri.authority().map(ToString::to_string).unwrap_or_default(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            host,
            tls: tls.then(|| connector(ca)).transpose()?,
            turns: Semaphore::new(together.max(1)),
            idle: Mutex::default(),
        })))
    }

    /// Calls.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: Headers<'_>,
        body: Option<&Value>,
    ) -> Result<Answer, RestError> {
        let request = self.request(&method, path, headers, body)?;
        let turn = self.0.turns.acquire().await;
        turn.map_err(|_| RestError::Malformed("the pool is closed".to_owned()))?.forget();
        let answered = self.exchange(request).await;
        self.0.turns.add_permits(1);
        answered
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        headers: Headers<'_>,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, RestError> {
        let malformed = |error: &dyn fmt::Display| RestError::Malformed(error.to_string());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.0.authority)
            .header(header::USER_AGENT, concat!("homepot-sim/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| malformed(&format!("{name} can't be sent")))?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        request.body(Full::new(bytes)).map_err(|error| malformed(&error))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, RestError> {
        let mut connection = self.connection().await?;
        let exchange = async {
            let answer = connection.send_request(request).await?;
            let status = answer.status().as_u16();
            let keep = answer.headers().get(header::CONNECTION).is_none_or(|value| value != "close");
            let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await?.to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((Answer { status, body }, keep))
        };
        match timeout(CALL, exchange).await {
            Ok(Ok((answer, keep))) => {
                if keep {
                    self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                }
                Ok(answer)
            }
            Ok(Err(error)) => Err(RestError::NoAnswer(error.to_string())),
            Err(_) => Err(RestError::NoAnswer(format!("not within {} s", CALL.as_secs()))),
        }
    }

    /// One that was kept and still stands, or a new one.
    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>, RestError> {
        loop {
            let kept = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match kept {
                Some(mut kept) => {
                    if kept.ready().await.is_ok() {
                        return Ok(kept);
                    }
                }
                None => return self.connect().await,
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, RestError> {
        let reach = async {
            let socket = TcpStream::connect((self.0.host.as_str(), self.0.port)).await?;
            socket.set_nodelay(true)?;
            let Some(tls) = &self.0.tls else { return handshake(socket).await };
            let name = ServerName::try_from(self.0.host.clone()).map_err(io::Error::other)?;
            handshake(tls.connect(name, socket).await?).await
        };
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        timeout(CONNECT, reach).await.map_err(late).flatten().map_err(RestError::Unreachable)
    }
}

async fn handshake<S>(stream: S) -> io::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // How it ends, whoever waits for an answer learns.
        let _ = connection.await;
    });
    Ok(sender)
}

fn connector(ca: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let shown = path.display();
            let given = CertificateDer::pem_file_iter(path).with_context(|| format!("can't read {shown}"))?;
            for certificate in given {
                roots.add(certificate.with_context(|| format!("{shown} is no PEM"))?)?;
            }
            anyhow::ensure!(!roots.is_empty(), "{shown} holds no certificate");
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            anyhow::ensure!(!roots.is_empty(), "this machine knows no authorities; give --ca");
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
