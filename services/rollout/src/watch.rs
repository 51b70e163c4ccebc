//! `Watch`: sends rollouts as they change to any number of viewers, with one query for all of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, StreamExt as _};
use homepot::{
    Error,
    model::{Cursor, Faults, Page, PageRequest, RolloutId, Weigh},
    pb::rollout::v1 as pb,
};
use homepot_hints::{Hints, Topic};
use homepot_operator_api::{
    Answers,
    feed::{Change, Feed, LOOK_BYTES, Piece, View, resume_from},
};
use homepot_runtime::{Drain, auth::OperatorCaller};
use homepot_store::{
    PgConnection, Store,
    rollouts::{self as rows, Watched, WatchedFilter},
};
use tonic::Status;

use crate::Rollouts;

/// Rollouts of a page while a viewer catches up.
const PAGE: u32 = 100;

/// A rollout as a viewer sees it.
#[derive(Debug)]
pub(crate) struct Seen(Watched);

impl Change for Seen {
    type Key = RolloutId;
    /// When its row changed; then how many devices had their turn, how many have an end, and how many a good one: what a device says
    /// late replaces a failure that was only supposed.
    type Version = (DateTime<Utc>, u32, u32, u32);

    /// A look counts all devices of each rollout that changed.
    const CLOSEST: Duration = Duration::from_millis(200);

    fn key(&self) -> RolloutId {
        self.0.rollout.rollout_id
    }

    fn version(&self) -> Self::Version {
        let progress = self.0.rollout.progress;
        let begun = progress.begun();
        (self.0.changed_at, begun, begun.saturating_sub(progress.in_flight), progress.confirmed + progress.cancelled)
    }

    fn weight(&self) -> usize {
        Weigh::weight(&self.0)
    }
}

/// Rollouts as they change; nudged by their hints.
pub(crate) fn feed(store: &Store, hints: &Hints, drain: Drain) -> Feed<Seen> {
    let changed = |conn: &mut PgConnection, since: Cursor| {
        let changes = rows::changed_since(conn, since.0, LOOK_BYTES)?;
        Ok(changes.map(|changes| changes.into_iter().map(Seen).collect()))
    };
    let feed = Feed::of_rows("rollouts", "look_for_rollouts", store.clone(), changed, drain);
    feed.nudge_on(hints.listen(Topic::Rollouts));
    feed
}

impl Rollouts {
    /// What the caller sees from now on, until it leaves or the server stops.
    pub(crate) async fn watch(
        &self,
        caller: &OperatorCaller,
        request: &pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        let mut faults = Faults::new();
        let id = Some(&request.rollout_id).filter(|id| !id.is_empty());
        let rollout_id = id.and_then(|id| faults.take(RolloutId::parse(id)));
        let since = faults.take(Cursor::parse(&request.cursor)).flatten();
        faults.check()?;
        if let Some(id) = rollout_id {
            self.get(caller, id).await?;
        }
        let since = resume_from(&self.store, since).await?;
        let filter = WatchedFilter { scope: caller.scope.clone(), rollout_id };
        let (seen, store) = (filter.clone(), self.store.clone());
        let catch_up = move |since: Option<Cursor>, after: Option<String>| {
            let (store, filter) = (store.clone(), filter.clone());
            async move {
                // Without a cursor only what is named is told as it is.
                if since.is_none() && filter.rollout_id.is_none() {
                    return Ok(Page { items: Vec::new(), next: None });
                }
                let since = since.filter(|_| filter.rollout_id.is_none()).map(|cursor| cursor.0);
                let page = PageRequest { size: PAGE, after };
                let read = move |conn: &mut _| rows::changed_of(conn, &filter, since, &page);
                let page = store.run("watch_rollouts", read).await?;
                Ok(Page { items: page.items.into_iter().map(Seen).collect(), next: page.next })
            }
            .boxed()
        };
        let view = View {
            since,
            sees: Box::new(move |seen_one: &Seen| seen.matches(&seen_one.0)),
            catch_up: Box::new(catch_up),
        };
        let answer = |piece: Result<Piece<Seen>, Error>| {
            let piece = piece.map_err(Status::from)?;
            let rollouts = piece.changes.iter().map(|seen| seen.0.rollout.clone().into()).collect();
            Ok(pb::WatchResponse {
                rollouts,
                cursor: piece.cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
            })
        };
        Ok(self.feed.view(view).await?.map(answer).boxed())
    }
}
