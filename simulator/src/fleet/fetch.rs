//! Fetches parts of files as the agent does: beside the stream, and on a connection that lives only while there is something to
//! fetch.

use std::{pin::Pin, sync::Arc, time::Duration};

use homepot::{
    Error, Kind,
    pb::device::v1::{self as pb, device_service_client::DeviceServiceClient},
};
use homepot_agent::protocol::{Credentials, endpoint::MAX_MESSAGE_BYTES, reconnect::End};
use tokio::time::{sleep, timeout};
use tonic::{Request, transport::Channel};

use super::{stream, world::World};

/// As the agent has it: on a slow line a part takes its time.
const DEADLINE: Duration = Duration::from_secs(50);

/// A part that came, or did not: why, and whether it never will. With the connection, unless it broke.
pub(super) struct Fetched {
    pub(super) channel: Option<Channel>,
    pub(super) part: Result<Vec<u8>, (String, bool)>,
}

/// A fetch under way.
pub(super) type Fetching = Pin<Box<dyn Future<Output = Fetched> + Send>>;

/// Whoever fetches.
pub(super) struct Fetcher {
    pub(super) world: Arc<World>,
    pub(super) number: u32,
    pub(super) credentials: Credentials,
    /// For reconnects; spares the server the slow check of the key.
    pub(super) ticket: Option<String>,
    pub(super) channel: Option<Channel>,
}

impl Fetcher {
    /// Fetches a part.
    pub(super) async fn fetch(self, request: pb::FetchArtifactRequest) -> Fetched {
        match timeout(DEADLINE, self.call(request)).await {
            Ok(Ok((channel, part))) => {
                sleep(Duration::from_millis(part.next_after_ms.into())).await;
                Fetched { channel: Some(channel), part: Ok(part.data.into()) }
            }
            Ok(Err(end)) => {
                let is_final =
                    matches!(&end, End::Refused(error) if matches!(error.kind(), Kind::NotFound | Kind::Invalid));
                Fetched { channel: None, part: Err((end.describe(), is_final)) }
            }
            Err(_) => Fetched { channel: None, part: Err(("the server did not answer in time".to_owned(), false)) },
        }
    }

    async fn call(self, request: pb::FetchArtifactRequest) -> Result<(Channel, pb::FetchArtifactResponse), End> {
        let channel = match self.channel {
            Some(channel) => channel,
            None => self.world.lines.connect(self.number).await?,
        };
        let mut request = Request::new(request);
        stream::sign(request.metadata_mut(), &self.credentials, self.ticket.as_deref())?;
        let mut client = DeviceServiceClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let answer = client.fetch_artifact(request).await;
        Ok((channel, answer.map_err(|status| End::Refused(Error::from(&status)))?.into_inner()))
    }
}
