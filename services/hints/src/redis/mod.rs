//! Redis, or Valkey: classic publish and subscribe. In a cluster a message that any node is given reaches the
//! subscribers of every node, so one connection to any of them is enough.

mod address;
mod connect;

use futures_util::{StreamExt as _, future::BoxFuture};
use homepot_store::listen::Patience;
use redis::{
    AsyncConnectionConfig, RedisConnectionInfo, RedisResult, Value,
    aio::{MultiplexedConnection, PubSub, PubSubSink, PubSubStream},
};
use tokio::{sync::Mutex, task::JoinHandle, time::timeout};

use self::connect::{Connector, Stream};
pub use self::{address::RedisAddress, connect::RedisTransportError};
use crate::{CHANNEL, Incoming, Transport, TransportError, settings::RedisSettings};

/// Publishes on one connection and listens on another.
pub struct RedisTransport {
    connector: Connector,
    patience: Patience,
    publishing: Mutex<Option<Publishing>>,
}

impl RedisTransport {
    /// Connects when it is used, to the first address that answers.
    pub fn new(settings: RedisSettings) -> Result<Self, RedisTransportError> {
        Ok(Self { connector: Connector::new(settings)?, patience: Patience::default(), publishing: Mutex::default() })
    }

    /// Trusts silence for another time than usual.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    async fn send(&self, messages: Vec<String>) -> Result<(), TransportError> {
        let mut slot = self.publishing.lock().await;
        // Taken out, so that one that fails, or that is given up half-way, is not used again.
        let mut publishing = match slot.take() {
            Some(publishing) => publishing,
            None => self.connector.connect(self.patience, Publishing::open).await?,
        };
        let mut pipeline = redis::Pipeline::with_capacity(messages.len());
        for message in messages {
            pipeline.cmd("PUBLISH").arg(CHANNEL).arg(message).ignore();
        }
        answered(self.patience, pipeline.query_async::<()>(&mut publishing.connection)).await?;
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
            let (sink, stream) = self.connector.connect(self.patience, subscribe).await?.split();
            Ok(Box::new(Subscription { sink, stream, patience: self.patience }) as Box<dyn Incoming>)
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
    patience: Patience,
}

impl Incoming for Subscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            loop {
                match timeout(self.patience.quiet, self.stream.next()).await {
                    Ok(Some(message)) => return Ok(Some(message.get_payload_bytes().to_vec())),
                    Ok(None) => return Err(TransportError::new("redis closed the connection")),
                    // A peer that vanished says nothing, not even that it is gone.
                    Err(_) => answered(self.patience, self.sink.ping::<Value>()).await.map(drop)?,
                }
            }
        })
    }
}

/// Waits for an answer, but not for ever.
async fn answered<T>(patience: Patience, answer: impl Future<Output = RedisResult<T>>) -> Result<T, TransportError> {
    match timeout(patience.answer, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(TransportError::new(format!("redis: {error}"))),
        Err(_) => Err(TransportError::new("redis does not answer")),
    }
}
