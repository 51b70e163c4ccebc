//! A fleet of `homepot-sim` on one server: attached, what it sent against what is stored, and the memory of both.
//!
//! Server, Postgres and simulator share this machine. The ceiling is the same fleet at a server of nothing but one stream,
//! which acknowledges what it reads and keeps nothing.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::Context as _;
use homepot::model::{Secret, SecretKind};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
    time::{MissedTickBehavior, interval},
};

use super::{bare::BareServer, ingest::check_stored};
use crate::{
    fleet::DeviceKey,
    host::{Psql, Server, Workshop, memory, raise_file_limit_to},
    report::{Bar, Report, Row, step},
};

const MIB: f64 = 1024.0 * 1024.0;
/// What the fleet is called.
pub(super) const NAME: &str = "bench";
/// From this share on a fleet counts as attached.
const ALL_BUT_FEW: f64 = 0.995;
/// Open files beside the devices' connections.
const OTHER_FILES: u64 = 96;

/// How many devices, and for how long.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Simulated devices, each with a stream of its own.
    #[arg(long, default_value_t = 20_000)]
    pub devices: u32,
    /// Devices that share a connection, as behind a proxy, so that there can be more devices than open files.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub devices_per_connection: u32,
    /// Seconds for which all of them are attached.
    #[arg(long, default_value_t = 300)]
    pub seconds: u64,
    /// Seconds at the bare server.
    #[arg(long, default_value_t = 60)]
    pub ceiling_seconds: u64,
    /// The scenario.
    #[arg(long, default_value = "healthy")]
    pub scenario: String,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            devices: 20_000,
            devices_per_connection: 1,
            seconds: 300,
            ceiling_seconds: 60,
            scenario: "healthy".to_owned(),
        }
    }
}

/// What a fleet came to at one server.
struct Played {
    summary: Value,
    /// Of the server and of the simulator, in MiB, when nobody was there and at most.
    server_before: f64,
    /// When the fleet was enrolled and nobody attached yet.
    server_enrolled: f64,
    server_most: f64,
    simulator_most: f64,
    /// The fewest devices online while all should be; `None`: nobody can tell.
    least_online: Option<i64>,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let connections = args.devices.div_ceil(args.devices_per_connection);
    raise_file_limit_to(u64::from(connections) + OTHER_FILES)?;
    step(&format!("simulation: {} devices for {} s", args.devices, args.seconds));
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let token = ("HOMEPOT_TOKEN", server.admin_token()?);
    let fleet = Fleet::start(args, workshop, &server.grpc, &["--sites", "4"], token, args.seconds)?;
    let ours = fleet.watch(server.pid()?, Some(&psql)).await.with_context(|| server.tail())?;
    let count = |path: &str| ours.summary.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let (sent, acknowledged) = (count("/samples/sent"), count("/samples/acknowledged"));
    check_stored(&psql, acknowledged).await?;
    anyhow::ensure!(sent == acknowledged, "{sent} samples were sent and {acknowledged} acknowledged");
    server.stop().await?;

    step("simulation: the same fleet at a bare server");
    let bare = BareServer::start(workshop, "small", "127.0.0.1:0").await?;
    let token = Secret::from_random(SecretKind::EnrollmentToken, [7; 32]);
    let token = ("HOMEPOT_ENROLLMENT_TOKEN", token.reveal().to_owned());
    let fleet = Fleet::start(args, workshop, &bare.address, &["--site", NAME], token, args.ceiling_seconds)?;
    let ceiling = fleet.watch(bare.pid()?, None).await?;
    bare.kill().await?;

    let each = |played: &Played| (played.server_most - played.server_enrolled) * 1024.0 / f64::from(args.devices);
    let number = |played: &Played, path: &str| {
        played.summary.pointer(path).and_then(Value::as_f64).with_context(|| format!("the summary has no {path}"))
    };
    let online = ours.least_online.unwrap_or_default() as f64;
    let rows = vec![
        Row::new("simulation, attached", number(&ours, "/attached")?, "devices"),
        Row::new("simulation, fewest online", online, "devices"),
        Row::new("simulation, sent = acknowledged = stored", acknowledged as f64, "samples"),
        Row::new("simulation, acknowledgement p99", number(&ours, "/acknowledgement_ms/p99")?, "ms")
            .ceiling(number(&ceiling, "/acknowledgement_ms/p99")?, "bare stream"),
        Row::new("simulation, server", ours.server_most, "MiB"),
        Row::new("simulation, server once all are enrolled", ours.server_enrolled, "MiB"),
        Row::new("simulation, server a device", each(&ours), "KiB").ceiling(each(&ceiling), "bare stream, small"),
        Row::new("simulation, simulator", ours.simulator_most, "MiB").bar(Bar::AtMost(1024.0)),
        Row::new("simulation, enrolment", number(&ours, "/enrolment_seconds")?, "s"),
        Row::new("simulation, all attached after", number(&ours, "/ramp_seconds")?, "s")
            .ceiling(number(&ceiling, "/ramp_seconds")?, "bare stream"),
    ];
    let details = json!({
        "devices": args.devices, "devices_per_connection": args.devices_per_connection, "seconds": args.seconds, "scenario": args.scenario,
        "sent_equals_acknowledged_equals_stored": true,
        "server": { "summary": ours.summary, "mib_before": ours.server_before, "mib_enrolled": ours.server_enrolled, "mib_most": ours.server_most },
        "bare": { "summary": ceiling.summary, "mib_before": ceiling.server_before, "mib_most": ceiling.server_most },
    });
    report.add("simulation", rows, details)
}

/// A running `homepot-sim fleet`; dropping it ends it.
pub(super) struct Fleet {
    child: Child,
    devices: u32,
    seconds: u64,
    /// Its keys.
    _state: TempDir,
}

impl Fleet {
    fn start(
        args: &Args,
        workshop: &Workshop,
        address: &str,
        place: &[&str],
        (variable, token): (&str, String),
        seconds: u64,
    ) -> anyhow::Result<Self> {
        let state = workshop.scratch()?;
        let mut command = tethered(workshop, &workshop.program("homepot-sim")?)?;
        command
            .args(["fleet", "--name", NAME, "--json", "--scenario", &args.scenario])
            .args(["--devices", &args.devices.to_string(), "--duration", &format!("{seconds}s")])
            .args(["--devices-per-connection", &args.devices_per_connection.to_string()])
            .args(["--server", &format!("http://{address}")])
            .args(place)
            .arg("--state-dir")
            .arg(state.path())
            // A secret is for the environment: process lists show arguments.
            .env(variable, token)
            .stdout(Stdio::piped());
        Ok(Self { child: command.spawn()?, devices: args.devices, seconds, _state: state })
    }

    /// One that stays until it is dropped, of devices that do nothing but measure and take releases, as fast as they can.
    pub(super) fn start_for_releases(
        workshop: &Workshop,
        server: &Server,
        keys: &[DeviceKey],
        sites: u32,
    ) -> anyhow::Result<Self> {
        let devices = u32::try_from(keys.len())?;
        let state = workshop.scratch()?;
        let scenario = state.path().join("prompt.toml");
        std::fs::write(&scenario, PROMPT)?;
        let lines: String = keys.iter().map(|key| format!("{} {}\n", key.device_id, key.key.reveal())).collect();
        std::fs::write(state.path().join(format!("{NAME}.keys")), lines)?;
        let mut command = tethered(workshop, &workshop.program("homepot-sim")?)?;
        command
            .args([
                "fleet",
                "--quiet",
                "--name",
                NAME,
                "--devices",
                &devices.to_string(),
                "--sites",
                &sites.to_string(),
            ])
            .args(["--server", &format!("http://{}", server.grpc)])
            .arg("--scenario")
            .arg(scenario)
            .arg("--state-dir")
            .arg(state.path())
            .env("HOMEPOT_TOKEN", server.admin_token()?)
            .stdout(Stdio::null());
        Ok(Self { child: command.spawn()?, devices, seconds: 0, _state: state })
    }

    /// Reads the memory of both once a second until the fleet has ended.
    async fn watch(mut self, server: u32, psql: Option<&Psql>) -> anyhow::Result<Played> {
        let resident = |pid: u32| memory(pid).map(|memory| memory.rss as f64 / MIB);
        let server_before = resident(server)?;
        let simulator = self.child.id().context("the simulator has ended")?;
        let (mut server_most, mut simulator_most, mut least_online) = (server_before, 0.0_f64, None);
        let mut server_enrolled = server_before;
        let mut stdout = self.child.stdout.take().context("stdout is piped")?;
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = async {
            let mut told = String::new();
            stdout.read_to_string(&mut told).await?;
            anyhow::Ok((told, self.child.wait().await?))
        };
        let mut ended = std::pin::pin!(ended);
        let (mut second, mut there_since) = (0_u64, None);
        let (told, status) = loop {
            tokio::select! {
                ended = &mut ended => break ended?,
                _ = ticks.tick() => {}
            }
            server_most = server_most.max(resident(server)?);
            simulator_most = simulator_most.max(resident(simulator).unwrap_or_default());
            second += 1;
            if let Some(psql) = psql.filter(|_| second.is_multiple_of(5)) {
                let online: i64 = psql.run(ONLINE).await?.trim().parse().context("a number of devices")?;
                if online == 0 && there_since.is_none() {
                    server_enrolled = resident(server)?;
                }
                // All at once they hardly ever are: some restart, as the scenario has it.
                if online as f64 >= f64::from(self.devices) * ALL_BUT_FEW {
                    there_since.get_or_insert(second);
                }
                // Before its time is over: a fleet that ends goes offline.
                if there_since.is_some_and(|since| second + 10 < since + self.seconds) {
                    least_online = Some(least_online.map_or(online, |least: i64| least.min(online)));
                }
            }
        };
        let summary: Value = serde_json::from_str(&told).unwrap_or_default();
        anyhow::ensure!(status.success(), "the simulator ended with {status}: {summary}");
        Ok(Played { summary, server_before, server_enrolled, server_most, simulator_most, least_online })
    }
}

/// As the server records it.
const ONLINE: &str = "SELECT count(*) FROM sessions WHERE status = 'online'";

/// Nothing happens by chance, and nothing is waited for. Of tills alone, as the database is given them.
const PROMPT: &str = "description = 'Nothing happens by chance'\n\
    [[devices]]\ndevice_type = 'pos_terminal'\nname = 'Till'\nshare = 1\n\
    [network]\nflaky_percent = 0\n[restarts]\nper_day = 0\n[downloads]\nfail_percent = 0\n\
    [updates]\napplies_ms = 0\nprobation_seconds = 0\n";

/// A command without the settings of whoever runs the benchmark.
pub(super) fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOMEPOT_")) {
        command.env_remove(name);
    }
    command
}

/// A program that ends with this one.
fn tethered(workshop: &Workshop, program: &Path) -> anyhow::Result<Command> {
    let mut command = clean(Command::new(workshop.program("homepot")?));
    command.arg("tether").arg(std::process::id().to_string()).arg(program).stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}
