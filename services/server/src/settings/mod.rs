//! The settings of `homepot serve`: the flags of every crate in one command line, and the configuration that each crate makes
//! of its own.
//!
//! A crate declares and checks the settings that it uses in its module `settings`, with [`homepot_host::settings`]. Only
//! settings of the start itself are declared here. The order of the flags is that of `--help`, and that of the faults.

mod data_dir;
mod migrations;
mod roles;
mod secrets;
mod services;

use std::{path::PathBuf, sync::Arc, time::Duration};

use homepot_gateway::settings::FleetMetricsFlags;
use homepot_hints::settings::{RedisFlags, RedisSettings};
use homepot_host::settings::{Reader, SettingsError, Surroundings};
use homepot_link::settings::PaceFlags;
use homepot_registry::settings::{EnrollmentFlags, OidcFlags, Reached};
use homepot_rollout::{TransferRates, settings::TransferFlags};
use homepot_runtime::{
    limits::LimitSettings,
    log::LogSettings,
    reload::Files,
    settings::{
        AddressFlags, Addresses, LimitFlags, LogFlags, SecurityFlags, SecuritySettings, TraceFlags, TraceSettings,
    },
    tls::{ClientAuthorities, Tls, Trusted},
    trace::Resources,
};
use homepot_store::settings::{DatabaseFlags, DatabaseSettings};

use self::{data_dir::DataDirFlags, secrets::SecretFlags, services::ServicesFlags};
pub(crate) use self::{
    data_dir::default_data_dir,
    migrations::Migrations,
    roles::{Role, Roles},
    secrets::Secrets,
    services::{CallerTls, ServiceAddresses},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Flags of `homepot serve`. A flag wins over its environment variable.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Flags {
    /// Roles that this process runs, separated by commas.
    #[arg(long, env = "HOMEPOT_ROLES", value_name = "LIST", default_value = "registry,telemetry,command,link,gateway")]
    roles: String,

    #[command(flatten)]
    addresses: AddressFlags,

    #[command(flatten)]
    services: ServicesFlags,

    #[command(flatten)]
    data_dir: DataDirFlags,

    #[command(flatten)]
    database: DatabaseFlags,

    /// What to do about the database's schema at the start: `run` the migrations that are to come, or `wait` until
    /// `homepot migrate` has run them. A server that waits leaves the schema alone and makes no first admin, and its
    /// database user needs no right to change the schema.
    #[arg(long, env = "HOMEPOT_MIGRATIONS", value_name = "MODE", default_value = "run", help_heading = "Storage")]
    migrations: String,

    /// How long a server with the role link stays ready after its database went away, so that proxies leave the devices'
    /// streams alone: 0s to 1h.
    #[arg(long, env = "HOMEPOT_OUTAGE_GRACE", value_name = "TIME", default_value = "2m", help_heading = "Storage")]
    outage_grace: String,

    #[command(flatten)]
    redis: RedisFlags,

    #[command(flatten)]
    security: SecurityFlags,

    #[command(flatten)]
    secrets: SecretFlags,

    #[command(flatten)]
    enrollment: EnrollmentFlags,

    #[command(flatten)]
    oidc: OidcFlags,

    #[command(flatten)]
    pace: PaceFlags,

    #[command(flatten)]
    fleet_metrics: FleetMetricsFlags,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    transfers: TransferFlags,

    /// How long the server still takes new connections after it has stopped being ready, so that load balancers can
    /// notice before anybody is refused: 0s to 5m.
    #[arg(long, env = "HOMEPOT_DRAIN_GRACE", value_name = "TIME", default_value = "0s")]
    drain_grace: String,

    /// How long open streams and requests may take to end when the server stops: 1s to 5m.
    #[arg(long, env = "HOMEPOT_DRAIN_DEADLINE", value_name = "TIME", default_value = "8s")]
    drain_deadline: String,

    #[command(flatten)]
    log: LogFlags,

    #[command(flatten)]
    traces: TraceFlags,
}

/// The checked settings of `homepot serve`.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Roles to run.
    pub(crate) roles: Roles,
    /// Addresses to listen on.
    pub(crate) addresses: Addresses,
    /// Addresses of the services that a gateway does not run in its own process.
    pub(crate) services: ServiceAddresses,
    /// Directory of the private database, the first admin's token and the server's secret; absolute.
    pub(crate) data_dir: PathBuf,
    /// The way to Postgres, and the retention of each kind of data.
    pub(crate) database: DatabaseSettings,
    /// Redis, by which replicas wake each other; `None`: they do it through Postgres.
    pub(crate) redis: Option<RedisSettings>,
    /// Security of the listeners.
    pub(crate) security: SecuritySettings,
    /// The secrets that were given.
    pub(crate) secrets: Secrets,
    /// Configuration of the registry.
    pub(crate) registry: homepot_registry::Config,
    /// Configuration of the link.
    pub(crate) link: homepot_link::Config,
    /// Limit of devices that the gateway shows a Prometheus; `None`: it shows none.
    pub(crate) fleet_metrics: Option<usize>,
    /// Limits of callers.
    pub(crate) limits: LimitSettings,
    /// How fast files go to devices.
    pub(crate) transfers: TransferRates,
    /// Who changes the database's schema.
    pub(crate) migrations: Migrations,
    /// Time for which a link stays ready without its database.
    pub(crate) outage_grace: Duration,
    /// Time between the end of readiness and that of new connections.
    pub(crate) drain_grace: Duration,
    /// Time that open streams and requests have to end.
    pub(crate) drain_deadline: Duration,
    /// Levels and format of log lines.
    pub(crate) log: LogSettings,
    /// Traces; `None`: nothing is traced.
    pub(crate) traces: Option<TraceSettings>,
}

impl Settings {
    /// Reads and checks `flags`, and the secrets from this process' environment.
    pub(crate) fn read(flags: Flags) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(Surroundings::of_this_process());
        let settings = flags.read(&mut reader);
        reader.finish(settings)
    }
}

impl Settings {
    /// The files of certificates, keys and authorities, which may be replaced while the server runs.
    pub(crate) fn tls_files(&self) -> Vec<Arc<dyn Files>> {
        let Self { security, services, traces, .. } = self;
        let own = security.tls.iter().map(Tls::files);
        let clients = security.client_authorities.iter().map(ClientAuthorities::files);
        let collector = traces.iter().filter_map(|traces| traces.trusted.as_ref()).map(Trusted::files);
        own.chain(clients).chain(services.tls.files()).chain(collector).collect()
    }

    /// What every span of a trace says of this process.
    pub(crate) fn resources(&self) -> Resources {
        let named = self.traces.as_ref().and_then(|traces| traces.service.clone());
        let by_roles = || match self.roles.only() {
            Some(role) => format!("homepot-{}", role.as_str()),
            None => "homepot".to_owned(),
        };
        Resources {
            service: named.unwrap_or_else(by_roles),
            roles: self.roles.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            instance: replica(),
        }
    }
}

impl Flags {
    /// Reads all flags. A crate whose check depends on a setting of another crate is handed that setting.
    fn read(self, reader: &mut Reader<'_>) -> Settings {
        let roles = self.roles.parse();
        let roles = reader.keep("roles", roles, Roles::all());
        let addresses = self.addresses.read(reader);
        let services = self.services.read(reader, &roles);
        let data_dir = self.data_dir.read(reader);
        let database = self.database.read(reader);
        let migrations = self.migrations.parse();
        let migrations = reader.keep("migrations", migrations, Migrations::Run);
        if migrations == Migrations::Wait && database.url.is_none() && roles.any_service() {
            reader.fault(
                "migrations",
                "'wait' needs HOMEPOT_DATABASE_URL: nobody but its own server can migrate a private database",
            );
        }
        let redis = self.redis.read(reader);
        let security = self.security.read(reader, &addresses, roles.listening());
        let reached = Reached {
            address: addresses.grpc,
            over_tls: security.tls.is_some(),
            behind_proxy: security.behind_proxy,
            takes_devices: roles.has(Role::Link),
        };
        let secrets = self.secrets.read(reader);
        let enrollment = self.enrollment.read(reader, reached);
        Settings {
            secrets,
            registry: homepot_registry::Config { identity_provider: self.oidc.read(reader), ..enrollment },
            link: self.pace.read(reader, replica()),
            fleet_metrics: self.fleet_metrics.read(reader),
            limits: self.limits.read(reader),
            transfers: self.transfers.read(reader),
            migrations,
            outage_grace: reader.time("outage-grace", &self.outage_grace, Duration::ZERO..=60 * MINUTE),
            drain_grace: reader.time("drain-grace", &self.drain_grace, Duration::ZERO..=5 * MINUTE),
            drain_deadline: reader.time("drain-deadline", &self.drain_deadline, SECOND..=5 * MINUTE),
            log: self.log.read(reader),
            traces: self.traces.read(reader),
            roles,
            addresses,
            services,
            data_dir,
            database,
            redis,
            security,
        }
    }
}

/// What this process is called in the sessions that it holds and in traces: in Kubernetes, the pod.
fn replica() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}/{}", std::process::id())
}

#[cfg(test)]
mod tests;
