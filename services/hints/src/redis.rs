//! Redis, or Valkey: classic publish and subscribe. In a cluster a message that any node is given reaches the
//! subscribers of every node, so one connection to any of them is enough.

mod connect;

use std::time::Duration;

use futures_util::{StreamExt as _, future::BoxFuture};
use homepot_runtime::settings::RedisSettings;
use redis::{
    AsyncConnectionConfig, RedisConnectionInfo, RedisResult, Value,
    aio::{MultiplexedConnection, PubSub, PubSubSink, PubSubStream},
};
use tokio::{sync::Mutex, task::JoinHandle, time::timeout};

pub use self::connect::RedisTransportError;
use self::connect::{Connector, Stream};
use crate::{CHANNEL, Incoming, Transport, TransportError};

/// A server is asked for a sign of life after so long without a message.
const QUIET: Duration = Duration::from_secs(20);
/// It may take so long to answer anything.
const ANSWER: Duration = Duration::from_secs(5);

/// Publishes on one connection and listens on another.
pub struct RedisTransport {
    connector: Connector,
    quiet: Duration,
    publishing: Mutex<Option<Publishing>>,
}

impl RedisTransport {
    /// Connects when it is used, to the first address that answers.
    pub fn new(settings: RedisSettings) -> Result<Self, RedisTransportError> {
        Ok(Self { connector: Connector::new(settings)?, quiet: QUIET, publishing: Mutex::default() })
    }

    /// Trusts silence for another time than usual.
    #[must_use]
    pub fn with_quiet(self, quiet: Duration) -> Self {
        Self { quiet, ..self }
    }

    async fn send(&self, messages: Vec<String>) -> Result<(), TransportError> {
        let mut slot = self.publishing.lock().await;
        // Taken out, so that one that fails, or that is given up half-way, is not used again.
        let mut publishing = match slot.take() {
            Some(publishing) => publishing,
            None => self.connector.connect(Publishing::open).await?,
        };
        let mut pipeline = redis::Pipeline::with_capacity(messages.len());
        for message in messages {
            pipeline.cmd("PUBLISH").arg(CHANNEL).arg(message).ignore();
        }
        answered(pipeline.query_async::<()>(&mut publishing.connection)).await?;
        *slot = Some(publishing);
        Ok(())
    }
}

impl Transport for RedisTransport {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn publish(&self, messages: Vec<String>) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(self.send(messages))
    }

    fn listen(&self) -> BoxFuture<'_, Result<Box<dyn Incoming>, TransportError>> {
        Box::pin(async move {
            let (sink, stream) = self.connector.connect(subscribe).await?.split();
            Ok(Box::new(Subscription { sink, stream, quiet: self.quiet }) as Box<dyn Incoming>)
        })
    }
}

/// The connection that publishes, with the task that drives it.
struct Publishing {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Publishing {
    fn open(info: RedisConnectionInfo, stream: Stream) -> BoxFuture<'static, RedisResult<Self>> {
        Box::pin(async move {
            // Who waits for an answer says for how long.
            let config = AsyncConnectionConfig::new().set_response_timeout(None);
            let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config).await?;
            Ok(Self { connection, driver: tokio::spawn(driver) })
        })
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn subscribe(info: RedisConnectionInfo, stream: Stream) -> BoxFuture<'static, RedisResult<PubSub>> {
    Box::pin(async move {
        let mut connection = PubSub::new(&info, stream).await?;
        connection.subscribe(CHANNEL).await?;
        Ok(connection)
    })
}

struct Subscription {
    sink: PubSubSink,
    stream: PubSubStream,
    quiet: Duration,
}

impl Incoming for Subscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, TransportError>> {
        Box::pin(async move {
            loop {
                match timeout(self.quiet, self.stream.next()).await {
                    Ok(Some(message)) => return Ok(message.get_payload_bytes().to_vec()),
                    Ok(None) => return Err(TransportError::new("redis closed the connection")),
                    // A peer that vanished says nothing, not even that it is gone.
                    Err(_) => answered(self.sink.ping::<Value>()).await.map(drop)?,
                }
            }
        })
    }
}

/// Waits for an answer, but not for ever.
async fn answered<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, TransportError> {
    match timeout(ANSWER, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(TransportError::new(format!("redis: {error}"))),
        Err(_) => Err(TransportError::new("redis does not answer")),
    }
}
