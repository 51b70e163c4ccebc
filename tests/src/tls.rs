//! TLS for tests: a certificate, and a way for clients that speak plaintext to a server that does not.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::server::data_parent;

/// A certificate for `localhost` with its key, as a server takes them. It signs itself, or an [`Authority`] has signed it.
#[derive(Debug)]
pub struct Certificate {
    directory: TempDir,
    trusting: RootCertStore,
}

impl Certificate {
    /// Makes one.
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
        Self::written(&made.cert, &made.signing_key, trust(&made.cert))
    }

    fn written(cert: &rcgen::Certificate, key: &rcgen::KeyPair, trusting: RootCertStore) -> Self {
        let certificate = Self { directory: data_parent(), trusting };
        std::fs::write(certificate.path("cert.pem"), cert.pem()).expect("the disk has room");
        std::fs::write(certificate.path("key.pem"), key.serialize_pem()).expect("the disk has room");
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

    /// The settings of a gateway that shows it to services.
    pub fn client_settings(&self) -> [(&'static str, String); 2] {
        let path = |name| self.path(name).display().to_string();
        [("HOMEPOT_GRPC_CLIENT_CERT", path("cert.pem")), ("HOMEPOT_GRPC_CLIENT_KEY", path("key.pem"))]
    }

    fn chain_and_key(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_file_iter(self.path("cert.pem")).expect("it was written");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is one");
        (chain, PrivateKeyDer::from_pem_file(self.path("key.pem")).expect("it was written"))
    }

    /// How a gRPC server of the tests itself shows it.
    pub(crate) fn identity(&self) -> tonic::transport::Identity {
        let read = |name| std::fs::read(self.path(name)).expect("it was written");
        tonic::transport::Identity::from_pem(read("cert.pem"), read("key.pem"))
    }

    /// How a server of the tests itself shows it.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let (shown, key) = self.chain_and_key();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("ring has the usual versions").with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(shown, key).expect("they fit")))
    }

    /// The first message of a client that would speak `protocol` to such a server.
    pub fn greeting(&self, protocol: &str) -> Vec<u8> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut client = ClientConnection::new(self.client(protocol, None), name).expect("a client can be made");
        let mut greeting = Vec::new();
        client.write_tls(&mut greeting).expect("memory takes everything");
        greeting
    }

    /// A client that trusts it, and shows another one where it has one.
    fn client(&self, protocol: &str, shown: Option<&Self>) -> Arc<ClientConfig> {
        client(self.trusting.clone(), protocol, shown.map(Self::chain_and_key))
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

/// An authority that signs certificates of servers and of clients.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    /// Makes one.
    pub fn new(name: &str) -> Self {
        let mut asked = CertificateParams::default();
        asked.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        asked.distinguished_name.push(DnType::CommonName, name);
        asked.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(asked, KeyPair::generate().expect("a key can be made"));
        let authority = Self { issuer: issuer.expect("it can sign itself"), directory: data_parent() };
        std::fs::write(authority.file(), authority.pem()).expect("the disk has room");
        authority
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The file that whoever trusts it names.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A certificate for servers on this machine.
    pub fn server(&self) -> Certificate {
        self.sign(ExtendedKeyUsagePurpose::ServerAuth, 4000)
    }

    /// A certificate for clients.
    pub fn client(&self) -> Certificate {
        self.sign(ExtendedKeyUsagePurpose::ClientAuth, 4000)
    }

    /// A certificate for clients that ended long ago.
    pub fn expired_client(&self) -> Certificate {
        self.sign(ExtendedKeyUsagePurpose::ClientAuth, 2001)
    }

    fn sign(&self, usage: ExtendedKeyUsagePurpose, last_year: i32) -> Certificate {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut asked = CertificateParams::new(names).expect("they are names");
        asked.extended_key_usages = vec![usage];
        asked.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().expect("a key can be made");
        let signed = asked.signed_by(&key, &self.issuer).expect("it may sign");
        Certificate::written(&signed, &key, trust(self.issuer.as_ref()))
    }
}

/// A client that trusts these, speaks that protocol, and shows that chain with its key.
fn client(
    trusting: RootCertStore,
    protocol: &str,
    shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring has the usual versions").with_root_certificates(trusting);
    let mut config = match shown {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).expect("they fit"),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

fn trust(authority: &rcgen::Certificate) -> RootCertStore {
    let mut trusting = RootCertStore::empty();
    trusting.add(authority.der().clone()).expect("it is a certificate");
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
        Self::with(address, certificate.client(protocol, None)).await
    }

    /// The same to a server of gRPC, for clients that show `shown`.
    pub async fn showing(address: &str, certificate: &Certificate, shown: &Certificate) -> Self {
        Self::with(address, certificate.client("h2", Some(shown))).await
    }

    /// To `name:port` of another machine, whose authorities are in a PEM file. It is called from the address that `from` makes of
    /// the client's.
    pub(crate) async fn out(
        address: &str,
        authorities: &Path,
        protocol: &str,
        from: impl Fn(IpAddr) -> IpAddr + Send + 'static,
    ) -> Self {
        let mut trusting = RootCertStore::empty();
        for authority in CertificateDer::pem_file_iter(authorities).expect("the authorities can be read") {
            trusting.add(authority.expect("it is a certificate")).expect("it is one of an authority");
        }
        let server = lookup_host(address).await.expect("the name is known").next().expect("it has an address");
        let name = address.split_once(':').map_or(address, |(name, _)| name).to_owned();
        Self::passing(server, name, client(trusting, protocol, None), from).await
    }

    async fn with(address: &str, client: Arc<ClientConfig>) -> Self {
        let server = address.parse().expect("an address");
        Self::passing(server, "localhost".to_owned(), client, |client| client).await
    }

    async fn passing(
        server: SocketAddr,
        name: String,
        client: Arc<ClientConfig>,
        from: impl Fn(IpAddr) -> IpAddr + Send + 'static,
    ) -> Self {
        let connector = TlsConnector::from(client);
        let name = ServerName::try_from(name).expect("a name");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let accepting = tokio::spawn(async move {
            while let Ok((client, peer)) = listener.accept().await {
                let (connector, name, from) = (connector.clone(), name.clone(), from(peer.ip()));
                tokio::spawn(async move {
                    // However it ends, the client sees its connection end.
                    let _ = pass(client, from, server, name, connector).await;
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
    from: IpAddr,
    server: SocketAddr,
    name: ServerName<'static>,
    connector: TlsConnector,
) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let stream = socket.connect(server).await?;
    let mut server = connector.connect(name, stream).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
