//! Looks devices up for all their calls together: whoever asks while look-ups are under way shares the next one.
//!
//! Every call of a device begins with a look at its row, so that a revocation holds at once. One by one these looks cost
//! more than storing a sample; so many at a time cost little more than one. Nothing is remembered: the row is read after
//! the call came in.

use std::sync::Arc;

use homepot::{Error, Kind, model::DeviceId};
use homepot_store::{Store, device_keys};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Looks that share one query at most.
const MAX_SHARED: usize = 512;
/// Queries at a time: while one is on its way, the next gathers.
const QUERIES: usize = 2;

type Found = Result<Option<device_keys::Credential>, Error>;

/// Somebody who asks.
struct Asked {
    device_id: DeviceId,
    key_id: String,
    answer: oneshot::Sender<Found>,
}

/// See the [module](self).
pub(crate) struct Lookups(mpsc::Sender<Asked>);

impl Lookups {
    /// Starts the task that looks up; it ends with this.
    pub(crate) fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(MAX_SHARED);
        tokio::spawn(gather(store, waiting));
        Self(queue)
    }

    /// The device with its live key of that public id; `None`: no such device.
    pub(crate) async fn find(&self, device_id: DeviceId, key_id: String) -> Found {
        let gone = || Error::new(Kind::Unavailable, "the server is ending");
        let (answer, found) = oneshot::channel();
        self.0.send(Asked { device_id, key_id, answer }).await.map_err(|_| gone())?;
        found.await.map_err(|_| gone())?
    }
}

async fn gather(store: Store, mut waiting: mpsc::Receiver<Asked>) {
    let turns = Arc::new(Semaphore::new(QUERIES));
    // The turn comes first: who asks while all are taken is in the next query.
    while let Ok(turn) = turns.clone().acquire_owned().await {
        let mut asked = Vec::new();
        if waiting.recv_many(&mut asked, MAX_SHARED).await == 0 {
            return;
        }
        let store = store.clone();
        tokio::spawn(async move {
            look_up(&store, asked).await;
            drop(turn);
        });
    }
}

async fn look_up(store: &Store, asked: Vec<Asked>) {
    let (wanted, answers): (Vec<_>, Vec<_>) =
        asked.into_iter().map(|asked| ((asked.device_id, asked.key_id), asked.answer)).unzip();
    let found = store.run("find_device_keys", move |conn| device_keys::find(conn, &wanted)).await;
    let found = found.map_err(Error::from);
    match found {
        // Who left meanwhile needs no answer.
        Ok(found) => answers.into_iter().zip(found).for_each(|(answer, found)| drop(answer.send(Ok(found)))),
        Err(error) => answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone())))),
    }
}
