//! Runs that are sent with their commands: one query for all viewers of the same run.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use homepot::{
    Error,
    model::{Run, RunId, SiteScope},
};
use homepot_hints::{Listener, Topic};
use homepot_store::{Store, runs};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Commands;

/// How often a watched run is looked at where no hint tells of it.
const RUN_LOOK: Duration = Duration::from_secs(1);
/// The least time between two looks at the same run: a look counts all of its devices.
const CLOSEST: Duration = Duration::from_millis(200);

/// What the newest look at a run found, and when it began.
type Look = tokio::sync::Mutex<Option<(Instant, Option<Run>)>>;

/// The newest look at each run that is watched. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct RunLooks(Arc<Mutex<HashMap<RunId, Weak<Look>>>>);

impl RunLooks {
    fn of(&self, run_id: RunId) -> Arc<Look> {
        let mut looks = self.0.lock();
        if let Some(look) = looks.get(&run_id).and_then(Weak::upgrade) {
            return look;
        }
        looks.retain(|_, look| look.strong_count() > 0);
        let look = Arc::default();
        looks.insert(run_id, Arc::downgrade(&look));
        look
    }
}

/// A run as one viewer is told of it.
pub(super) struct Watched {
    store: Store,
    run_id: RunId,
    shared: Arc<Look>,
    told: Option<Run>,
    news: Listener,
}

impl Watched {
    pub(super) fn new(ledger: &Commands, run_id: RunId) -> Self {
        Self {
            store: ledger.store.clone(),
            run_id,
            shared: ledger.run_looks.of(run_id),
            told: None,
            news: ledger.hints.listen(Topic::Runs),
        }
    }

    /// Waits until the run may have changed. What another replica changed may be told by no hint.
    pub(super) async fn changed(&mut self) {
        let _ = timeout(RUN_LOOK, self.news.changed()).await;
    }

    /// The run, if it is not as it was told.
    pub(super) async fn look(&mut self) -> Result<Option<Run>, Error> {
        let asked = Instant::now();
        let found = {
            let mut newest = self.shared.lock().await;
            match &*newest {
                // Somebody else has looked since.
                Some((began, found)) if *began >= asked => found.clone(),
                earlier => {
                    if let Some((began, _)) = earlier {
                        sleep_until(*began + CLOSEST).await;
                    }
                    let (began, run_id) = (Instant::now(), self.run_id);
                    let find = move |conn: &mut _| runs::find(conn, run_id, &SiteScope::All);
                    let found = self.store.run("find_run", find).await?;
                    *newest = Some((began, found.clone()));
                    found
                }
            }
        };
        if found == self.told {
            return Ok(None);
        }
        self.told.clone_from(&found);
        Ok(found)
    }
}
