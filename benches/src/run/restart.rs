//! The server ends and starts again under a whole fleet: how long until every device is attached again.
//!
//! It ends twice: in good order, and by kill -9. Devices come back by the agent's rules, each with the ticket of its last
//! session, as agents do that ran on meanwhile; the ceiling is a server that does nothing but hold a stream. Without tickets
//! every key is checked with Argon2's full costs, as after a restart of all devices too; the ceiling is that work alone, on
//! all cores.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use argon2::{Argon2, PasswordVerifier as _, password_hash::phc::PasswordHash};
use homepot::model::Secret;
use serde_json::{Value, json};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{bare::BareServer, command_latency::spread, failover::until_attached};
use crate::{
    fleet::{Agents, DeviceKey, Habits, make_dear, seed_alike},
    host::{Server, Workshop, free_address},
    http,
    report::{Bar, Report, Row, step, watch},
};

/// How long the ceiling checks keys.
const CHECKING: Duration = Duration::from_secs(2);

/// How many devices, and what they bring.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 10_000)]
    pub devices: usize,
    /// Let devices have no ticket, so that each costs the server a run of Argon2.
    #[arg(long)]
    pub without_tickets: bool,
    /// Seconds for which all are attached before the server ends. After 10 s an agent forgets earlier failures.
    #[arg(long, default_value_t = 12)]
    pub settle_seconds: u64,
    /// How the server ends [default: each way, one after the other].
    #[arg(long, value_enum)]
    pub end: Option<End>,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 10_000, without_tickets: false, settle_seconds: 12, end: None }
    }
}

/// How a server ends.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum End {
    /// SIGTERM: devices are told when to come back.
    Sigterm,
    /// kill -9: their connections break.
    Kill,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Sigterm => "SIGTERM",
            Self::Kill => "kill -9",
        }
    }
}

/// What one restart did; times are from the start of the new server.
struct Seen {
    end: End,
    /// How long the old one took to end.
    ending: Duration,
    ready: Duration,
    attached: Vec<Duration>,
    argon2_checks: f64,
    turned_away: f64,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let name = if args.without_tickets { "restart without tickets" } else { "restart" };
    step(&format!("{name}: {} devices", args.devices));
    let (directory, address) = (workshop.scratch()?, free_address()?);
    let house = House { workshop, address: &address, data: &directory.path().join("data") };
    let mut server = house.start().await?;
    let psql = server.psql()?;
    let keys = seed_alike(&psql, args.devices).await?;
    let mut agents = Agents::attach(&address, &keys, Habits { tickets: !args.without_tickets }).await?;
    let mut hash = String::new();
    if args.without_tickets {
        // Only now, so that the first time costs little.
        hash = make_dear(&psql, &keys[0].key).await?;
    }
    let attached = agents.attached();
    let mut restarts = Vec::new();
    let ends = args.end.map_or_else(|| vec![End::Sigterm, End::Kill], |end| vec![end]);
    for end in ends {
        sleep(Duration::from_secs(args.settle_seconds)).await;
        step(&format!("{name}: {}", end.name()));
        let work = house.restart(server, end, &mut agents, args.devices);
        let (back, seen) = watch("restart, attached", &attached, |_| (), work).await?;
        server = back;
        restarts.push(seen);
    }
    drop(agents);
    server.stop().await?;

    let last = |times: &[Duration]| times.last().copied().unwrap_or_default().as_secs_f64();
    let (ceiling, what) = if args.without_tickets {
        (args.devices as f64 / checks_a_second(&keys[0].key, &hash).await?, "Argon2 alone")
    } else {
        (last(&bare(args, workshop, &keys).await?), "bare streams")
    };
    let mut rows = Vec::new();
    for seen in &restarts {
        let told = |what: &str| format!("{name}, {}, {what}", seen.end.name());
        let all = Row::new(told("all attached"), last(&seen.attached), "s").ceiling(ceiling, what);
        rows.push(all.bar(Bar::AtMost(60.0)));
        rows.push(Row::new(told("server ready"), seen.ready.as_secs_f64(), "s"));
    }
    let details = json!({
        "devices": args.devices, "tickets": !args.without_tickets, "ceiling_seconds": ceiling,
        "restarts": restarts.iter().map(describe).collect::<Vec<_>>(),
    });
    report.add(&name.replace(' ', "-"), rows, details)
}

/// A server that comes back to the same address and data.
struct House<'a> {
    workshop: &'a Workshop,
    address: &'a str,
    data: &'a Path,
}

impl House<'_> {
    async fn start(&self) -> anyhow::Result<Server> {
        Server::start_on(self.workshop, &[("HOMEPOT_GRPC_ADDR", self.address)], self.data).await
    }

    /// Ends the server and starts it again; waits until every device is back.
    async fn restart(
        &self,
        old: Server,
        end: End,
        agents: &mut Agents,
        devices: usize,
    ) -> anyhow::Result<(Server, Seen)> {
        let begin = Instant::now();
        match end {
            End::Sigterm => old.stop().await?,
            End::Kill => old.kill().await?,
        }
        let (ending, start) = (begin.elapsed(), Instant::now());
        let (started, attached) =
            tokio::join!(async { (self.start().await, start.elapsed()) }, until_attached(agents, devices, start));
        let (server, ready) = started;
        let server = server?;
        let attached = attached.with_context(|| server.tail())?;
        let turned_away = counter(&server, "homepot_argon2_queue_full_total").await?;
        // Those that found the queue full are counted as asked for, too. One is the admin's token, at the start.
        let argon2_checks = counter(&server, "homepot_argon2_checks_total").await? - turned_away;
        Ok((server, Seen { end, ending, ready, attached, argon2_checks, turned_away }))
    }
}

/// A counter of the server's own; zero until it first counts.
async fn counter(server: &Server, name: &str) -> anyhow::Result<f64> {
    let mut connection = http::Connection::open(&server.ops).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", server.ops);
    anyhow::ensure!(connection.ask(request.as_bytes()).await? == 200, "{}", connection.answer());
    let answer = connection.answer();
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Ok(value.unwrap_or_default())
}

/// The same devices, at a server that does nothing and is killed and started again.
async fn bare(args: &Args, workshop: &Workshop, keys: &[DeviceKey]) -> anyhow::Result<Vec<Duration>> {
    step("restart: a bare server");
    let address = free_address()?;
    let old = BareServer::start(workshop, "small", &address).await?;
    let mut agents = Agents::attach(&address, keys, Habits { tickets: true }).await?;
    old.kill().await?;
    let start = Instant::now();
    let new = BareServer::start(workshop, "small", &address);
    let (new, attached) = tokio::join!(new, until_attached(&mut agents, args.devices, start));
    drop(new?);
    attached
}

/// How many keys all cores together check in a second, when they do nothing else.
async fn checks_a_second(key: &Secret, hash: &str) -> anyhow::Result<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let mut checking = Vec::new();
    for _ in 0..cores {
        let (key, hash) = (key.clone(), hash.to_owned());
        checking.push(spawn_blocking(move || {
            let mut checked = 0;
            let hash = PasswordHash::new(&hash).ok().context("a hash that was just made can be read")?;
            while start.elapsed() < CHECKING {
                let good = Argon2::default().verify_password(key.reveal().as_bytes(), &hash).is_ok();
                anyhow::ensure!(good, "a key opens its own hash");
                checked += 1;
            }
            anyhow::Ok(checked)
        }));
    }
    let mut checked = 0;
    for core in checking {
        checked += core.await??;
    }
    Ok(f64::from(checked) / start.elapsed().as_secs_f64())
}

fn describe(seen: &Seen) -> Value {
    json!({
        "end": seen.end.name(), "ending_seconds": seen.ending.as_secs_f64(), "ready_seconds": seen.ready.as_secs_f64(),
        "attached_ms": spread(&seen.attached), "argon2_checks": seen.argon2_checks,
        "turned_away_by_a_full_queue": seen.turned_away,
    })
}
