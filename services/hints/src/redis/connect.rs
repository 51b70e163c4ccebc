//! The way to a server of Redis: socket, TLS, log-in, each within its time.

use std::{io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use homepot_store::listen::Patience;
use redis::{RedisConnectionInfo, RedisResult};
use rustix::net::sockopt;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{address::RedisAddress, answered};
use crate::{TransportError, settings::RedisSettings};

/// A connection and its handshake may take so long, at each address.
const CONNECT: Duration = Duration::from_secs(3);
/// What was sent and is not confirmed after this time ends the connection.
const USER_TIMEOUT: u32 = 15_000;

/// Why Redis can't be used at all.
#[derive(Debug, thiserror::Error)]
pub enum RedisTransportError {
    /// The system has no certificates of authorities, and none were given.
    #[error("no authorities to trust a rediss address by: give HOMEPOT_REDIS_CA_FILE (the system's: {0})")]
    NoAuthorities(String),
    /// An authority's certificate can't be used.
    #[error("the authorities for a rediss address can't be used: {0}")]
    Tls(#[from] rustls::Error),
    /// A name that no certificate can have.
    #[error("'{0}' is not a name that TLS can verify")]
    Name(String),
}

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Plain or TLS.
pub(super) type Stream = Box<dyn Duplex>;

/// Knows where to go and whom to trust there.
pub(super) struct Connector {
    addresses: Vec<RedisAddress>,
    tls: Option<TlsConnector>,
}

impl Connector {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, RedisTransportError> {
        let addresses = settings.addresses.clone();
        let mut secured = addresses.iter().filter(|address| address.tls).peekable();
        if secured.peek().is_none() {
            return Ok(Self { addresses, tls: None });
        }
        if let Some(nameless) = secured.find(|address| ServerName::try_from(address.host.as_str()).is_err()) {
            return Err(RedisTransportError::Name(nameless.host.clone()));
        }
        let mut roots = RootCertStore::empty();
        match &settings.authorities {
            Some(given) => given.iter().try_for_each(|authority| roots.add(authority.clone()))?,
            None => {
                let found = rustls_native_certs::load_native_certs();
                // Of a system's many, some may be of a kind that nobody knows.
                if roots.add_parsable_certificates(found.certs).0 == 0 {
                    let told: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
                    return Err(RedisTransportError::NoAuthorities(told.join("; ")));
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { addresses, tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    /// Opens a connection to the first address that lets us in; the error tells of all.
    pub(super) async fn connect<T>(
        &self,
        patience: Patience,
        open: fn(RedisConnectionInfo, Stream) -> BoxFuture<'static, RedisResult<T>>,
    ) -> Result<T, TransportError> {
        let mut faults = Vec::new();
        for address in &self.addresses {
            let fault = match timeout(CONNECT, self.reach(address)).await {
                Err(_) => "does not answer".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Ok(Ok(stream)) => match answered(patience, open(identity(address), stream)).await {
                    Ok(opened) => return Ok(opened),
                    Err(error) => error.to_string(),
                },
            };
            faults.push(format!("{address}: {fault}"));
        }
        Err(TransportError::new(faults.join("; ")))
    }

    /// Looks the name up for each connection: it may lead elsewhere by now.
    async fn reach(&self, address: &RedisAddress) -> io::Result<Stream> {
        let socket = TcpStream::connect((address.host.as_str(), address.port)).await?;
        socket.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_user_timeout(&socket, USER_TIMEOUT)?;
        let tls = match (&self.tls, address.tls) {
            (Some(tls), true) => tls,
            _ => return Ok(Box::new(socket)),
        };
        let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, socket).await?))
    }
}

/// As whom to log in. Only publishing and subscribing is asked for: there is no database to choose.
fn identity(address: &RedisAddress) -> RedisConnectionInfo {
    let mut info = RedisConnectionInfo::default().set_lib_name("homepot", env!("CARGO_PKG_VERSION"));
    if let Some(user) = &address.user {
        info = info.set_username(user);
    }
    if let Some(password) = &address.password {
        info = info.set_password(password.reveal());
    }
    info
}
