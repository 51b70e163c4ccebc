//! The settings: what they are, where they come from, and what is wrong with them.
//!
//! Every setting is a flag and a `HOMEPOT_…` variable; secrets are a variable or a file, never a flag. [`Flags`] holds
//! them as they were written, [`Settings::read`] checks them and tells all faults at once.

mod flags;
mod limits;
mod reader;
mod redis;
mod roles;

use std::{ffi::OsString, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use homepot::model::{Secret, SecretKind, ServerAddress};
use homepot_host::environment;

use self::reader::{Reader, Surroundings, given, given_path};
pub use self::{
    flags::Flags,
    limits::{LimitFlags, LimitSettings},
    reader::{Fault, SettingsError, parse_time},
    redis::{RedisAddress, RedisSettings},
    roles::{Role, Roles},
};
use crate::{
    log::{Format, LogSettings, parse_filter},
    peer::TrustedProxies,
    serve::{Limits, Tls},
};

/// The word that allows plaintext off loopback.
const BEHIND_PROXY: &str = "behind-proxy";

/// What `homepot serve` goes by; every value is checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Parts to run.
    pub roles: Roles,
    /// Where to listen.
    pub addresses: Addresses,
    /// Where a gateway finds the services; `None`: in its own process.
    pub services: Option<ServicesAddress>,
    /// Where files are kept; absolute.
    pub data_dir: PathBuf,
    /// How to reach Postgres.
    pub database: DatabaseSettings,
    /// How replicas wake each other; `None`: through Postgres.
    pub redis: Option<RedisSettings>,
    /// TLS for gRPC and REST; `None`: plaintext, on loopback or behind a proxy.
    pub tls: Option<Tls>,
    /// Proxies whose word is believed.
    pub trusted_proxies: TrustedProxies,
    /// The first admin's token; `None`: one is made.
    pub admin_token: Option<Secret>,
    /// The server's secret; `None`: one is made.
    pub secret: Option<Secret>,
    /// How browsers reach the web page.
    pub page: PageSettings,
    /// Who may use server reflection.
    pub reflection: Reflection,
    /// Connections without accepted credentials that a port holds at most.
    pub unauthenticated_connections: Limits,
    /// Who may enrol without a token.
    pub open_enrollment: OpenEnrollment,
    /// What devices are told about their pace.
    pub pace: Pace,
    /// How long what is kept.
    pub retention: Retention,
    /// Of how many devices the gateway tells a Prometheus at most; `None`: of none.
    pub fleet_metrics: Option<usize>,
    /// What one caller may take of the server.
    pub limits: LimitSettings,
    /// How long the end may take.
    pub drain_deadline: Duration,
    /// What is logged, and how.
    pub log: LogSettings,
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The gRPC services.
    pub grpc: SocketAddr,
    /// REST.
    pub rest: SocketAddr,
    /// Probes and metrics.
    pub ops: SocketAddr,
}

/// Where the gRPC services are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicesAddress {
    /// The address.
    pub address: ServerAddress,
    /// The authorities, as PEM, that vouch for an https address; `None`: those of the system.
    pub ca_pem: Option<Vec<u8>>,
}

/// How to reach Postgres.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// The address, which may hold a password; `None`: a private cluster in the data directory.
    pub url: Option<Secret>,
    /// Threads, each with a connection.
    pub threads: usize,
}

/// How browsers reach the web page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSettings {
    /// Over TLS, ended here or by a proxy in front.
    pub over_tls: bool,
    /// From this machine only, with no proxy in front.
    pub on_this_machine: bool,
}

/// Who may enrol without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenEnrollment {
    /// Nobody.
    Off,
    /// Devices on this machine, at sites that allow it.
    Loopback,
}

/// Who may use gRPC server reflection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reflection {
    /// Anyone who reaches the port.
    Anyone,
    /// Operators of any role.
    Operators,
    /// Nobody.
    Off,
}

/// What devices are told about their pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between samples.
    pub sample_interval: Duration,
    /// Between signs of life.
    pub heartbeat_interval: Duration,
}

/// How long what is kept. Of samples and their rollups, each at least as long as the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Samples as they came.
    pub samples: Duration,
    /// Rollups of a minute.
    pub minutes: Duration,
    /// Rollups of an hour.
    pub hours: Duration,
    /// What people did.
    pub activities: Duration,
    /// Errors of applications.
    pub errors: Duration,
}

impl Settings {
    /// Reads and checks `flags`, and the secrets from this process' environment.
    pub fn read(flags: Flags) -> Result<Self, SettingsError> {
        let is_root = rustix::process::geteuid().is_root();
        Self::read_from(flags, Surroundings { variable: &environment::variable, is_root })
    }

    fn read_from(flags: Flags, surroundings: Surroundings<'_>) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(surroundings);
        let roles = flags.roles.parse();
        let roles = reader.keep("roles", roles, Roles::all());
        let addresses = Addresses {
            grpc: address(&mut reader, "grpc-addr", &flags.grpc_addr),
            rest: address(&mut reader, "rest-addr", &flags.rest_addr),
            ops: address(&mut reader, "ops-addr", &flags.ops_addr),
        };
        let services = services_address(
            &mut reader,
            &roles,
            (given(flags.grpc_url), flags.allow_plaintext),
            given_path(flags.grpc_ca),
        );
        let tls = tls(&mut reader, given_path(flags.tls_cert), given_path(flags.tls_key));
        let proxied = behind_proxy(&mut reader, given(flags.insecure_plaintext));
        if tls.is_none() && !proxied {
            let listeners = [
                ("grpc-addr", addresses.grpc, roles.any_service()),
                ("rest-addr", addresses.rest, roles.has(Role::Gateway)),
            ];
            for (setting, address, runs) in listeners {
                if runs && !address.ip().is_loopback() {
                    reader.fault(setting, plaintext_refused(address));
                }
            }
        }
        let threads = flags.database_threads.parse().ok().filter(|threads| (1..=256).contains(threads));
        let threads = threads.ok_or_else(|| format!("'{}' is not a number from 1 to 256", flags.database_threads));
        let trusted_proxies = flags.trusted_proxies.parse();
        let trusted_proxies = reader.keep("trusted-proxies", trusted_proxies, TrustedProxies::default());
        let header = flags.forwarded_header.parse();
        let trusted_proxies = trusted_proxies.speaking(reader.keep("forwarded-header", header, Default::default()));
        let behind_proxy = proxied || !trusted_proxies.is_empty();
        let open_to_all = addresses.grpc.ip().is_loopback() && !behind_proxy;
        let page = PageSettings {
            over_tls: tls.is_some() || proxied,
            on_this_machine: addresses.rest.ip().is_loopback() && !behind_proxy,
        };
        let format = flags.log_format.parse();
        let log = LogSettings { filter: flags.log, format: reader.keep("log-format", format, Format::Auto) };
        let filter = parse_filter(&log.filter).map(drop);
        reader.keep("log", filter, ());
        let settings = Self {
            addresses,
            services,
            data_dir: reader.data_dir(flags.data_dir),
            database: DatabaseSettings {
                url: database_url(&mut reader, flags.database_url_file),
                threads: reader.keep("database-threads", threads, 1),
            },
            redis: redis::read(&mut reader, flags.redis_url_file, flags.redis_ca_file),
            tls,
            trusted_proxies,
            page,
            reflection: reflection(&mut reader, &flags.reflection, open_to_all),
            unauthenticated_connections: Limits {
                total: reader.count("unauthenticated-connections", &flags.unauthenticated_connections, CONNECTIONS),
                per_address: reader.count(
                    "unauthenticated-connections-per-address",
                    &flags.unauthenticated_connections_per_address,
                    CONNECTIONS,
                ),
            },
            admin_token: admin_token(&mut reader, flags.admin_token_file),
            secret: server_secret(&mut reader, flags.secret_file),
            open_enrollment: open_enrollment(&mut reader, &flags.open_enrollment, behind_proxy),
            pace: Pace {
                sample_interval: reader.time("sample-interval", &flags.sample_interval, SECOND..=60 * MINUTE),
                heartbeat_interval: reader.time("heartbeat-interval", &flags.heartbeat_interval, SECOND..=10 * MINUTE),
            },
            retention: retention(
                &mut reader,
                &flags.retention_samples,
                &flags.retention_minutes,
                &flags.retention_hours,
                (&flags.retention_activities, &flags.retention_errors),
            ),
            fleet_metrics: fleet_metrics(&mut reader, &flags.fleet_metrics, &flags.fleet_metrics_devices),
            limits: limits::read(&mut reader, &flags.limits),
            drain_deadline: reader.time("drain-deadline", &flags.drain_deadline, SECOND..=5 * MINUTE),
            roles,
            log,
        };
        reader.finish(settings)
    }
}

/// The directory that is used when none is given; `None` when there is no home to put it in.
pub fn default_data_dir() -> Option<PathBuf> {
    reader::default_data_dir(&Surroundings {
        variable: &environment::variable,
        is_root: rustix::process::geteuid().is_root(),
    })
}

/// How many connections without accepted credentials may be asked for.
const CONNECTIONS: RangeInclusive<usize> = 16..=100_000;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Who wants to keep more wants another kind of store.
const TEN_YEARS: Duration = Duration::from_secs(3_653 * 24 * 3600);

fn address(reader: &mut Reader<'_>, setting: &'static str, text: &str) -> SocketAddr {
    let address = text.parse().map_err(|_| format!("'{text}' is not an IP address and port such as 127.0.0.1:8000"));
    reader.keep(setting, address, SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn plaintext_refused(address: SocketAddr) -> String {
    format!(
        "{address} is not a loopback address and would carry keys in plaintext; give --tls-cert and --tls-key, or say \
         --insecure-plaintext {BEHIND_PROXY} when a proxy in front ends TLS"
    )
}

fn behind_proxy(reader: &mut Reader<'_>, word: Option<String>) -> bool {
    match word.as_deref() {
        None => false,
        Some(BEHIND_PROXY) => true,
        Some(word) => {
            reader.fault("insecure-plaintext", format!("'{word}' is not the word '{BEHIND_PROXY}'"));
            // One fault is enough: the listeners' follows from it.
            true
        }
    }
}

fn tls(reader: &mut Reader<'_>, cert: Option<PathBuf>, key: Option<PathBuf>) -> Option<Tls> {
    match (cert, key) {
        (None, None) => None,
        (Some(_), None) => {
            reader.fault("tls-key", "is missing; --tls-cert needs it");
            None
        }
        (None, Some(_)) => {
            reader.fault("tls-cert", "is missing; --tls-key needs it");
            None
        }
        (Some(cert), Some(key)) => {
            let tls = Tls::load(&cert, &key);
            tls.map_err(|error| reader.fault("tls-cert", error.to_string())).ok()
        }
    }
}

fn services_address(
    reader: &mut Reader<'_>,
    roles: &Roles,
    (url, allow_plaintext): (Option<String>, bool),
    ca: Option<PathBuf>,
) -> Option<ServicesAddress> {
    if roles.all_services() || !roles.has(Role::Gateway) {
        return None;
    }
    let Some(url) = url else {
        reader.fault("grpc-url", "is needed by a gateway that runs without all services in its process");
        return None;
    };
    let address = ServerAddress::parse(&url, allow_plaintext).map(Some);
    let address = reader.keep("grpc-url", address, None);
    let read = |path: PathBuf| std::fs::read(&path).map_err(|error| format!("can't read {}: {error}", path.display()));
    let ca_pem = ca.map(read).transpose();
    let ca_pem = reader.keep("grpc-ca", ca_pem, None);
    Some(ServicesAddress { address: address?, ca_pem })
}

fn database_url(reader: &mut Reader<'_>, file: Option<OsString>) -> Option<Secret> {
    let url = reader.secret("database-url", "database-url-file", file)?;
    let is_address = ["postgres://", "postgresql://"].iter().any(|scheme| url.reveal().starts_with(scheme));
    // libpq takes settings such as `host=db dbname=homepot` too; it reads them when the server starts.
    let are_settings =
        url.reveal().split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    if !is_address && !are_settings {
        // The text itself may hold a password, so it is not repeated.
        reader.secret_fault("database-url", "is not an address such as postgres://user@host/homepot");
    }
    Some(url)
}

fn admin_token(reader: &mut Reader<'_>, file: Option<OsString>) -> Option<Secret> {
    let token = reader.secret("admin-token", "admin-token-file", file)?;
    if let Err(error) = token.check_form(SecretKind::OperatorToken, "admin_token") {
        reader.secret_fault(
            "admin-token",
            error.field_violations().iter().map(|v| v.reason.as_str()).collect::<String>(),
        );
    }
    Some(token)
}

fn server_secret(reader: &mut Reader<'_>, file: Option<OsString>) -> Option<Secret> {
    let secret = reader.secret("secret", "secret-file", file)?;
    if let Err(reason) = check_server_secret(&secret) {
        reader.secret_fault("secret", reason);
    }
    Some(secret)
}

/// Whether `secret` can be a server's: what can be guessed is none. The reason does not repeat it.
pub fn check_server_secret(secret: &Secret) -> Result<(), &'static str> {
    let text = secret.reveal();
    let good = (32..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match good && text.bytes().collect::<std::collections::HashSet<_>>().len() >= 8 {
        true => Ok(()),
        false => Err("must be 32 to 1,024 random letters, such as those of `openssl rand -hex 32`"),
    }
}

fn retention(
    reader: &mut Reader<'_>,
    samples: &str,
    minutes: &str,
    hours: &str,
    (activities, errors): (&str, &str),
) -> Retention {
    let kept = Retention {
        samples: reader.time("retention-samples", samples, DAY..=TEN_YEARS),
        minutes: reader.time("retention-minutes", minutes, DAY..=TEN_YEARS),
        hours: reader.time("retention-hours", hours, DAY..=TEN_YEARS),
        activities: reader.time("retention-activities", activities, DAY..=TEN_YEARS),
        errors: reader.time("retention-errors", errors, DAY..=TEN_YEARS),
    };
    if kept.minutes < kept.samples {
        reader.fault("retention-minutes", format!("'{minutes}' is shorter than --retention-samples, '{samples}'"));
    }
    if kept.hours < kept.minutes {
        reader.fault("retention-hours", format!("'{hours}' is shorter than --retention-minutes, '{minutes}'"));
    }
    kept
}

fn fleet_metrics(reader: &mut Reader<'_>, word: &str, devices: &str) -> Option<usize> {
    let most = devices.parse().ok().filter(|most| (1..=100_000).contains(most));
    let most = most.ok_or_else(|| format!("'{devices}' is not a number from 1 to 100000"));
    let most = reader.keep("fleet-metrics-devices", most, 1);
    let word = match word {
        "on" => Ok(Some(most)),
        "off" => Ok(None),
        _ => Err(format!("'{word}' is neither 'on' nor 'off'")),
    };
    reader.keep("fleet-metrics", word, None)
}

fn reflection(reader: &mut Reader<'_>, word: &str, open_to_all: bool) -> Reflection {
    let value = match word {
        "auto" if open_to_all => Ok(Reflection::Anyone),
        "auto" | "operators" => Ok(Reflection::Operators),
        "off" => Ok(Reflection::Off),
        _ => Err(format!("'{word}' is none of 'auto', 'operators' and 'off'")),
    };
    reader.keep("reflection", value, Reflection::Off)
}

fn open_enrollment(reader: &mut Reader<'_>, word: &str, behind_proxy: bool) -> OpenEnrollment {
    let value = match word {
        "off" => Ok(OpenEnrollment::Off),
        "loopback" if behind_proxy => Err("'loopback' can't stand beside --insecure-plaintext behind-proxy or \
            --trusted-proxies: whoever comes through a proxy on this machine would enrol without a token; enrol with \
            tokens instead"
            .to_owned()),
        "loopback" => Ok(OpenEnrollment::Loopback),
        _ => Err(format!("'{word}' is neither 'off' nor 'loopback'")),
    };
    reader.keep("open-enrollment", value, OpenEnrollment::Off)
}

#[cfg(test)]
mod tests;
