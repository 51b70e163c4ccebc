//! A device's stream: as the agent's, with what twenty thousand of them in one process must not cost left out.

use bytes::{BufMut as _, Bytes};
use homepot::pb::device::v1::{AttachResponse, attach_response::Message as Down};
use homepot_agent::{
    platform,
    protocol::{
        Credentials, Terms,
        connection::refused,
        endpoint,
        messages::{self, Inbound},
        reconnect::End,
    },
};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    metadata::MetadataMap,
};

use super::lines::Lines;

/// Messages under way to the connection.
const CHANNEL: usize = 16;
const ATTACH: &str = "/homepot.device.v1.DeviceService/Attach";

/// A session that began.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) up: mpsc::Sender<Bytes>,
    pub(super) down: Streaming<AttachResponse>,
    pub(super) terms: Terms,
    /// Spares the next session the slow check of the key.
    pub(super) ticket: Option<String>,
}

/// Connects, says Hello and hears Welcome.
pub(super) async fn open(
    lines: &Lines,
    number: u32,
    credentials: Credentials,
    ticket: Option<String>,
    hello: Bytes,
) -> Result<Opened, End> {
    let channel = lines.connect(number).await?;
    let (up, messages) = mpsc::channel(CHANNEL);
    let hello_at = platform::since_boot();
    up.try_send(hello).map_err(|_| End::Lost)?;
    let mut request = Request::new(ReceiverStream::new(messages));
    sign(request.metadata_mut(), &credentials, ticket.as_deref())?;
    let mut client = Grpc::new(channel).max_decoding_message_size(endpoint::MAX_MESSAGE_BYTES);
    client.ready().await.map_err(|_| End::Lost)?;
    let answer = client.streaming(request, PathAndQuery::from_static(ATTACH), Lean).await;
    let mut down = answer.map_err(|status| refused(&status))?.into_inner();
    loop {
        let message = down.message().await.map_err(|status| refused(&status))?.ok_or(End::Lost)?;
        match message.message {
            Some(Down::Welcome(welcome)) => {
                let terms = messages::terms(&welcome, hello_at);
                let ticket = Some(welcome.reconnect_ticket).filter(|ticket| !ticket.is_empty());
                return Ok(Opened { up, down, terms, ticket });
            }
            other => {
                if let Inbound::Goodbye(end) = messages::inbound(AttachResponse { message: other }) {
                    return Err(end);
                }
            }
        }
    }
}

/// Puts on a call what the device shows of itself.
pub(super) fn sign(metadata: &mut MetadataMap, credentials: &Credentials, ticket: Option<&str>) -> Result<(), End> {
    let value = |text: &str, sensitive| endpoint::metadata(text, sensitive).map_err(End::Refused);
    metadata.insert("x-device-id", value(credentials.device_id.as_str(), false)?);
    metadata.insert("x-api-key", value(credentials.key.reveal(), true)?);
    metadata.insert("x-device-source", value("simulated", false)?);
    if let Some(ticket) = ticket {
        metadata.insert("x-reconnect-ticket", value(ticket, true)?);
    }
    Ok(())
}

/// Bytes up, messages down, with buffers that fit one sample rather than a page of them.
#[derive(Clone, Copy, Debug, Default)]
struct Lean;

const BUFFERS: (usize, usize) = (512, 4_096);

impl Codec for Lean {
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

impl Encoder for Lean {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFERS.0, BUFFERS.1)
    }
}

impl Decoder for Lean {
    type Item = AttachResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<AttachResponse>, Status> {
        AttachResponse::decode(buffer).map(Some).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFERS.0, BUFFERS.1)
    }
}
