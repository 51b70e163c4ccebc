//! Whoever queues commands.

use homepot::pb::command::v1::{QueueRequest, command_service_client::CommandServiceClient};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use super::connect;

/// An operator on a connection of its own; clones share it.
#[derive(Clone, Debug)]
pub struct Operator(CommandServiceClient<InterceptedService<Channel, Bearer>>);

#[derive(Clone, Debug)]
struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Operator {
    /// Connects, with an operator's token.
    pub async fn connect(address: &str, token: &str) -> anyhow::Result<Self> {
        let mut bearer: MetadataValue<_> = format!("Bearer {token}").parse()?;
        bearer.set_sensitive(true);
        Ok(Self(CommandServiceClient::with_interceptor(connect(address).await?, Bearer(bearer))))
    }

    /// Queues a PING for a device; answers the command's id when it is durable.
    pub async fn queue(mut self, device_id: String) -> anyhow::Result<String> {
        let request = QueueRequest { device_id, command_type: "PING".to_owned(), ..QueueRequest::default() };
        let queued = self.0.queue(request).await?.into_inner();
        Ok(queued.command.map(|command| command.command_id).unwrap_or_default())
    }
}
