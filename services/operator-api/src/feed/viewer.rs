//! One viewer: first what is, or what changed since its cursor, then what changes. Next to nothing is kept for a viewer
//! that does not read, however many things it watches: when it reads again it gets the newest state of each.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    future::BoxFuture,
    stream::{self, Stream},
};
use homepot::{
    Error, Kind,
    model::{Cursor, Page},
};
use tokio::{
    sync::broadcast::error::{RecvError, TryRecvError},
    time::{Instant, sleep_until},
};

use super::{Change, Feed, News, Subscription};

/// Changes in one message.
const PIECE: usize = 500;
/// Bytes of changes in one message; a single larger one has its own.
pub const PIECE_BYTES: usize = 256 * 1024;
/// Things that a viewer is remembered to have been told while it catches up. With more it catches up once more, with what
/// changed meanwhile; few in tests, so that they do.
const MOST_TOLD: usize = if cfg!(test) { 5 } else { 10_000 };
/// A viewer to whom nothing is told for this long gets an empty message, with how far it has seen.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Reads the database for one viewer, page by page: what was stamped at or after the cursor, or without one everything
/// that a viewer begins with; after the key of the page before.
pub type CatchUp<T> =
    Box<dyn Fn(Option<Cursor>, Option<String>) -> BoxFuture<'static, Result<Page<T>, Error>> + Send + Sync>;

/// What one viewer wants to see.
pub struct View<T> {
    /// Where it left off; `None`: it begins.
    pub since: Option<Cursor>,
    /// The same choice as in `catch_up`, among what changes.
    pub sees: Box<dyn Fn(&T) -> bool + Send + Sync>,
    /// Reads what is there already.
    pub catch_up: CatchUp<T>,
}

/// One message to a viewer.
#[derive(Debug)]
pub struct Piece<T> {
    /// Each as it is now. Empty in the first message when there is nothing, and from time to time when nothing changes.
    pub changes: Vec<Arc<T>>,
    /// Resumes after this message; `None`: from the beginning.
    pub cursor: Option<Cursor>,
}

impl<T: Change> Feed<T> {
    /// What a viewer sees from now on, until it leaves or the server stops. The error that
    /// ends it is the last item.
    pub async fn view(
        &self,
        view: View<T>,
    ) -> Result<impl Stream<Item = Result<Piece<T>, Error>> + Send + use<T>, Error> {
        // Before the database is read, so that nothing falls between it and the news.
        let subscription = self.subscribe().await?;
        let viewer = Viewer::new(self.clone(), view, subscription);
        Ok(stream::unfold(viewer, |mut viewer| async move {
            let next = viewer.next().await?;
            Some((next, viewer))
        }))
    }
}

struct Viewer<T: Change> {
    feed: Feed<T>,
    view: View<T>,
    subscription: Subscription<T>,
    state: State<T>,
    /// What is to be told next, each key once.
    waiting: VecDeque<Arc<T>>,
    /// How far it has seen once all that waits is told.
    reached: Option<Cursor>,
    /// How far it has seen.
    cursor: Option<Cursor>,
    told_at: Instant,
}

enum State<T: Change> {
    /// Reads the database; `after` the page before.
    Catching {
        after: Option<String>,
        /// `None`: too many to remember.
        told: Option<HashMap<T::Key, T::Version>>,
        /// Whether it is for the second time: then all is remembered, as it is little.
        again: bool,
    },
    /// Follows the news. Looks up to number `echoes` may have found what the database has told already, or what was
    /// there before that.
    Following {
        told: HashMap<T::Key, T::Version>,
        echoes: u64,
    },
    Ended,
}

impl<T: Change> Viewer<T> {
    fn new(feed: Feed<T>, view: View<T>, subscription: Subscription<T>) -> Self {
        let (now, cursor) = (Instant::now(), view.since);
        Self {
            feed,
            view,
            subscription,
            state: State::Catching { after: None, told: Some(HashMap::new()), again: false },
            waiting: VecDeque::new(),
            reached: cursor,
            cursor,
            told_at: now,
        }
    }

    /// The next message; `None` after the last.
    async fn next(&mut self) -> Option<Result<Piece<T>, Error>> {
        if matches!(self.state, State::Ended) {
            return None;
        }
        let next = self.find_next().await;
        self.told_at = Instant::now();
        if next.is_err() {
            self.state = State::Ended;
        }
        Some(next)
    }

    async fn find_next(&mut self) -> Result<Piece<T>, Error> {
        loop {
            if self.feed.inner.drain.started() {
                return Err(stopping());
            }
            if !self.waiting.is_empty() {
                return Ok(self.piece());
            }
            match &self.state {
                State::Catching { .. } => {
                    let done = self.catch_up().await?;
                    if done && self.waiting.is_empty() {
                        return Ok(self.piece());
                    }
                }
                _ if self.told_at.elapsed() >= SIGN_OF_LIFE => return Ok(self.piece()),
                _ => self.await_news().await?,
            }
        }
    }

    /// As much of what waits as fits one message.
    fn piece(&mut self) -> Piece<T> {
        let mut bytes = 0;
        let fits = self.waiting.iter().take(PIECE).take_while(|change| {
            bytes += change.weight();
            bytes <= PIECE_BYTES
        });
        // One at least, however large.
        let count = fits.count().max(1).min(self.waiting.len());
        let changes = self.waiting.drain(..count).collect();
        if self.waiting.is_empty() {
            self.cursor = self.reached;
        }
        Piece { changes, cursor: self.cursor }
    }

    /// Reads the next page; `true` after the last.
    async fn catch_up(&mut self) -> Result<bool, Error> {
        let State::Catching { after, told, again } = &mut self.state else { return Ok(true) };
        let page = (self.view.catch_up)(self.cursor, after.take()).await?;
        if let Some(known) = told {
            known.extend(page.items.iter().map(|change| (change.key(), change.version())));
            if known.len() > MOST_TOLD && !*again {
                *told = None;
            }
        }
        self.waiting.extend(page.items.into_iter().map(Arc::new));
        if page.next.is_some() {
            *after = page.next;
            return Ok(false);
        }
        self.reached = Some(self.subscription.horizon);
        match told.take() {
            Some(told) => {
                self.state = State::Following { told, echoes: self.feed.inner.looks_begun() };
                Ok(true)
            }
            None => self.catch_up_again().await,
        }
    }

    /// News may hold older states than those that were told and not remembered. So they are left out, and what changed
    /// since this viewer subscribed is read once more; it is little, as a catch-up is short.
    async fn catch_up_again(&mut self) -> Result<bool, Error> {
        self.subscription = self.feed.subscribe().await?;
        if self.waiting.is_empty() {
            self.cursor = self.reached;
        }
        self.state = State::Catching { after: None, told: Some(HashMap::new()), again: true };
        Ok(false)
    }

    /// Waits for news, or the time to say something, or the end.
    async fn await_news(&mut self) -> Result<(), Error> {
        let first = tokio::select! {
            () = self.feed.inner.drain.wait() => return Ok(()),
            () = sleep_until(self.told_at + SIGN_OF_LIFE) => return Ok(()),
            news = self.subscription.news.recv() => news,
        };
        // All that came is taken at once: who reads slowly gets the newest state of each only.
        let mut newest = Newest::new();
        let mut next = first.map_err(|error| matches!(error, RecvError::Lagged(_)));
        loop {
            match next.map(|entry| entry.get()) {
                Ok(Some(news)) => self.note(&news, &mut newest),
                Err(false) => break,
                Ok(None) | Err(true) => return self.start_over().await,
            }
            if newest.bytes > T::WAITING_BYTES {
                return self.start_over().await;
            }
            next = self.subscription.news.try_recv().map_err(|error| matches!(error, TryRecvError::Lagged(_)));
        }
        self.waiting = newest.changes;
        if self.waiting.is_empty() {
            self.cursor = self.reached;
        }
        Ok(())
    }

    fn note(&mut self, news: &News<T>, newest: &mut Newest<T>) {
        let State::Following { told, echoes } = &mut self.state else { return };
        if news.number > *echoes && !told.is_empty() {
            *told = HashMap::new();
        }
        for change in news.changes.iter().filter(|change| (self.view.sees)(change)) {
            if told.get(&change.key()).is_none_or(|told| *told < change.version()) {
                newest.put(change.clone());
            }
        }
        self.reached = Some(news.cursor);
    }

    /// Some news are lost: what changed since is read from the database.
    async fn start_over(&mut self) -> Result<(), Error> {
        metrics::counter!("homepot_feed_lagged_total", "feed" => self.feed.inner.name).increment(1);
        self.subscription = self.feed.subscribe().await?;
        self.state = State::Catching { after: None, told: Some(HashMap::new()), again: false };
        self.reached = self.cursor;
        Ok(())
    }
}

/// The newest state of each key, in the order in which the keys came first.
struct Newest<T: Change> {
    changes: VecDeque<Arc<T>>,
    places: HashMap<T::Key, usize>,
    /// Of all that came, newest or not.
    bytes: usize,
}

impl<T: Change> Newest<T> {
    fn new() -> Self {
        Self { changes: VecDeque::new(), places: HashMap::new(), bytes: 0 }
    }

    fn put(&mut self, change: Arc<T>) {
        self.bytes += change.weight();
        match self.places.get(&change.key()) {
            Some(place) => self.changes[*place] = change,
            None => {
                self.places.insert(change.key(), self.changes.len());
                self.changes.push_back(change);
            }
        }
    }
}

fn stopping() -> Error {
    Error::new(Kind::Unavailable, "the server is stopping").retry_after(Duration::from_secs(1))
}
