//! Memory of the server for a device that is attached and says nothing.
//!
//! Server and devices are processes of their own. What a server takes is read before the first device and when all have
//! been attached for a while; the difference is divided by the devices, so everything counts that grows with them. The
//! ceiling is a server of the same parts that does nothing but hold a stream, once with the buffers that tonic has
//! unless told otherwise, once with small ones.

use std::{process::Stdio, time::Duration};

use anyhow::Context as _;
use homepot::{
    model::{Secret, SecretKind},
    pb::{
        common::v1::DeviceSource,
        device::v1::{AttachResponse, Welcome, attach_response::Message as Down},
    },
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    time::sleep,
};

use super::bare::BareServer;
use crate::{
    fleet::{DeviceKey, attach_all, seed},
    host::{Memory, Server, Workshop, memory},
    report::{Bar, Report, Row, step},
};

const KIB: f64 = 1024.0;
/// Attached before the first look, so that what a server makes once for all is not counted as theirs.
const FIRST: usize = 20;

/// How many devices.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 10_000)]
    pub devices: usize,
    /// Seconds between the last device's arrival and the measurement of memory.
    #[arg(long, default_value_t = 20)]
    pub settle_seconds: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 10_000, settle_seconds: 20 }
    }
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    step(&format!("idle: {} devices", args.devices));
    let server = Server::start(workshop, &[("HOMEPOT_HEARTBEAT_INTERVAL", "10m")]).await?;
    let keys = seed(&server.psql()?, args.devices + FIRST).await?;
    let ours = hold(args, workshop, &server.grpc, &keys, server.pid()?).await.with_context(|| server.tail())?;
    server.stop().await?;

    let mut bare = Vec::new();
    for buffers in ["default", "small"] {
        step(&format!("idle: a bare server, {buffers} buffers"));
        let server = BareServer::start(workshop, buffers, "127.0.0.1:0").await?;
        bare.push(hold(args, workshop, &server.address, &keys, server.pid()?).await?);
        server.kill().await?;
    }
    let [default, small] = [bare[0], bare[1]];
    let rows = vec![
        Row::new("idle device", ours.rss, "KiB").ceiling(default.rss, "bare stream").bar(Bar::AtMost(36.0)),
        Row::new("idle device, small buffers", ours.rss, "KiB").ceiling(small.rss, "bare stream, small"),
    ];
    let details = json!({
        "devices": args.devices, "settle_seconds": args.settle_seconds,
        "kib_a_device": {"server": ours.json(), "bare": default.json(), "bare_small_buffers": small.json()},
    });
    report.add("idle", rows, details)
}

/// KiB a device.
#[derive(Clone, Copy)]
struct Cost {
    rss: f64,
    pss: f64,
}

impl Cost {
    fn json(self) -> serde_json::Value {
        json!({"rss": self.rss, "pss": self.pss})
    }
}

/// Attaches the first few, then all others, to the server with that process, and reads its memory before and after.
async fn hold(args: &Args, workshop: &Workshop, address: &str, keys: &[DeviceKey], pid: u32) -> anyhow::Result<Cost> {
    let settle = Duration::from_secs(args.settle_seconds);
    let (first, others) = keys.split_at(FIRST);
    let mut warm = attacher(workshop, address, first).await?;
    sleep(settle).await;
    let before = memory(pid)?;
    let mut all = attacher(workshop, address, others).await?;
    sleep(settle).await;
    let after = memory(pid)?;
    for child in [&mut warm, &mut all] {
        anyhow::ensure!(child.try_wait()?.is_none(), "a stream ended early");
        child.kill().await?;
    }
    let each = |read: fn(Memory) -> u64| (read(after) as f64 - read(before) as f64) / KIB / others.len() as f64;
    Ok(Cost { rss: each(|memory| memory.rss), pss: each(|memory| memory.pss) })
}

/// Starts a process that attaches these devices, and waits until all are.
async fn attacher(workshop: &Workshop, address: &str, keys: &[DeviceKey]) -> anyhow::Result<Child> {
    let mut child = own(workshop, &["attach", "--address", address])?;
    let lines: String = keys.iter().map(|key| format!("{} {}\n", key.device_id, key.key.reveal())).collect();
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    stdin.write_all(lines.as_bytes()).await?;
    drop(stdin);
    first_line(&mut child).await?;
    Ok(child)
}

/// This very program as another process, which ends with this one.
pub(super) fn own(workshop: &Workshop, arguments: &[&str]) -> anyhow::Result<Child> {
    let mut command = Command::new(workshop.program("homepot")?);
    command.arg("tether").arg(std::process::id().to_string()).arg(std::env::current_exe()?).args(arguments);
    Ok(command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
}

pub(super) async fn first_line(child: &mut Child) -> anyhow::Result<String> {
    let stdout = child.stdout.take().context("stdout is piped")?;
    let line = BufReader::new(stdout).lines().next_line().await?;
    line.context("a helper process ended early")
}

/// Whom to attach, and where; keys come through stdin, because process lists show arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct AttachArgs {
    /// Address of the server.
    #[arg(long)]
    address: String,
}

/// Attaches the devices and holds them until it is killed; ends when one is lost.
pub async fn attach(args: AttachArgs) -> anyhow::Result<()> {
    let mut keys = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let (device_id, key) = line.split_once(' ').context("a line is an id and a key")?;
        let key = Secret::presented(key);
        anyhow::ensure!(key.public_id(SecretKind::DeviceKey).is_some(), "that is no device's key");
        keys.push(DeviceKey { device_id: device_id.to_owned(), key });
    }
    let devices = attach_all(&args.address, &keys).await?;
    println!("{} attached", devices.len());
    let mut holding: tokio::task::JoinSet<_> =
        devices.into_iter().map(|mut device| async move { device.ended().await }).collect();
    holding.join_next().await;
    anyhow::bail!("a stream ended")
}

/// What the bare server answers: as long as the real one's.
pub(super) fn welcome() -> AttachResponse {
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let welcome = Welcome {
        protocol: 1,
        session_epoch: 1,
        sample_interval: seconds(5),
        heartbeat_interval: seconds(600),
        server_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        max_samples_per_message: 1_000,
        max_unacknowledged_samples: 10_000,
        reconnect_ticket: "0".repeat(64),
        backlog_samples_per_second: 0,
        max_sample_age: seconds(7 * 86_400),
        source: DeviceSource::Real.into(),
    };
    AttachResponse { message: Some(Down::Welcome(welcome)) }
}
