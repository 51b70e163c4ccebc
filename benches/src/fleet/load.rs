//! Devices at work together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Device, Mill,
    device::{Acknowledged, WINDOW},
};

/// How long the last acknowledgements may take.
const LAST: Duration = Duration::from_secs(300);

/// When a device sends.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As soon as fewer messages than this are unacknowledged.
    Saturating {
        /// Messages.
        in_flight: usize,
    },
    /// At fixed times, whatever becomes of the messages before: so a slow answer can't hide the wait of the next.
    Scheduled {
        /// Samples a second of all devices.
        rate: f64,
    },
}

/// What devices do.
#[derive(Clone, Debug)]
pub struct Load {
    /// Makes the messages.
    pub mill: Arc<Mill>,
    /// When they are sent.
    pub pace: Pace,
    /// For how long.
    pub span: Duration,
    /// Whether a device comes back after its stream ended, or that is a failure.
    pub comes_back: bool,
    /// Acknowledged samples so far, for whoever watches.
    pub progress: Arc<AtomicU64>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Samples that were acknowledged, which are all that were sent.
    pub acknowledged: u64,
    /// From the first message to the last acknowledgement.
    pub took: Duration,
    /// From when each message was due to its acknowledgement, sorted.
    pub latencies: Vec<Duration>,
    /// Times a device came back.
    pub returns: u64,
}

impl Outcome {
    /// Acknowledged samples a second.
    pub fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.took.as_secs_f64()
    }
}

/// Has all devices work at once, and waits until everything they sent is acknowledged.
pub async fn drive(devices: Vec<Device>, load: &Load) -> anyhow::Result<(Vec<Device>, Outcome)> {
    let (count, start) = (devices.len(), Instant::now());
    let mut working = JoinSet::new();
    for (index, device) in devices.into_iter().enumerate() {
        let load = load.clone();
        // Spread out, as devices that know nothing of each other are.
        let phase = index as f64 / count as f64;
        working.spawn(async move {
            let mut worker = Worker { device, outcome: Outcome::default(), load };
            worker.work(start, phase, count).await?;
            anyhow::Ok((worker.device, worker.outcome))
        });
    }
    let (mut devices, mut total) = (Vec::with_capacity(count), Outcome::default());
    while let Some(done) = working.join_next().await {
        let (device, outcome) = done??;
        devices.push(device);
        total.acknowledged += outcome.acknowledged;
        total.returns += outcome.returns;
        total.took = total.took.max(outcome.took);
        total.latencies.extend(outcome.latencies);
    }
    total.latencies.sort_unstable();
    Ok((devices, total))
}

struct Worker {
    device: Device,
    load: Load,
    outcome: Outcome,
}

impl Worker {
    async fn work(&mut self, start: Instant, phase: f64, devices: usize) -> anyhow::Result<()> {
        let end = start + self.load.span;
        match self.load.pace {
            Pace::Saturating { in_flight } => self.saturate(end, in_flight).await?,
            Pace::Scheduled { rate } => {
                let interval = self.load.mill.per_message() as f64 * devices as f64 / rate;
                let first = start + Duration::from_secs_f64(interval * phase);
                self.keep_schedule(first, end, Duration::from_secs_f64(interval)).await?;
            }
        }
        while self.device.unacknowledged() > 0 {
            timeout(LAST, self.hear()).await.context("the last acknowledgements do not come")??;
        }
        self.outcome.took = start.elapsed();
        Ok(())
    }

    async fn saturate(&mut self, end: Instant, in_flight: usize) -> anyhow::Result<()> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            while self.device.unacknowledged() < in_flight {
                self.device.send(&self.load.mill, now);
            }
            self.hear().await?;
        }
    }

    async fn keep_schedule(&mut self, first: Instant, end: Instant, interval: Duration) -> anyhow::Result<()> {
        let mut due = first;
        while due < end {
            // The protocol's own limit of unacknowledged samples; a message that waits for it is late all the same.
            let may_send = self.device.unacknowledged() < (10_000 / self.load.mill.per_message()).clamp(1, WINDOW);
            tokio::select! {
                heard = self.device.acknowledged() => self.note(heard?).await?,
                () = sleep_until(due), if may_send => {
                    self.device.send(&self.load.mill, due);
                    due += interval;
                }
            }
        }
        Ok(())
    }

    async fn hear(&mut self) -> anyhow::Result<()> {
        let heard = self.device.acknowledged().await?;
        self.note(heard).await
    }

    /// Counts an acknowledgement; without one the stream has ended.
    async fn note(&mut self, heard: Option<Acknowledged>) -> anyhow::Result<()> {
        match heard {
            Some(acknowledged) => {
                self.outcome.acknowledged += acknowledged.samples;
                self.outcome.latencies.push(acknowledged.latency);
                self.load.progress.fetch_add(acknowledged.samples, Ordering::Relaxed);
            }
            None => {
                anyhow::ensure!(self.load.comes_back, "the server ended a stream");
                self.outcome.returns += 1;
                self.device.come_back().await;
            }
        }
        Ok(())
    }
}
