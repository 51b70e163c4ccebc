//! How long it takes until a device has a command in hand: from the call that queues it to the message on its stream.
//!
//! Commands are queued one by one, by the clock, for devices picked at random among many that do nothing else. What is
//! handed over is committed twice before: as queued, and as sent. The ceiling is Mosquitto, which brings a publication of
//! QoS 1 to one of as many subscribers, and commits nothing.

mod mosquitto;

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
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    fleet::{Agents, DeviceKey, Habits, Operator, What, mix, seed},
    host::{Broker, Psql, Server, Workshop},
    report::{Bar, Report, Row, millis, percentile, step, watch},
};

/// How long the last commands may take.
const LAST: Duration = Duration::from_secs(60);
/// Not counted: connections are made and the operator's token is checked.
const WARM_UP: Duration = Duration::from_secs(1);
const COMMITS: usize = 200;

/// How to load.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own; as many subscribers at Mosquitto.
    #[arg(long, default_value_t = 10_000)]
    pub devices: usize,
    /// Commands a second.
    #[arg(long, default_value_t = 50.0)]
    pub rate: f64,
    /// Seconds of load.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Leave the ceiling out.
    #[arg(long)]
    pub without_mosquitto: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 10_000, rate: 50.0, seconds: 60, without_mosquitto: false }
    }
}

impl Args {
    /// When each command is due, beginning with those that warm up; `true`: it counts.
    fn schedule(&self, start: Instant) -> impl Iterator<Item = (u64, Instant, bool)> + use<> {
        let (rate, seconds) = (self.rate, self.seconds as f64);
        let (warm, count) = (WARM_UP.as_secs_f64() * rate, ((WARM_UP.as_secs_f64() + seconds) * rate) as u64);
        (0..count)
            .map(move |number| (number, start + Duration::from_secs_f64(number as f64 / rate), number as f64 >= warm))
    }
}

/// What was measured.
struct Seen {
    /// Until the device had it.
    in_hand: Vec<Duration>,
    /// Until the operator was answered.
    answered: Vec<Duration>,
    /// Until the operator could know that the outcome is durable.
    finished: Vec<Duration>,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    if !args.without_mosquitto {
        Broker::check_installed()?;
    }
    step(&format!("command-latency: {} devices, {} commands a second", args.devices, args.rate));
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let keys = seed(&psql, args.devices).await?;
    let agents = Agents::attach(&server.grpc, &keys, Habits { tickets: true }).await?;
    let operator = Operator::connect(&server.grpc, &server.admin_token()?).await?;
    let progress = Arc::<AtomicU64>::default();
    let work = queue_all(args, &keys, agents, &operator, &psql, &progress);
    let seen = watch("command-latency", &progress, |_| (), work).await.with_context(|| server.tail())?;
    let commit = commit_time(&psql).await?;
    server.stop().await?;

    let ceiling = if args.without_mosquitto { None } else { Some(mosquitto::measure(args, workshop).await?) };
    let told = ceiling.as_ref().map(|ceiling| ceiling.describe());
    let row = |name: &str, share: f64| {
        let row = Row::new(format!("command in hand, {name}"), millis(percentile(&seen.in_hand, share)), "ms");
        match &ceiling {
            Some(ceiling) => row.ceiling(millis(percentile(&ceiling.latencies, share)), "Mosquitto, QoS 1"),
            None => row,
        }
    };
    let rows = vec![
        // Two commits would take two; what else is done has half of one more, and a millisecond.
        row("p50", 0.5).bar(Bar::AtMost(2.5 * millis(commit) + 1.0)),
        row("p99", 0.99).bar(Bar::AtMost(25.0)),
        row("p99.9", 0.999),
        row("longest", 1.0),
        Row::new("command in hand, a commit of one row", millis(commit), "ms"),
    ];
    let details = json!({
        "devices": args.devices, "commands_per_second": args.rate, "commands": seen.in_hand.len(),
        "in_hand_ms": spread(&seen.in_hand), "queue_answered_ms": spread(&seen.answered),
        "outcome_durable_ms": spread(&seen.finished), "commit_p50_ms": millis(commit), "mosquitto": told,
        "all_succeeded_once": true,
    });
    report.add("command-latency", rows, details)
}

/// Queues by the clock, and waits until every command has ended.
async fn queue_all(
    args: &Args,
    keys: &[DeviceKey],
    mut agents: Agents,
    operator: &Operator,
    psql: &Psql,
    progress: &AtomicU64,
) -> anyhow::Result<Seen> {
    let mut calls = JoinSet::new();
    let (mut sent, mut in_hand, mut finished) = (HashMap::new(), HashMap::new(), HashMap::new());
    let (mut due, mut queued) = (args.schedule(Instant::now()).peekable(), 0);
    let mut deadline = None;
    while due.peek().is_some() || finished.len() < queued || !calls.is_empty() {
        let next = due.peek().copied();
        if next.is_none() && deadline.is_none() {
            deadline = Some(Instant::now() + LAST);
        }
        tokio::select! {
            () = sleep_until(next.map_or_else(Instant::now, |(_, at, _)| at)), if next.is_some() => {
                let Some((number, _, counts)) = due.next() else { continue };
                let device_id = keys[(mix(number) % keys.len() as u64) as usize].device_id.clone();
                let operator = operator.clone();
                queued += 1;
                calls.spawn(async move {
                    let sent = Instant::now();
                    let id = operator.queue(device_id).await?;
                    anyhow::Ok((id, sent, sent.elapsed(), counts))
                });
            }
            Some(done) = calls.join_next() => {
                let (id, at, answered, counts) = done??;
                sent.insert(id, (at, answered, counts));
            }
            news = agents.next() => {
                let news = news?;
                match news.what {
                    What::Command(id) => drop(in_hand.entry(id).or_insert(news.at)),
                    What::Finished(id) => {
                        anyhow::ensure!(finished.insert(id, news.at).is_none(), "a command ended twice");
                        progress.fetch_add(1, Ordering::Relaxed);
                    }
                    What::Detached => anyhow::bail!("the server ended a stream"),
                    What::Attached | What::Wronged(_) => {}
                }
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                anyhow::bail!("{} of {queued} commands do not end", queued - finished.len());
            }
        }
    }
    check_ledger(psql, queued).await?;
    let mut seen = Seen { in_hand: Vec::new(), answered: Vec::new(), finished: Vec::new() };
    for (id, (at, answered, counts)) in sent {
        let until = |times: &HashMap<String, Instant>| times.get(&id).map(|then| then.saturating_duration_since(at));
        let (arrived, ended) = until(&in_hand).zip(until(&finished)).context("a command went another way")?;
        if counts {
            seen.in_hand.push(arrived);
            seen.answered.push(answered);
            seen.finished.push(ended);
        }
    }
    for times in [&mut seen.in_hand, &mut seen.answered, &mut seen.finished] {
        times.sort_unstable();
    }
    Ok(seen)
}

/// As many commands are in the ledger as were queued; each succeeded, and was handed over once.
pub(super) async fn check_ledger(psql: &Psql, queued: usize) -> anyhow::Result<()> {
    let once = "count(*) FILTER (WHERE state = 'succeeded' AND deliveries = 1)";
    let found = psql.run(&format!("SELECT count(*) || ' ' || {once} FROM ledger")).await?;
    anyhow::ensure!(found == format!("{queued} {queued}"), "{queued} were queued; all and good ones: {found}");
    Ok(())
}

/// What one commit takes here at least: a row, alone, through psql.
async fn commit_time(psql: &Psql) -> anyhow::Result<Duration> {
    psql.run("CREATE TABLE commits (at timestamptz NOT NULL)").await?;
    let statements = vec!["INSERT INTO commits VALUES (now())".to_owned(); COMMITS];
    let mut times = timeout(LAST, psql.timings(&statements)).await.context("Postgres does not commit")??;
    times.sort_unstable();
    Ok(percentile(&times, 0.5))
}

/// The usual percentiles, in milliseconds.
pub(super) fn spread(sorted: &[Duration]) -> Value {
    let at = |share| millis(percentile(sorted, share));
    json!({"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99.9": at(0.999), "max": at(1.0)})
}
