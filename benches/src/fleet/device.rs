//! One device: its stream, and what it sent that is not acknowledged yet.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use homepot::pb::device::v1::{
    AttachRequest, AttachResponse, Hello, SamplesAck, attach_request::Message as Up, attach_response::Message as Down,
};
use prost::Message as _;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::Streaming;

use super::{DeviceKey, Mill, samples::resent_mark, wire};

/// Devices that connect at the same time.
pub(super) const CONNECTING: usize = 64;
const PATIENCE: Duration = Duration::from_secs(60);
const COME_BACK_AFTER: Duration = Duration::from_millis(500);
/// Messages that fit the way up; more than what any load leaves unacknowledged.
pub(super) const WINDOW: usize = 1_024;

/// A message that is not acknowledged.
#[derive(Debug)]
struct Pending {
    last_seq: u64,
    due: Instant,
    bytes: Bytes,
}

/// An attached device.
#[derive(Debug)]
pub struct Device {
    number: u64,
    key: DeviceKey,
    address: String,
    up: mpsc::Sender<Bytes>,
    down: Streaming<AttachResponse>,
    pending: VecDeque<Pending>,
    next_seq: u64,
    /// When the newest sample was measured, in microseconds since 1970.
    newest: i64,
}

/// What an acknowledgement was for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledged {
    pub(super) samples: u64,
    /// Since the message was due.
    pub(super) latency: Duration,
}

/// Attaches a device for each key, each on a connection of its own.
pub async fn attach_all(address: &str, keys: &[DeviceKey]) -> anyhow::Result<Vec<Device>> {
    let turns = Arc::new(Semaphore::new(CONNECTING));
    let mut attaching = JoinSet::new();
    for (number, key) in (0..).zip(keys.iter().cloned()) {
        let (address, turns) = (address.to_owned(), turns.clone());
        attaching.spawn(async move {
            let _turn = turns.acquire().await?;
            Device::attach(address, number, key).await
        });
    }
    let mut devices = Vec::with_capacity(keys.len());
    while let Some(device) = attaching.join_next().await {
        devices.push(device??);
    }
    devices.sort_by_key(|device| device.number);
    Ok(devices)
}

impl Device {
    async fn attach(address: String, number: u64, key: DeviceKey) -> anyhow::Result<Self> {
        let (up, down) = Self::open(&address, &key).await?;
        let newest = chrono::Utc::now().timestamp_micros();
        Ok(Self { number, key, address, up, down, pending: VecDeque::new(), next_seq: 1, newest })
    }

    /// Opens the stream, says Hello, hears Welcome.
    async fn open(address: &str, key: &DeviceKey) -> anyhow::Result<(mpsc::Sender<Bytes>, Streaming<AttachResponse>)> {
        let attach = async {
            let (up, mut down) = wire::open(address, key, WINDOW).await?;
            up.send(hello(key)).await?;
            let answer = down.message().await?.and_then(|answer| answer.message);
            anyhow::ensure!(matches!(answer, Some(Down::Welcome(_))), "no Welcome but {answer:?}");
            anyhow::Ok((up, down))
        };
        timeout(PATIENCE, attach).await.context("no Welcome in time")?
    }

    /// Messages that are not acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.pending.len()
    }

    /// Sends the samples measured since the last message; `due` is when that should have happened.
    pub(super) fn send(&mut self, mill: &Mill, due: Instant) {
        let count = mill.per_message() as u64;
        // A microsecond is a sample's identity, so there have to be as many of them.
        let now = chrono::Utc::now().timestamp_micros().max(self.newest + count.cast_signed());
        let bytes = mill.grind(self.number, self.next_seq, self.newest, now);
        self.newest = now;
        self.next_seq += count;
        self.pending.push_back(Pending { last_seq: self.next_seq - 1, due, bytes: bytes.clone() });
        // Full only when the stream has ended, which the next read tells.
        let _ = self.up.try_send(bytes);
    }

    /// Waits for the next acknowledgement. `None`: the stream ended; see [`Self::come_back`].
    pub(super) async fn acknowledged(&mut self) -> anyhow::Result<Option<Acknowledged>> {
        loop {
            let Ok(Some(message)) = self.down.message().await else { return Ok(None) };
            match message.message {
                Some(Down::SamplesAck(ack)) => return self.settle(&ack).map(Some),
                Some(Down::Refusal(refusal)) => bail!("the server refused a message: {refusal:?}"),
                Some(Down::Goodbye(_)) => return Ok(None),
                _ => {}
            }
        }
    }

    /// Holds the stream until it ends.
    pub async fn ended(&mut self) {
        while let Ok(Some(_)) = self.acknowledged().await {}
    }

    fn settle(&mut self, ack: &SamplesAck) -> anyhow::Result<Acknowledged> {
        anyhow::ensure!(ack.refused.is_empty(), "the server refused good samples: {:?}", ack.refused.first());
        let pending = self.pending.pop_front().context("an acknowledgement of nothing")?;
        anyhow::ensure!(ack.seq == pending.last_seq, "acknowledged {} where {} was sent", ack.seq, pending.last_seq);
        let samples = ack.seq + 1 - ack.first_seq;
        Ok(Acknowledged { samples, latency: Instant::now().saturating_duration_since(pending.due) })
    }

    /// Attaches again and sends again what is not acknowledged, until that succeeds.
    pub(super) async fn come_back(&mut self) {
        let mark = resent_mark();
        loop {
            sleep(COME_BACK_AFTER).await;
            let Ok((up, down)) = Self::open(&self.address, &self.key).await else { continue };
            (self.up, self.down) = (up, down);
            for pending in &self.pending {
                let _ = self.up.try_send([pending.bytes.as_ref(), &mark].concat().into());
            }
            return;
        }
    }
}

/// Hello, encoded.
pub(super) fn hello(key: &DeviceKey) -> Bytes {
    let hello = Hello {
        protocol_min: 1,
        protocol_max: 1,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        boot_id: "bench".to_owned(),
        capabilities: ["PING", "RESTART_APP", "REBOOT"].map(str::to_owned).to_vec(),
        // A device has one journal for as long as the benchmark runs.
        journal_id: key.device_id.clone(),
        ..Hello::default()
    };
    AttachRequest { message: Some(Up::Hello(hello)) }.encode_to_vec().into()
}
