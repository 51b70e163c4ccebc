//! Two replicas on one Postgres, and one of them dies: how long until its devices are at the other, and have what was
//! queued for them there meanwhile.
//!
//! A device has one address, so a forwarder of bytes stands in front of both, as a load balancer would; it sends new
//! connections to a replica that lives. Devices come back by the agent's rules. The ceiling is the same with two servers
//! that do nothing but hold a stream: what is left then is the devices' own waiting.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{bare::BareServer, command_latency::spread};
use crate::{
    fleet::{Agents, DeviceKey, Habits, Operator, What, seed},
    host::{Balancer, Cluster, Prefers, Server, Workshop},
    report::{Bar, Report, Row, step, watch},
};

/// For everything after the death.
const PATIENCE: Duration = Duration::from_secs(300);
/// Calls that queue at the same time.
const QUEUEING: usize = 64;

/// How many devices, and where they are.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 1_000)]
    pub devices: usize,
    /// Spread the devices evenly over both replicas. Otherwise all are at the one that dies.
    #[arg(long)]
    pub spread: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 1_000, spread: false }
    }
}

impl Args {
    fn prefers(&self) -> Prefers {
        if self.spread { Prefers::EachInTurn } else { Prefers::First }
    }
}

/// What happened to the devices after the death, sorted, from then on.
struct Seen {
    /// Each that lost its stream was attached again.
    attached: Vec<Duration>,
    /// Each had its command in hand.
    in_hand: Vec<Duration>,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    step(&format!("failover: {} devices, two replicas", args.devices));
    let cluster = Cluster::start(workshop).await?;
    let url = cluster.url();
    let settings = [("HOMEPOT_DATABASE_URL", url.as_str())];
    let (dies, stays) = (Server::start(workshop, &settings).await?, Server::start(workshop, &settings).await?);
    let keys = seed(&cluster.psql()?, args.devices).await?;
    let balancer = Balancer::start(vec![dies.grpc.clone(), stays.grpc.clone()], args.prefers()).await?;
    let mut agents = Agents::attach(&balancer.address, &keys, Habits { tickets: true }).await?;
    let operator = Operator::connect(&stays.grpc, &dies.admin_token()?).await?;
    // The token is checked once, slowly, before anything is measured.
    let warm = operator.clone().queue(keys[0].device_id.clone()).await?;
    while !matches!(agents.next().await?.what, What::Finished(id) if id == warm) {}

    let attached = agents.attached();
    let work = async {
        let death = Instant::now();
        dies.kill().await?;
        let (queued, seen) = tokio::join!(queue_each(&operator, &keys), until_served(&mut agents, args.devices, death));
        let (seen, delivered) = seen?;
        let mut missing = queued?.into_iter().filter(|(id, device)| delivered.get(id) != Some(device));
        anyhow::ensure!(missing.next().is_none(), "a command reached another device than its own");
        anyhow::Ok(seen)
    };
    let seen = timeout(PATIENCE, watch("failover, attached", &attached, |_| (), work)).await;
    let seen = seen.context("not every device has its command").flatten().with_context(|| stays.tail())?;
    drop((agents, balancer));
    stays.stop().await?;

    let bare = bare(args, workshop, &keys).await?;
    let last = |times: &[Duration]| times.last().copied().unwrap_or_default().as_secs_f64();
    let rows = vec![
        Row::new("failover, all attached again", last(&seen.attached), "s")
            .ceiling(last(&bare), "bare streams")
            .bar(Bar::AtMost(15.0)),
        Row::new("failover, all have their command", last(&seen.in_hand), "s").bar(Bar::AtMost(15.0)),
    ];
    let details = json!({
        "devices": args.devices, "at_both": args.spread, "lost_their_stream": seen.attached.len(),
        "attached_ms": spread(&seen.attached), "command_in_hand_ms": spread(&seen.in_hand), "bare_ms": spread(&bare),
    });
    report.add("failover", rows, details)
}

/// Queues a command for each device; answers whose each is.
async fn queue_each(operator: &Operator, keys: &[DeviceKey]) -> anyhow::Result<HashMap<String, usize>> {
    let (mut calls, mut waiting, mut queued) = (JoinSet::new(), keys.iter().enumerate(), HashMap::new());
    loop {
        while calls.len() < QUEUEING
            && let Some((device, key)) = waiting.next()
        {
            let (operator, device_id) = (operator.clone(), key.device_id.clone());
            calls.spawn(async move { anyhow::Ok((operator.queue(device_id).await?, device)) });
        }
        let Some(call) = calls.join_next().await else { return Ok(queued) };
        queued.extend([call??]);
    }
}

/// Waits until every device has a command in hand, which no device has from the dead; with which had which.
async fn until_served(
    agents: &mut Agents,
    devices: usize,
    death: Instant,
) -> anyhow::Result<(Seen, HashMap<String, usize>)> {
    let mut seen = Seen { attached: Vec::new(), in_hand: Vec::new() };
    let mut delivered = HashMap::new();
    let mut away = HashSet::new();
    while seen.in_hand.len() < devices {
        let news = agents.next().await?;
        let after = news.at.saturating_duration_since(death);
        match news.what {
            What::Detached => drop(away.insert(news.device)),
            What::Attached if away.remove(&news.device) => seen.attached.push(after),
            // It may be handed over once more when its device comes back.
            What::Command(id) if delivered.insert(id.clone(), news.device).is_none() => seen.in_hand.push(after),
            _ => {}
        }
    }
    seen.attached.sort_unstable();
    seen.in_hand.sort_unstable();
    Ok((seen, delivered))
}

/// The same devices and the same death, at servers that do nothing.
async fn bare(args: &Args, workshop: &Workshop, keys: &[DeviceKey]) -> anyhow::Result<Vec<Duration>> {
    step("failover: two bare servers");
    let dies = BareServer::start(workshop, "small", "127.0.0.1:0").await?;
    let stays = BareServer::start(workshop, "small", "127.0.0.1:0").await?;
    let balancer = Balancer::start(vec![dies.address.clone(), stays.address.clone()], args.prefers()).await?;
    let mut agents = Agents::attach(&balancer.address, keys, Habits { tickets: true }).await?;
    let lost = if args.spread { args.devices.div_ceil(2) } else { args.devices };
    let death = Instant::now();
    dies.kill().await?;
    until_attached(&mut agents, lost, death).await
}

/// Waits until so many devices have lost their stream and are attached again; tells when each was, sorted.
pub(super) async fn until_attached(
    agents: &mut Agents,
    devices: usize,
    start: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut attached = HashMap::with_capacity(devices);
    while attached.len() < devices {
        let news = agents.next().await?;
        match news.what {
            What::Attached => drop(attached.insert(news.device, news.at.saturating_duration_since(start))),
            // One that came back too early, and once more.
            What::Detached => drop(attached.remove(&news.device)),
            _ => {}
        }
    }
    let mut attached: Vec<_> = attached.into_values().collect();
    attached.sort_unstable();
    Ok(attached)
}
