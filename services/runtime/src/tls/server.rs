//! The certificate and key of a listener.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use super::{ClientAuthorities, TlsError, Watched, pair, validity, watched::Parsed};
use crate::reload::Files;

/// Shows who this server is, and may ask the same of those who call. Cheap to clone; all clones show the same.
#[derive(Clone, Debug)]
pub struct Tls {
    shown: Watched<Arc<CertifiedKey>>,
    clients: Option<ClientAuthorities>,
}

impl Tls {
    /// Reads a certificate chain, in the file that `setting` names, and its private key, both PEM.
    pub fn load(setting: &'static str, cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let shown = Watched::load(setting, vec![cert.into(), key.into()], |paths, pem| {
            let value = pair(paths, pem)?;
            let ends = validity::end(&value.cert[0]);
            Ok(Parsed { value, ends })
        })?;
        Ok(Self { shown, clients: None })
    }

    /// The same, where callers may show certificates of `clients`.
    #[must_use]
    pub fn asking(self, clients: ClientAuthorities) -> Self {
        Self { clients: Some(clients), ..self }
    }

    /// Its own files, for whoever looks at all of them.
    pub fn files(&self) -> Arc<dyn Files> {
        self.shown.files()
    }

    /// Accepts peers that speak one of `protocols`.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> io::Result<TlsAcceptor> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let shown = Arc::new(Resolver(self.shown.clone()));
        let mut config = match &self.clients {
            None => builder.with_no_client_auth().with_cert_resolver(shown),
            Some(clients) => {
                let mut config = builder.with_client_cert_verifier(clients.verifier()).with_cert_resolver(shown);
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
                config
            }
        };
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Shows what counts at the time.
#[derive(Debug)]
struct Resolver(Watched<Arc<CertifiedKey>>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
    use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;

    use super::*;

    fn pair(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let Made { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
        let (at, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        std::fs::write(&at, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        (at, key)
    }

    fn shown(tls: &Tls) -> Vec<u8> {
        tls.shown.current().cert[0].to_vec()
    }

    #[tokio::test]
    async fn a_new_pair_takes_the_old_ones_place_and_one_that_does_not_fit_leaves_it_there() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = pair(directory.path(), "one.example");
        let tls = Tls::load("tls-cert", &cert, &key).unwrap();
        let first = shown(&tls);
        let look = async || tls.files().look().await;
        assert_eq!(look().await, Ok(false));
        assert_eq!(shown(&tls), first);
        pair(directory.path(), "two.example");
        assert_eq!(look().await, Ok(true));
        let second = shown(&tls);
        assert_ne!(second, first);

        let other = tempfile::tempdir().unwrap();
        std::fs::copy(pair(other.path(), "three.example").1, &key).unwrap();
        assert!(look().await.is_err_and(|told| told.contains("can't be used")));
        std::fs::write(&cert, "no certificate").unwrap();
        assert!(look().await.is_err());
        std::fs::remove_file(&key).unwrap();
        assert!(look().await.is_err());
        assert_eq!(shown(&tls), second, "what can't be used is not");
        pair(directory.path(), "four.example");
        assert_eq!(look().await, Ok(true));
        assert_ne!(shown(&tls), second);
    }

    /// What a client and a server agree on, where the client offers `versions`.
    async fn negotiated(versions: &[&'static SupportedProtocolVersion]) -> Option<ProtocolVersion> {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = pair(directory.path(), "localhost");
        let tls = Tls::load("tls-cert", &cert, &key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(tls.shown.current().cert[0].clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let client = client.with_protocol_versions(versions).unwrap();
        let client = TlsConnector::from(Arc::new(client.with_root_certificates(roots).with_no_client_auth()));
        let (here, there) = tokio::io::duplex(64 * 1024);
        let accepting = tls.acceptor(&["h2"]).unwrap().accept(there);
        let (client, server) = tokio::join!(client.connect("localhost".try_into().unwrap(), here), accepting);
        assert_eq!(client.is_ok(), server.is_ok());
        server.ok()?.get_ref().1.protocol_version()
    }

    #[tokio::test]
    async fn tls_1_3_is_spoken_and_1_2_where_the_client_knows_no_better() {
        use rustls::version::{TLS12, TLS13};
        assert_eq!(negotiated(&[&TLS12, &TLS13]).await, Some(ProtocolVersion::TLSv1_3));
        assert_eq!(negotiated(&[&TLS12]).await, Some(ProtocolVersion::TLSv1_2));
    }

    #[tokio::test]
    async fn a_client_of_tls_1_1_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = pair(directory.path(), "localhost");
        let acceptor = Tls::load("tls-cert", &cert, &key).unwrap().acceptor(&["h2"]).unwrap();
        let (mut here, there) = tokio::io::duplex(1024);
        // A ClientHello of version 3.2: random bytes, no session, one suite of ciphers, no compression, no extensions.
        let mut hello = vec![3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        here.write_all(&[&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat()).await.unwrap();
        assert!(acceptor.accept(there).await.is_err());
        let mut answer = Vec::new();
        here.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer.first(), Some(&0x15), "an alert: {answer:?}");
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
