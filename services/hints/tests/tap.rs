//! A transport that tells what passes through it, and can hold it up. What it wraps is real.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::BoxFuture;
use homepot_hints::{Incoming, Transport, TransportError};
use tokio::sync::{Semaphore, watch};

pub(crate) struct Tap {
    inner: Arc<dyn Transport>,
    state: Arc<State>,
}

/// What passed; clones share it.
pub(crate) struct State {
    /// The messages of each publish.
    pub(crate) published: Mutex<Vec<Vec<String>>>,
    /// Publishes that began.
    pub(crate) begun: watch::Sender<usize>,
    received: watch::Sender<Vec<String>>,
    /// Connections that were made to listen.
    pub(crate) connections: AtomicUsize,
    /// A publish takes one and gives it back.
    pub(crate) gate: Semaphore,
}

impl Tap {
    pub(crate) fn on(inner: Arc<dyn Transport>) -> (Arc<dyn Transport>, Arc<State>) {
        let state = Arc::new(State {
            published: Mutex::default(),
            begun: watch::Sender::new(0),
            received: watch::Sender::default(),
            connections: AtomicUsize::new(0),
            gate: Semaphore::new(1),
        });
        (Arc::new(Self { inner, state: state.clone() }), state)
    }
}

impl State {
    /// Waits until the messages that came satisfy `test`.
    pub(crate) async fn received(&self, test: impl Fn(&[String]) -> bool) {
        let mut received = self.received.subscribe();
        received.wait_for(|received| test(received)).await.unwrap();
    }
}

impl Transport for Tap {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn publish(&self, messages: Vec<String>) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move {
            self.state.begun.send_modify(|begun| *begun += 1);
            let _permit = self.state.gate.acquire().await.unwrap();
            self.state.published.lock().unwrap().push(messages.clone());
            self.inner.publish(messages).await
        })
    }

    fn listen(&self) -> BoxFuture<'_, Result<Box<dyn Incoming>, TransportError>> {
        Box::pin(async move {
            let inner = self.inner.listen().await?;
            self.state.connections.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(TappedIncoming { inner, state: self.state.clone() }) as Box<dyn Incoming>)
        })
    }
}

struct TappedIncoming {
    inner: Box<dyn Incoming>,
    state: Arc<State>,
}

impl Incoming for TappedIncoming {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            let message = self.inner.next().await?;
            if let Some(message) = &message {
                let text = String::from_utf8_lossy(message).into_owned();
                self.state.received.send_modify(|received| received.push(text));
            }
            Ok(message)
        })
    }
}
