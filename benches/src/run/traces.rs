//! What traces cost: the same load on servers that trace nothing, what they trace unless told otherwise, and everything.
//!
//! All of them run at once, each on a Postgres of its own, and only one is loaded at a time, in turn and in another order each
//! round. So a machine that changes its mind spoils the figures of all alike; the ratio of two is taken round by round, and the
//! median of these is told.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::command_rate;
use crate::{
    fleet::{Agents, Device, DeviceKey, Habits, Load, Mill, Operator, Pace, attach_all, drive, seed},
    host::{Collector, Cpu, Psql, Server, Setting, Workshop},
    report::{Report, Row, step},
};

const WARM_UP: Duration = Duration::from_secs(2);

/// How to load.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices that send samples, and as many that take commands, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 200)]
    pub devices: usize,
    /// Samples in a message. Each message is a trace, if it is traced.
    #[arg(long, default_value_t = 10)]
    pub batch: usize,
    /// Commands under way at a time.
    #[arg(long, default_value_t = 400)]
    pub in_flight: usize,
    /// Rounds, in each of which every server has both loads.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of each load in a round.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Directory with the programs of another build, such as one that knew no traces, to compare with.
    #[arg(long, value_name = "DIR")]
    pub before: Option<PathBuf>,
}

/// What a server is loaded with.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Samples,
    Commands,
}

const KINDS: [(Kind, &str); 2] = [(Kind::Samples, "samples"), (Kind::Commands, "commands")];

/// A server under test, with those that load it.
struct Subject {
    name: &'static str,
    collector: Option<Collector>,
    server: Server,
    psql: Psql,
    /// `None`: only while they are at work.
    devices: Option<Vec<Device>>,
    agents: Agents,
    keys: Vec<DeviceKey>,
    operators: Vec<Operator>,
    /// Core-seconds of the server for a million, and how many a second, by kind and round.
    measured: [Vec<(f64, f64)>; 2],
    queued: usize,
    acknowledged: u64,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    step(&format!("traces: {} devices, {} rounds", args.devices, args.rounds));
    // Each has its own, because spans are sent up to a second after they were made.
    let (usual, all) = (Collector::start().await?, Collector::start().await?);
    let endpoint = |collector: &Collector| ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone());
    let everything =
        [endpoint(&all), ("OTEL_TRACES_SAMPLER_ARG", "1".to_owned()), ("HOMEPOT_TRACE_DEVICE_SHARE", "1".to_owned())];
    let mut subjects = vec![
        Subject::start("off", workshop, &[], None, args).await?,
        Subject::start("usual shares", workshop, &[endpoint(&usual)], Some(usual), args).await?,
        Subject::start("everything", workshop, &everything, Some(all), args).await?,
    ];
    if let Some(before) = &args.before {
        let workshop = workshop.with_programs_of(before);
        subjects.push(Subject::start("the other build", &workshop, &[], None, args).await?);
    }
    // The first is for caches and connections, and does not count.
    for round in 0..=args.rounds {
        let span = if round == 0 { WARM_UP } else { Duration::from_secs(args.seconds) };
        for turn in 0..subjects.len() {
            let place = (turn + round) % subjects.len();
            let subject = &mut subjects[place];
            for (kind, _) in KINDS {
                let measured = subject.measure(kind, args, span).await.with_context(|| subject.server.tail())?;
                if round > 0 {
                    subject.measured[kind as usize].push(measured);
                }
            }
        }
    }
    let (rows, details) = describe(&subjects, args);
    for subject in subjects {
        subject.end().await?;
    }
    report.add("traces", rows, details)
}

impl Subject {
    async fn start(
        name: &'static str,
        workshop: &Workshop,
        settings: &[(&'static str, String)],
        collector: Option<Collector>,
        args: &Args,
    ) -> anyhow::Result<Self> {
        // Whoever waits for its turn is silent for longer than it may be otherwise.
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<Setting<'_>> = settings.chain([("HOMEPOT_HEARTBEAT_INTERVAL", "10m")]).collect();
        let server = Server::start(workshop, &settings).await?;
        let psql = server.psql()?;
        let mut senders = seed(&psql, 2 * args.devices).await?;
        let keys = senders.split_off(args.devices);
        let devices = Some(attach_all(&server.grpc, &senders).await?);
        let agents = Agents::attach(&server.grpc, &keys, Habits { tickets: true }).await?;
        let operators = vec![Operator::connect(&server.grpc, &server.admin_token()?).await?];
        let (measured, queued, acknowledged) = Default::default();
        Ok(Self { name, collector, server, psql, devices, agents, keys, operators, measured, queued, acknowledged })
    }

    /// Core-seconds of the server for a million, and how many a second.
    async fn measure(&mut self, kind: Kind, args: &Args, span: Duration) -> anyhow::Result<(f64, f64)> {
        let (pid, postmaster) = (self.server.pid()?, self.psql.postmaster());
        let before = Cpu::read(pid, postmaster)?;
        let (count, took) = match kind {
            Kind::Samples => self.send(args, span).await?,
            Kind::Commands => self.queue(args, span).await?,
        };
        let [server, ..] = Cpu::read(pid, postmaster)?.since(&before).per_million(count);
        Ok((server, count as f64 / took.as_secs_f64()))
    }

    async fn send(&mut self, args: &Args, span: Duration) -> anyhow::Result<(u64, Duration)> {
        let load = Load {
            mill: Arc::new(Mill::new(args.batch)),
            pace: Pace::Saturating { in_flight: 2 },
            span,
            comes_back: false,
            progress: Arc::default(),
        };
        let (devices, outcome) = drive(self.devices.take().context("the devices failed before")?, &load).await?;
        self.devices = Some(devices);
        self.acknowledged += outcome.acknowledged;
        Ok((outcome.acknowledged, outcome.took))
    }

    async fn queue(&mut self, args: &Args, span: Duration) -> anyhow::Result<(u64, Duration)> {
        let progress = AtomicU64::default();
        let (operators, keys) = (self.operators.as_slice(), self.keys.as_slice());
        let load = command_rate::Load { in_flight: args.in_flight, keys, operators, progress: &progress };
        let outcome = load.drive(&mut self.agents, span).await?;
        self.queued += outcome.queued.len();
        Ok((outcome.queued.len() as u64, outcome.took))
    }

    /// Every sample is stored, and every command ended well.
    async fn end(self) -> anyhow::Result<()> {
        super::ingest::check_stored(&self.psql, self.acknowledged).await?;
        super::command_latency::check_ledger(&self.psql, self.queued).await?;
        drop((self.devices, self.agents));
        self.server.stop().await
    }
}

fn describe(subjects: &[Subject], args: &Args) -> (Vec<Row>, Value) {
    let off = &subjects[0];
    let (mut rows, mut details) = (Vec::new(), Vec::new());
    for (kind, what) in KINDS {
        for subject in subjects {
            let rounds = subject.measured[kind as usize].iter().zip(&off.measured[kind as usize]);
            let ratios: Vec<_> = rounds.clone().map(|(one, off)| [one.0 / off.0, one.1 / off.1]).collect();
            let least = median(off.measured[kind as usize].iter().map(|(cost, _)| *cost));
            let ratio = |of: usize| median(ratios.iter().map(move |ratio| ratio[of]));
            rows.push(match subject.name {
                "off" => Row::new(format!("{what}, traces off, server"), least, "core-s per million"),
                name => {
                    let name = format!("{what}, {name}, server");
                    Row::new(name, ratio(0) * least, "core-s per million").ceiling(least, "off")
                }
            });
            details.push(json!({
                "load": what, "traces": subject.name, "cost_ratio": ratio(0), "rate_ratio": ratio(1),
                "cost_ratios": ratios.iter().map(|ratio| ratio[0]).collect::<Vec<_>>(),
                "core_seconds_per_million": rounds.clone().map(|(one, _)| one.0).collect::<Vec<_>>(),
                "per_second": rounds.map(|(one, _)| one.1).collect::<Vec<_>>(),
            }));
        }
    }
    let spans_of = |subject: &Subject| subject.collector.as_ref().map_or(0, Collector::spans);
    let spans: Vec<_> = subjects.iter().map(|one| json!({"traces": one.name, "spans": spans_of(one)})).collect();
    let details = json!({
        "devices": args.devices, "batch": args.batch, "in_flight": args.in_flight, "seconds": args.seconds,
        "measured": details, "spans": spans, "acknowledged_equals_stored": true, "all_succeeded_once": true,
    });
    (rows, details)
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 9.0]).to_bits(), 3.0_f64.to_bits());
        assert_eq!(median([4.0, 1.0, 9.0, 2.0]).to_bits(), 3.0_f64.to_bits());
    }
}
