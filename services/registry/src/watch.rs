//! Watches of devices: sends each change of a device to all viewers.

use std::collections::HashSet;

use futures_util::future::FutureExt as _;
use homepot::{
    Error,
    model::{Cursor, DeviceId, DeviceSelection, DeviceSource, Page, PageRequest, SiteId},
    pb::registry::v1 as pb,
};
use homepot_hints::{Hints, Topic};
use homepot_operator_api::feed::{Change, Feed, LOOK_BYTES, PIECE_BYTES, Piece, View};
use homepot_runtime::Drain;
use homepot_store::{
    PgConnection, Store, StoreError,
    devices::{self, Removed, Watched},
};

/// Devices read at once for one viewer.
const PAGE: u32 = 500;

/// What became of a device, translated once for all viewers.
pub(crate) struct Seen {
    device_id: DeviceId,
    site_id: SiteId,
    source: DeviceSource,
    version: i64,
    /// As it was at some moment; `None`: gone.
    device: Option<pb::Device>,
}

impl From<Watched> for Seen {
    fn from(watched: Watched) -> Self {
        let Watched { device, version } = watched;
        Self {
            device_id: device.device_id.clone(),
            site_id: device.site_id.clone(),
            source: device.source,
            version,
            device: Some(device.into_proto()),
        }
    }
}

impl From<Removed> for Seen {
    fn from(removed: Removed) -> Self {
        let Removed { device_id, site_id, source, version } = removed;
        Self { device_id, site_id, source, version, device: None }
    }
}

impl Change for Seen {
    /// A real device may take the id of a simulated one over: who watches simulated devices is then told that one of them is
    /// gone, and who watches real ones that one has come. Those that are gone are told first, so that whoever watches both is told
    /// of the end before the beginning.
    type Key = (DeviceId, DeviceSource);
    type Version = i64;

    fn key(&self) -> Self::Key {
        (self.device_id.clone(), self.source)
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn weight(&self) -> usize {
        self.device.as_ref().map_or(self.device_id.as_str().len(), prost::Message::encoded_len)
    }
}

/// The feed of all devices.
pub(crate) fn feed(store: Store, hints: &Hints, drain: Drain) -> Feed<Seen> {
    let changed = |conn: &mut PgConnection, since: Cursor| {
        // Once more each key once: of a device that came back under its id only that is told.
        let removed = devices::removed_since(conn, since.0)?;
        let Some(changed) = devices::changed_since(conn, since.0, LOOK_BYTES)? else { return Ok(None) };
        let is_back: HashSet<_> =
            changed.iter().map(|changed| (changed.device.device_id.clone(), changed.device.source)).collect();
        let removed = removed.into_iter().map(Seen::from).filter(|removed| !is_back.contains(&removed.key()));
        Ok(Some(removed.chain(changed.into_iter().map(Seen::from)).collect()))
    };
    let feed = Feed::of_rows("devices", "look_for_devices", store, changed, drain);
    feed.nudge_on(hints.listen(Topic::Presence));
    feed
}

/// What one viewer sees of it.
pub(crate) fn view(store: Store, selection: DeviceSelection, since: Option<Cursor>) -> View<Seen> {
    let watched = selection.clone();
    let sees = move |seen: &Seen| watched.includes(&seen.site_id, seen.source, &seen.device_id);
    let catch_up = move |since: Option<Cursor>, after: Option<String>| {
        let (store, selection) = (store.clone(), selection.clone());
        async move {
            let read = move |conn: &mut _| catch_up_page(conn, &selection, since, after);
            Ok::<_, Error>(store.run("watch_devices", read).await?)
        }
        .boxed()
    };
    View { since, sees: Box::new(sees), catch_up: Box::new(catch_up) }
}

/// Before the id after which a page begins: whether it is one of those that are gone.
const GONE: &str = "gone:";
const THERE: &str = "there:";

/// The next page for a viewer that was away: first those that are gone, then those that are there.
fn catch_up_page(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    since: Option<Cursor>,
    after: Option<String>,
) -> Result<Page<Seen>, StoreError> {
    let is_there = after.as_ref().and_then(|after| after.strip_prefix(THERE)).map(str::to_owned);
    if let (Some(since), None) = (since, &is_there) {
        let after = after.and_then(|after| after.strip_prefix(GONE).map(str::to_owned));
        let page = devices::removed(conn, selection, since.0, &PageRequest { size: PAGE, after })?;
        let next = page.next.map_or_else(|| THERE.to_owned(), |id| format!("{GONE}{id}"));
        return Ok(Page { items: page.items.into_iter().map(Seen::from).collect(), next: Some(next) });
    }
    let request = PageRequest { size: PAGE, after: is_there.filter(|id| !id.is_empty()) };
    let page = devices::watched(conn, selection, since.map(|since| since.0), &request, PIECE_BYTES)?;
    Ok(Page {
        items: page.items.into_iter().map(Seen::from).collect(),
        next: page.next.map(|id| format!("{THERE}{id}")),
    })
}

/// For the wire.
pub(crate) fn message(piece: Piece<Seen>) -> pb::WatchResponse {
    let gone = piece.changes.iter().filter(|seen| seen.device.is_none());
    pb::WatchResponse {
        removed_device_ids: gone.map(|seen| seen.device_id.to_string()).collect(),
        devices: piece.changes.iter().filter_map(|seen| seen.device.clone()).collect(),
        cursor: piece.cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
    }
}
