//! Sends finished spans to a collector by OTLP. Nothing waits for it: what a collector does not take is dropped and counted.

use std::{fmt, time::Duration};

use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    trace::{SdkTracerProvider, SpanData, SpanExporter as _},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tonic::transport::Channel;

use crate::{Drain, drain::within};

/// Spans of one message.
const BATCH: usize = 512;
/// How long spans wait for others to go with.
const GATHER: Duration = Duration::from_secs(1);
/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last spans may take when the process ends.
const FLUSH: Duration = Duration::from_secs(1);

/// The way to a collector.
pub struct Collector {
    /// Makes the connection, which opens with its first use.
    pub connect: Box<dyn Fn() -> Result<Channel, String> + Send + Sync>,
    /// Changes when another connection has to take the place of the one before.
    pub changes: Option<watch::Receiver<()>>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

/// Finished spans that nobody sends yet.
#[derive(Debug)]
pub struct Exporter {
    pub(super) spans: mpsc::Receiver<SpanData>,
    pub(super) resource: Resource,
    /// Kept, because spans are made for as long as it lives.
    pub(super) provider: SdkTracerProvider,
}

impl Exporter {
    /// Starts to send them. To be called on a runtime.
    pub fn send_to(self, collector: Collector) -> Sending {
        let drain = Drain::new();
        let Self { spans, resource, provider } = self;
        let sender = Sender { collector, resource, exporter: None, is_away: false };
        let task = tokio::spawn(run(spans, sender, drain.clone()));
        Sending { drain, task, _provider: provider }
    }
}

/// The task that sends spans.
#[derive(Debug)]
pub struct Sending {
    drain: Drain,
    task: JoinHandle<()>,
    _provider: SdkTracerProvider,
}

impl Sending {
    /// Sends what waits, and ends.
    pub async fn finish(mut self) {
        self.drain.start();
        let task = &mut self.task;
        within(FLUSH, "sending spans of traces", async move { drop(task.await) }).await;
        self.task.abort();
    }
}

async fn run(mut spans: mpsc::Receiver<SpanData>, mut sender: Sender, drain: Drain) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            () = drain.wait() => break,
            more = gather(&mut spans, &mut batch) => if !more { break },
        }
        sender.send(std::mem::take(&mut batch)).await;
    }
    // What ends from here on is not sent, so that this ends.
    spans.close();
    loop {
        let room = BATCH - batch.len();
        if room > 0 {
            spans.recv_many(&mut batch, room).await;
        }
        if batch.is_empty() {
            return;
        }
        sender.send(std::mem::take(&mut batch)).await;
    }
}

/// Gathers a batch; `false` when there are no more.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) -> bool {
    if batch.is_empty() && spans.recv_many(batch, BATCH).await == 0 {
        return false;
    }
    let ends = Instant::now() + GATHER;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        match timeout_at(ends, spans.recv_many(batch, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    true
}

struct Sender {
    collector: Collector,
    resource: Resource,
    exporter: Option<SpanExporter>,
    /// Whether the collector was out of reach at last.
    is_away: bool,
}

impl Sender {
    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        match self.try_send(batch).await {
            Ok(()) => {
                metrics::counter!("homepot_trace_spans_sent_total").increment(count);
                if std::mem::take(&mut self.is_away) {
                    tracing::info!("the collector takes spans of traces again");
                }
            }
            Err(error) => {
                dropped("not_sent", count);
                if !std::mem::replace(&mut self.is_away, true) {
                    tracing::warn!(error, "the collector takes no spans of traces; until it does, they are dropped");
                }
            }
        }
    }

    async fn try_send(&mut self, batch: Vec<SpanData>) -> Result<(), String> {
        let replaced = self.collector.changes.as_mut().is_some_and(|changes| changes.has_changed().unwrap_or(false));
        if replaced && let Some(changes) = &mut self.collector.changes {
            changes.mark_unchanged();
            self.exporter = None;
        }
        let exporter = match &self.exporter {
            Some(exporter) => exporter,
            None => self.exporter.insert(self.connect()?),
        };
        match timeout(PATIENCE, exporter.export(batch)).await {
            Ok(answer) => answer.map_err(|error| told(&error)),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }

    fn connect(&self) -> Result<SpanExporter, String> {
        let builder = SpanExporter::builder()
            .with_tonic()
            .with_channel((self.collector.connect)()?)
            .with_timeout(PATIENCE)
            // The next batch tries anew.
            .with_retry_policy(RetryPolicy::disabled());
        let mut exporter = builder.build().map_err(|error| error.to_string())?;
        exporter.set_resource(&self.resource);
        Ok(exporter)
    }
}

/// What a failure says, cut to a line: part of it is what the collector wrote.
fn told(error: &OTelSdkError) -> String {
    error.to_string().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}

/// Counts spans that nobody will see.
pub(super) fn dropped(reason: &'static str, count: u64) {
    metrics::counter!("homepot_trace_spans_dropped_total", "reason" => reason).increment(count);
}
