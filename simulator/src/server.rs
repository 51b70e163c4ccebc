//! Which server, and as whom: the same for every part of the simulator.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use homepot::{
    model::{Secret, SecretKind, ServerAddress},
    only_grpc::OnlyGrpc,
    pb::registry::v1::registry_service_client::RegistryServiceClient,
};
use homepot_agent::protocol::endpoint;
use homepot_host::{environment, secret_file};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

const HEADING: &str = "Server";
/// How long a call may take that has little to do.
pub(crate) const CALL: Duration = Duration::from_secs(30);

/// See the [module](self).
#[derive(Debug, clap::Args)]
pub(crate) struct Server {
    /// The server's gRPC address
    #[arg(long, help_heading = HEADING, env = "HOMEPOT_GRPC_URL", default_value = "http://127.0.0.1:50051", value_name = "URL")]
    pub(crate) server: String,
    /// PEM file of the certificate authorities to trust for an https server [default: those of this machine]
    #[arg(long, help_heading = HEADING, env = "HOMEPOT_GRPC_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Send keys and tokens in clear text to a server on another machine
    #[arg(long, help_heading = HEADING, env = "HOMEPOT_ALLOW_PLAINTEXT")]
    pub(crate) allow_plaintext: bool,
    /// File that holds an operator's token. Nobody but its owner may read it. You can also give the token in
    /// HOMEPOT_TOKEN
    #[arg(long, help_heading = HEADING, env = "HOMEPOT_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

impl Server {
    /// The way to it.
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let address = ServerAddress::parse(&self.server, self.allow_plaintext)
            .map_err(|fault| anyhow::anyhow!("--server: {fault}"))?;
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("--ca: can't read {}", path.display()));
        let ca = self.ca.as_ref().map(read).transpose()?;
        let endpoint = endpoint::endpoint(&address, ca.as_deref()).map_err(|fault| anyhow::anyhow!("--ca: {fault}"))?;
        endpoint.user_agent(concat!("homepot-sim/", env!("CARGO_PKG_VERSION"))).context("--server")
    }

    /// The operator's token, where one was given.
    pub(crate) fn token(&self) -> anyhow::Result<Option<Secret>> {
        operator_token(self.token_file.as_deref())
    }

    /// The registry, as the operator of `token`; a call may take so long.
    pub(crate) async fn registry(&self, token: &Secret, patience: Duration) -> anyhow::Result<Registry> {
        let endpoint = self.endpoint()?.timeout(patience);
        let channel = endpoint::channel(&endpoint)
            .await
            .map_err(|end| anyhow::anyhow!("{}: {}; is `homepot serve` running?", self.server, end.describe()))?;
        let mut bearer = MetadataValue::try_from(format!("Bearer {}", token.reveal()))
            .map_err(|_| anyhow::anyhow!("the token holds letters that no token has"))?;
        bearer.set_sensitive(true);
        Ok(RegistryServiceClient::new(InterceptedService::new(OnlyGrpc::new(channel), Bearer(bearer))))
    }
}

/// The registry's client.
pub(crate) type Registry = RegistryServiceClient<InterceptedService<OnlyGrpc<Channel>, Bearer>>;

/// The operator's token of the environment or else of a file, where one was given.
pub(crate) fn operator_token(file: Option<&Path>) -> anyhow::Result<Option<Secret>> {
    let token = match environment::variable("HOMEPOT_TOKEN")? {
        Some(text) => Secret::presented(text.trim()),
        None => match file {
            Some(path) => Secret::presented(secret_file::read_private(path)?.trim()),
            None => return Ok(None),
        },
    };
    token.check_form(SecretKind::OperatorToken, "the operator's token")?;
    Ok(Some(token))
}

/// Puts the operator's token on every call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
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
