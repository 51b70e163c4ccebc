//! The same at Mosquitto: one publisher by the same clock, and as many subscribers, each to a topic of its own.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until},
};

use super::{Args, LAST, spread};
use crate::{
    fleet::mix,
    host::{Broker, Workshop},
    mqtt::{Connection, Packet},
    report::{step, watch},
};

/// As often as HOMEPOT's devices give a sign of life.
const PING: Duration = Duration::from_secs(10);
/// In seconds; the broker waits half as long again.
const KEEP_ALIVE: u16 = 15;
/// About as long as a command on its way to a device.
const PAYLOAD: usize = 100;
/// Subscribers that connect at the same time.
const CONNECTING: usize = 64;

/// What was measured.
pub(super) struct Ceiling {
    /// From publishing to reading, sorted.
    pub(super) latencies: Vec<Duration>,
    subscribers: usize,
    version: String,
}

impl Ceiling {
    pub(super) fn describe(&self) -> Value {
        json!({"ms": spread(&self.latencies), "subscribers": self.subscribers, "version": self.version})
    }
}

/// A publication, by its number, at the subscriber's.
type Arrived = (u64, Instant);

pub(super) async fn measure(args: &Args, workshop: &Workshop) -> anyhow::Result<Ceiling> {
    let broker = Broker::start(workshop).await?;
    step(&format!("command-latency: {} with {} subscribers", broker.version, args.devices));
    let (told, mut arrived) = mpsc::unbounded_channel();
    let mut subscribers = subscribe_all(&broker.address, args.devices, &told).await?;
    let mut publisher = Connection::open(&broker.address, "publisher", 0).await?;
    let progress = Arc::<AtomicU64>::default();
    let work = async {
        tokio::select! {
            done = publish_all(args, &mut publisher, &mut arrived, &progress) => done,
            ended = subscribers.join_next() => match ended {
                Some(Ok(Err(error))) => Err(error.context("a subscriber ended")),
                _ => anyhow::bail!("a subscriber ended"),
            },
        }
    };
    let latencies = watch("mosquitto", &progress, |_| (), work).await?;
    drop(subscribers);
    let version = broker.version.clone();
    broker.stop().await?;
    Ok(Ceiling { latencies, subscribers: args.devices, version })
}

fn topic(device: usize) -> String {
    format!("bench/{device:05}")
}

async fn subscribe_all(
    address: &str,
    count: usize,
    told: &mpsc::UnboundedSender<Arrived>,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let turns = Arc::new(Semaphore::new(CONNECTING));
    let mut connecting = JoinSet::new();
    for device in 0..count {
        let (address, turns) = (address.to_owned(), turns.clone());
        connecting.spawn(async move {
            let _turn = turns.acquire().await?;
            let mut connection = Connection::open(&address, &format!("bench-{device:05}"), KEEP_ALIVE).await?;
            connection.subscribe(&topic(device)).await?;
            anyhow::Ok(connection)
        });
    }
    let mut listening = JoinSet::new();
    while let Some(connection) = connecting.join_next().await {
        // The first are kept alive while the last are still on their way.
        listening.spawn(listen(connection??, told.clone()));
    }
    Ok(listening)
}

async fn listen(mut connection: Connection, told: mpsc::UnboundedSender<Arrived>) -> anyhow::Result<()> {
    let mut ping = interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            packet = connection.next() => if let Packet::Publish { packet_id, payload } = packet? {
                let at = Instant::now();
                let number = payload.first_chunk().context("a publication without its number")?;
                told.send((u64::from_be_bytes(*number), at))?;
                connection.acknowledge(packet_id).await?;
            },
            _ = ping.tick() => connection.ping().await?,
        }
    }
}

async fn publish_all(
    args: &Args,
    publisher: &mut Connection,
    arrived: &mut mpsc::UnboundedReceiver<Arrived>,
    progress: &AtomicU64,
) -> anyhow::Result<Vec<Duration>> {
    let mut due = args.schedule(Instant::now()).peekable();
    let (mut under_way, mut latencies) = (HashMap::new(), Vec::new());
    let mut deadline = None;
    while due.peek().is_some() || !under_way.is_empty() {
        let next = due.peek().copied();
        if next.is_none() && deadline.is_none() {
            deadline = Some(Instant::now() + LAST);
        }
        tokio::select! {
            () = sleep_until(next.map_or_else(Instant::now, |(_, at, _)| at)), if next.is_some() => {
                let Some((number, _, counts)) = due.next() else { continue };
                let mut payload = [0; PAYLOAD];
                payload[..8].copy_from_slice(&number.to_be_bytes());
                let device = (mix(number) % args.devices as u64) as usize;
                under_way.insert(number, (Instant::now(), counts));
                // Never zero; what it was before is acknowledged long since.
                publisher.publish(&topic(device), (number % 65_535) as u16 + 1, &payload).await?;
            }
            packet = publisher.next() => drop(packet?),
            news = arrived.recv() => {
                let (number, at) = news.context("the subscribers are gone")?;
                let (sent, counts) = under_way.remove(&number).context("a publication came twice")?;
                progress.fetch_add(1, Ordering::Relaxed);
                if counts {
                    latencies.push(at.saturating_duration_since(sent));
                }
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                anyhow::bail!("{} publications do not arrive", under_way.len());
            }
        }
    }
    latencies.sort_unstable();
    Ok(latencies)
}
