//! Sends changes in the database to any number of viewers of a process, with one query for all of them.
//!
//! While somebody watches, a [`Feed`] queries the database soon after a [`Feed::nudge`], and at least once a second, so
//! that a lost hint costs at most a second. [`Feed::view`] makes the stream of one viewer: first everything that is
//! there, or what changed since the viewer's cursor, and then each change.
//!
//! Nothing is missed, whoever commits when. Rows are stamped with the start of the transaction that changes them
//! (`changed_at = now()` in SQL), so a row may show up long after its stamp. That is why a look answers a horizon along
//! with the rows: the start of the oldest transaction still under way, read before the rows. Whatever was stamped
//! before it is there to be seen; the next look begins there, and what it finds again is not news.

mod look;
#[cfg(test)]
mod model;
mod ring;
#[cfg(test)]
mod tests;
mod viewer;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use homepot::{Error, model::Cursor};
use homepot_hints::Listener;
use homepot_runtime::Drain;
use homepot_store::{PgConnection, Store, StoreError, horizon::horizon};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use self::ring::{Receiver, Ring};
pub use self::viewer::{CatchUp, PIECE_BYTES, Piece, View};

/// News that a viewer may fall behind before it has to catch up from the database; few in tests, so that they do.
const BACKLOG: usize = if cfg!(test) { 4 } else { 64 };

/// Something that changes.
pub trait Change: Send + Sync + 'static {
    /// What it goes by.
    type Key: Clone + Eq + Hash + Send + Sync;
    /// Grows with each change of the same key.
    type Version: Clone + Ord + Send + Sync;

    /// What it goes by.
    fn key(&self) -> Self::Key;

    /// Looks are at least this far apart, however often the feed is nudged.
    const CLOSEST: Duration = Duration::from_millis(20);

    /// Bytes of changes that wait for a viewer. Beyond that they are dropped, and it reads the database.
    const WAITING_BYTES: usize = 1 << 20;

    /// As it is now.
    fn version(&self) -> Self::Version;

    /// Bytes that it takes in a message, or somewhat more.
    fn weight(&self) -> usize;
}

/// Bytes that one look may find.
pub const LOOK_BYTES: usize = 8 << 20;

/// Where a viewer goes on that comes back with a cursor: earlier where the database's clock was set back since.
pub async fn resume_from(store: &Store, cursor: Option<Cursor>) -> Result<Option<Cursor>, Error> {
    match cursor {
        Some(cursor) => Ok(Some(Cursor(store.resume_from(cursor.0).await?))),
        None => Ok(None),
    }
}

/// What a look into the database found.
#[derive(Debug)]
pub struct Look<T> {
    /// What was stamped at or after the cursor that was asked for, each key once, in the order to tell it; `None`: more
    /// than fits [`LOOK_BYTES`], so that each viewer reads what it sees of it page by page.
    pub changes: Option<Vec<T>>,
    /// Everything stamped before this is in `changes`, or was stamped before what was asked for. Read before the rows.
    pub horizon: Cursor,
}

/// What one look brought that the looks before did not.
#[derive(Debug)]
struct News<T> {
    /// Each key once; none from time to time, when nothing changes.
    changes: Vec<Arc<T>>,
    /// Everything before this was told.
    cursor: Cursor,
    /// Looks are numbered from 1.
    number: u64,
}

type Looking<T> = dyn Fn(Option<Cursor>) -> BoxFuture<'static, Result<Look<T>, Error>> + Send + Sync;

/// See the [module](self). Clones share everything.
pub struct Feed<T: Change> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    name: &'static str,
    look: Box<Looking<T>>,
    drain: Drain,
    nudged: Notify,
    news: Ring<News<T>>,
    /// The horizon of the newest look; `None` while nobody watches and nobody looks.
    horizon: Mutex<Option<Cursor>>,
    /// Looks begun so far.
    looks: AtomicU64,
}

/// News from some moment on.
struct Subscription<T> {
    /// What comes; it tells when some of it is lost.
    news: Receiver<News<T>>,
    /// Whoever reads the database after this was made and then follows the news has seen everything before this.
    horizon: Cursor,
}

impl<T: Change> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T: Change> Feed<T> {
    /// A feed that finds what changed by `look`, which is asked for what was stamped at or after a cursor; without one
    /// for nothing but the horizon. `name` is for metrics. With `drain` all its viewers end.
    pub fn new(
        name: &'static str,
        look: impl Fn(Option<Cursor>) -> BoxFuture<'static, Result<Look<T>, Error>> + Send + Sync + 'static,
        drain: Drain,
    ) -> Self {
        let inner = Inner {
            name,
            look: Box::new(look),
            drain,
            nudged: Notify::new(),
            news: Ring::new(BACKLOG),
            horizon: Mutex::new(None),
            looks: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A feed of rows: each look asks the store for its horizon, and then `changed` for what was stamped at or after the cursor.
    /// `operation` is the look's name in the store's metrics.
    pub fn of_rows(
        name: &'static str,
        operation: &'static str,
        store: Store,
        changed: impl Fn(&mut PgConnection, Cursor) -> Result<Option<Vec<T>>, StoreError> + Send + Sync + 'static,
        drain: Drain,
    ) -> Self {
        let changed = Arc::new(changed);
        let look = move |since: Option<Cursor>| {
            let (store, changed) = (store.clone(), changed.clone());
            let look = move |conn: &mut _| {
                // Before the rows: what is stamped earlier can't appear after them.
                let horizon = Cursor(horizon(conn)?);
                let changes = since.map_or_else(|| Ok(Some(Vec::new())), |since| changed(conn, since))?;
                Ok(Look { changes, horizon })
            };
            async move { Ok(store.run(operation, look).await?) }.boxed()
        };
        Self::new(name, look, drain)
    }

    /// Looks whenever `listener` hears of a change, until the server stops. Needs a runtime.
    pub fn nudge_on(&self, mut listener: Listener) {
        let (feed, drain) = (self.clone(), self.inner.drain.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = listener.changed() => feed.nudge(),
                    () = drain.wait() => return,
                }
            }
        });
    }

    /// Something changed: it is looked for soon. Many of these at once make one look.
    pub fn nudge(&self) {
        self.inner.nudged.notify_one();
    }

    /// All news from now on; the first who asks waits for a first look.
    async fn subscribe(&self) -> Result<Subscription<T>, Error> {
        let news = {
            let horizon = self.inner.horizon();
            let news = self.inner.news.subscribe();
            if let Some(horizon) = *horizon {
                return Ok(Subscription { news, horizon });
            }
            news
        };
        let first = self.inner.look(None).await?.horizon;
        let mut horizon = self.inner.horizon();
        let begins = horizon.is_none();
        // Somebody else may have begun meanwhile, from an earlier horizon and after this subscription.
        let horizon = *horizon.get_or_insert(first);
        if begins {
            tokio::spawn(look::run(self.inner.clone(), horizon));
        }
        Ok(Subscription { news, horizon })
    }
}

impl<T: Change> Inner<T> {
    fn horizon(&self) -> MutexGuard<'_, Option<Cursor>> {
        self.horizon.lock()
    }

    async fn look(&self, since: Option<Cursor>) -> Result<Look<T>, Error> {
        (self.look)(since).await
    }

    /// The number of the newest look begun.
    fn looks_begun(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }
}

/// Tells changes apart from what was told already.
struct Told<T: Change> {
    /// Where the next look begins.
    since: Cursor,
    /// What the look before found: the next one may find it again.
    found: HashMap<T::Key, T::Version>,
}

impl<T: Change> Told<T> {
    fn new(since: Cursor) -> Self {
        Self { since, found: HashMap::new() }
    }

    /// What of a look that began at `self.since` is news; `None`: more than may be told.
    fn take(&mut self, look: Look<T>) -> Option<Vec<Arc<T>>> {
        let Some(changes) = look.changes else {
            (self.since, self.found) = (look.horizon, HashMap::new());
            return None;
        };
        let mut found = HashMap::with_capacity(changes.len());
        let mut news = Vec::new();
        for change in changes {
            let (key, version) = (change.key(), change.version());
            if self.found.get(&key) != Some(&version) {
                news.push(Arc::new(change));
            }
            found.insert(key, version);
        }
        // Not only forward: a database whose clock fell back stamps what is new with times that were told before.
        self.since = look.horizon;
        self.found = found;
        Some(news)
    }
}
