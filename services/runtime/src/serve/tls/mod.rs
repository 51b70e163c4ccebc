//! The certificate and key of this server, which may be replaced while it serves.
//!
//! What renews certificates writes new files, or turns a link to others, as Kubernetes does with Secrets. So the contents
//! are compared, and not the times of the files. A new pair counts for new connections; those that are there go on. One that
//! can't be used leaves the old one in its place.

mod validity;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::{Drain, backoff::every};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Shows who this server is. Cheap to clone; all clones show the same.
#[derive(Clone)]
pub struct Tls(Arc<Identity>);

struct Identity {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Current>,
    /// Why the files can't be used now.
    fault: Mutex<Option<String>>,
}

struct Current {
    /// As the files had them.
    pem: (Vec<u8>, Vec<u8>),
    shown: Arc<CertifiedKey>,
    ends: Option<DateTime<Utc>>,
}

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
        let current = RwLock::new(Current::read(cert, key)?);
        let identity = Identity { cert: cert.into(), key: key.into(), current, fault: Mutex::default() };
        Ok(Self(Arc::new(identity)))
    }

    /// Accepts peers that speak one of `protocols`.
    pub(super) fn acceptor(&self, protocols: &[&str]) -> io::Result<TlsAcceptor> {
        let mut config = configuration(self.0.clone()).map_err(io::Error::other)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl Tls {
    /// Looks at the files again and again until `drain`, and at once when `reload` says so. For as long as it runs, a new
    /// certificate is shown soon after it lies there.
    pub async fn keep_current(self, mut reload: watch::Receiver<()>, drain: Drain) {
        self.0.tell_end();
        let mut ticks = every(LOOK);
        loop {
            tokio::select! {
                () = drain.wait() => return,
                _ = ticks.tick() => {}
                asked = reload.changed() => if asked.is_err() { return },
            }
            self.0.look();
        }
    }
}

impl Identity {
    /// Takes what the files have now, if it is new and can be used.
    fn look(&self) {
        let outcome = match Current::read(&self.cert, &self.key) {
            // Half of a pair may be new: a moment later the other half is.
            Ok(read) if read.pem == self.current.read().pem => return self.note(Ok(())),
            Ok(read) => {
                *self.current.write() = read;
                self.tell_end();
                tracing::info!(cert = %self.cert.display(), "new connections are shown a new certificate");
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.note(outcome);
    }

    /// Warns where the files can't be used, once for each new reason.
    fn note(&self, outcome: Result<(), TlsError>) {
        let told = outcome.err().map(|error| error.to_string());
        metrics::gauge!("homepot_tls_files_unusable").set(f64::from(told.is_some()));
        let mut fault = self.fault.lock();
        if *fault == told {
            return;
        }
        match &told {
            Some(error) => {
                tracing::warn!(%error, "the new certificate or key can't be used; the old ones stay in their place");
            }
            None => tracing::info!("the certificate and key can be used again"),
        }
        *fault = told;
    }

    fn tell_end(&self) {
        if let Some(ends) = self.current.read().ends {
            metrics::gauge!("homepot_tls_certificate_expiry_timestamp_seconds").set(ends.timestamp() as f64);
        }
    }
}

impl Current {
    fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| TlsError::File { path: path.into(), cause: error.to_string() })
        };
        let fault = |path: &Path, error: pem::Error| TlsError::File { path: path.into(), cause: cause(&error) };
        let pem = (read(cert)?, read(key)?);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.0).collect();
        let chain = chain.map_err(|error| fault(cert, error))?;
        let Some(leaf) = chain.first() else { return Err(TlsError::Empty(cert.into())) };
        let ends = validity::end(leaf);
        let secret = PrivateKeyDer::from_pem_slice(&pem.1).map_err(|error| fault(key, error))?;
        // Refuses a key that is not that of the certificate.
        let shown = CertifiedKey::from_der(chain, secret, &ring::default_provider())?;
        Ok(Self { pem, shown: Arc::new(shown), ends })
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().shown.clone())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("cert", &self.cert).finish_non_exhaustive()
    }
}

fn configuration(identity: Arc<Identity>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_cert_resolver(identity))
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

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    use super::*;

    fn pair(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let Made { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
        let (at, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        std::fs::write(&at, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        (at, key)
    }

    fn shown(tls: &Tls) -> Vec<u8> {
        tls.0.current.read().shown.cert[0].to_vec()
    }

    #[test]
    fn a_new_pair_takes_the_old_ones_place_and_one_that_does_not_fit_leaves_it_there() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = pair(directory.path(), "one.example");
        let tls = Tls::load(&cert, &key).unwrap();
        let first = shown(&tls);
        tls.0.look();
        assert_eq!(shown(&tls), first);
        pair(directory.path(), "two.example");
        tls.0.look();
        let second = shown(&tls);
        assert_ne!(second, first);

        let other = tempfile::tempdir().unwrap();
        std::fs::copy(pair(other.path(), "three.example").1, &key).unwrap();
        tls.0.look();
        assert!(tls.0.fault.lock().as_ref().is_some_and(|told| told.contains("can't be used")));
        std::fs::write(&cert, "no certificate").unwrap();
        tls.0.look();
        std::fs::remove_file(&key).unwrap();
        tls.0.look();
        assert_eq!(shown(&tls), second, "what can't be used is not");
        pair(directory.path(), "four.example");
        tls.0.look();
        assert!(shown(&tls) != second && tls.0.fault.lock().is_none());
    }

    #[test]
    fn the_end_of_a_certificate_is_read_from_it() {
        let key = rcgen::KeyPair::generate().unwrap();
        for (year, month, day) in [(2027, 3, 31), (2049, 12, 31), (2050, 1, 1), (2999, 7, 4)] {
            let mut asked = rcgen::CertificateParams::new(vec!["pot.example".to_owned()]).unwrap();
            asked.not_after = rcgen::date_time_ymd(year, month, day);
            let cert = asked.self_signed(&key).unwrap();
            let expected = chrono::NaiveDate::from_ymd_opt(year, month.into(), day.into()).unwrap();
            assert_eq!(validity::end(cert.der()).unwrap().date_naive(), expected);
        }
        assert_eq!(validity::end(b"\x30\x03\x02\x01\x05"), None);
        assert_eq!(validity::end(&[]), None);
    }
}
