//! Fetches files of releases, beside the stream: on a connection of its own, which lives only while there is something to fetch. So a
//! transfer never holds up a command or a sample.

use std::time::Duration;

use homepot::{
    Error, Kind,
    pb::device::v1::{self as pb, device_service_client::DeviceServiceClient},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use super::{Credentials, endpoint, reconnect::End};

/// On a slow line a part takes its time.
const DEADLINE: Duration = Duration::from_secs(50);

/// Who fetches, and from where.
#[derive(Clone, Debug)]
pub struct Fetcher {
    endpoint: Endpoint,
    credentials: Credentials,
    /// Of the newest session; spares the server the slow check of the key.
    ticket: watch::Receiver<Option<String>>,
    client: Option<DeviceServiceClient<Channel>>,
}

impl Fetcher {
    /// Nothing is connected yet. `ticket`: that for reconnects, as the newest session gave it.
    pub fn new(endpoint: Endpoint, credentials: Credentials, ticket: watch::Receiver<Option<String>>) -> Self {
        Self { endpoint, credentials, ticket, client: None }
    }

    /// Fetches a part, and waits until the server allows the next one; an error says why not, for people, and whether asking again
    /// can't help.
    pub async fn fetch(&mut self, request: pb::FetchArtifactRequest) -> Result<Vec<u8>, (String, bool)> {
        match timeout(DEADLINE, self.call(request)).await {
            Ok(Ok(part)) => {
                sleep(Duration::from_millis(part.next_after_ms.into())).await;
                Ok(part.data.into())
            }
            Ok(Err(end)) => {
                self.client = None;
                // A ticket that has expired comes anew with the next session, and what is busy is free again after a while.
                let is_final =
                    matches!(&end, End::Refused(error) if matches!(error.kind(), Kind::NotFound | Kind::Invalid));
                Err((end.describe(), is_final))
            }
            Err(_) => {
                self.client = None;
                Err(("the server did not answer in time".to_owned(), false))
            }
        }
    }

    /// Lets go of the connection.
    pub fn rest(&mut self) {
        self.client = None;
    }

    async fn call(&mut self, request: pb::FetchArtifactRequest) -> Result<pb::FetchArtifactResponse, End> {
        let request = self.credentials.sign(request, self.ticket.borrow().as_deref())?;
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(endpoint::connect(&self.endpoint).await?),
        };
        let answer = client.fetch_artifact(request).await;
        Ok(answer.map_err(|status| End::Refused(Error::from(&status)))?.into_inner())
    }
}

impl Credentials {
    /// A request with what the device shows of itself.
    pub(super) fn sign<T>(&self, message: T, ticket: Option<&str>) -> Result<Request<T>, End> {
        let mut request = Request::new(message);
        let value = |text: &str, sensitive| endpoint::metadata(text, sensitive).map_err(End::Refused);
        let metadata = request.metadata_mut();
        metadata.insert("x-device-id", value(self.device_id.as_str(), false)?);
        metadata.insert("x-api-key", value(self.key.reveal(), true)?);
        if let Some(ticket) = ticket {
            metadata.insert("x-reconnect-ticket", value(ticket, true)?);
        }
        Ok(request)
    }
}
