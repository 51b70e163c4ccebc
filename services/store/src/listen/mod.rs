//! Listens for notifications, on a connection of its own.
//!
//! diesel exposes no socket to wait on, so this speaks to libpq itself, on a thread that sleeps until the socket has
//! something or until it is told to stop. All that is unsafe stands in `session`.

mod session;

use std::{os::fd::OwnedFd, sync::Arc, time::Duration};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{mpsc, oneshot};

use self::session::{Session, Woken};
use crate::{StoreError, url};

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

/// The messages of one channel. Dropping it ends its thread and its connection.
#[derive(Debug)]
pub struct Notifications {
    messages: mpsc::Receiver<Result<String, StoreError>>,
    stop: Arc<OwnedFd>,
}

impl Notifications {
    /// Connects and listens; what is notified from then on comes in.
    pub async fn open(database_url: &str, channel: &str, patience: Patience) -> Result<Self, StoreError> {
        let url = url::with_defaults(database_url)?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        let stop = Arc::new(stop);
        let (sender, messages) = mpsc::channel(BUFFER);
        let (opened, is_open) = oneshot::channel();
        // From here on the thread ends when this value is dropped, also when the caller gives up waiting.
        let notifications = Self { messages, stop: stop.clone() };
        let channel = channel.to_owned();
        let run = move || {
            let session = Session::open(&url, &channel, patience, stop);
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
        Ok(notifications)
    }

    /// The next message. An error is the connection's end. Nothing is lost when the returned future is dropped.
    pub async fn next(&mut self) -> Result<String, StoreError> {
        let gone = || StoreError::Unavailable("the listening connection has ended".to_owned());
        self.messages.recv().await.unwrap_or_else(|| Err(gone()))
    }
}

impl Drop for Notifications {
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
