//! The certificate and key of this server.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

/// Shows who this server is. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// The files don't show who this server is.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read, or is no PEM of the right kind.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// There is no certificate in the file.
    #[error("{0}: holds no certificate")]
    Empty(PathBuf),
    /// They don't fit each other, or can't be used.
    #[error("certificate and key can't be used: {0}")]
    Unfit(#[from] rustls::Error),
}

impl Tls {
    /// Reads a certificate chain and its private key, both PEM.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let fault = |path: &Path, error: pem::Error| TlsError::File { path: path.into(), cause: cause(&error) };
        let chain = CertificateDer::pem_file_iter(cert).and_then(|chain| chain.collect::<Result<Vec<_>, _>>());
        let chain = chain.map_err(|error| fault(cert, error))?;
        if chain.is_empty() {
            return Err(TlsError::Empty(cert.into()));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| fault(key, error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self(Arc::new(config)))
    }

    /// Accepts peers that speak one of `protocols`.
    pub(super) fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.0);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn cause(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "holds no PEM of the kind that is needed".to_owned(),
        error => error.to_string(),
    }
}
