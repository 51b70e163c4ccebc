//! Telemetry: what devices measure, on its way into the store and out again.
//!
//! In come checked samples from the link ([`Telemetry::ingest`]) and queries of operators (`TelemetryService`). It
//! calls the store. An ingest is answered after the commit, never before; when the store is slow, the bounded queue
//! makes the caller wait, and the caller makes the device wait.

mod ingest;
mod service;

use std::sync::Arc;

use homepot::{
    Error,
    model::{Sample, SampleFault},
    pb::telemetry::v1::telemetry_service_server::TelemetryServiceServer,
};
use homepot_store::Store;

pub use homepot_store::samples::Expected;
pub use ingest::Config;

/// Largest message taken or sent. A page holds up to 1,000 samples of which each may carry 4 KiB of extras.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Telemetry {
    store: Store,
    ingest: Arc<ingest::Ingest>,
}

impl Telemetry {
    /// Starts the batcher.
    pub fn build(config: Config, store: Store) -> Self {
        let ingest = Arc::new(ingest::Ingest::start(config, &store));
        Self { store, ingest }
    }

    /// Stores samples of one device; answers once they are durable, with those that the database refused by their place:
    /// nearly always none. Repeats are harmless. While the database is away this waits until it is back.
    ///
    /// On an error of kind `Unavailable` the server stops; nothing is known to be stored, and the same call may be made
    /// elsewhere.
    pub async fn ingest(
        &self,
        device: i64,
        samples: Vec<Sample>,
        expected: Expected,
    ) -> Result<Vec<(usize, SampleFault)>, Error> {
        self.ingest.submit(device, samples, expected).await
    }

    /// The operators' face of it.
    pub fn service(&self) -> TelemetryServiceServer<service::Service> {
        TelemetryServiceServer::new(service::Service::new(self.store.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Takes nothing more, and waits until all that was taken is committed or answered with an error.
    pub async fn shutdown(&self) {
        self.ingest.shutdown().await;
    }
}
