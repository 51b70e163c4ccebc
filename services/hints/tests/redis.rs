//! Over Redis: the suite, and what only Redis has.

use std::{net::IpAddr, path::Path, sync::Arc};

use homepot_hints::{
    CHANNEL, Patience, RedisTransport, Transport,
    settings::{RedisFiles, RedisSettings},
};
use homepot_tests::{RedisServer, eventually};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;

use crate::{
    proxy::{Proxy, Upstream},
    suite::{Replica, Rig, connected, flows, suite},
};

suite!(RedisServer);

pub(crate) fn settings(urls: &str) -> RedisSettings {
    let addresses = urls.split(',').map(|url| url.parse().unwrap()).collect();
    RedisSettings { addresses, authorities: None, files: RedisFiles::default() }
}

fn transport(settings: RedisSettings) -> Arc<dyn Transport> {
    Arc::new(RedisTransport::new(settings).unwrap())
}

/// Two replicas, each with its own addresses, that reach each other.
async fn reach_each_other(here: RedisSettings, there: RedisSettings) {
    let (here, there) = (Replica::on(transport(here)), Replica::on(transport(there)));
    connected(&here, &there).await;
    flows(&here, &there, 1).await;
    flows(&there, &here, 2).await;
}

async fn refusal(settings: RedisSettings) -> String {
    transport(settings).listen().await.err().expect("a refusal").to_string()
}

impl Rig for RedisServer {
    async fn start() -> Self {
        Self::start().await
    }

    async fn start_mortal() -> Self {
        Self::start().await
    }

    async fn transport(&self, proxy: Option<&Proxy>, patience: Patience) -> Arc<dyn Transport> {
        let url = proxy.map_or_else(|| self.url(), |proxy| format!("redis://{}", proxy.address));
        Arc::new(RedisTransport::new(settings(&url)).unwrap().with_patience(patience))
    }

    fn upstream(&self) -> Upstream {
        Upstream::Tcp(self.address())
    }

    async fn publish(&self, message: &[u8]) {
        let answer = self.command(&[b"PUBLISH", CHANNEL.as_bytes(), message]).await;
        assert!(answer.starts_with(':'), "{answer}");
    }

    async fn kill(&mut self) {
        self.kill9();
    }

    async fn start_again(&mut self) {
        self.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_skipped() {
    let server = RedisServer::start().await;
    let (here, there) =
        (Replica::on(transport(settings(&server.url()))), Replica::on(transport(settings(&server.url()))));
    connected(&here, &there).await;
    for message in [&b"\xff\xfe\x00"[..], b"\r\n*1\r\n", &[b'1'; 1 << 20]] {
        server.publish(message).await;
    }
    flows(&here, &there, 1).await;
    assert_eq!(there.tap.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_password_needs_no_more_rights_than_the_channel() {
    let rights = |_: IpAddr, _: &Path| {
        let user = "till on >p@ss:word resetchannels &homepot_hints -@all +publish +subscribe +ping";
        let mut arguments = vec!["--requirepass".to_owned(), "default-word".to_owned(), "--user".to_owned()];
        arguments.extend(user.split(' ').map(str::to_owned));
        arguments
    };
    let server = RedisServer::start_with(rights).await;
    let of = |user: &str| settings(&format!("redis://{user}@{}", server.address()));
    reach_each_other(of("till:p%40ss%3Aword"), of(":default-word")).await;

    let refused = refusal(of("till:hidden")).await;
    assert!(refused.contains("authentication failed") && !refused.contains("hidden"), "{refused}");
    let refused = refusal(settings(&server.url())).await;
    assert!(refused.contains("NOAUTH") || refused.to_lowercase().contains("auth"), "{refused}");
}

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The arguments of a server that speaks TLS alone, with a certificate of `authority`.
pub(crate) fn with_tls(authority: &Authority) -> impl FnOnce(IpAddr, &Path) -> Vec<String> {
    move |address, directory| {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new([address.to_string()]).unwrap().signed_by(&key, authority).unwrap();
        let file = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (cert, key) = (file("cert.pem", cert.pem()), file("key.pem", key.serialize_pem()));
        let ca = file("ca.pem", authority.pem());
        [
            ["--port", "0"],
            ["--tls-port", "6379"],
            ["--tls-cert-file", &cert],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &ca],
            ["--tls-auth-clients", "no"],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_by_the_authorities_that_were_given() {
    let (ours, theirs) = (authority(), authority());
    let server = RedisServer::start_with(with_tls(&ours)).await;
    let trusting = |authority: &CertificateDer<'static>| RedisSettings {
        authorities: Some(vec![authority.clone()]),
        ..settings(&format!("rediss://{}", server.address()))
    };
    reach_each_other(trusting(ours.der()), trusting(ours.der())).await;
    let refused = refusal(trusting(theirs.der())).await;
    assert!(refused.contains("certificate"), "{refused}");
    // Nor does it go on without.
    refusal(settings(&server.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_address_is_tried_where_the_first_is_dead() {
    let (mut dead, server) = (RedisServer::start().await, RedisServer::start().await);
    dead.kill9();
    let list = || settings(&format!("{},{}", dead.url(), server.url()));
    reach_each_other(list(), list()).await;
    let refused = refusal(settings(&format!("{0},{0}", dead.url()))).await;
    assert_eq!(refused.matches(&dead.address().to_string()).count(), 2, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_of_a_cluster_is_told_reaches_those_who_listen_at_another() {
    // The address it listens at is not the one it calls from.
    let member = |address: IpAddr, _: &Path| {
        let address = address.to_string();
        ["--cluster-enabled", "yes", "--cluster-announce-ip", &address].map(str::to_owned).into()
    };
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(RedisServer::start_with(member).await);
    }
    let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
    for (node, (first, last)) in nodes.iter().zip(slots) {
        assert_eq!(node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await, "+OK");
    }
    let (host, port) = (nodes[0].address().ip().to_string(), nodes[0].address().port().to_string());
    for node in &nodes[1..] {
        assert_eq!(node.command(&["CLUSTER", "MEET", &host, &port]).await, "+OK");
    }
    for node in &nodes {
        eventually("the cluster to stand", async || {
            let info = node.command(&["CLUSTER", "INFO"]).await;
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).then_some(())
        })
        .await;
    }
    reach_each_other(settings(&nodes[1].url()), settings(&nodes[2].url())).await;
}
