//! Commands a second on the full way: queued, handed over, acknowledged, started, finished, each step durable.
//!
//! So many commands are under way at a time; when the outcome of one is acknowledged the next is queued, so the figure is
//! of commands that have gone all the way. The ceiling is the same work on rows by Postgres alone.

mod ceiling;
mod history;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::command_latency::{check_ledger, spread};
use crate::{
    fleet::{Agents, DeviceKey, Habits, Operator, What, seed},
    host::{Cpu, Psql, Server, Workshop},
    report::{Bar, Report, Row, step, watch},
    tenths::Tenths,
};

/// How long the last commands may take.
const LAST: Duration = Duration::from_secs(60);
const WARM_UP: Duration = Duration::from_secs(2);

/// How to load.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 1_000)]
    pub devices: usize,
    /// Connections through which commands are queued.
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    /// Commands under way at a time: queued, and their outcome not acknowledged.
    #[arg(long, default_value_t = 2_000)]
    pub in_flight: usize,
    /// Seconds of load.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Commands that ended before the run and are still in the ledger.
    #[arg(long, default_value_t = 0)]
    pub ended: usize,
    /// Commands that the ceiling moves.
    #[arg(long, default_value_t = 50_000)]
    pub ceiling_commands: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 1_000, connections: 4, in_flight: 2_000, seconds: 30, ended: 0, ceiling_commands: 50_000 }
    }
}

/// What a stretch of load did.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) queued: HashSet<String>,
    pub(super) took: Duration,
    /// Until the operator was answered.
    answered: Vec<Duration>,
    /// Until the device had it.
    in_hand: Vec<Duration>,
    /// Until the device could forget it.
    finished: Vec<Duration>,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    step(&format!("command-rate: {} devices, {} commands under way", args.devices, args.in_flight));
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let keys = seed(&psql, args.devices).await?;
    history::fill(&psql, args.ended).await?;
    let mut agents = Agents::attach(&server.grpc, &keys, Habits { tickets: true }).await?;
    let mut operators = Vec::new();
    for _ in 0..args.connections.max(1) {
        operators.push(Operator::connect(&server.grpc, &server.admin_token()?).await?);
    }
    let progress = Arc::<AtomicU64>::default();
    let load = Load { in_flight: args.in_flight, keys: &keys, operators: &operators, progress: &progress };
    let (pid, postmaster) = (server.pid()?, psql.postmaster());
    // The first is for caches and connections, and does not count.
    let warm = load.drive(&mut agents, WARM_UP).await.with_context(|| server.tail())?;
    let before = Cpu::read(pid, postmaster)?;
    let span = Duration::from_secs(args.seconds);
    let work = Tenths::of(span, &progress, load.drive(&mut agents, span));
    let (outcome, tenths) = watch("command-rate", &progress, |_| (), work).await;
    let outcome = outcome.with_context(|| server.tail())?;
    let cores = Cpu::read(pid, postmaster)?.since(&before);
    check_ledger(&psql, args.ended + warm.queued.len() + outcome.queued.len()).await?;
    let updates = Updates::read(&psql).await?;
    drop(agents);

    let count = outcome.queued.len();
    let bare = ceiling::measure(&psql, args.devices, args.ceiling_commands).await?;
    server.stop().await?;
    let rate = count as f64 / outcome.took.as_secs_f64();
    let cost = cores.per_million(count as u64);
    let mut rows = vec![
        Row::new("commands finished", rate, "commands/s").ceiling(bare, "Postgres alone").bar(Bar::AtLeast(3_000.0)),
        Row::new("commands finished, of the ceiling", rate / bare, "").bar(Bar::AtLeast(0.45)),
        Row::new("commands, server", cost[0], "core-s per million"),
        Row::new("commands, Postgres", cost[1], "core-s per million"),
        Row::new("commands, load generator", cost[2], "core-s per million"),
    ];
    rows.extend(tenths.rows("commands finished"));
    rows.push(Row::new("commands finished, updates in place", updates.hot / updates.all.max(1.0), "of all"));
    let details = json!({
        "tenths": tenths.describe(), "ended_before": args.ended, "updates": updates.all, "updates_in_place": updates.hot,
        "devices": args.devices, "connections": args.connections, "in_flight": args.in_flight, "commands": count,
        "seconds": outcome.took.as_secs_f64(), "queue_answered_ms": spread(&outcome.answered),
        "in_hand_ms": spread(&outcome.in_hand), "finished_ms": spread(&outcome.finished),
        "cores": {"server": cores.server, "postgres": cores.postgres, "load": cores.load},
        "postgres_alone_per_second": bare, "all_succeeded_once": true,
    });
    report.add("command-rate", rows, details)
}

/// Updates of the ledger's rows so far, by Postgres' own count.
struct Updates {
    all: f64,
    /// Those that left the indexes alone: the new version of the row lies on the page of the old one.
    hot: f64,
}

impl Updates {
    async fn read(psql: &Psql) -> anyhow::Result<Self> {
        // A session tells its figures once a second, and all of them when it ends.
        let of = |column: &str| {
            format!("SELECT coalesce(sum({column}), 0) FROM pg_stat_user_tables WHERE relname ~ '^commands(_|$)'")
        };
        Ok(Self { all: psql.number(&of("n_tup_upd")).await?, hot: psql.number(&of("n_tup_hot_upd")).await? })
    }
}

/// Who queues how many commands for whom.
pub(super) struct Load<'a> {
    pub(super) in_flight: usize,
    pub(super) keys: &'a [DeviceKey],
    pub(super) operators: &'a [Operator],
    /// Commands that have ended so far.
    pub(super) progress: &'a AtomicU64,
}

impl Load<'_> {
    /// Keeps so many commands under way for `span`, and waits for the last of them.
    pub(super) async fn drive(&self, agents: &mut Agents, span: Duration) -> anyhow::Result<Outcome> {
        let (start, mut outcome) = (Instant::now(), Outcome::default());
        let (mut calls, mut asked, mut done) = (JoinSet::new(), 0, 0);
        let (mut sent, mut in_hand, mut finished) = (HashMap::new(), HashMap::new(), HashMap::new());
        loop {
            while asked - done < self.in_flight && start.elapsed() < span {
                let operator = self.operators[asked % self.operators.len()].clone();
                let device_id = self.keys[asked % self.keys.len()].device_id.clone();
                asked += 1;
                calls.spawn(async move {
                    let sent = Instant::now();
                    let id = operator.queue(device_id).await?;
                    anyhow::Ok((id, sent, sent.elapsed()))
                });
            }
            if done == asked && calls.is_empty() {
                break;
            }
            tokio::select! {
                Some(called) = calls.join_next() => {
                    let (id, at, answered) = called??;
                    outcome.answered.push(answered);
                    anyhow::ensure!(sent.insert(id, at).is_none(), "two commands have one id");
                }
                news = agents.next() => {
                    let news = news?;
                    match news.what {
                        What::Command(id) => {
                            anyhow::ensure!(in_hand.insert(id, news.at).is_none(), "a command was handed over twice");
                        }
                        What::Finished(id) => {
                            anyhow::ensure!(finished.insert(id, news.at).is_none(), "a command ended twice");
                            done += 1;
                            self.progress.fetch_add(1, Ordering::Relaxed);
                        }
                        What::Detached => anyhow::bail!("the server ended a stream"),
                        What::Attached | What::Wronged(_) => {}
                    }
                }
                () = sleep_until(start + span + LAST) => {
                    anyhow::bail!("{} of {asked} commands do not end", asked - done);
                }
            }
        }
        outcome.took = start.elapsed();
        for (id, at) in sent {
            let until =
                |times: &HashMap<String, Instant>| times.get(&id).map(|then| then.saturating_duration_since(at));
            let (arrived, ended) = until(&in_hand).zip(until(&finished)).context("a command went another way")?;
            outcome.in_hand.push(arrived);
            outcome.finished.push(ended);
            outcome.queued.insert(id);
        }
        for times in [&mut outcome.answered, &mut outcome.in_hand, &mut outcome.finished] {
            times.sort_unstable();
        }
        Ok(outcome)
    }
}
