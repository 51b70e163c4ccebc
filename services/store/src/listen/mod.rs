//! Listens for notifications, on a connection of its own.
//!
//! diesel exposes no socket to wait on, so this speaks to libpq itself, on a thread that sleeps until the socket has
//! something or until it is told to stop. All that is unsafe stands in `session`.

mod session;

use std::{os::fd::OwnedFd, sync::Arc, time::Duration};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{mpsc, oneshot};

use self::session::{Session, Woken};
use crate::{
    Store, StoreError,
    address::{Address, Target},
};

/// How many messages wait for their reader; then they wait in the socket.
const BUFFER: usize = 256;

/// How long silence is trusted.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Postgres is asked for a sign of life after so long without a message.
    pub quiet: Duration,
    /// It may take so long to answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(8), answer: Duration::from_secs(4) }
    }
}

/// The messages of one channel, on a connection of its own to the database of a store. Dropping it ends its thread and its
/// connection.
pub struct Notifications {
    address: Address,
    channel: String,
    patience: Patience,
    connection: Connection,
}

/// A connection that listens, with its thread.
struct Connection {
    target: Arc<Target>,
    messages: mpsc::Receiver<Result<String, StoreError>>,
    stop: Arc<OwnedFd>,
}

impl Notifications {
    /// Connects and listens; what is notified from then on comes in. The store's address must not lead through a pooler that
    /// hands connections around, as those do not listen.
    pub async fn open(store: &Store, channel: &str, patience: Patience) -> Result<Self, StoreError> {
        let address = store.shared.address.clone();
        let connection = Connection::open(address.target(), channel, patience).await?;
        Ok(Self { address, channel: channel.to_owned(), patience, connection })
    }

    /// The next message; `None` where the database's address changed: messages from now on come from there, and some of before
    /// may be lost. An error is the connection's end. Nothing is lost when the returned future is dropped.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let gone = || StoreError::Unavailable("the listening connection has ended".to_owned());
        tokio::select! {
            message = self.connection.messages.recv() => message.unwrap_or_else(|| Err(gone())).map(Some),
            () = self.address.moved_on_from(&self.connection.target) => {
                self.connection = Connection::open(self.address.target(), &self.channel, self.patience).await?;
                Ok(None)
            }
        }
    }
}

impl Connection {
    async fn open(target: Arc<Target>, channel: &str, patience: Patience) -> Result<Self, StoreError> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        let stop = Arc::new(stop);
        let (sender, messages) = mpsc::channel(BUFFER);
        let (opened, is_open) = oneshot::channel();
        // From here on the thread ends when this value is dropped, also when the caller gives up waiting.
        let connection = Self { target: target.clone(), messages, stop: stop.clone() };
        let channel = channel.to_owned();
        let run = move || {
            let session = Session::open(target, &channel, patience, stop);
            let (session, outcome) = match session {
                Ok(session) => (Some(session), Ok(())),
                Err(error) => (None, Err(error)),
            };
            if opened.send(outcome).is_ok()
                && let Some(session) = session
            {
                forward(session, &sender);
            }
        };
        std::thread::Builder::new().name("database-listen".to_owned()).spawn(run).map_err(failed)?;
        is_open.await.unwrap_or(Err(StoreError::Panicked("listen")))?;
        Ok(connection)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A counter that is full is readable too.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
    }
}

/// Until the connection ends or nobody wants its messages.
fn forward(mut session: Session, sender: &mpsc::Sender<Result<String, StoreError>>) {
    loop {
        let messages = match session.next() {
            Ok(Woken::Messages(messages)) => messages,
            Ok(Woken::Stopped) => return,
            Err(error) => {
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        for message in messages {
            if sender.blocking_send(Ok(message)).is_err() {
                return;
            }
        }
    }
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("preparing to listen: {error}"))
}
