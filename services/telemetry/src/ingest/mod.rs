//! Many devices' samples in one write: a batch ends by size or by time, and goes on growing while all writers are busy.
//!
//! A submission waits in three places, all bounded: for its share of the memory set aside for samples, in its lane, and
//! in a batch that is being written. While Postgres is away the batches stay where they are and are tried again, so that
//! callers wait, their sessions read nothing more, and HTTP/2 makes the devices keep what they measured.

mod batch;
mod write;

use std::{sync::Arc, time::Duration};

use homepot::{
    Error, Kind,
    model::{DeviceSource, Sample, SampleFault, Weigh},
};
use homepot_runtime::Drain;
use homepot_store::{Store, samples::Expected};
use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use self::{batch::Batch, write::Writer};

/// How samples are gathered.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Samples that end a batch.
    pub batch_samples: usize,
    /// Time after its first sample at which a batch is written, if a writer is free.
    pub batch_delay: Duration,
    /// Writes under way at once; two keep two cores busy.
    pub writers: usize,
    /// Samples held in memory before the next caller has to wait.
    pub budget: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { batch_samples: 10_000, batch_delay: Duration::from_millis(5), writers: 2, budget: 200_000 }
    }
}

/// The result of a submission: the samples that the database refused, by their index.
pub(crate) type Outcome = Result<Vec<(usize, SampleFault)>, Error>;

/// One caller's samples, and where it waits for the commit.
struct Submission {
    device: i64,
    samples: Vec<Sample>,
    answer: oneshot::Sender<Outcome>,
    /// Given back with the answer.
    share: OwnedSemaphorePermit,
}

/// Repeats go apart from what is new: one repeat would spoil the fast way for a whole batch. What is simulated goes apart
/// from what is real, so that a batch counts for one of them.
struct Lanes {
    real: Pair,
    simulated: Pair,
}

/// The lanes of a source.
struct Pair {
    new: mpsc::Sender<Submission>,
    repeats: mpsc::Sender<Submission>,
}

/// The lanes and the tasks behind them.
pub(crate) struct Ingest {
    lanes: Mutex<Option<Lanes>>,
    budget: Arc<Semaphore>,
    /// The most that one submission counts for, so that none is too large to ever get its share.
    most: u32,
    stop: Drain,
    tasks: tokio::sync::Mutex<Vec<JoinHandle<()>>>,
}

/// Submissions that wait in a lane, beside the bound on their samples.
const LANE: usize = 1_024;
/// Bytes of extras, whose size the device chooses, that count as much as a sample does.
const EXTRA: usize = 512;

impl Ingest {
    pub(crate) fn start(config: Config, store: &Store) -> Self {
        let writers = Arc::new(Semaphore::new(config.writers));
        let stop = Drain::new();
        let mut tasks = Vec::new();
        let mut lane = |expected, source| {
            let (sender, receiver) = mpsc::channel(LANE);
            let writer = Writer { store: store.clone(), expected, source, stop: stop.clone() };
            tasks.push(tokio::spawn(gather(config, receiver, writers.clone(), writer)));
            sender
        };
        let mut pair = |source| Pair { new: lane(Expected::New, source), repeats: lane(Expected::Repeats, source) };
        let lanes = Lanes { real: pair(DeviceSource::Real), simulated: pair(DeviceSource::Simulated) };
        Self {
            lanes: Mutex::new(Some(lanes)),
            budget: Arc::new(Semaphore::new(config.budget)),
            most: u32::try_from(config.budget).unwrap_or(u32::MAX),
            stop,
            tasks: tokio::sync::Mutex::new(tasks),
        }
    }

    pub(crate) async fn submit(
        &self,
        device: i64,
        source: DeviceSource,
        samples: Vec<Sample>,
        expected: Expected,
    ) -> Outcome {
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        let weight = u32::try_from(samples.iter().map(weight).sum::<usize>()).unwrap_or(u32::MAX).min(self.most);
        let share = self.budget.clone().acquire_many_owned(weight).await.map_err(|_| stopping())?;
        let lane = self.lane(source, expected).ok_or_else(stopping)?;
        let (answer, answered) = oneshot::channel();
        lane.send(Submission { device, samples, answer, share }).await.map_err(|_| stopping())?;
        // Or the lane would never end.
        drop(lane);
        answered.await.map_err(|_| stopping())?
    }

    fn lane(&self, source: DeviceSource, expected: Expected) -> Option<mpsc::Sender<Submission>> {
        let lanes = self.lanes.lock();
        let pair = lanes.as_ref().map(|lanes| match source {
            DeviceSource::Real => &lanes.real,
            DeviceSource::Simulated => &lanes.simulated,
        });
        pair.map(|pair| match expected {
            Expected::New => pair.new.clone(),
            Expected::Repeats => pair.repeats.clone(),
        })
    }

    /// Takes nothing more; what was taken is written, or answered as unavailable where the database is away.
    pub(crate) async fn shutdown(&self) {
        self.budget.close();
        self.lanes.lock().take();
        self.stop.start();
        for task in self.tasks.lock().await.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "ingest ended badly");
            }
        }
    }
}

fn stopping() -> Error {
    Error::new(Kind::Unavailable, "the server is stopping").retry_after(Duration::from_secs(1))
}

fn weight(sample: &Sample) -> usize {
    1 + sample.extra.weight() / EXTRA
}

/// Makes batches of a lane until every sender is gone and everything taken is dealt with.
async fn gather(config: Config, mut lane: mpsc::Receiver<Submission>, writers: Arc<Semaphore>, writer: Writer) {
    while let Some(first) = lane.recv().await {
        metrics::gauge!("homepot_ingest_waiting_submissions", "lane" => writer.name(), "source" => writer.source.as_str()).set(lane.len() as f64);
        let mut batch = Batch::of(first);
        let due = sleep_until(Instant::now() + config.batch_delay);
        let free = writers.clone().acquire_owned();
        tokio::pin!(due, free);
        let mut open = true;
        let mut is_due = false;
        let permit = loop {
            if !open || batch.len() >= config.batch_samples {
                break free.await;
            }
            tokio::select! {
                // What waits goes along before anything else is looked at.
                biased;
                next = lane.recv() => match next {
                    Some(submission) => batch.push(submission),
                    None => open = false,
                },
                () = &mut due, if !is_due => is_due = true,
                permit = &mut free, if is_due => break permit,
            }
        };
        let Ok(permit) = permit else { return };
        let writer = writer.clone();
        tokio::spawn(async move {
            writer.write(batch).await;
            drop(permit);
        });
    }
    // All permits back: all writes are done.
    let _ = writers.acquire_many(u32::try_from(config.writers).unwrap_or(u32::MAX)).await;
}

#[cfg(test)]
mod tests;
