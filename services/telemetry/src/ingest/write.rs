//! A batch into the store: tried again for as long as Postgres is away, taken apart where it refuses a sample.

use std::{ops::Range, sync::Arc, time::Duration};

use homepot::{
    Error,
    model::{DeviceSource, Sample, SampleFault},
};
use homepot_runtime::{
    Drain,
    backoff::Backoff,
    trace::{self, Said, Whose},
};
use homepot_store::{
    Meaning, Store, Trouble, devices,
    samples::{self, Expected, NewSample},
};

use tracing::{Instrument as _, Span, field::Empty};

use super::{batch::Batch, stopping};

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(2);
/// How often one sample must fail, alone, before it is set aside.
const PROOF: u32 = 2;

/// Writes the batches of one lane.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) expected: Expected,
    /// What all devices of the lane are.
    pub(super) source: DeviceSource,
    /// Ends the waiting for Postgres.
    pub(super) stop: Drain,
}

/// Why a stretch of a batch is not stored.
enum Failure {
    /// Nothing can be stored just now.
    Away,
    /// It took too long. Half of it may not.
    Slow,
    /// Something in it can't be stored, and this is what the error blames.
    Refused(Blame),
}

/// The reason why a sample is not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The sample: what it holds, or whose it is.
    Sample,
    /// Something of ours: the sample is good, and must not be lost.
    Ours,
}

/// What became of the samples that are not stored, by their places in order.
#[derive(Default)]
struct SetAside {
    refused: Vec<(usize, SampleFault)>,
    stuck: Vec<usize>,
}

impl Writer {
    /// The lane's name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self.expected {
            Expected::New => "new",
            Expected::Repeats => "repeats",
        }
    }

    /// Stores the batch and answers its callers, in the end.
    pub(super) async fn write(&self, batch: Batch) {
        let (samples, callers) = batch.close();
        let source = self.source.as_str();
        metrics::histogram!("homepot_ingest_batch_samples", "lane" => self.name(), "source" => source)
            .record(samples.len() as f64);
        let trace = trace_of(samples.len(), self.name(), source);
        match self.store_all(&samples).instrument(trace).await {
            Ok(SetAside { refused, stuck }) => callers.settle(&refused, &stuck),
            Err(error) => callers.fail(&error),
        }
    }

    /// Stores all of it but what is set aside, however long that takes; an error only when the server stops.
    async fn store_all(&self, samples: &Arc<Vec<NewSample>>) -> Result<SetAside, Error> {
        let mut aside = SetAside::default();
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        let mut failed = 0;
        // The last is the next: stretches come in order.
        let mut left = Vec::new();
        left.push(0..samples.len());
        while let Some(places) = left.pop() {
            match self.store_some(samples, places.clone()).await {
                Ok(()) => {
                    backoff.reset();
                    failed = 0;
                }
                Err(Failure::Refused(blame)) if places.len() == 1 => {
                    failed += 1;
                    if failed < PROOF {
                        left.push(places);
                        self.pause(&mut backoff).await?;
                        continue;
                    }
                    failed = 0;
                    match blame {
                        Blame::Sample => aside.refused.push((places.start, fault())),
                        Blame::Ours => aside.stuck.push(places.start),
                    }
                }
                Err(Failure::Refused(_)) => halve(&mut left, &places),
                Err(failure @ (Failure::Away | Failure::Slow)) => {
                    failed = 0;
                    match failure {
                        Failure::Slow if places.len() > 1 => halve(&mut left, &places),
                        _ => left.push(places),
                    }
                    metrics::counter!("homepot_ingest_retries_total").increment(1);
                    self.pause(&mut backoff).await?;
                }
            }
        }
        metrics::counter!("homepot_samples_refused_total", "field" => FIELD, "source" => self.source.as_str())
            .increment(aside.refused.len() as u64);
        Ok(aside)
    }

    /// Waits before the next attempt; an error when the server stops meanwhile.
    async fn pause(&self, backoff: &mut Backoff) -> Result<(), Error> {
        tokio::select! {
            () = backoff.pause() => Ok(()),
            () = self.stop.wait() => Err(stopping()),
        }
    }

    async fn store_some(&self, samples: &Arc<Vec<NewSample>>, places: Range<usize>) -> Result<(), Failure> {
        let (of_job, expected, range) = (samples.clone(), self.expected, places.clone());
        let now = self.store.now();
        let write = move |conn: &mut _| samples::write(conn, &of_job[range], now, expected);
        let error = match self.store.run("write_samples", write).await {
            Ok(stored) => {
                let repeated = places.len().saturating_sub(stored);
                let source = self.source.as_str();
                metrics::counter!("homepot_samples_stored_total", "source" => source).increment(stored as u64);
                metrics::counter!("homepot_samples_repeated_total", "source" => source).increment(repeated as u64);
                return Ok(());
            }
            Err(error) => error,
        };
        let blame = match error.meaning() {
            Meaning::Retry | Meaning::Reconnect => {
                tracing::debug!(%error, samples = places.len(), "batch put off");
                let slow = error.trouble() == Some(Trouble::Cancelled);
                return Err(if slow { Failure::Slow } else { Failure::Away });
            }
            Meaning::Value | Meaning::Rule => Blame::Sample,
            Meaning::Ours => Blame::Ours,
        };
        // Whatever is in the way, it is found by halves. Only the last one has to be told from a database that takes nothing
        // at all. A rule between rows speaks of this row alone.
        if let ([lone], false) = (&samples[places.clone()], error.meaning() == Meaning::Rule)
            && !self.takes_others(lone).await
        {
            tracing::error!(%error, "the database takes no samples");
            return Err(Failure::Away);
        }
        match (places.len(), blame) {
            (1, Blame::Sample) => {
                let device_id = self.device_id(&samples[places.start]).await;
                tracing::warn!(%error, device_id, "the database refuses a sample");
            }
            (1, Blame::Ours) => {
                let device_id = self.device_id(&samples[places.start]).await;
                tracing::error!(%error, device_id, "a sample can't be stored");
            }
            (count, _) => tracing::debug!(%error, samples = count, "batch refused, taking it apart"),
        }
        Err(Failure::Refused(blame))
    }

    /// Whose a sample is, for a log line.
    async fn device_id(&self, sample: &NewSample) -> Option<String> {
        let pk = sample.device;
        self.store.run("find_device_id", move |conn| devices::id_of(conn, pk)).await.ok().flatten()
    }

    /// Whether a sample of the same device, day and size in which nothing was measured would be stored. It is not.
    async fn takes_others(&self, lone: &NewSample) -> bool {
        let mut sample = Sample::empty(lone.sample.collected_at);
        sample.extra = lone.sample.extra.as_ref().map(|extra| {
            let size = extra.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
            [("probe".to_owned(), "x".repeat(size).into())].into_iter().collect()
        });
        let nothing = NewSample { device: lone.device, sample };
        let now = self.store.now();
        let probe = move |conn: &mut _| samples::probe(conn, &nothing, now);
        self.store.run("probe_samples", probe).await.is_ok()
    }
}

/// The span of a batch, in a trace of its own: it has samples of many devices.
fn trace_of(samples: usize, lane: &'static str, source: &'static str) -> Span {
    let Some(origin) = trace::decide(Whose::Device, Said::Nothing) else { return Span::none() };
    origin.of(tracing::info_span!(
        target: trace::ROOT,
        parent: None,
        "flush",
        otel.name = "flush samples",
        otel.status_code = Empty,
        samples,
        lane,
        source,
    ))
}

fn halve(left: &mut Vec<Range<usize>>, places: &Range<usize>) {
    let middle = usize::midpoint(places.start, places.end);
    left.push(middle..places.end);
    left.push(places.start..middle);
}

/// The database does not say which field it minds.
const FIELD: &str = "sample";

fn fault() -> SampleFault {
    SampleFault {
        field: FIELD.to_owned(),
        reason: "the database refuses it; the server's log has the cause".to_owned(),
    }
}
