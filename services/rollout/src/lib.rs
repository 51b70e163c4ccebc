//! Releases, and the rollouts that bring them to devices.
//!
//! Its inputs are requests of operators (`ReleaseService`, `RolloutService`, `ValueService`) and, from the link, what devices say of themselves.
//! It calls the store. Rows drive rollouts: any replica goes on where another one died, and hints only save time. What people
//! signed is checked here and kept as it came; nothing in here can sign.

mod config;
mod counted;
mod device_side;
mod drive;
mod gates;
mod pace;
mod parts;
mod releases;
mod rollouts;
mod service;
pub mod settings;
mod ticket;
mod values;
mod watch;

use std::{sync::Arc, time::Duration};

use homepot::{
    model::{DesiredRelease, Secret, UpdateReport},
    pb::rollout::v1::{release_service_server::ReleaseServiceServer, rollout_service_server::RolloutServiceServer},
};
use homepot_hints::Hints;
use homepot_operator_api::{Directory, feed::Feed};
use homepot_runtime::Drain;
use homepot_store::{
    Combiner, Lane, Store,
    releases::{ArtifactBytes, InPostgres},
    rollouts::{self as rows, MendLimits, Reported},
};

pub use device_side::{Mark, Offer};
pub use homepot_store::rollouts::Wait;
pub use pace::TransferRates;

/// A part of a file, as base64 where it comes over REST, and its fields.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// A page ends at 1 MiB; a single row may be somewhat larger.
const MAX_ANSWER_BYTES: usize = 2 << 20;
/// Devices of a batch, at most.
const BATCH: usize = 256;
/// Where the bytes of files lie.
const BYTES: &dyn ArtifactBytes = &InPostgres;
/// What a device says of its update is in no hurry, and each batch of it costs several statements.
const REPORTS_GATHER: Duration = Duration::from_millis(20);

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Rollouts {
    store: Store,
    hints: Hints,
    directory: Directory,
    desired: Combiner<i64, Option<DesiredRelease>>,
    reports: Combiner<(i64, UpdateReport), Reported>,
    feed: Feed<watch::Seen>,
    tickets: Arc<ticket::Tickets>,
    bytes: &'static dyn ArtifactBytes,
    parts: Arc<parts::Parts>,
    pace: Arc<pace::Pace>,
    seals: Arc<values::Seals>,
    mends: MendLimits,
}

impl Rollouts {
    /// Rollouts over `store`, which wake devices through `hints`; tickets for transfers are made and secret values are sealed under the
    /// server's `secret`; files go to devices at `rates`, and drift is mended as often as `mends` says. The streams of those who watch
    /// end with `drain`. To be called on a runtime.
    pub fn build(
        store: Store,
        hints: Hints,
        secret: &Secret,
        rates: TransferRates,
        mends: MendLimits,
        drain: Drain,
    ) -> Self {
        Self {
            feed: watch::feed(&store, &hints, drain),
            hints,
            directory: Directory::new(store.clone()),
            desired: Combiner::start(store.lane(Lane::Devices), "desired_releases", BATCH, rows::desired),
            reports: Combiner::start_patient(
                store.lane(Lane::Devices),
                "report_updates",
                BATCH,
                REPORTS_GATHER,
                rows::report,
            ),
            tickets: Arc::new(ticket::Tickets::new(secret)),
            seals: Arc::new(values::Seals::new(secret)),
            mends,
            bytes: BYTES,
            parts: Arc::new(parts::Parts::new(store.lane(Lane::Devices), BYTES)),
            pace: Arc::new(pace::Pace::new(rates)),
            store,
        }
    }

    /// The operators' face of releases.
    pub fn release_service(&self) -> ReleaseServiceServer<service::Service> {
        ReleaseServiceServer::new(service::Service::new(self.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    /// The operators' face of rollouts.
    pub fn service(&self) -> RolloutServiceServer<service::Service> {
        RolloutServiceServer::new(service::Service::new(self.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Drives rollouts on, until the returned future is dropped.
    pub async fn run_background(&self) {
        tokio::join!(drive::run(self), drive::mend(self), drive::clean_up(self));
    }
}
