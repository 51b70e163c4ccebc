//! The command ledger: the commands to devices, with their states and outcomes.
//!
//! Its inputs are requests of operators (`CommandService`) and, from the link, the devices' reports about their
//! commands. It calls the store. A command's row is the truth; [`Hints`] make delivery fast, and a lost hint costs a
//! second.
//!
//! Frequent operations share transactions: commands that are queued at the same time, sessions that fetch at the same
//! time, and reports that come at the same time each become one batch.

mod cancel;
mod config;
mod device_side;
mod inbox;
mod operator_side;
mod runs;
mod service;
mod sweeper;
mod watch;

use std::sync::Arc;

use homepot::pb::command::v1::command_service_server::CommandServiceServer;
use homepot_hints::{Hints, Topic};
use homepot_operator_api::{Directory, feed::Feed};
use homepot_runtime::Drain;
use homepot_store::{
    Combiner, Lane, Store,
    commands::{self, Changed, Claim, Handed, Inserted, NewRow},
};

use self::inbox::Inboxes;
pub use config::ConfigUpdates;
pub use device_side::{Told, outcome_word, word};
pub use homepot_store::commands::{Speaker, Word};
pub use inbox::{Claimed, Inbox};

const MAX_REQUEST_BYTES: usize = 1 << 20;
/// A page ends at 1 MiB; a single run or command may be somewhat larger.
const MAX_ANSWER_BYTES: usize = 2 << 20;
/// Items of a batch, at most: enough to share the cost of a commit, few enough to hold their locks for milliseconds.
const BATCH: usize = 256;

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Commands {
    store: Store,
    hints: Hints,
    directory: Directory,
    inserts: Combiner<NewRow, Inserted>,
    claims: Combiner<Claim, Handed>,
    inboxes: Arc<Inboxes>,
    words: Combiner<Vec<Word>, Vec<Changed>>,
    feed: Feed<watch::Seen>,
    run_feed: Feed<watch::SeenRun>,
    config: Option<Arc<dyn ConfigUpdates>>,
}

impl Commands {
    /// The ledger over `store`, which tells of what changes through `hints`; to be called on a runtime. The streams of
    /// those who watch end with `drain`.
    pub fn build(store: Store, hints: Hints, drain: Drain) -> Self {
        Self {
            run_feed: watch::feed_of_runs(&store, &hints, drain.clone()),
            feed: watch::feed(&store, &hints, drain),
            hints,
            directory: Directory::new(store.clone()),
            inserts: Combiner::start(store.clone(), "insert_commands", BATCH, commands::insert),
            claims: Combiner::start(store.lane(Lane::Devices), "claim_commands", BATCH, commands::claim),
            words: Combiner::start(store.lane(Lane::Devices), "change_commands", BATCH, commands::change_all),
            inboxes: Arc::default(),
            store,
            config: None,
        }
    }

    /// The same, with whoever brings configurations to devices.
    #[must_use]
    pub fn with_config_updates(self, config: Arc<dyn ConfigUpdates>) -> Self {
        Self { config: Some(config), ..self }
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

    /// Opens the inbox of a device's session, for commands that are queued in this process. To be dropped with the session.
    pub fn inbox(&self, pk: i64, epoch: i64) -> Inbox {
        self.inboxes.open(pk, epoch)
    }

    /// A command has changed: whoever waits for that looks.
    fn changed(&self) {
        self.hints.tell(Topic::Ledger);
    }

    /// A run has changed.
    fn run_changed(&self) {
        self.hints.tell(Topic::Runs);
    }

    /// Ends what ran out of time and drives runs on, until the returned future is dropped.
    pub async fn run_background(&self) {
        tokio::join!(sweeper::run(self), runs::drive(self));
    }
}
