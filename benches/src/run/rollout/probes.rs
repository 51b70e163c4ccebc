//! Devices that take no part in the rollout, and show what it does to others: some answer PINGs, others send samples.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    fleet::{Agents, Device, Habits, Load, Mill, Operator, Pace, What, attach_all, drive, seed},
    host::{Psql, Server},
};

const PINGED: usize = 50;
const MEASURING: usize = 100;
/// PINGs a second.
const PINGS: f64 = 20.0;
/// Samples a second.
const SAMPLES: f64 = 100.0;
/// Samples are sent for so long before somebody asks whether it is enough.
const ROUND: Duration = Duration::from_secs(1);

/// See the [module](self).
pub(super) struct Probes {
    agents: Agents,
    devices: Vec<Device>,
    operator: Operator,
    ids: Vec<String>,
}

/// How long things took, sorted.
#[derive(Default)]
pub(super) struct Seen {
    /// From the call that queues a PING until its device has it.
    pub(super) in_hand: Vec<Duration>,
    /// From when a sample was due until it was acknowledged.
    pub(super) acknowledged: Vec<Duration>,
}

impl Probes {
    pub(super) async fn attach(server: &Server, psql: &Psql) -> anyhow::Result<Self> {
        let keys = seed(psql, PINGED + MEASURING).await?;
        let (pinged, measuring) = keys.split_at(PINGED);
        Ok(Self {
            agents: Agents::attach(&server.grpc, pinged, Habits { tickets: true }).await?,
            devices: attach_all(&server.grpc, measuring).await?,
            operator: Operator::connect(&server.grpc, &server.admin_token()?).await?,
            ids: pinged.iter().map(|key| key.device_id.clone()).collect(),
        })
    }

    /// Sends PINGs and samples until `is_over` says so, which is asked once a second.
    pub(super) async fn run(
        self,
        mut is_over: impl AsyncFnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<(Self, Seen)> {
        let Self { mut agents, devices, operator, ids } = self;
        let (over, ended) = tokio::sync::watch::channel(false);
        let samples = tokio::spawn(measure(devices, ended.clone()));
        let mut ticks = interval(Duration::from_secs_f64(1.0 / PINGS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut asked = Box::pin(async {
            while !is_over().await? {
                sleep(ROUND).await;
            }
            anyhow::Ok(())
        });
        let (mut calls, mut turn, mut is_done) = (JoinSet::new(), 0, false);
        let (mut queued, mut in_hand) = (HashMap::new(), HashMap::new());
        while !(is_done && calls.is_empty() && in_hand.len() >= queued.len()) {
            tokio::select! {
                ended = &mut asked, if !is_done => {
                    ended?;
                    is_done = true;
                }
                _ = ticks.tick(), if !is_done => {
                    let (operator, id) = (operator.clone(), ids[turn % ids.len()].clone());
                    turn += 1;
                    calls.spawn(async move {
                        let at = Instant::now();
                        anyhow::Ok((operator.queue(id).await?, at))
                    });
                }
                Some(done) = calls.join_next() => {
                    let (id, at) = done??;
                    queued.insert(id, at);
                }
                news = agents.next() => {
                    let news = news?;
                    match news.what {
                        What::Command(id) => drop(in_hand.entry(id).or_insert(news.at)),
                        What::Detached => anyhow::bail!("the server ended a stream"),
                        What::Finished(_) | What::Attached | What::Wronged(_) => {}
                    }
                }
            }
        }
        let _ = over.send(true);
        let (devices, acknowledged) = samples.await??;
        let took = |(id, at): (&String, &Instant)| {
            Some(queued.get(id).map(|sent: &Instant| at.saturating_duration_since(*sent))?)
        };
        let mut in_hand: Vec<_> = in_hand.iter().filter_map(took).collect();
        in_hand.sort_unstable();
        drop(asked);
        Ok((Self { agents, devices, operator, ids }, Seen { in_hand, acknowledged }))
    }
}

async fn measure(
    mut devices: Vec<Device>,
    ended: tokio::sync::watch::Receiver<bool>,
) -> anyhow::Result<(Vec<Device>, Vec<Duration>)> {
    let load = Load {
        mill: Arc::new(Mill::new(1)),
        pace: Pace::Scheduled { rate: SAMPLES },
        span: ROUND,
        comes_back: false,
        progress: Arc::default(),
    };
    let mut acknowledged = Vec::new();
    while !*ended.borrow() {
        let (back, outcome) = drive(devices, &load).await?;
        devices = back;
        acknowledged.extend(outcome.latencies);
    }
    acknowledged.sort_unstable();
    Ok((devices, acknowledged))
}
