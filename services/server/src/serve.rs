//! `homepot serve`: start, serve, and on a signal drain.
//!
//! The main thread starts the private database and stays until it has stopped: the kernel ends the database together
//! with the thread that started it.

use std::{
    io,
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use homepot_registry::{OpenEnrollment, Registry};
use homepot_runtime::{
    Drain,
    descriptors::{self, Shares},
    drain::within,
    log,
    metrics::Metrics,
    ops::{self, Readiness},
    peer::TrustedProxies,
    reload::{self, Files},
    serve::{self, BindError, Gate, GateConfig, Limits, Listener},
    trace::Exporter,
};
use homepot_store::{
    Store, StoreConfig,
    cluster::{ClusterConfig, PrivateCluster},
};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    Extension, admin_token,
    assemble::{self, Backstage},
    background,
    database_file::DatabaseFile,
    remote::Exchange,
    settings::{Flags, Migrations, Role, Settings},
    sign_in_link::sign_in_link,
    signals::{Children, Signals},
    terminal, traces,
};

pub(crate) const AFTER_HELP: &str = "\
Secrets have no flag, because process lists show flags:
  HOMEPOT_DATABASE_URL        the Postgres address
  HOMEPOT_REDIS_URL           the Redis address
  HOMEPOT_ADMIN_TOKEN         the first admin's token
  HOMEPOT_SECRET              the server's secret
  OTEL_EXPORTER_OTLP_HEADERS  what the collector of traces wants to be shown

Without any settings, everything runs for this machine only: the server listens on loopback, runs a private Postgres \
in the data directory, and writes the first admin's token to admin-token there.";

/// A connection to gRPC or REST has this long until credentials are accepted on it.
const LET_IN: Duration = Duration::from_secs(10);
/// And this many calls.
const STRANGER_CALLS: usize = 100;
/// Of those who only ever probe.
const PROBES: usize = 10_000;
/// How long a probe's connection may live.
const OPS_CONNECTION: Duration = Duration::from_secs(60);
/// A limit of open files below this is hardly meant for a server.
const FEW_DESCRIPTORS: u64 = 4096;
/// How long storing what was accepted may take after the last stream has ended.
const FLUSH: Duration = Duration::from_millis(1000);
/// Threads that are busy after all that may take this long.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Serves until a signal. Faults of the settings are printed as plain text; later errors are log lines.
pub(crate) fn run(flags: Flags, extension: Option<Extension>) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(flags)?;
    let traces = settings.traces.as_ref().map(|traces| (traces.shares, settings.resources()));
    let spans = log::init(&settings.log, traces).map_err(anyhow::Error::msg)?;
    match run_with(&settings, spans, extension) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "can't go on");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn run_with(settings: &Settings, spans: Option<Exporter>, extension: Option<Extension>) -> anyhow::Result<()> {
    let started = Instant::now();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), roles = %settings.roles, "starting");
    let metrics = Metrics::install(env!("CARGO_PKG_VERSION"))?;
    let limit = descriptors::raise_limit();
    let shares = Shares::of(limit, settings.database.threads);
    let Shares { grpc, devices, rest, ops } = shares;
    tracing::info!(limit, grpc, devices, rest, ops, "connections that the limit of open files allows");
    if limit < FEW_DESCRIPTORS {
        tracing::warn!(
            limit,
            "the limit of open files is low; raise it (LimitNOFILE= in a unit, ulimit -n in a shell)"
        );
    }
    if settings.registry.open_enrollment == OpenEnrollment::Loopback {
        tracing::warn!(
            "open enrolment: whoever reaches this machine's loopback addresses, through a proxy too, enrols without \
            a token at sites that allow it"
        );
    }
    // A port in use is told before anything slow has begun.
    let listeners = Listeners::bind(settings)?;
    let mut cluster = start_cluster(settings)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = Server::new(settings, shares, extension);
    let served = runtime.block_on(async {
        let sending =
            spans.zip(settings.traces.as_ref()).map(|(spans, traces)| spans.send_to(traces::collector(traces)));
        let served = serve(server, settings, metrics, listeners, cluster.as_mut(), started).await;
        if let Some(sending) = sending {
            sending.finish().await;
        }
        served
    });
    runtime.shutdown_timeout(LAST_WORDS);
    if let Some(cluster) = cluster {
        cluster.stop().context("can't stop the private database")?;
    }
    served?;
    tracing::info!("stopped");
    Ok(())
}

/// The sockets of the parts that run.
struct Listeners {
    grpc: Option<Listener>,
    rest: Option<Listener>,
    ops: Listener,
}

impl Listeners {
    fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let addresses = &settings.addresses;
        let balancers = &settings.security.balancers;
        let bind = |setting, address| Ok(Listener::bind(setting, address)?.behind(balancers.clone()));
        let bind_if = |runs: bool, setting, address: SocketAddr| runs.then(|| bind(setting, address)).transpose();
        let opened = settings.roles.listening();
        let grpc = bind_if(opened.grpc, "grpc-addr", addresses.grpc);
        let rest = bind_if(opened.rest, "rest-addr", addresses.rest);
        let ops = Listener::bind("ops-addr", addresses.ops);
        match (grpc, rest, ops) {
            (Ok(grpc), Ok(rest), Ok(ops)) => Ok(Self { grpc, rest, ops }),
            (grpc, rest, ops) => {
                let faults: [Option<BindError>; 3] = [grpc.err(), rest.err(), ops.err()];
                let told: Vec<_> = faults.into_iter().flatten().map(|fault| fault.to_string()).collect();
                anyhow::bail!("{}", told.join("; "))
            }
        }
    }
}

/// Starts the private database where one is needed and none is named.
pub(crate) fn start_cluster(settings: &Settings) -> anyhow::Result<Option<PrivateCluster>> {
    if !settings.roles.any_service() {
        return Ok(None);
    }
    let secrets = &settings.secrets;
    let makes_admin = settings.migrations == Migrations::Run && secrets.admin_token.is_none();
    if settings.database.url.is_some() && secrets.server.is_some() && !makes_admin {
        // Nothing is written, so the file system may be read-only.
        return Ok(None);
    }
    admin_token::make_data_dir(&settings.data_dir)?;
    if settings.database.url.is_some() {
        return Ok(None);
    }
    let config = ClusterConfig { data_dir: settings.data_dir.clone() };
    let cluster = PrivateCluster::start(config).context("can't start the private database")?;
    Ok(Some(cluster))
}

async fn serve(
    mut server: Server,
    settings: &Settings,
    metrics: Metrics,
    listeners: Listeners,
    mut cluster: Option<&mut PrivateCluster>,
    started: Instant,
) -> anyhow::Result<()> {
    let (mut signals, mut children) = (Signals::of_service()?, Children::listen()?);
    let database_url = match &settings.database.url {
        Some(url) => Some(url.reveal().to_owned()),
        None => cluster.as_ref().map(|cluster| cluster.database_url()),
    };
    let reload = signals.reload();
    server.keep_current(settings.tls_files(), &reload);
    let starting = server.start(settings, metrics, listeners, database_url, &reload, started);
    tokio::select! {
        started = starting => started?,
        signal = signals.next() => {
            tracing::info!(signal, "told to stop while starting");
            return Ok(());
        }
    }
    let ended = loop {
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "told to stop; draining");
                break Ok(());
            }
            ended = server.fronts.join_next() => break ended
                .unwrap_or(Ok(Ok(()))).context("a part of the server broke")
                .and_then(|part| part.and_then(|()| Err(io::Error::other("it ended by itself")))
                    .context("a part of the server ended")),
            () = children.ended() => if let Some(cluster) = &mut cluster
                && let Err(error) = cluster.revive()
            {
                break Err(error).context("the private database ended and can't be started again");
            },
        }
    };
    tokio::select! {
        () = server.stop() => {}
        signal = signals.next() => {
            tracing::warn!(signal, "told again; leaving at once");
            std::process::exit(130);
        }
    }
    ended
}

/// Shows the person at the terminal a link that opens the web page signed in. It is no line of the log: whoever reads that later
/// is not to sign in by it.
async fn show_sign_in(registry: &Registry, settings: &Settings, address: SocketAddr) {
    let scheme = if settings.security.page.over_tls { "https" } else { "http" };
    match registry.sign_in_code().await {
        Ok(Some(code)) => {
            let link = sign_in_link(format_args!("{scheme}://{address}"), &code);
            terminal::show(format_args!("Dashboard: {link}"));
        }
        Ok(None) => tracing::debug!("there is no admin to sign in"),
        Err(error) => tracing::warn!(%error, "make a link that signs in"),
    }
}

/// What each port holds.
struct Gates {
    grpc: Gate,
    rest: Gate,
    ops: Gate,
}

impl Gates {
    fn new(settings: &Settings, shares: Shares) -> Self {
        let security = &settings.security;
        let strangers = |connections: usize| {
            let Limits { total, per_address } = security.unauthenticated_connections;
            let total = total.min(connections / 2);
            Limits { total, per_address: per_address.min(total) }
        };
        let front = |port, connections, devices, trusted| GateConfig {
            port,
            connections,
            devices,
            strangers: strangers(connections),
            patience: LET_IN,
            calls: STRANGER_CALLS,
            count_bytes: port == "grpc",
            trusted,
        };
        Self {
            grpc: Gate::new(front("grpc", shares.grpc, shares.devices, security.grpc_proxies())),
            rest: Gate::new(front("rest", shares.rest, shares.rest, security.trusted_proxies.clone())),
            // Nobody ever shows credentials here.
            ops: Gate::new(GateConfig {
                strangers: Limits { total: shares.ops, per_address: shares.ops },
                patience: OPS_CONNECTION,
                calls: PROBES,
                ..front("ops", shares.ops, shares.ops, TrustedProxies::default())
            }),
        }
    }
}

/// What runs, in the order in which it stops.
struct Server {
    /// How long it takes new connections after it stopped being ready.
    grace: Duration,
    deadline: Duration,
    gates: Gates,
    readiness: Readiness,
    /// Ends what the world sees: new connections, then the requests under way.
    front: Drain,
    /// Ends what they stand on.
    back: Drain,
    fronts: JoinSet<io::Result<()>>,
    backs: JoinSet<()>,
    backstage: Option<Backstage>,
    extension: Option<Extension>,
}

impl Server {
    fn new(settings: &Settings, shares: Shares, extension: Option<Extension>) -> Self {
        Self {
            grace: settings.drain_grace,
            deadline: settings.drain_deadline,
            gates: Gates::new(settings, shares),
            readiness: Readiness::new(),
            front: Drain::new(),
            back: Drain::new(),
            fronts: JoinSet::new(),
            backs: JoinSet::new(),
            backstage: None,
            extension,
        }
    }

    async fn start(
        &mut self,
        settings: &Settings,
        metrics: Metrics,
        listeners: Listeners,
        database_url: Option<String>,
        reload: &watch::Sender<()>,
        started: Instant,
    ) -> anyhow::Result<()> {
        let grpc_addr = listeners.grpc.as_ref().map(|listener| listener.address().to_string());
        let rest = listeners.rest.as_ref().map(Listener::address);
        let rest_addr = rest.map(|address| address.to_string());
        let ops_addr = listeners.ops.address().to_string();

        // First of all: whoever probes may watch the start.
        let services = settings.roles.grpc_services().collect();
        let health = ops::health(&self.readiness, services).await;
        let ops = ops::router(self.readiness.clone(), metrics.clone(), health.clone());
        let (back, gate) = (self.back.clone(), self.gates.ops.clone());
        self.backs.spawn(async move {
            if let Err(error) = serve::rest(listeners.ops, None, ops, gate, back).await {
                tracing::error!(%error, "serve the ops address");
            }
        });
        self.backs.spawn(metrics.upkeep(self.back.clone()));

        if let Some(listener) = listeners.grpc {
            let database_url = database_url.context("the services need a database")?;
            let store = self.start_store(settings, database_url, reload)?;
            let readiness = &self.readiness;
            let building = Backstage::build(settings, store, self.extension, readiness, &self.front, &self.back);
            let backstage = building.await?;
            self.keep_current(backstage.redis_files.clone().into_iter().collect(), reload);
            let (routes, front, tls) = (backstage.grpc(health)?, self.front.clone(), settings.security.grpc_tls());
            let gate = self.gates.grpc.clone();
            self.fronts.spawn(async move { serve::grpc(listener, tls.as_ref(), routes, gate, front).await });
            self.start_background(settings, &backstage);
            self.backstage = Some(backstage);
        }
        if let Some(listener) = listeners.rest {
            let exchange = Exchange::new(&settings.services, self.backstage.as_ref().map(Backstage::backend));
            let store = self.backstage.as_ref().map(|backstage| backstage.store.clone());
            let router = assemble::gateway(settings, exchange, store);
            let (front, tls) = (self.front.clone(), settings.security.tls.clone());
            let gate = self.gates.rest.clone();
            self.fronts.spawn(async move { serve::rest(listener, tls.as_ref(), router, gate, front).await });
        }
        self.readiness.serving();
        let took_ms = started.elapsed().as_millis() as u64;
        tracing::info!(grpc_addr, rest_addr, ops_addr, took_ms, "ready");
        if let (Some(backstage), Some(rest)) = (&self.backstage, rest)
            && settings.security.page.on_this_machine
            && terminal::is_watched()
        {
            show_sign_in(&backstage.registry, settings, rest).await;
        }
        Ok(())
    }

    /// Follows `files` for as long as the services run.
    fn keep_current(&mut self, files: Vec<Arc<dyn Files>>, reload: &watch::Sender<()>) {
        self.backs.spawn(reload::keep_current(files, reload.subscribe(), self.back.clone()));
    }

    /// Starts the way to the database, whose address is followed from the first: the one of the start may be wrong already.
    fn start_store(&mut self, settings: &Settings, url: String, reload: &watch::Sender<()>) -> anyhow::Result<Store> {
        // Where no connection can be made, the file may hold another address by now.
        let config = StoreConfig { failures: reload.clone(), ..settings.database.config(url) };
        let store = Store::start(config).context("can't use the database")?;
        if let Some(file) = DatabaseFile::of(settings, &store) {
            self.keep_current(vec![Arc::new(file)], reload);
        }
        Ok(store)
    }

    /// Background work belongs to a role, so that as many processes as run that role take part in it.
    fn start_background(&mut self, settings: &Settings, backstage: &Backstage) {
        let (roles, store) = (&settings.roles, &backstage.store);
        // Streams outlive an outage, and a proxy may end those of a process that is not ready.
        let patience = if roles.has(Role::Link) { settings.outage_grace } else { Duration::ZERO };
        let (readiness, back) = (self.readiness.clone(), self.back.clone());
        self.backs.spawn(background::watch_database(store.clone(), readiness, patience, back));
        let (registry, back) = (backstage.registry.clone(), self.back.clone());
        self.backs.spawn(async move { registry.watch_secret(back).await });
        if roles.has(Role::Registry) {
            let (registry, back) = (backstage.registry.clone(), self.back.clone());
            self.backs.spawn(async move { registry.keep_presence(back).await });
        }
        if let (true, Some(telemetry)) = (roles.has(Role::Telemetry), backstage.telemetry.clone()) {
            let back = self.back.clone();
            self.backs.spawn(async move { telemetry.maintain(back).await });
        }
        if let (true, Some(rollouts)) = (roles.has(Role::Command), backstage.rollouts.clone()) {
            let back = self.back.clone();
            self.backs.spawn(async move {
                tokio::select! {
                    () = back.wait() => {}
                    () = rollouts.run_background() => {}
                }
            });
        }
        if let (true, Some(commands)) = (roles.has(Role::Command), backstage.commands.clone()) {
            let back = self.back.clone();
            self.backs.spawn(async move {
                tokio::select! {
                    () = back.wait() => {}
                    () = commands.run_background() => {}
                }
            });
        }
    }

    /// Not ready → devices are told → requests under way end → what was taken is stored → the rest.
    async fn stop(&mut self) {
        self.readiness.draining();
        // Load balancers look now and then: until they have seen it, they send more.
        tokio::time::sleep(self.grace).await;
        self.front.start();
        let link = self.backstage.as_ref().and_then(|backstage| backstage.link.clone());
        let fronts = &mut self.fronts;
        let ends = async {
            if let Some(link) = link {
                link.drain().await;
            }
            while fronts.join_next().await.is_some() {}
        };
        within(self.deadline, "open streams and requests", ends).await;
        self.fronts.abort_all();
        if let Some(telemetry) = self.backstage.as_ref().and_then(|backstage| backstage.telemetry.clone()) {
            within(FLUSH, "storing what was taken", telemetry.shutdown()).await;
        }
        self.back.start();
        let backs = &mut self.backs;
        within(LAST_WORDS, "background work", async { while backs.join_next().await.is_some() {} }).await;
        self.backs.abort_all();
    }
}
