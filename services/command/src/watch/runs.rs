//! Runs as they change: one query for all viewers, in which a run is counted once however many watch it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use homepot::model::{Cursor, Page, PageRequest, RunId, Weigh};
use homepot_hints::{Hints, Topic};
use homepot_operator_api::feed::{Change, Feed, LOOK_BYTES, PIECE_BYTES, View};
use homepot_runtime::Drain;
use homepot_store::{
    PgConnection, Store,
    runs::{self, Watched, WatchedFilter},
};

/// Runs of a page while a viewer catches up.
const PAGE: u32 = 100;

/// A run as a viewer sees it.
#[derive(Debug)]
pub(crate) struct SeenRun(pub(super) Watched);

impl Change for SeenRun {
    type Key = RunId;
    /// When its row changed; then how many devices had their turn, how many have an outcome, and how many have a good one:
    /// an outcome that comes late replaces one that counted as a failure, and nothing else goes back.
    type Version = (DateTime<Utc>, u32, u32, u32);

    /// A look counts all devices of each run that changed.
    const CLOSEST: Duration = Duration::from_millis(200);

    fn key(&self) -> RunId {
        self.0.run.run_id
    }

    fn version(&self) -> Self::Version {
        let progress = self.0.run.progress;
        let reached = progress.total.saturating_sub(progress.waiting);
        let ended = reached.saturating_sub(progress.in_flight);
        (self.0.changed_at, reached, ended, progress.succeeded + progress.cancelled)
    }

    fn weight(&self) -> usize {
        Weigh::weight(&self.0)
    }
}

/// Runs as they change; nudged by their own hints, and by those of the ledger, since each outcome is progress of a run.
pub(crate) fn feed(store: &Store, hints: &Hints, drain: Drain) -> Feed<SeenRun> {
    let changed = |conn: &mut PgConnection, since: Cursor| {
        let changes = runs::changed_since(conn, since.0, LOOK_BYTES)?;
        Ok(changes.map(|changes| changes.into_iter().map(SeenRun).collect()))
    };
    let feed = Feed::of_rows("runs", "look_for_runs", store.clone(), changed, drain);
    feed.nudge_on(hints.listen(Topic::Runs));
    feed.nudge_on(hints.listen(Topic::Ledger));
    feed
}

/// What one viewer sees of it. The run that it names it is told first, as it is.
pub(super) fn view(store: Store, filter: WatchedFilter, since: Option<Cursor>) -> View<SeenRun> {
    let seen = filter.clone();
    let catch_up = move |since: Option<Cursor>, after: Option<String>| {
        let (store, filter) = (store.clone(), filter.clone());
        async move {
            let since = since.filter(|_| filter.run_id.is_none()).map(|cursor| cursor.0);
            if since.is_none() && filter.run_id.is_none() {
                return Ok(Page { items: Vec::new(), next: None });
            }
            let page = PageRequest { size: PAGE, after };
            let read = move |conn: &mut _| runs::changed_of(conn, &filter, since, &page, PIECE_BYTES);
            let page = store.run("watch_runs", read).await?;
            Ok(Page { items: page.items.into_iter().map(SeenRun).collect(), next: page.next })
        }
        .boxed()
    };
    View { since, sees: Box::new(move |run: &SeenRun| seen.matches(&run.0)), catch_up: Box::new(catch_up) }
}
