//! Memory and processor of `homepot-agent run`, attached to a server and measuring every five seconds.

use std::{fs::File, process::Stdio, time::Duration};

use anyhow::Context as _;
use homepot::pb::registry::v1::{
    CreateEnrollmentTokenRequest, CreateSiteRequest, registry_service_client::RegistryServiceClient,
};
use serde_json::json;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};
use tonic::{Request, metadata::MetadataValue};

use crate::{
    fleet::{SITE, connect},
    host::{Server, Workshop, memory, precise_cpu},
    report::{Bar, Report, Row, step},
};

const MIB: f64 = 1024.0 * 1024.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to look.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Seconds of looking at the attached agent.
    #[arg(long, default_value_t = 120)]
    pub seconds: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { seconds: 120 }
    }
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    step(&format!("agent: {} s", args.seconds));
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let directory = workshop.scratch()?;
    let log = File::create(directory.path().join("agent.log"))?;
    // Through the server's own program, so that an agent does not outlive the benchmark.
    let mut agent = Command::new(workshop.program("homepot")?)
        .arg("tether")
        .arg(std::process::id().to_string())
        .arg(workshop.program("homepot-agent")?)
        .args(["run", "--server", &format!("http://{}", server.grpc), "--site", SITE, "--device-id", "bench-agent"])
        .arg("--state-dir")
        .arg(directory.path().join("state"))
        .env("HOMEPOT_ENROLLMENT_TOKEN", enrollment_token(&server).await?)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let stored = async || psql.number("SELECT count(*) FROM samples").await;
    let deadline = Instant::now() + PATIENCE;
    while stored().await? < 2.0 {
        anyhow::ensure!(Instant::now() < deadline && agent.try_wait()?.is_none(), "the agent reports nothing");
        sleep(Duration::from_millis(200)).await;
    }

    let pid = agent.id().context("the agent has ended")?;
    let (samples, cpu, start) = (stored().await?, precise_cpu(pid)?, Instant::now());
    let mut most = 0;
    while start.elapsed() < Duration::from_secs(args.seconds) {
        sleep(Duration::from_secs(1)).await;
        most = most.max(memory(pid)?.rss);
    }
    let (span, cpu) = (start.elapsed(), precise_cpu(pid)?.saturating_sub(cpu));
    let (memory, samples) = (memory(pid)?, stored().await? - samples);
    agent.kill().await?;
    server.stop().await?;

    let share = cpu.as_secs_f64() / span.as_secs_f64() * 100.0;
    let rows = vec![
        Row::new("agent, most memory", most as f64 / 1e6, "MB").bar(Bar::AtMost(8.0)),
        Row::new("agent, processor", share, "% of a core").bar(Bar::AtMost(0.1)),
    ];
    let details = json!({
        "seconds": span.as_secs_f64(), "samples": samples, "cpu_ms": cpu.as_secs_f64() * 1e3,
        "rss_mib": memory.rss as f64 / MIB, "pss_mib": memory.pss as f64 / MIB, "most_rss_mib": most as f64 / MIB,
    });
    report.add("agent", rows, details)
}

/// Makes the site, and a token for one device.
async fn enrollment_token(server: &Server) -> anyhow::Result<String> {
    let bearer: MetadataValue<_> = format!("Bearer {}", server.admin_token()?).parse()?;
    let mut registry =
        RegistryServiceClient::with_interceptor(connect(&server.grpc).await?, move |mut request: Request<()>| {
            request.metadata_mut().insert("authorization", bearer.clone());
            Ok(request)
        });
    let site = CreateSiteRequest { site_id: SITE.to_owned(), name: "Benchmark".to_owned(), ..Default::default() };
    registry.create_site(site).await?;
    let request = CreateEnrollmentTokenRequest { site_id: SITE.to_owned(), ..Default::default() };
    Ok(registry.create_enrollment_token(request).await?.into_inner().secret)
}
