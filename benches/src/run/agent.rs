//! Memory and processor of `homepot-agent run`, attached to a server and measuring every five seconds: over TLS, as it is
//! in the field, and over plaintext, for what TLS takes.

use std::{fs::File, path::PathBuf, process::Stdio, time::Duration};

use anyhow::Context as _;
use homepot::pb::registry::v1::{
    CreateEnrollmentTokenRequest, CreateSiteRequest, registry_service_client::RegistryServiceClient,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};
use tonic::{
    Request,
    metadata::MetadataValue,
    transport::{Certificate, ClientTlsConfig, Endpoint},
};

use crate::{
    fleet::SITE,
    host::{Memory, Server, Setting, Workshop, memory, precise_cpu},
    report::{Bar, Report, Row, step},
};

const MIB: f64 = 1024.0 * 1024.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to look.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Seconds for which the attached agent is measured.
    #[arg(long, default_value_t = 120)]
    pub seconds: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { seconds: 120 }
    }
}

/// A certificate for this machine, and its key.
struct Tls {
    cert: PathBuf,
    key: PathBuf,
    pem: String,
}

/// What was seen of an agent.
struct Seen {
    span: Duration,
    cpu: Duration,
    samples: f64,
    /// When it had the most.
    memory: Memory,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let (mut rows, mut details) = (Vec::new(), json!({}));
    let directory = workshop.scratch()?;
    let tls = Tls::make(&directory)?;
    for (name, tls) in [("agent", Some(&tls)), ("agent over plaintext", None)] {
        step(&format!("{name}: {} s", args.seconds));
        let seen = look(args, workshop, tls).await?;
        rows.push(Row::new(format!("{name}, most memory"), seen.memory.rss as f64 / 1e6, "MB").bar(Bar::AtMost(8.0)));
        rows.push(Row::new(format!("{name}, processor"), seen.share(), "% of a core").bar(Bar::AtMost(0.1)));
        details[if tls.is_some() { "tls" } else { "plaintext" }] = seen.describe();
    }
    report.add("agent", rows, details)
}

/// Starts a server and an agent, and looks at the agent from its second sample on.
async fn look(args: &Args, workshop: &Workshop, tls: Option<&Tls>) -> anyhow::Result<Seen> {
    let settings = tls.map(Tls::settings).transpose()?.unwrap_or_default();
    let server = Server::start(workshop, &settings).await?;
    let url = format!("{}://{}", if tls.is_some() { "https" } else { "http" }, server.grpc);
    let psql = server.psql()?;
    let directory = workshop.scratch()?;
    let log = File::create(directory.path().join("agent.log"))?;
    // Through the server's own program, so that an agent does not outlive the benchmark.
    let mut agent = Command::new(workshop.program("homepot")?);
    agent
        .arg("tether")
        .arg(std::process::id().to_string())
        .arg(workshop.program("homepot-agent")?)
        .args(["run", "--server", &url, "--site", SITE, "--device-id", "bench-agent"])
        .arg("--state-dir")
        .arg(directory.path().join("state"))
        .env("HOMEPOT_ENROLLMENT_TOKEN", enrollment_token(&server, &url, tls).await?)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    if let Some(tls) = tls {
        agent.arg("--ca-file").arg(&tls.cert);
    }
    let mut agent = agent.spawn()?;
    let stored = async || psql.number("SELECT count(*) FROM samples").await;
    let deadline = Instant::now() + PATIENCE;
    while stored().await? < 2.0 {
        anyhow::ensure!(Instant::now() < deadline && agent.try_wait()?.is_none(), "the agent reports nothing");
        sleep(Duration::from_millis(200)).await;
    }

    let pid = agent.id().context("the agent has ended")?;
    let (samples, cpu, start) = (stored().await?, precise_cpu(pid)?, Instant::now());
    let mut most = memory(pid)?;
    while start.elapsed() < Duration::from_secs(args.seconds) {
        sleep(Duration::from_secs(1)).await;
        let now = memory(pid)?;
        if now.rss > most.rss {
            most = now;
        }
    }
    let (span, cpu) = (start.elapsed(), precise_cpu(pid)?.saturating_sub(cpu));
    let samples = stored().await? - samples;
    agent.kill().await?;
    server.stop().await?;
    Ok(Seen { span, cpu, samples, memory: most })
}

impl Seen {
    /// Percent of a core.
    fn share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.span.as_secs_f64() * 100.0
    }

    fn describe(&self) -> Value {
        json!({
            "seconds": self.span.as_secs_f64(), "samples": self.samples, "cpu_ms": self.cpu.as_secs_f64() * 1e3,
            "rss_mib": self.memory.rss as f64 / MIB, "pss_mib": self.memory.pss as f64 / MIB,
        })
    }
}

impl Tls {
    fn make(directory: &TempDir) -> anyhow::Result<Self> {
        let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let tls = Self {
            cert: directory.path().join("cert.pem"),
            key: directory.path().join("key.pem"),
            pem: pair.cert.pem(),
        };
        std::fs::write(&tls.cert, &tls.pem)?;
        std::fs::write(&tls.key, pair.signing_key.serialize_pem())?;
        Ok(tls)
    }

    fn settings(&self) -> anyhow::Result<Vec<Setting<'_>>> {
        let paths = self.cert.to_str().zip(self.key.to_str());
        let (cert, key) = paths.context("the output directory's name is no text")?;
        Ok(vec![("HOMEPOT_TLS_CERT", cert), ("HOMEPOT_TLS_KEY", key)])
    }
}

/// Makes the site, and a token for one device.
async fn enrollment_token(server: &Server, url: &str, tls: Option<&Tls>) -> anyhow::Result<String> {
    let mut endpoint = Endpoint::from_shared(url.to_owned())?;
    if let Some(tls) = tls {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&tls.pem)))?;
    }
    let bearer: MetadataValue<_> = format!("Bearer {}", server.admin_token()?).parse()?;
    let mut registry =
        RegistryServiceClient::with_interceptor(endpoint.connect().await?, move |mut request: Request<()>| {
            request.metadata_mut().insert("authorization", bearer.clone());
            Ok(request)
        });
    let site = CreateSiteRequest { site_id: SITE.to_owned(), name: "Benchmark".to_owned(), ..Default::default() };
    registry.create_site(site).await?;
    let request = CreateEnrollmentTokenRequest { site_id: SITE.to_owned(), ..Default::default() };
    Ok(registry.create_enrollment_token(request).await?.into_inner().secret)
}
