//! Redis, or Valkey: classic publish and subscribe. In a cluster a message that any node is given reaches the
//! subscribers of every node, so one connection to any of them is enough.

mod address;
mod connect;
mod follow;

use std::sync::Arc;

use futures_util::{StreamExt as _, future::BoxFuture};
use homepot_runtime::reload::Files;
use homepot_store::listen::Patience;
use redis::{
    AsyncConnectionConfig, RedisConnectionInfo, RedisResult, Value,
    aio::{MultiplexedConnection, PubSub, PubSubSink, PubSubStream},
};
use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
    time::timeout,
};

pub use self::{address::RedisAddress, connect::RedisTransportError};
use self::{
    connect::{Connector, Stream},
    follow::Followed,
};
use crate::{
    CHANNEL, Incoming, Transport, TransportError,
    settings::{RedisFiles, RedisSettings},
};

/// Publishes on one connection and listens on another. Clones share both.
#[derive(Clone)]
pub struct RedisTransport {
    shared: Arc<Shared>,
    patience: Patience,
}

struct Shared {
    /// Where new connections are made to. That changes only while `publishing` is locked.
    connector: watch::Sender<Arc<Connector>>,
    publishing: Mutex<Option<Publishing>>,
    /// What `connector` was made of.
    settings: Mutex<RedisSettings>,
    files: RedisFiles,
}

impl RedisTransport {
    /// Connects when it is used, to the first address that answers.
    pub fn new(settings: RedisSettings) -> Result<Self, RedisTransportError> {
        let connector = watch::Sender::new(Arc::new(Connector::new(&settings)?));
        let files = settings.files.clone();
        let shared = Shared { connector, publishing: Mutex::default(), settings: Mutex::new(settings), files };
        Ok(Self { shared: Arc::new(shared), patience: Patience::default() })
    }

    /// Trusts silence for another time than usual.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The files that hold the address and the authorities, for whoever looks at all of them; `None`: they are in none.
    pub fn files(&self) -> Option<Arc<dyn Files>> {
        Some(Arc::new(Followed::of(self, &self.shared.files)?))
    }

    async fn send(&self, messages: Vec<String>) -> Result<(), TransportError> {
        let mut slot = self.shared.publishing.lock().await;
        // Taken out, so that one that fails, or that is given up half-way, is not used again.
        let mut publishing = match slot.take() {
            Some(publishing) => publishing,
            None => {
                let connector = self.shared.connector.borrow().clone();
                connector.connect(self.patience, Publishing::open).await?
            }
        };
        publishing.send(messages, self.patience).await?;
        *slot = Some(publishing);
        Ok(())
    }

    async fn subscribe(&self) -> Result<Subscription, TransportError> {
        let mut moves = self.shared.connector.subscribe();
        let connector = moves.borrow_and_update().clone();
        let (sink, stream) = connector.connect(self.patience, subscribe).await?.split();
        Ok(Subscription { transport: self.clone(), moves, sink, stream })
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
        Box::pin(async move { Ok(Box::new(self.subscribe().await?) as Box<dyn Incoming>) })
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

    async fn send(&mut self, messages: Vec<String>, patience: Patience) -> Result<(), TransportError> {
        let mut pipeline = redis::Pipeline::with_capacity(messages.len());
        for message in messages {
            pipeline.cmd("PUBLISH").arg(CHANNEL).arg(message).ignore();
        }
        answered(patience, pipeline.query_async::<()>(&mut self.connection)).await
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
    transport: RedisTransport,
    /// Changes when connections are made elsewhere.
    moves: watch::Receiver<Arc<Connector>>,
    sink: PubSubSink,
    stream: PubSubStream,
}

impl Incoming for Subscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            let patience = self.transport.patience;
            loop {
                let heard = tokio::select! {
                    // First: the old Redis may be shut down as soon as there is a new address.
                    biased;
                    // It can't end: the sender is here.
                    _ = self.moves.changed() => {
                        *self = self.transport.subscribe().await?;
                        tracing::info!("hints come from the new address of Redis; nothing is connected to the old one");
                        // Others may be at the old address still, or were at the new one before.
                        return Ok(None);
                    }
                    heard = timeout(patience.quiet, self.stream.next()) => heard,
                };
                match heard {
                    Ok(Some(message)) => return Ok(Some(message.get_payload_bytes().to_vec())),
                    Ok(None) => return Err(TransportError::new("redis closed the connection")),
                    // A peer that vanished says nothing, not even that it is gone.
                    Err(_) => answered(patience, self.sink.ping::<Value>()).await.map(drop)?,
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
