//! The link: the service for devices, `DeviceService`.
//!
//! Its callers are devices that the auth layer authenticated. A device holds one stream, which one task owns, or makes
//! unary calls that do the same one message at a time. The link calls the registry for enrolment and presence,
//! telemetry to store samples, the ledger to deliver commands and report outcomes, and analytics to count errors. Rules
//! that need no I/O are in `protocol`.

mod alarm;
mod deliver;
mod drain;
mod goodbye;
mod handshake;
mod inbound;
mod outbound;
mod placing;
mod presence;
mod protocol;
mod service;
mod session;
mod sessions;
pub mod settings;
mod standing;
mod trace;
mod unary;
mod updates;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use homepot::pb::device::v1::device_service_server::DeviceServiceServer;
use homepot_analytics::Analytics;
use homepot_command::Commands;
use homepot_registry::Registry;
use homepot_rollout::Rollouts;
use homepot_telemetry::Telemetry;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// How devices are held.
#[derive(Clone, Debug)]
pub struct Config {
    /// What this replica is called in the sessions it holds.
    pub replica: String,
    /// How often devices measure.
    pub sample_interval: Duration,
    /// How often devices send a heartbeat.
    pub heartbeat_interval: Duration,
    /// How long the first message may take.
    pub hello_deadline: Duration,
    /// How old a session grows before the device is asked to come back, by 10 % more or less.
    pub max_session_age: Duration,
    /// Streams held at once; more are told to try another replica.
    pub max_sessions: usize,
    /// When devices should reconnect after this replica has stopped, at the soonest.
    pub reconnect_after: Duration,
    /// Samples a second that all sessions together may send of their backlogs.
    pub backlog_budget: u32,
    /// How long a call without a stream waits for the store before the caller is told to try again.
    pub report_deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            replica: "local".to_owned(),
            sample_interval: Duration::from_secs(5),
            heartbeat_interval: Duration::from_secs(10),
            hello_deadline: Duration::from_secs(10),
            max_session_age: Duration::from_secs(3600),
            max_sessions: 50_000,
            reconnect_after: Duration::from_secs(1),
            backlog_budget: 50_000,
            report_deadline: Duration::from_secs(5),
        }
    }
}

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    registry: Registry,
    telemetry: Telemetry,
    commands: Commands,
    analytics: Analytics,
    rollouts: Rollouts,
    sessions: sessions::Sessions,
    presence: presence::Presence,
    stamps: protocol::Stamps,
    tasks: TaskTracker,
    background: CancellationToken,
    /// Over which time devices come back whose sessions end with this replica; set once it drains.
    spread: OnceLock<Duration>,
}

impl Link {
    /// The link over the services it speaks for. Starts the tasks that write presence and watch the sessions.
    pub fn build(
        config: Config,
        registry: Registry,
        telemetry: Telemetry,
        commands: Commands,
        analytics: Analytics,
        rollouts: Rollouts,
    ) -> Self {
        let inner = Inner {
            sessions: sessions::Sessions::new(config.max_sessions),
            presence: presence::Presence::default(),
            stamps: protocol::Stamps::default(),
            tasks: TaskTracker::new(),
            background: CancellationToken::new(),
            spread: OnceLock::new(),
            config,
            registry,
            telemetry,
            commands,
            analytics,
            rollouts,
        };
        let link = Self { inner: Arc::new(inner) };
        link.start_background();
        link
    }

    /// By what the clocks of devices are judged right now.
    pub(crate) fn clock(&self) -> protocol::SampleClock {
        let telemetry = &self.inner.telemetry;
        protocol::SampleClock { now: telemetry.now(), max_age: telemetry.max_sample_age(), skew: None }
    }

    /// The devices' face of it.
    pub fn service(&self) -> DeviceServiceServer<service::Service> {
        DeviceServiceServer::new(service::Service::new(self.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }
}
