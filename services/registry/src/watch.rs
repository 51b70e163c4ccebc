//! Devices as they come, go and change, to everybody who watches.

use std::collections::HashSet;

use futures_util::future::FutureExt as _;
use homepot::{
    Error,
    model::{Cursor, DeviceId, DeviceSource, Page, PageRequest, SiteId},
    pb::registry::v1 as pb,
};
use homepot_hints::{Hints, Topic, nudge_on};
use homepot_runtime::{
    Drain,
    auth::StillGood,
    feed::{Change, Feed, Look, Piece, View},
};
use homepot_store::{
    Store,
    devices::{self, WatchFilter, Watched},
    horizon::horizon,
};
use prost::Message as _;

/// Devices read at once for one viewer.
const PAGE: u32 = 500;

/// A device as it was at some moment, translated once for all viewers.
pub(crate) struct Seen {
    device_id: DeviceId,
    site_id: SiteId,
    source: DeviceSource,
    version: i64,
    device: pb::Device,
}

impl From<Watched> for Seen {
    fn from(watched: Watched) -> Self {
        let Watched { device, version } = watched;
        Self {
            device_id: device.device_id.clone(),
            site_id: device.site_id.clone(),
            source: device.source,
            version,
            device: device.into_proto(),
        }
    }
}

impl Change for Seen {
    type Key = DeviceId;
    type Version = i64;

    fn key(&self) -> DeviceId {
        self.device_id.clone()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn weight(&self) -> usize {
        self.device.encoded_len()
    }
}

/// The feed of all devices.
pub(crate) fn feed(store: Store, hints: &Hints, drain: Drain) -> Feed<Seen> {
    let look = move |since: Option<Cursor>| {
        let store = store.clone();
        let look = move |conn: &mut _| {
            let horizon = Cursor(horizon(conn)?);
            let changed = since.map(|since| devices::changed_since(conn, since.0)).transpose()?;
            Ok(Look { changes: changed.into_iter().flatten().map(Seen::from).collect(), horizon })
        };
        async move { Ok(store.run("look_for_devices", look).await?) }.boxed()
    };
    let feed = Feed::new("devices", look, drain.clone());
    nudge_on(hints.listen(Topic::Presence), feed.clone(), drain);
    feed
}

/// What one viewer sees of it.
pub(crate) fn view(
    store: Store,
    filter: WatchFilter,
    since: Option<Cursor>,
    still_good: Option<StillGood>,
) -> View<Seen> {
    let wanted: HashSet<DeviceId> = filter.device_ids.iter().cloned().collect();
    let (scope, site_id, source) = (filter.scope.clone(), filter.site_id.clone(), filter.source);
    let sees = move |seen: &Seen| {
        scope.allows(&seen.site_id)
            && site_id.as_ref().is_none_or(|site_id| *site_id == seen.site_id)
            && source.is_none_or(|source| source == seen.source)
            && (wanted.is_empty() || wanted.contains(&seen.device_id))
    };
    let catch_up = move |since: Option<Cursor>, after: Option<String>| {
        let (store, filter) = (store.clone(), filter.clone());
        async move {
            let request = PageRequest { size: PAGE, after };
            let read = move |conn: &mut _| devices::watched(conn, &filter, since.map(|since| since.0), &request);
            let Page { items, next } = store.run("watch_devices", read).await?;
            Ok::<_, Error>(Page { items: items.into_iter().map(Seen::from).collect(), next })
        }
        .boxed()
    };
    View { since, sees: Box::new(sees), catch_up: Box::new(catch_up), still_good }
}

/// For the wire.
pub(crate) fn message(piece: Piece<Seen>) -> pb::WatchResponse {
    pb::WatchResponse {
        devices: piece.changes.iter().map(|seen| seen.device.clone()).collect(),
        cursor: piece.cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
    }
}
