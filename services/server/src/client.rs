//! Talking to a running server as an operator.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use homepot::{
    model::{Secret, ServerAddress},
    only_grpc::OnlyGrpc,
    pb::{
        analytics::v1::analytics_service_client::AnalyticsServiceClient,
        command::v1::command_service_client::CommandServiceClient,
        registry::v1::registry_service_client::RegistryServiceClient,
        rollout::v1::{
            release_service_client::ReleaseServiceClient, rollout_service_client::RolloutServiceClient,
            value_service_client::ValueServiceClient,
        },
        session::v1::session_service_client::SessionServiceClient,
        telemetry::v1::telemetry_service_client::TelemetryServiceClient,
    },
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

const PEM_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A call that takes longer than this without an answer has failed; streams may go on.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A server that vanished without a word is noticed within this and the time below.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages of commands carry their payloads.
const MAX_ANSWER_BYTES: usize = 128 << 20;

/// Puts the operator's token on every call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The services that operators call, as one operator.
#[derive(Clone)]
pub(crate) struct Client {
    services: InterceptedService<OnlyGrpc<Channel>, Bearer>,
    server: ServerAddress,
}

impl Client {
    /// Calls through `channel`, which leads to `server`, with `token`.
    pub(crate) fn new(channel: Channel, server: &ServerAddress, token: &Secret) -> anyhow::Result<Self> {
        let mut bearer = MetadataValue::try_from(format!("Bearer {}", token.reveal()))
            .map_err(|_| anyhow::anyhow!("the token holds letters that no token has"))?;
        bearer.set_sensitive(true);
        let services = InterceptedService::new(OnlyGrpc::new(channel), Bearer(bearer));
        Ok(Self { services, server: server.clone() })
    }

    /// Where it leads to.
    pub(crate) fn server(&self) -> &ServerAddress {
        &self.server
    }

    pub(crate) fn registry(&self) -> RegistryServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        RegistryServiceClient::new(self.services.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn session(&self) -> SessionServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        SessionServiceClient::new(self.services.clone())
    }

    pub(crate) fn telemetry(&self) -> TelemetryServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        TelemetryServiceClient::new(self.services.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn analytics(&self) -> AnalyticsServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        AnalyticsServiceClient::new(self.services.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn values(&self) -> ValueServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        ValueServiceClient::new(self.services.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn releases(&self) -> ReleaseServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        ReleaseServiceClient::new(self.services.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn rollouts(&self) -> RolloutServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        RolloutServiceClient::new(self.services.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn command(&self) -> CommandServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>> {
        CommandServiceClient::new(self.services.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}

/// The way to a server: over TLS it trusts the authorities of `ca_pem`, or those of the system.
pub(crate) fn endpoint(address: &ServerAddress, ca_pem: Option<&[u8]>) -> anyhow::Result<Endpoint> {
    let trusted = match ca_pem {
        // A file without one would be taken, and trust nobody.
        Some(pem) if !pem.windows(PEM_CERTIFICATE.len()).any(|part| part == PEM_CERTIFICATE) => {
            anyhow::bail!("the authorities' file holds no certificate in PEM")
        }
        pem => pem.map(Certificate::from_pem),
    };
    endpoint_at(address, None, trusted, None)
}

/// The way to one of the addresses that the server's name has; `None`: to any of them. Either way its certificate has to be
/// for the name, and from an authority that is `trusted`. Over TLS it is shown `identity`.
pub(crate) fn endpoint_at(
    address: &ServerAddress,
    at: Option<SocketAddr>,
    trusted: Option<Certificate>,
    identity: Option<Identity>,
) -> anyhow::Result<Endpoint> {
    let endpoint = match at {
        None => Endpoint::from(address.uri().clone()),
        Some(at) => Endpoint::from_shared(format!("{}://{at}", if address.is_tls() { "https" } else { "http" }))?
            .origin(address.uri().clone()),
    };
    let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
    if !address.is_tls() {
        return Ok(endpoint);
    }
    let tls = ClientTlsConfig::new().domain_name(address.host().trim_matches(['[', ']']));
    let tls = match trusted {
        Some(trusted) => tls.ca_certificate(trusted),
        None => tls.with_native_roots(),
    };
    let tls = match identity {
        Some(identity) => tls.identity(identity),
        None => tls,
    };
    endpoint.tls_config(tls).context("the authorities can't be used")
}

/// Connects at once, so that an unreachable server is reported as such.
pub(crate) async fn connect(
    address: &ServerAddress,
    ca: Option<&PathBuf>,
    call_timeout: Duration,
) -> anyhow::Result<Channel> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("can't read {}", path.display()));
    let ca_pem = ca.map(read).transpose()?;
    let endpoint = endpoint(address, ca_pem.as_deref())?
        .timeout(call_timeout)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    endpoint.connect().await.with_context(|| format!("nobody answers at {address}; is `homepot serve` running?"))
}

/// What a server's refusal says to a person.
pub(crate) fn refusal(status: &Status) -> anyhow::Error {
    let error = homepot::Error::from(status);
    match error.kind() {
        homepot::Kind::Unauthenticated => anyhow::anyhow!("{error}; is it the token of this server?"),
        homepot::Kind::Forbidden => anyhow::anyhow!("this operator may not: {error}"),
        _ => anyhow::anyhow!("{error}"),
    }
}
