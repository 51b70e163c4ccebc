//! The caller's side: whom it trusts, and what it shows. Both are bytes in PEM here, as tonic takes them for each connection.

use std::path::Path;

use rustls::RootCertStore;
use tonic::transport::{Certificate, Identity};

use super::{TlsError, Watched, certificates, pair, validity, watched::Parsed};

/// The authorities that a caller trusts.
pub type Trusted = Watched<Certificate>;

/// The certificate that a caller shows, with its key.
pub type Shown = Watched<Identity>;

impl Trusted {
    /// Reads the authorities in the file that `setting` names.
    pub fn authorities(setting: &'static str, file: &Path) -> Result<Self, TlsError> {
        Self::load(setting, vec![file.into()], |paths, pem| {
            let (_, ends) = roots(&paths[0], &pem[0])?;
            Ok(Parsed { value: Certificate::from_pem(&pem[0]), ends })
        })
    }
}

impl Shown {
    /// Reads a certificate chain, in the file that `setting` names, and its private key.
    pub fn pair(setting: &'static str, cert: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::load(setting, vec![cert.into(), key.into()], |paths, pem| {
            let ends = validity::end(&pair(paths, pem)?.cert[0]);
            Ok(Parsed { value: Identity::from_pem(&pem[0], &pem[1]), ends })
        })
    }
}

/// The authorities of a file, and when the first of them ends.
pub(super) fn roots(
    path: &Path,
    pem: &[u8],
) -> Result<(RootCertStore, Option<chrono::DateTime<chrono::Utc>>), TlsError> {
    let mut roots = RootCertStore::empty();
    let mut ends = None;
    for certificate in certificates(path, pem)? {
        ends = [ends, validity::end(&certificate)].into_iter().flatten().min();
        let unfit = |error: rustls::Error| TlsError::Authorities { path: path.into(), cause: error.to_string() };
        roots.add(certificate).map_err(unfit)?;
    }
    Ok((roots, ends))
}
