//! The settings as they are written: texts, each a flag and an environment variable.
//!
//! They are texts on purpose. What reads them tells all faults at once, and takes an empty variable for one that is
//! not given; clap would stop at the first.

use std::ffi::OsString;

use super::limits::LimitFlags;

/// Flags of `homepot serve`. A flag wins over its environment variable.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Parts to run, separated by commas.
    #[arg(long, env = "HOMEPOT_ROLES", value_name = "LIST", default_value = "registry,telemetry,command,link,gateway")]
    pub(super) roles: String,

    /// Where the gRPC services listen; port 0 picks a free one.
    #[arg(long, env = "HOMEPOT_GRPC_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
    #[arg(help_heading = "Addresses")]
    pub(super) grpc_addr: String,

    /// Where REST listens; port 0 picks a free one.
    #[arg(long, env = "HOMEPOT_REST_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:8000")]
    #[arg(help_heading = "Addresses")]
    pub(super) rest_addr: String,

    /// Where probes and metrics are answered: /livez, /readyz, /metrics and gRPC health. Always plaintext, without
    /// credentials.
    #[arg(long, env = "HOMEPOT_OPS_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:9464")]
    #[arg(help_heading = "Addresses")]
    pub(super) ops_addr: String,

    /// Where a gateway finds the gRPC services when they don't all run in its own process, such as
    /// `http://10.0.0.7:50051` or `https://grpc.example`.
    #[arg(long, env = "HOMEPOT_GRPC_URL", value_name = "URL", help_heading = "Addresses")]
    pub(super) grpc_url: Option<String>,

    /// Send the callers' keys and tokens in clear to a --grpc-url that is not on this machine. Only where something
    /// else encrypts the connection.
    #[arg(long, env = "HOMEPOT_ALLOW_PLAINTEXT", help_heading = "Addresses")]
    pub(super) allow_plaintext: bool,

    /// PEM file of the authorities that vouch for an https --grpc-url [default: those of this machine].
    #[arg(long, env = "HOMEPOT_GRPC_CA", value_name = "FILE", help_heading = "Addresses")]
    pub(super) grpc_ca: Option<OsString>,

    /// Where the private database and the first admin's token are kept [default: /var/lib/homepot as root, else
    /// $XDG_DATA_HOME/homepot or ~/.local/share/homepot].
    #[arg(long, env = "HOMEPOT_DATA_DIR", value_name = "DIR", help_heading = "Storage")]
    pub(super) data_dir: Option<OsString>,

    /// File that holds the Postgres address, such as postgres://user:password@host/homepot. Or give the address
    /// itself in HOMEPOT_DATABASE_URL; there is no flag for it, because process lists show flags. With neither, a
    /// private database runs in the data directory.
    #[arg(long, env = "HOMEPOT_DATABASE_URL_FILE", value_name = "FILE", help_heading = "Storage")]
    pub(super) database_url_file: Option<OsString>,

    /// Threads that talk to the database, each with a connection: 1 to 256. Devices get half of them, operators' calls
    /// and their reports a quarter each. Three more connections are used for upkeep and for listening.
    #[arg(
        long,
        env = "HOMEPOT_DATABASE_THREADS",
        value_name = "COUNT",
        default_value = "12",
        help_heading = "Storage"
    )]
    pub(super) database_threads: String,

    /// How long samples are kept as they came: 1d to ten years. Older ones are refused, beyond 7d in any case.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_SAMPLES",
        value_name = "TIME",
        default_value = "7d",
        help_heading = "Storage"
    )]
    pub(super) retention_samples: String,

    /// How long what samples came to in each minute is kept; no shorter than samples.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_MINUTES",
        value_name = "TIME",
        default_value = "90d",
        help_heading = "Storage"
    )]
    pub(super) retention_minutes: String,

    /// How long what samples came to in each hour is kept; no shorter than minutes.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_HOURS",
        value_name = "TIME",
        default_value = "730d",
        help_heading = "Storage"
    )]
    pub(super) retention_hours: String,

    /// How long it is kept what people did in the tools around the server: 1d to ten years.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_ACTIVITIES",
        value_name = "TIME",
        default_value = "30d",
        help_heading = "Storage"
    )]
    pub(super) retention_activities: String,

    /// How long errors of applications are kept: 1d to ten years.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_ERRORS",
        value_name = "TIME",
        default_value = "90d",
        help_heading = "Storage"
    )]
    pub(super) retention_errors: String,

    /// File that holds the address of a Redis or Valkey by which several servers on one database wake each other, such
    /// as redis://host:6379 or rediss://user:password@host; nodes of a cluster separated by commas. Or give the address
    /// itself in HOMEPOT_REDIS_URL; there is no flag for it. With neither, they wake each other through Postgres.
    #[arg(long, env = "HOMEPOT_REDIS_URL_FILE", value_name = "FILE", help_heading = "Replicas")]
    pub(super) redis_url_file: Option<OsString>,

    /// PEM file of the authorities that vouch for a rediss address [default: the system's].
    #[arg(long, env = "HOMEPOT_REDIS_CA_FILE", value_name = "FILE", help_heading = "Replicas")]
    pub(super) redis_ca_file: Option<OsString>,

    /// PEM file of the certificate chain for gRPC and REST.
    #[arg(long, env = "HOMEPOT_TLS_CERT", value_name = "FILE", help_heading = "Security")]
    pub(super) tls_cert: Option<OsString>,

    /// PEM file of the certificate's private key.
    #[arg(long, env = "HOMEPOT_TLS_KEY", value_name = "FILE", help_heading = "Security")]
    pub(super) tls_key: Option<OsString>,

    /// The word 'behind-proxy' says that a proxy in front ends TLS; without it and without TLS files, gRPC and REST
    /// listen on loopback only.
    #[arg(long, env = "HOMEPOT_INSECURE_PLAINTEXT", value_name = "WORD", help_heading = "Security")]
    pub(super) insecure_plaintext: Option<String>,

    /// Proxies, and gateways of this server that run elsewhere, whose word on a client's address is believed: IP
    /// addresses and networks such as 10.0.0.0/8, separated by commas.
    #[arg(long, env = "HOMEPOT_TRUSTED_PROXIES", value_name = "LIST", default_value = "", help_heading = "Security")]
    pub(super) trusted_proxies: String,

    /// Header in which trusted proxies name the client: 'x-forwarded-for' or 'forwarded'. The proxy must write it anew or
    /// append to it; the other header is not read.
    #[arg(long, env = "HOMEPOT_FORWARDED_HEADER", value_name = "NAME", default_value = "x-forwarded-for")]
    #[arg(help_heading = "Security")]
    pub(super) forwarded_header: String,

    /// Who may use gRPC server reflection: 'operators', 'off' for nobody, or 'auto', which is anyone where gRPC listens on
    /// loopback with no proxy in front, and operators elsewhere.
    #[arg(long, env = "HOMEPOT_REFLECTION", value_name = "WHO", default_value = "auto", help_heading = "Security")]
    pub(super) reflection: String,

    /// Connections without accepted credentials that gRPC and REST each hold at most: 16 to 100000. A new one takes the
    /// place of the one that has done least for longest.
    #[arg(long, env = "HOMEPOT_UNAUTHENTICATED_CONNECTIONS", value_name = "COUNT", default_value = "2048")]
    #[arg(help_heading = "Security")]
    pub(super) unauthenticated_connections: String,

    /// How many of them one IPv4 address or one /64 network of IPv6 may have: 16 to 100000.
    #[arg(long, env = "HOMEPOT_UNAUTHENTICATED_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", default_value = "512")]
    #[arg(help_heading = "Security")]
    pub(super) unauthenticated_connections_per_address: String,

    /// File that holds the first admin's token. Or give the token itself in HOMEPOT_ADMIN_TOKEN; there is no flag
    /// for it. With neither, the first start makes one and writes it to admin-token in the data directory.
    #[arg(long, env = "HOMEPOT_ADMIN_TOKEN_FILE", value_name = "FILE", help_heading = "Security")]
    pub(super) admin_token_file: Option<OsString>,

    /// File that holds the server's secret: 32 to 1,024 random letters. Or give the secret itself in HOMEPOT_SECRET; there is
    /// no flag for it. With neither, the first start makes one and writes it to server-secret in the data directory.
    /// Servers on one database need the same.
    #[arg(long, env = "HOMEPOT_SECRET_FILE", value_name = "FILE", help_heading = "Security")]
    pub(super) secret_file: Option<OsString>,

    /// Who may enrol without a token, at sites that allow it: 'off' for nobody, 'loopback' for devices on this
    /// machine. Not together with a proxy, through which strangers would look like devices on this machine.
    #[arg(long, env = "HOMEPOT_OPEN_ENROLLMENT", value_name = "WHO", default_value = "off", help_heading = "Security")]
    pub(super) open_enrollment: String,

    /// How often devices measure, unless told otherwise: 1s to 1h.
    #[arg(long, env = "HOMEPOT_SAMPLE_INTERVAL", value_name = "TIME", default_value = "5s", help_heading = "Devices")]
    pub(super) sample_interval: String,

    /// How often devices give a sign of life; after two and a half missed ones they count as offline: 1s to 10m.
    #[arg(long, env = "HOMEPOT_HEARTBEAT_INTERVAL", value_name = "TIME", default_value = "10s")]
    #[arg(help_heading = "Devices")]
    pub(super) heartbeat_interval: String,

    /// Whether operators find the fleet's newest values below /telemetry/prometheus on the REST address: 'on' or 'off'.
    #[arg(long, env = "HOMEPOT_FLEET_METRICS", value_name = "WORD", default_value = "off", help_heading = "Devices")]
    pub(super) fleet_metrics: String,

    /// Of how many devices it tells at most, the first by id: 1 to 100000. Every device makes a series a metric.
    #[arg(long, env = "HOMEPOT_FLEET_METRICS_DEVICES", value_name = "COUNT", default_value = "1000")]
    #[arg(help_heading = "Devices")]
    pub(super) fleet_metrics_devices: String,

    #[command(flatten)]
    pub(super) limits: LimitFlags,

    /// How long open streams and requests may take to end when the server is told to stop: 1s to 5m.
    #[arg(long, env = "HOMEPOT_DRAIN_DEADLINE", value_name = "TIME", default_value = "8s")]
    pub(super) drain_deadline: String,

    /// What is logged: a level (error, warn, info, debug, trace), or levels by part such as info,homepot_link=debug.
    #[arg(long, env = "HOMEPOT_LOG", value_name = "FILTER", default_value = "info", help_heading = "Logs")]
    pub(super) log: String,

    /// How log lines look: human, json, or auto, which is human on a terminal and json elsewhere.
    #[arg(long, env = "HOMEPOT_LOG_FORMAT", value_name = "FORMAT", default_value = "auto", help_heading = "Logs")]
    pub(super) log_format: String,
}
