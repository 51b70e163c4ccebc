//! `Watch`: the newest samples as they come in, to any number of viewers for one look into the database a second.

use chrono::{DateTime, Utc};
use futures_util::future::FutureExt as _;
use homepot::{
    Error,
    model::{Cursor, DeviceId, DeviceSelection, DeviceSource, Page, PageRequest, StoredSample, Weigh},
    pb::telemetry::v1 as pb,
};
use homepot_operator_api::feed::{Change, Feed, PIECE_BYTES, Piece, View};
use homepot_runtime::Drain;
use homepot_store::{PgConnection, Store, samples};

/// Samples read at once for one viewer.
const PAGE: u32 = 500;
/// Bytes that one look may bring: the newest samples of 40,000 devices without extras.
const LOOK_BYTES: usize = 20 << 20;

/// The newest sample of a device.
#[derive(Debug)]
pub(crate) struct Newest(StoredSample);

impl Change for Newest {
    type Key = DeviceId;
    /// The newest sample of a device only moves forward in time. A real device that takes the id of a simulated one over
    /// begins anew.
    type Version = (bool, DateTime<Utc>);

    /// All devices of a large fleet may report between two looks.
    const WAITING_BYTES: usize = 16 << 20;

    fn key(&self) -> DeviceId {
        self.0.device_id.clone()
    }

    fn version(&self) -> Self::Version {
        (self.0.source == DeviceSource::Real, self.0.sample.collected_at)
    }

    fn weight(&self) -> usize {
        Weigh::weight(&self.0)
    }
}

/// The feed of all newest samples. No hint tells of samples, so it looks once a second.
pub(crate) fn feed(store: Store, drain: Drain) -> Feed<Newest> {
    let changed = |conn: &mut PgConnection, since: Cursor| {
        let changes = samples::changed_since(conn, since.0, LOOK_BYTES)?;
        Ok(changes.map(|changes| changes.into_iter().map(Newest).collect()))
    };
    Feed::of_rows("samples", "look_for_samples", store, changed, drain)
}

/// What one viewer sees of it.
pub(crate) fn view(store: Store, selection: DeviceSelection, since: Option<Cursor>) -> View<Newest> {
    let watched = selection.clone();
    let sees = move |newest: &Newest| watched.includes(&newest.0.site_id, newest.0.source, &newest.0.device_id);
    let catch_up = move |since: Option<Cursor>, after: Option<String>| {
        let (store, selection) = (store.clone(), selection.clone());
        async move {
            let (since, page) = (since.map(|since| since.0), PageRequest { size: PAGE, after });
            let read = move |conn: &mut _| samples::watched(conn, &selection, since, &page, PIECE_BYTES);
            let page = store.run("watch_latest", read).await?;
            Ok::<_, Error>(Page { items: page.items.into_iter().map(Newest).collect(), next: page.next })
        }
        .boxed()
    };
    View { since, sees: Box::new(sees), catch_up: Box::new(catch_up) }
}

/// For the wire.
pub(crate) fn message(piece: Piece<Newest>) -> pb::WatchResponse {
    pb::WatchResponse {
        samples: piece.changes.iter().map(|newest| newest.0.clone().into()).collect(),
        cursor: piece.cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
    }
}
