//! Calls of the provider: one connection each, bounded in size and time, and no redirect is followed.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{Fault, address};

/// One call, from the name look-up to the last byte.
const CALL: Duration = Duration::from_secs(5);
/// Far more than any provider's discovery document, keys or tokens need.
const ANSWER_BYTES: usize = 256 * 1024;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What an endpoint answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON; `who` names the endpoint in the fault.
    pub(crate) fn json<T: DeserializeOwned>(&self, who: &str) -> Result<T, Fault> {
        let fault = |_| Fault::Unavailable(format!("{who} did not answer what the standard has it answer"));
        serde_json::from_slice(&self.body).map_err(fault)
    }
}

/// Knows whom to trust.
pub(crate) struct Fetcher {
    /// `None`: the authorities of the system, which are read at the first call that needs them.
    given: Option<TlsConnector>,
    of_system: OnceCell<TlsConnector>,
}

impl Fetcher {
    pub(crate) fn new(authorities: Option<Vec<CertificateDer<'static>>>) -> Result<Self, rustls::Error> {
        let given = authorities.map(|authorities| {
            let mut roots = RootCertStore::empty();
            authorities.into_iter().try_for_each(|authority| roots.add(authority))?;
            connector(roots)
        });
        Ok(Self { given: given.transpose()?, of_system: OnceCell::new() })
    }

    pub(crate) async fn get(&self, uri: &str) -> Result<Answer, Fault> {
        self.send(uri, Method::GET, None, String::new()).await
    }

    pub(crate) async fn post_form(
        &self,
        uri: &str,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> Result<Answer, Fault> {
        self.send(uri, Method::POST, authorization, form).await
    }

    async fn send(
        &self,
        uri: &str,
        method: Method,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> Result<Answer, Fault> {
        let address = address::parse(uri).map_err(Fault::Unavailable)?;
        let told = |what: &str| Fault::Unavailable(format!("{uri}: {what}"));
        let mut request = Request::builder()
            .method(&method)
            .uri(address.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, address.authority().map_or("", |authority| authority.as_str()))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("homepot/", env!("CARGO_PKG_VERSION")));
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(Bytes::from(form))).map_err(|error| told(&error.to_string()))?;
        let answer = timeout(CALL, self.exchange(&address, request)).await;
        let answer = answer.map_err(|_| told("no answer in time"))?.map_err(|error| told(&error.to_string()))?;
        match answer.status {
            status if status.is_redirection() => Err(told("answered with a redirect, which is not followed")),
            status if method == Method::GET && !status.is_success() => {
                Err(told(&format!("answered {}", status.as_u16())))
            }
            _ => Ok(answer),
        }
    }

    async fn exchange(&self, address: &Uri, request: Request<Full<Bytes>>) -> io::Result<Answer> {
        let stream = TokioIo::new(self.reach(address).await?);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        let answered = async {
            let answer = sender.send_request(request).await.map_err(io::Error::other)?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await;
            let body = body.map_err(|_| io::Error::other("the answer broke off or is too large"))?.to_bytes();
            Ok(Answer { status: parts.status, body })
        };
        // The connection moves the bytes; it goes with the call.
        tokio::pin!(connection, answered);
        tokio::select! {
            biased;
            answer = &mut answered => answer,
            ended = &mut connection => {
                ended.map_err(io::Error::other)?;
                answered.await
            }
        }
    }

    async fn reach(&self, address: &Uri) -> io::Result<Box<dyn Duplex>> {
        let is_tls = address.scheme_str() == Some("https");
        let host = address::host(address).to_owned();
        let port = address.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let socket = TcpStream::connect((host.as_str(), port)).await?;
        if !is_tls {
            return Ok(Box::new(socket));
        }
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let tls = match &self.given {
            Some(given) => given,
            None => self.of_system.get_or_try_init(of_system).await?,
        };
        Ok(Box::new(tls.connect(name, socket).await?))
    }
}

async fn of_system() -> io::Result<TlsConnector> {
    let read = tokio::task::spawn_blocking(|| {
        let mut roots = RootCertStore::empty();
        // Of a system's many, some may be of a kind that nobody knows.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    connector(read.await.map_err(io::Error::other)?).map_err(io::Error::other)
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
