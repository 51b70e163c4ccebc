//! TLS for tests: a certificate, and a way for clients that speak plaintext to a server that does not.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::server::data_parent;

/// A certificate for `localhost` that signs itself, with its key, as a server takes them.
#[derive(Debug)]
pub struct Certificate {
    directory: TempDir,
    trusting: RootCertStore,
}

impl Certificate {
    /// Makes one.
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
        let certificate = Self { directory: data_parent(), trusting: trust(&made) };
        std::fs::write(certificate.path("cert.pem"), made.cert.pem()).expect("the disk has room");
        std::fs::write(certificate.path("key.pem"), made.signing_key.serialize_pem()).expect("the disk has room");
        certificate
    }

    /// The file that whoever trusts it names.
    pub fn file(&self) -> PathBuf {
        self.path("cert.pem")
    }

    /// Puts `other` into the files of this one, as a renewal does.
    pub fn replace_with(&self, other: &Self) {
        for name in ["key.pem", "cert.pem"] {
            std::fs::copy(other.path(name), self.path(name)).expect("the disk has room");
        }
    }

    /// The settings of a server that shows it.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        let path = |name| self.path(name).display().to_string();
        [("HOMEPOT_TLS_CERT", path("cert.pem")), ("HOMEPOT_TLS_KEY", path("key.pem"))]
    }

    /// How a server of the tests itself shows it.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let shown = CertificateDer::pem_file_iter(self.path("cert.pem")).expect("it was written");
        let shown = shown.collect::<Result<Vec<_>, _>>().expect("it is one");
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).expect("it was written");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("ring has the usual versions").with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(shown, key).expect("they fit")))
    }

    /// The first message of a client that would speak `protocol` to such a server.
    pub fn greeting(&self, protocol: &str) -> Vec<u8> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut client = ClientConnection::new(self.client(protocol), name).expect("a client can be made");
        let mut greeting = Vec::new();
        client.write_tls(&mut greeting).expect("memory takes everything");
        greeting
    }

    fn client(&self, protocol: &str) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("ring has the usual versions").with_root_certificates(self.trusting.clone());
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

fn trust(made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> RootCertStore {
    let mut trusting = RootCertStore::empty();
    trusting.add(made.cert.der().clone()).expect("it is a certificate");
    trusting
}

/// Takes plaintext and passes it on by TLS, from the address that each client has: to the server it is as if the client
/// itself spoke TLS. It ends with its value.
#[derive(Debug)]
pub struct TlsWay {
    /// `host:port` where clients connect.
    pub address: String,
    accepting: JoinHandle<()>,
}

impl TlsWay {
    /// To the server at `address`, which shows `certificate` and speaks `protocol`.
    pub async fn to(address: &str, certificate: &Certificate, protocol: &str) -> Self {
        let server: SocketAddr = address.parse().expect("an address");
        let connector = TlsConnector::from(certificate.client(protocol));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let accepting = tokio::spawn(async move {
            while let Ok((client, from)) = listener.accept().await {
                let connector = connector.clone();
                tokio::spawn(async move {
                    // However it ends, the client sees its connection end.
                    let _ = pass(client, from, server, connector).await;
                });
            }
        });
        Self { address, accepting }
    }
}

impl Drop for TlsWay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(
    mut client: TcpStream,
    from: SocketAddr,
    server: SocketAddr,
    connector: TlsConnector,
) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.ip(), 0))?;
    let stream = socket.connect(server).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let mut server = connector.connect(name, stream).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
