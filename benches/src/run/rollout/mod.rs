//! A release for a fleet of simulated devices: how long it takes, and what commands and samples notice of it.
//!
//! Each device of `homepot-sim` fetches the same file, over a connection of its own, and goes through all states. Beside them a few
//! devices answer PINGs, and others send samples, before the rollout and while it runs. A second release is aborted when a part of
//! the fleet has it. A trigger in the benchmark's own database writes down when each device came to each state; so the
//! time until a device has heard of a release includes its answer, and that this is durable.

mod ceiling;
mod person;
mod probes;

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::{person::Person, probes::Probes};
use super::simulation::{Fleet, NAME};
use crate::{
    fleet::seed_fleet,
    host::{Cpu, Psql, Server, Workshop, memory, raise_file_limit_to},
    http::Connection,
    report::{Bar, Report, Row, millis, percentile, step},
};

const MIB: f64 = 1024.0 * 1024.0;
/// Open files beside the devices' connections.
const OTHER_FILES: u64 = 256;
/// A rollout that takes longer has come to a halt.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// How many devices, and how they are told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Simulated devices, each with a stream of its own.
    #[arg(long, default_value_t = 10_000)]
    pub devices: u32,
    /// Sites for the devices.
    #[arg(long, default_value_t = 100)]
    pub sites: u32,
    /// Size of the release's one file, in KiB.
    #[arg(long, default_value_t = 1_024)]
    pub kib: usize,
    /// Devices under way at the same time.
    #[arg(long, default_value_t = 500)]
    pub in_flight: u32,
    /// Seconds of PINGs and samples before the rollout, to compare with.
    #[arg(long, default_value_t = 30)]
    pub calm_seconds: u64,
    /// Leave out the bare server and the rollout that is aborted.
    #[arg(long)]
    pub short: bool,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    raise_file_limit_to(u64::from(args.devices + args.in_flight) + OTHER_FILES)?;
    step(&format!("rollout: {} devices, a file of {} KiB", args.devices, args.kib));
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    psql.run(WRITTEN_DOWN).await?;
    let person = Person::new(workshop, &server)?;
    let keys = seed_fleet(&psql, NAME, args.devices, args.sites).await?;
    let fleet = Fleet::start_for_releases(workshop, &server, &keys, args.sites)?;
    until(&psql, "what all devices have", REPORTED, i64::from(args.devices)).await.with_context(|| server.tail())?;
    // At once before they are at work: who says nothing for long is sent away.
    let probes = Probes::attach(&server, &psql).await?;
    let calm_until = Instant::now() + Duration::from_secs(args.calm_seconds);
    let (probes, calm) = probes.run(async || Ok(Instant::now() >= calm_until)).await?;
    let release = person.publish(args.kib * 1024).await?;
    let (before, cpu) = (memory(server.pid()?)?.rss, Cpu::read(server.pid()?, psql.postmaster())?);
    let began = Instant::now();
    person.start(&release, args.in_flight, args.in_flight.div_ceil(args.sites)).await?;
    let mut most = before;
    let (probes, busy) = probes
        .run(async || {
            most = most.max(memory(server.pid()?)?.rss);
            anyhow::ensure!(began.elapsed() < PATIENCE, "the rollout does not end");
            Ok(!psql.run(STATE).await?.starts_with("running"))
        })
        .await
        .with_context(|| server.tail())?;
    let cores = Cpu::read(server.pid()?, psql.postmaster())?.since(&cpu);
    anyhow::ensure!(psql.run(STATE).await? == format!("completed {}", args.devices), "the rollout did not complete");
    let took = psql.number(TOOK).await?;
    let heard = Spread::read(&psql, HEARD).await?;
    let steps = steps(&server.ops).await?;

    let late = if args.short { None } else { Some(abort(args, &server, &psql, &person).await?) };
    drop((probes, fleet));
    server.stop().await?;
    let ceiling = if args.short { None } else { Some(ceiling::measure(workshop, args).await?) };

    let rate = f64::from(args.devices) * args.kib as f64 / 1024.0 / took;
    let rate = Row::new("rollout, files", rate, "MiB/s");
    let ms = |times: &[Duration], share| millis(percentile(times, share));
    let mut rows = vec![
        Row::new("rollout, all devices", took, "s").bar(Bar::AtMost(300.0)),
        match ceiling {
            Some(ceiling) => rate.ceiling(ceiling, "bare server"),
            None => rate,
        },
        Row::new("rollout, server", (most.saturating_sub(before)) as f64 / MIB, "MiB more").bar(Bar::AtMost(64.0)),
        Row::new("rollout, desired to device p50", heard.p50, "ms"),
        Row::new("rollout, desired to device p99", heard.p99, "ms").bar(Bar::AtMost(1_000.0)),
        Row::new("rollout, command in hand p50 meanwhile", ms(&busy.in_hand, 0.5), "ms")
            .ceiling(ms(&calm.in_hand, 0.5), "before"),
        Row::new("rollout, command in hand p99 meanwhile", ms(&busy.in_hand, 0.99), "ms")
            .ceiling(ms(&calm.in_hand, 0.99), "before")
            .bar(Bar::AtMost(25.0)),
        Row::new("rollout, acknowledgement p50 meanwhile", ms(&busy.acknowledged, 0.5), "ms")
            .ceiling(ms(&calm.acknowledged, 0.5), "before"),
        Row::new("rollout, acknowledgement p99 meanwhile", ms(&busy.acknowledged, 0.99), "ms")
            .ceiling(ms(&calm.acknowledged, 0.99), "before")
            .bar(Bar::AtMost(500.0)),
        Row::new("rollout, a step on average", steps.mean_ms, "ms"),
        Row::new("rollout, the longest step at most", steps.most_ms, "ms").bar(Bar::AtMost(1_000.0)),
    ];
    if let Some(late) = &late {
        rows.push(Row::new("rollout, began over 2 s after an abort", late.late, "devices").bar(Bar::AtMost(0.0)));
    }
    let details = json!({
        "devices": args.devices, "sites": args.sites, "kib": args.kib, "in_flight": args.in_flight,
        "cores": { "server": cores.server, "postgres": cores.postgres, "benchmark": cores.load },
        "server_mib": { "before": before as f64 / MIB, "most": most as f64 / MIB },
        "desired_to_device_ms": { "p50": heard.p50, "p99": heard.p99, "max": heard.most },
        "commands": busy.in_hand.len(), "acknowledgements": busy.acknowledged.len(),
        "steps": { "count": steps.count, "mean_ms": steps.mean_ms, "at_most_ms": steps.most_ms },
        "abort": late.map(|late| json!({ "had_it": late.had, "began_after_it": late.after, "last_began_after_ms": late.last_ms })),
    });
    report.add("rollout", rows, details)
}

/// What became of a rollout that was aborted.
struct Aborted {
    had: f64,
    after: f64,
    late: f64,
    last_ms: f64,
}

/// Aborts another rollout when some of the devices have it, and waits until none is under way.
async fn abort(args: &Args, server: &Server, psql: &Psql, person: &Person) -> anyhow::Result<Aborted> {
    step("rollout: another one is aborted");
    let release = person.publish(args.kib * 1024).await?;
    let rollout = person.start(&release, args.in_flight, args.in_flight.div_ceil(args.sites)).await?;
    let some = i64::from(args.devices / 5);
    let had = format!("SELECT count(*) FROM rollout_devices WHERE rollout_id = '{rollout}' AND state = 'confirmed'");
    until_least(psql, "devices that have it", &had, some).await.with_context(|| server.tail())?;
    person.abort(&rollout).await?;
    until(psql, "the end of those under way", UNDER_WAY, 0).await?;
    Ok(Aborted {
        had: psql.number(&had).await?,
        after: psql.number(&format!("SELECT count(*) FROM ({AFTER_ABORT}) a WHERE late > 0")).await?,
        late: psql.number(&format!("SELECT count(*) FROM ({AFTER_ABORT}) a WHERE late > 2")).await?,
        last_ms: psql.number(&format!("SELECT coalesce(max(late), 0) * 1000 FROM ({AFTER_ABORT}) a")).await?,
    })
}

/// When each device of a rollout came to each state.
const WRITTEN_DOWN: &str = "\
CREATE TABLE bench_states (rollout_id uuid, device bigint, state text, at timestamptz);
CREATE FUNCTION bench_state() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO public.bench_states VALUES (NEW.rollout_id, NEW.device, NEW.state, clock_timestamp()); RETURN NULL;
END $$;
CREATE TRIGGER bench_state AFTER UPDATE OF state ON rollout_devices FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION bench_state()";

const REPORTED: &str = "SELECT count(*) FROM device_updates WHERE reported_at IS NOT NULL";
const UNDER_WAY: &str = "SELECT count(*) FROM rollout_devices WHERE state IN \
    ('offered', 'downloading', 'verified', 'held', 'applying', 'probation')";
/// The only rollout's state, and how many devices have the release.
const STATE: &str =
    "SELECT r.state || ' ' || (SELECT count(*) FROM rollout_devices WHERE state = 'confirmed') FROM rollouts r";
const TOOK: &str = "SELECT extract(epoch FROM finished_at - created_at) FROM rollouts";
/// Seconds from the step that chose a device until it is durable that it answered.
const HEARD: &str = "\
SELECT extract(epoch FROM min(b.at) - a.at) AS seconds FROM bench_states a JOIN bench_states b USING (rollout_id, device)
WHERE a.state = 'offered' AND b.state <> 'offered' GROUP BY rollout_id, device, a.at";
/// Seconds from an abort to each device that began after it.
const AFTER_ABORT: &str = "\
SELECT extract(epoch FROM s.at - r.finished_at) AS late FROM bench_states s JOIN rollouts r USING (rollout_id)
WHERE r.state = 'aborted' AND s.state IN ('applying', 'probation', 'confirmed') AND s.at > r.finished_at \
    AND NOT EXISTS (SELECT FROM bench_states b WHERE (b.rollout_id, b.device) = (s.rollout_id, s.device)
        AND b.state = 'applying' AND b.at <= r.finished_at)";

/// How times are spread, in milliseconds.
struct Spread {
    p50: f64,
    p99: f64,
    most: f64,
}

impl Spread {
    async fn read(psql: &Psql, seconds: &str) -> anyhow::Result<Self> {
        let at = async |share: f64| {
            let within = format!("percentile_disc({share}) WITHIN GROUP (ORDER BY seconds)");
            psql.number(&format!("SELECT coalesce({within}, 0) * 1000 FROM ({seconds}) s")).await
        };
        Ok(Self { p50: at(0.5).await?, p99: at(0.99).await?, most: at(1.0).await? })
    }
}

/// Steps that drive rollouts on, by the server's own histogram.
struct Steps {
    count: f64,
    mean_ms: f64,
    /// The bound of the last bucket that holds one.
    most_ms: f64,
}

async fn steps(ops: &str) -> anyhow::Result<Steps> {
    let mut connection = Connection::open(ops).await?;
    connection.ask(format!("GET /metrics HTTP/1.1\r\nhost: {ops}\r\n\r\n").as_bytes()).await?;
    let text = connection.answer();
    let ours = text.lines().filter(|line| line.contains("operation=\"advance_rollouts\""));
    let (mut sum, mut count, mut buckets) = (0.0, 0.0, Vec::new());
    for line in ours {
        let value: f64 = line.rsplit(' ').next().unwrap_or_default().parse()?;
        if line.starts_with("homepot_store_operation_seconds_sum") {
            sum += value;
        } else if line.starts_with("homepot_store_operation_seconds_count") {
            count += value;
        } else if let Some((_, bound)) = line.split_once("le=\"") {
            let bound = bound.split('"').next().and_then(|bound| bound.parse().ok()).unwrap_or(f64::INFINITY);
            buckets.push((bound, value));
        }
    }
    let last = buckets.iter().filter(|(_, up_to)| *up_to >= count).map(|(bound, _)| *bound);
    let most_ms = last.fold(f64::INFINITY, f64::min) * 1e3;
    Ok(Steps { count, mean_ms: sum / count.max(1.0) * 1e3, most_ms })
}

/// Waits until a query answers that number.
async fn until(psql: &Psql, what: &str, query: &str, number: i64) -> anyhow::Result<()> {
    wait(psql, what, query, |found| found == number).await
}

async fn until_least(psql: &Psql, what: &str, query: &str, number: i64) -> anyhow::Result<()> {
    wait(psql, what, query, |found| found >= number).await
}

async fn wait(psql: &Psql, what: &str, query: &str, holds: impl Fn(i64) -> bool) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut ticks = interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if holds(psql.run(query).await?.trim().parse()?) {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "waited in vain for {what}");
    }
}
