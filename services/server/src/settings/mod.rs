//! The settings of `homepot serve`, put together: the flags of every crate in one command line, and what each crate makes of
//! its own.
//!
//! A crate declares and checks what it uses in its module `settings`, with the kit of [`homepot_host::settings`]; here are
//! only those of the start itself. Their order here is that of `--help`, and that in which faults are told.

mod data_dir;
mod roles;
mod secrets;
mod services;

use std::{path::PathBuf, time::Duration};

use homepot_gateway::settings::FleetMetricsFlags;
use homepot_hints::settings::{RedisFlags, RedisSettings};
use homepot_host::settings::{Reader, SettingsError, Surroundings};
use homepot_link::settings::PaceFlags;
use homepot_registry::settings::EnrollmentFlags;
use homepot_runtime::{
    limits::LimitSettings,
    log::LogSettings,
    settings::{AddressFlags, Addresses, LimitFlags, LogFlags, SecurityFlags, SecuritySettings},
};
use homepot_store::settings::{DatabaseFlags, DatabaseSettings};

use self::{data_dir::DataDirFlags, secrets::SecretFlags, services::ServicesFlags};
pub(crate) use self::{
    data_dir::default_data_dir,
    roles::{Role, Roles},
    secrets::Secrets,
    services::ServicesAddress,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Flags of `homepot serve`. A flag wins over its environment variable.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Flags {
    /// Parts to run, separated by commas.
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

    #[command(flatten)]
    redis: RedisFlags,

    #[command(flatten)]
    security: SecurityFlags,

    #[command(flatten)]
    secrets: SecretFlags,

    #[command(flatten)]
    enrollment: EnrollmentFlags,

    #[command(flatten)]
    pace: PaceFlags,

    #[command(flatten)]
    fleet_metrics: FleetMetricsFlags,

    #[command(flatten)]
    limits: LimitFlags,

    /// How long open streams and requests may take to end when the server is told to stop: 1s to 5m.
    #[arg(long, env = "HOMEPOT_DRAIN_DEADLINE", value_name = "TIME", default_value = "8s")]
    drain_deadline: String,

    #[command(flatten)]
    log: LogFlags,
}

/// What `homepot serve` goes by; every value is checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Parts to run.
    pub(crate) roles: Roles,
    /// Where to listen.
    pub(crate) addresses: Addresses,
    /// Where a gateway finds the services; `None`: in its own process.
    pub(crate) services: Option<ServicesAddress>,
    /// Where files are kept; absolute.
    pub(crate) data_dir: PathBuf,
    /// How to reach Postgres, and how long what is kept.
    pub(crate) database: DatabaseSettings,
    /// How replicas wake each other; `None`: through Postgres.
    pub(crate) redis: Option<RedisSettings>,
    /// Who may come in, and whose word counts.
    pub(crate) security: SecuritySettings,
    /// The secrets that were given.
    pub(crate) secrets: Secrets,
    /// How the registry is set.
    pub(crate) registry: homepot_registry::Config,
    /// How devices are held.
    pub(crate) link: homepot_link::Config,
    /// Of how many devices the gateway tells a Prometheus at most; `None`: of none.
    pub(crate) fleet_metrics: Option<usize>,
    /// What one caller may take of the server.
    pub(crate) limits: LimitSettings,
    /// How long the end may take.
    pub(crate) drain_deadline: Duration,
    /// What is logged, and how.
    pub(crate) log: LogSettings,
}

impl Settings {
    /// Reads and checks `flags`, and the secrets from this process' environment.
    pub(crate) fn read(flags: Flags) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(Surroundings::of_this_process());
        let settings = flags.read(&mut reader);
        reader.finish(settings)
    }
}

impl Flags {
    /// A crate that needs to know what another one was set to is handed that.
    fn read(self, reader: &mut Reader<'_>) -> Settings {
        let roles = self.roles.parse();
        let roles = reader.keep("roles", roles, Roles::all());
        let addresses = self.addresses.read(reader);
        let services = self.services.read(reader, &roles);
        let data_dir = self.data_dir.read(reader);
        let database = self.database.read(reader);
        let redis = self.redis.read(reader);
        let security = self.security.read(reader, &addresses, roles.listening());
        Settings {
            secrets: self.secrets.read(reader),
            registry: self.enrollment.read(reader, security.behind_proxy),
            link: self.pace.read(reader, replica()),
            fleet_metrics: self.fleet_metrics.read(reader),
            limits: self.limits.read(reader),
            drain_deadline: reader.time("drain-deadline", &self.drain_deadline, SECOND..=5 * MINUTE),
            log: self.log.read(reader),
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

/// What this process is called in the sessions it holds: in Kubernetes, the pod.
fn replica() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}/{}", std::process::id())
}

#[cfg(test)]
mod tests;
