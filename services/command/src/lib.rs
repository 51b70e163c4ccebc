//! The command ledger: what devices were told to do, and what became of it.
//!
//! In come orders of operators (`CommandService`) and, from the link, what devices say of their commands. It calls the
//! store. The row is the truth; [`Hints`] make delivery fast, and losing one costs a second.

mod device_side;
mod operator_side;
mod service;
mod sweeper;

use homepot::pb::command::v1::command_service_server::CommandServiceServer;
use homepot_hints::Hints;
use homepot_store::Store;

pub use device_side::Told;

const MAX_REQUEST_BYTES: usize = 1 << 20;
/// A page holds up to 1,000 commands, each with up to 128 KiB of payload and result.
const MAX_ANSWER_BYTES: usize = 128 << 20;

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Commands {
    store: Store,
    hints: Hints,
}

impl Commands {
    /// The ledger over `store`, which tells of what it queues through `hints`.
    pub fn build(store: Store, hints: Hints) -> Self {
        Self { store, hints }
    }

    /// The operators' face of it.
    pub fn service(&self) -> CommandServiceServer<service::Service> {
        CommandServiceServer::new(service::Service::new(self.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Where sessions wait for hints.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    /// Ends what ran out of time, once a second, until the returned future is dropped.
    pub async fn run_sweeper(&self) {
        sweeper::run(&self.store).await;
    }
}
