//! The stream of a device, without what the load does not need: messages go out as bytes that are encoded already.

use bytes::{BufMut as _, Bytes};
use homepot::pb::device::v1::AttachResponse;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status, Streaming,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::DeviceKey;

/// A connection of its own.
pub async fn connect(address: &str) -> anyhow::Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.connect().await?)
}

/// Both ways of a device's stream.
pub(super) type Ways = (mpsc::Sender<Bytes>, Streaming<AttachResponse>);

/// Opens the stream on a connection of its own. `window` messages can be sent without waiting.
pub(super) async fn open(address: &str, key: &DeviceKey, window: usize) -> anyhow::Result<Ways> {
    let (up, messages) = mpsc::channel(window);
    let request = attach_request(key, None, messages)?;
    Ok((up, attach(connect(address).await?, request).await?))
}

/// Asks for the stream; what is sent comes from `messages`.
pub(super) fn attach_request(
    key: &DeviceKey,
    ticket: Option<&str>,
    messages: mpsc::Receiver<Bytes>,
) -> anyhow::Result<Request<ReceiverStream<Bytes>>> {
    let secret = |text: &str| -> anyhow::Result<MetadataValue<Ascii>> {
        let mut value: MetadataValue<_> = text.parse()?;
        value.set_sensitive(true);
        Ok(value)
    };
    let mut request = Request::new(ReceiverStream::new(messages));
    let metadata = request.metadata_mut();
    metadata.insert("x-device-id", key.device_id.parse()?);
    metadata.insert("x-api-key", secret(key.key.reveal())?);
    if let Some(ticket) = ticket {
        metadata.insert("x-reconnect-ticket", secret(ticket)?);
    }
    Ok(request)
}

/// Sends the request, and waits for the headers of its answer.
pub(super) async fn attach(
    channel: Channel,
    request: Request<ReceiverStream<Bytes>>,
) -> Result<Streaming<AttachResponse>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
    let path = http::uri::PathAndQuery::from_static("/homepot.device.v1.DeviceService/Attach");
    Ok(client.streaming(request, path, Wire).await?.into_inner())
}

/// Bytes up, messages down.
#[derive(Clone, Copy, Debug, Default)]
struct Wire;

impl Codec for Wire {
    type Encode = Bytes;
    type Decode = AttachResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Wire {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Wire {
    type Item = AttachResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<AttachResponse>, Status> {
        AttachResponse::decode(buffer).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
