//! Many devices' samples in one write: a batch ends by size or by time, whichever comes first.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use homepot::{Error, Kind, model::Sample};
use homepot_store::{
    Store, StoreError,
    samples::{self, NewSample},
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};

/// How samples are gathered.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Samples that end a batch.
    pub batch_samples: usize,
    /// Time after its first sample that ends a batch.
    pub batch_delay: Duration,
    /// Submissions that wait before the next caller has to.
    pub queue: usize,
    /// Writes under way at once; two keep two cores busy.
    pub writers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { batch_samples: 1_000, batch_delay: Duration::from_millis(5), queue: 1_024, writers: 2 }
    }
}

/// One caller's samples, and where it waits for the commit.
struct Submission {
    device: i64,
    samples: Vec<Sample>,
    answer: oneshot::Sender<Result<(), Error>>,
}

/// The queue and the task behind it.
pub(crate) struct Ingest {
    queue: Mutex<Option<mpsc::Sender<Submission>>>,
    batcher: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Ingest {
    pub(crate) fn start(config: Config, store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(config.queue);
        let batcher = tokio::spawn(batch(config, store, receiver));
        Self { queue: Mutex::new(Some(sender)), batcher: tokio::sync::Mutex::new(Some(batcher)) }
    }

    pub(crate) async fn submit(&self, device: i64, samples: Vec<Sample>) -> Result<(), Error> {
        if samples.is_empty() {
            return Ok(());
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or_else(stopping)?;
        let (answer, answered) = oneshot::channel();
        queue.send(Submission { device, samples, answer }).await.map_err(|_| stopping())?;
        drop(queue);
        answered.await.map_err(|_| stopping())?
    }

    pub(crate) async fn shutdown(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(batcher) = self.batcher.lock().await.take()
            && let Err(error) = batcher.await
        {
            tracing::error!(%error, "ingest ended badly");
        }
    }
}

fn stopping() -> Error {
    Error::new(Kind::Unavailable, "the server is stopping").retry_after(Duration::from_secs(1))
}

/// Ends when every sender is gone and everything taken is written.
async fn batch(config: Config, store: Store, mut queue: mpsc::Receiver<Submission>) {
    let writers = Arc::new(Semaphore::new(config.writers));
    while let Some(first) = queue.recv().await {
        let submissions = gather(config, first, &mut queue).await;
        // Waits while all writers are busy: then the queue fills, and its senders wait.
        let Ok(permit) = writers.clone().acquire_owned().await else { return };
        let store = store.clone();
        tokio::spawn(async move {
            write(&store, submissions).await;
            drop(permit);
        });
    }
    // All permits back: all writes done.
    let _ = writers.acquire_many(u32::try_from(config.writers).unwrap_or(u32::MAX)).await;
}

async fn gather(config: Config, first: Submission, queue: &mut mpsc::Receiver<Submission>) -> Vec<Submission> {
    let deadline = Instant::now() + config.batch_delay;
    let mut count = first.samples.len();
    let mut submissions = vec![first];
    while count < config.batch_samples {
        let Ok(Some(next)) = tokio::time::timeout_at(deadline, queue.recv()).await else { break };
        count += next.samples.len();
        submissions.push(next);
    }
    submissions
}

async fn write(store: &Store, submissions: Vec<Submission>) {
    let all = submissions.iter().flat_map(rows).collect();
    match write_rows(store, all).await {
        Ok(()) => {
            for submission in submissions {
                let _ = submission.answer.send(Ok(()));
            }
        }
        // The store is away: it is away for everybody.
        Err(error) if error.is_passing() => {
            let error = Error::from(error);
            for submission in submissions {
                let _ = submission.answer.send(Err(error.clone()));
            }
        }
        // Something in the batch can't be written. One by one, only its own device is told so.
        Err(error) => {
            tracing::warn!(%error, submissions = submissions.len(), "batch refused, writing one by one");
            for submission in submissions {
                let written = write_rows(store, rows(&submission).collect()).await;
                let _ = submission.answer.send(written.map_err(Error::from));
            }
        }
    }
}

fn rows(submission: &Submission) -> impl Iterator<Item = NewSample> + '_ {
    submission.samples.iter().map(|sample| NewSample { device: submission.device, sample: sample.clone() })
}

async fn write_rows(store: &Store, rows: Vec<NewSample>) -> Result<(), StoreError> {
    let total = rows.len();
    let stored = store.run("write_samples", move |conn| samples::write(conn, &rows, Utc::now())).await?;
    metrics::counter!("homepot_samples_stored_total").increment(stored as u64);
    metrics::counter!("homepot_samples_repeated_total").increment(total.saturating_sub(stored) as u64);
    metrics::histogram!("homepot_ingest_batch_samples").record(total as f64);
    Ok(())
}
