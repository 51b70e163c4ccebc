//! The generated clients, with the credentials of whoever calls.

use std::net::{IpAddr, Ipv4Addr};

use bytes::{Buf, BufMut, Bytes};
use homepot::pb::{
    analytics::v1::analytics_service_client::AnalyticsServiceClient,
    command::v1::command_service_client::CommandServiceClient,
    device::v1::device_service_client::DeviceServiceClient,
    registry::v1::registry_service_client::RegistryServiceClient,
    rollout::v1::{
        release_service_client::ReleaseServiceClient, rollout_service_client::RolloutServiceClient,
        value_service_client::ValueServiceClient,
    },
    session::v1::session_service_client::SessionServiceClient,
    telemetry::v1::telemetry_service_client::TelemetryServiceClient,
};
use tonic::{
    Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody without credentials.
    Nobody,
    /// An operator, by its token.
    Operator(String),
    /// A device, by its id and key.
    Device(DeviceKey),
    /// A device that enrols, by its token.
    Enrollee(String),
}

/// What a device proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceKey {
    /// Its id.
    pub device_id: String,
    /// Its key.
    pub api_key: String,
}

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let mut put = |name: &'static str, value: &str| {
            let value = MetadataValue::try_from(value).expect("credentials are ASCII");
            request.metadata_mut().insert(name, value);
        };
        match self {
            Self::Nobody => {}
            Self::Operator(token) => put("authorization", &format!("Bearer {token}")),
            Self::Device(key) => {
                put("x-device-id", &key.device_id);
                put("x-api-key", &key.api_key);
            }
            Self::Enrollee(token) => put("x-enrollment-token", token),
        }
        Ok(request)
    }
}

/// A connection on behalf of a caller.
pub type Connection = InterceptedService<Channel, Caller>;

/// Connects, when first used, from `from` to `address` as `caller`; it connects again after the server was away.
pub fn connection(from: IpAddr, address: &str, caller: &Caller) -> Connection {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
    InterceptedService::new(endpoint.local_address(Some(from)).connect_lazy(), caller.clone())
}

/// The services of one server, as one caller.
#[derive(Clone, Debug)]
pub struct Clients {
    /// DeviceService.
    pub device: DeviceServiceClient<Connection>,
    /// RegistryService.
    pub registry: RegistryServiceClient<Connection>,
    /// SessionService.
    pub session: SessionServiceClient<Connection>,
    /// TelemetryService.
    pub telemetry: TelemetryServiceClient<Connection>,
    /// CommandService.
    pub command: CommandServiceClient<Connection>,
    /// ValueService.
    pub values: ValueServiceClient<Connection>,
    /// ReleaseService.
    pub releases: ReleaseServiceClient<Connection>,
    /// RolloutService.
    pub rollouts: RolloutServiceClient<Connection>,
    /// AnalyticsService.
    pub analytics: AnalyticsServiceClient<Connection>,
}

impl Clients {
    /// Clients of the server at `address`, as `caller`.
    pub fn new(address: &str, caller: &Caller) -> Self {
        let connection = connection(Ipv4Addr::LOCALHOST.into(), address, caller);
        Self {
            device: DeviceServiceClient::new(connection.clone()),
            registry: RegistryServiceClient::new(connection.clone()),
            session: SessionServiceClient::new(connection.clone()),
            telemetry: TelemetryServiceClient::new(connection.clone()),
            command: CommandServiceClient::new(connection.clone()),
            values: ValueServiceClient::new(connection.clone()),
            releases: ReleaseServiceClient::new(connection.clone()),
            rollouts: RolloutServiceClient::new(connection.clone()),
            analytics: AnalyticsServiceClient::new(connection),
        }
    }
}

/// Calls the method at `path` with an encoded message and answers the encoded first answer. A streaming method is
/// called the same way: its stream is one message long.
pub async fn call(connection: Connection, path: &'static str, message: Vec<u8>) -> Result<Bytes, Status> {
    let mut client = tonic::client::Grpc::new(connection);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let messages = tokio_stream::once(Bytes::from(message));
    let path = http::uri::PathAndQuery::from_static(path);
    let mut answers = client.streaming(Request::new(messages), path, Raw).await?.into_inner();
    Ok(answers.message().await?.unwrap_or_default())
}

/// Messages as they travel.
#[derive(Clone, Copy, Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
