//! A database in memory with the clock of the test, and viewers that read it through a feed, whatever the order in which
//! transactions begin, write and commit: nobody misses anything.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, Stream, StreamExt};
use homepot::{
    Error,
    model::{Cursor, Page},
};
use homepot_runtime::Drain;
use proptest::prelude::*;
use tokio::time::{Instant, advance, sleep};

use super::{Change, Feed, Look, Piece, View};

/// As the store has it.
const MARGIN: TimeDelta = TimeDelta::seconds(2);
const PAGE: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: u8,
    pub(super) version: u32,
    pub(super) changed_at: DateTime<Utc>,
    pub(super) weight: usize,
}

impl Change for Row {
    type Key = u8;
    type Version = u32;

    fn key(&self) -> u8 {
        self.key
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn weight(&self) -> usize {
        self.weight
    }
}

struct Transaction {
    start: DateTime<Utc>,
    /// A transaction shows among those under way a little later than it takes its stamp.
    shows_at: DateTime<Utc>,
    writes: Vec<Row>,
}

/// Rows, and the transactions that will change them.
#[derive(Clone)]
pub(super) struct Database(Arc<Mutex<Inner>>);

struct Inner {
    began: Instant,
    rows: HashMap<u8, Row>,
    open: Vec<Transaction>,
    pub(super) looks: usize,
}

impl Database {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner { began: Instant::now(), rows: HashMap::new(), open: Vec::new(), looks: 0 })))
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.0.lock().unwrap().began.elapsed()).unwrap();
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + passed
    }

    /// A transaction of its own.
    pub(super) fn write(&self, key: u8) {
        self.begin(0);
        let last = self.0.lock().unwrap().open.len() - 1;
        self.write_in(last, key);
        self.commit(last);
    }

    pub(super) fn looks(&self) -> usize {
        self.0.lock().unwrap().looks
    }

    fn begin(&self, shows_after_ms: u16) {
        let start = self.now();
        let shows_at = start + TimeDelta::milliseconds(shows_after_ms.into());
        self.0.lock().unwrap().open.push(Transaction { start, shows_at, writes: Vec::new() });
    }

    /// Writes of others wait for a row's lock: here they are left out.
    fn write_in(&self, transaction: usize, key: u8) {
        let mut inner = self.0.lock().unwrap();
        let locked = inner.open.iter().any(|open| open.writes.iter().any(|row| row.key == key));
        let version = inner.rows.get(&key).map_or(1, |row| row.version + 1);
        if let Some(open) = inner.open.get_mut(transaction).filter(|_| !locked) {
            open.writes.push(Row { key, version, changed_at: open.start, weight: 1_000 });
        }
    }

    fn commit(&self, transaction: usize) {
        let mut inner = self.0.lock().unwrap();
        if transaction < inner.open.len() {
            let writes = inner.open.remove(transaction).writes;
            inner.rows.extend(writes.into_iter().map(|row| (row.key, row)));
        }
    }

    fn abort(&self, transaction: usize) {
        let mut inner = self.0.lock().unwrap();
        if transaction < inner.open.len() {
            inner.open.remove(transaction);
        }
    }

    pub(super) fn horizon(&self) -> Cursor {
        let now = self.now();
        let inner = self.0.lock().unwrap();
        let open = inner.open.iter().filter(|open| open.shows_at <= now).map(|open| open.start);
        Cursor(open.min().unwrap_or(now) - MARGIN)
    }

    pub(super) fn since(&self, since: Cursor) -> Vec<Row> {
        let mut rows: Vec<_> =
            self.0.lock().unwrap().rows.values().filter(|row| row.changed_at >= since.0).copied().collect();
        rows.sort_by_key(|row| row.key);
        rows
    }

    fn page(&self, since: Option<Cursor>, after: Option<&str>) -> Page<Row> {
        let after: Option<u8> = after.map(|after| after.parse().unwrap());
        let mut rows = self.since(since.unwrap_or(Cursor(DateTime::UNIX_EPOCH)));
        rows.retain(|row| after.is_none_or(|after| row.key > after));
        rows.truncate(PAGE + 1);
        Page::cut(rows, PAGE as u32, |row| row.key.to_string())
    }

    /// Looks take `takes` between the horizon and the rows, in which much may happen.
    pub(super) fn feed(&self, takes: Duration, drain: Drain) -> Feed<Row> {
        let database = self.clone();
        let look = move |since: Option<Cursor>| {
            let database = database.clone();
            async move {
                let horizon = database.horizon();
                sleep(takes).await;
                database.0.lock().unwrap().looks += 1;
                Ok(Look { changes: Some(since.map(|since| database.since(since)).unwrap_or_default()), horizon })
            }
            .boxed()
        };
        Feed::new("test", look, drain)
    }

    pub(super) fn view(&self, since: Option<Cursor>) -> View<Row> {
        let database = self.clone();
        View {
            since,
            sees: Box::new(|_| true),
            catch_up: Box::new(move |since, after| {
                let page = database.page(since, after.as_deref());
                async move { Ok::<_, Error>(page) }.boxed()
            }),
        }
    }

    fn versions(&self) -> HashMap<u8, u32> {
        self.0.lock().unwrap().rows.values().map(|row| (row.key, row.version)).collect()
    }
}

/// What somebody knows who reads all messages.
struct Reader {
    messages: Pin<Box<dyn Stream<Item = Result<Piece<Row>, Error>> + Send>>,
    known: HashMap<u8, u32>,
    /// Where it could go on, and what it knew then.
    resumes: Vec<(Option<Cursor>, HashMap<u8, u32>)>,
}

impl Reader {
    async fn open(database: &Database, feed: &Feed<Row>, from: (Option<Cursor>, HashMap<u8, u32>)) -> Self {
        let messages = Box::pin(feed.view(database.view(from.0)).await.unwrap());
        Self { messages, known: from.1.clone(), resumes: vec![from] }
    }

    /// Reads one message, if it is there.
    fn read(&mut self) -> bool {
        let Some(message) = self.messages.next().now_or_never() else { return false };
        let piece = message.unwrap().unwrap();
        for row in &piece.changes {
            let known = self.known.insert(row.key, row.version);
            // What it knew from before it came back may be told again; within one stream nothing goes back.
            assert!(known.is_none_or(|known| known <= row.version), "{row:?} after {known:?}");
        }
        self.resumes.push((piece.cursor, self.known.clone()));
        true
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u16),
    Begin(u16),
    Write(usize, u8),
    Commit(usize),
    Abort(usize),
    Nudge,
    Read(usize),
    /// Somebody new, or somebody who comes back where the reader could go on.
    Open(usize, Option<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    let transaction = 0..4_usize;
    prop_oneof![
        4 => (1..1_500_u16).prop_map(Step::Pass),
        3 => (0..1_900_u16).prop_map(Step::Begin),
        6 => (transaction.clone(), 0..6_u8).prop_map(|(transaction, key)| Step::Write(transaction, key)),
        3 => transaction.clone().prop_map(Step::Commit),
        1 => transaction.prop_map(Step::Abort),
        3 => Just(Step::Nudge),
        4 => (0..4_usize).prop_map(Step::Read),
        1 => (0..4_usize, proptest::option::of(0..50_usize)).prop_map(|(reader, place)| Step::Open(reader, place)),
    ]
}

async fn play(steps: Vec<Step>, takes: Duration) {
    let database = Database::new();
    database.write(0);
    let feed = database.feed(takes, Drain::new());
    let mut readers = vec![Reader::open(&database, &feed, (None, HashMap::new())).await];
    for step in steps {
        match step {
            Step::Pass(ms) => advance_by(Duration::from_millis(ms.into())).await,
            Step::Begin(shows_after_ms) => database.begin(shows_after_ms),
            Step::Write(transaction, key) => database.write_in(transaction, key),
            Step::Commit(transaction) => database.commit(transaction),
            Step::Abort(transaction) => database.abort(transaction),
            Step::Nudge => {
                feed.nudge();
                advance_by(Duration::from_millis(25)).await;
            }
            Step::Read(reader) => drop(readers.get_mut(reader).map(Reader::read)),
            Step::Open(reader, place) => {
                let from = readers.get(reader).zip(place).map(|(reader, place)| {
                    let place = place % reader.resumes.len();
                    reader.resumes[place].clone()
                });
                readers.push(Reader::open(&database, &feed, from.unwrap_or_default()).await);
            }
        }
    }
    for _ in 0..4 {
        database.commit(0);
    }
    while !database.0.lock().unwrap().open.is_empty() {
        database.commit(0);
    }
    for _ in 0..20 {
        advance_by(Duration::from_millis(500)).await;
        for reader in &mut readers {
            while reader.read() {}
        }
    }
    for reader in readers {
        assert_eq!(reader.known, database.versions());
    }
}

/// In small steps, so that tasks get their turns in between as they would.
async fn advance_by(span: Duration) {
    let end = Instant::now() + span;
    while Instant::now() < end {
        advance(Duration::from_millis(5).min(end - Instant::now())).await;
        tokio::task::yield_now().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_misses_anything_whoever_commits_when_and_wherever_a_viewer_resumes(
        steps in proptest::collection::vec(step(), 1..120),
        takes_ms in 0..40_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(steps, Duration::from_millis(takes_ms)));
    }
}
