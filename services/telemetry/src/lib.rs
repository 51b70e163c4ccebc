//! Telemetry: stores what devices measure, and answers queries for it.
//!
//! Its inputs are checked samples from the link ([`Telemetry::ingest`]) and queries of operators (`TelemetryService`).
//! It calls the store. An ingest is answered after the commit, never before: while the database is slow or away, the
//! caller waits, and so does the device. [`Telemetry::maintain`] makes rollups and drops what has expired.

// Unit tests share the clock of the machine that they run on.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod ingest;
mod maintenance;
mod query;
mod service;
mod watch;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use homepot::{
    Error,
    model::{DeviceSource, Loss, MAX_AGE, Sample, SampleFault},
    pb::telemetry::v1::telemetry_service_server::TelemetryServiceServer,
};
use homepot_runtime::Drain;
use homepot_store::{Lane, Store, losses};

pub use homepot_store::samples::Expected;
pub use ingest::Config;

/// Largest message sent. A page ends at 1 MiB.
const MAX_ANSWER_BYTES: usize = 2 << 20;
/// Largest message taken.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Telemetry {
    store: Store,
    ingest: Arc<ingest::Ingest>,
    service: service::Service,
}

impl Telemetry {
    /// Starts the batchers. The streams of viewers end with `drain`: they would not end by themselves.
    pub fn build(config: Config, store: Store, drain: Drain) -> Self {
        let ingest = Arc::new(ingest::Ingest::start(config, &store.lane(Lane::Devices)));
        let service = service::Service::new(store.clone(), drain);
        Self { store, ingest, service }
    }

    /// Stores samples of one device, which is real or simulated; answers once they are durable, with those that the database refused by their place:
    /// nearly always none. Repeats are harmless. While the database is away this waits until it is back.
    ///
    /// On an error of kind `Unavailable` the server stops; nothing is known to be stored, and the same call may be made
    /// elsewhere.
    pub async fn ingest(
        &self,
        device: i64,
        source: DeviceSource,
        samples: Vec<Sample>,
        expected: Expected,
    ) -> Result<Vec<(usize, SampleFault)>, Error> {
        self.ingest.submit(device, source, samples, expected).await
    }

    /// Keeps what a device had to let go of, as a gap that queries show. Repeats are harmless.
    pub async fn record_loss(&self, device: i64, loss: Loss) -> Result<(), Error> {
        let now = self.store.now();
        let insert = move |conn: &mut _| losses::insert(conn, device, &loss, now);
        Ok(self.store.lane(Lane::Devices).run("insert_loss", insert).await?)
    }

    /// The clock by which samples are judged: the database's.
    pub fn now(&self) -> DateTime<Utc> {
        self.store.now()
    }

    /// Samples older than this are refused: they would be dropped soon, or have been rolled up for good.
    pub fn max_sample_age(&self) -> Duration {
        self.store.retention().samples.min(MAX_AGE)
    }

    /// The operators' face of it.
    pub fn service(&self) -> TelemetryServiceServer<service::Service> {
        TelemetryServiceServer::new(self.service.clone())
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Keeps storage in order until `drain`; every process does it, and one at a time has a turn.
    pub async fn maintain(&self, drain: Drain) {
        maintenance::run(self.store.lane(Lane::Upkeep), drain).await;
    }

    /// Takes no more samples, and waits until all that were taken are committed or answered with an error.
    pub async fn shutdown(&self) {
        self.ingest.shutdown().await;
    }
}
