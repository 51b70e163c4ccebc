//! Certificates, keys and authorities: what this process shows, and whom it believes. All of them may be replaced while it runs
//! ([`crate::reload`]).
//!
//! [`Tls`] is the certificate of a listener. [`ClientAuthorities`] tells services of this server, which show certificates of
//! their own, from everybody else who calls. [`Trusted`] and [`Shown`] are the caller's side of both.

mod authorities;
mod caller;
mod server;
mod validity;
mod watched;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    sign::CertifiedKey,
};

pub use self::{
    authorities::ClientAuthorities,
    caller::{Shown, Trusted},
    server::Tls,
    watched::Watched,
};

/// Files can't be used for TLS.
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
    /// They are certificates, but not of authorities.
    #[error("{path}: can't be used as authorities: {cause}")]
    Authorities {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

/// The certificates of a file; at least one.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| fault(path, &error))?;
    if chain.is_empty() { Err(TlsError::Empty(path.into())) } else { Ok(chain) }
}

/// A chain and its key, as two files have them. Refuses a key that is not that of the certificate.
fn pair(paths: &[PathBuf], pem: &[Vec<u8>]) -> Result<Arc<CertifiedKey>, TlsError> {
    let ([cert_path, key_path], [cert, key]) = (paths, pem) else {
        return Err(rustls::Error::General("a certificate and a key are two files".to_owned()).into());
    };
    let chain = certificates(cert_path, cert)?;
    let secret = PrivateKeyDer::from_pem_slice(key).map_err(|error| fault(key_path, &error))?;
    Ok(Arc::new(CertifiedKey::from_der(chain, secret, &ring::default_provider())?))
}

fn fault(path: &Path, error: &pem::Error) -> TlsError {
    let cause = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "holds no PEM of the kind that is needed".to_owned(),
        error => error.to_string(),
    };
    TlsError::File { path: path.into(), cause }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error: io::Error| TlsError::File { path: path.into(), cause: error.to_string() })
}
