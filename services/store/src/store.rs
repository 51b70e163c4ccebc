//! The handle that the services hold: it hands work to the database threads of a lane and measures it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use scheduled_thread_pool::ScheduledThreadPool;
use tokio::sync::{Mutex, oneshot, watch};
use tracing::Span;

use crate::{
    StoreError,
    address::{Address, Target},
    caller::Caller,
    clock::{self, Clock, Seen},
    health,
    holders::Holders,
    horizon,
    identity::Identity,
    lane::{Lane, Shares},
    maintenance::Retention,
    migrate, partitions,
    pool::{Connections, Ground, QUICK, Session},
    restored,
    sqlstate::{Meaning, Trouble},
    trace::{self, Traced},
    trouble::Troubles,
    watchdog::{Cut, Watchdog},
};

/// How long a caller waits for a place in the queue, and from then on for a connection.
const QUEUE_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is told that the first connection is still waited for.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);
/// A database that takes longer than this to say that it takes writes is out of reach.
const CHECK_TIMEOUT: Duration = Duration::from_secs(4);
/// Threads that make connections, for all lanes.
const MAKERS: usize = 4;

/// How to reach Postgres and how hard to lean on it.
#[derive(Clone)]
pub struct StoreConfig {
    /// Where it is; holds the password, so [`fmt::Debug`] leaves it out.
    pub database_url: String,
    /// Database threads of devices, operators and reports together, each with a connection.
    pub threads: usize,
    /// Operations that may wait for a thread of their lane.
    pub queue: usize,
    /// How long what is kept: the partitions that the start makes go back as far.
    pub retention: Retention,
    /// Database users to which a migration gives the rights of servers.
    pub database_users: Vec<String>,
    /// Told of each connection that could not be made: a reason to look for another address.
    pub failures: watch::Sender<()>,
}

impl StoreConfig {
    /// The usual threads and queue for `database_url`.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            threads: 12,
            queue: 1024,
            retention: Retention::default(),
            database_users: Vec::new(),
            failures: watch::Sender::new(()),
        }
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("threads", &self.threads)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

type Job = Box<dyn FnOnce(&Connections) + Send>;

/// Runs operations on the database threads of a lane. The threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Lanes>,
    lane: Lane,
}

pub(crate) struct Lanes {
    /// In the order of [`Lane::ALL`].
    jobs: [async_channel::Sender<Job>; Lane::ALL.len()],
    /// In the same order.
    connections: [Connections; Lane::ALL.len()],
    pub(crate) address: Address,
    /// Which database it is, once that is known; held while another address is tried.
    pub(crate) known: Mutex<Option<Identity>>,
    troubles: Troubles,
    holders: Holders,
    clock: Clock,
    retention: Retention,
    database_users: Vec<String>,
}

impl Lanes {
    pub(crate) fn connections(&self, lane: Lane) -> &Connections {
        &self.connections[lane as usize]
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("lane", &self.lane).field("waiting", &self.jobs().len()).finish()
    }
}

impl Store {
    /// Starts the database threads and waits for the database: [`Self::start`] and [`Self::wait_for_database`].
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let store = Self::start(config)?;
        store.wait_for_database().await?;
        Ok(store)
    }

    /// Starts the database threads. What is run on them before the database is there fails.
    pub fn start(config: StoreConfig) -> Result<Self, StoreError> {
        let address = Address::new(Target::parse(&config.database_url)?);
        let failed = |what: &str, error: std::io::Error| StoreError::Unavailable(format!("{what}: {error}"));
        let dog = Watchdog::start().map_err(|error| failed("starting to watch over connections", error))?;
        let makers = ScheduledThreadPool::builder().num_threads(MAKERS).thread_name_pattern("database-connect").build();
        let shares = Shares::of(config.threads);
        let ground = Ground { address: address.clone(), dog, makers: Arc::new(makers), failures: config.failures };
        let all_connections = Lane::ALL.map(|lane| Connections::new(&ground, lane, shares.threads(lane)));
        let mut all_jobs = Vec::new();
        for (lane, connections) in Lane::ALL.into_iter().zip(&all_connections) {
            let (jobs, waiting) = async_channel::bounded(lane.queue(config.queue));
            for number in 0..shares.threads(lane) {
                start_thread(lane, number, connections.clone(), waiting.clone())
                    .map_err(|error| failed("starting a database thread", error))?;
            }
            all_jobs.push(jobs);
        }
        let jobs = all_jobs.try_into().map_err(|_| StoreError::Panicked("open"))?;
        register_metrics();
        Ok(Self {
            shared: Arc::new(Lanes {
                jobs,
                connections: all_connections,
                address,
                known: Mutex::default(),
                troubles: Troubles::default(),
                holders: Holders::default(),
                clock: Clock::new(),
                retention: config.retention,
                database_users: config.database_users,
            }),
            lane: Lane::Operators,
        })
    }

    /// Retention of each kind of data, by which maintenance drops and queries choose their rollup.
    pub fn retention(&self) -> Retention {
        self.shared.retention
    }

    /// The same store, for operations of another lane.
    pub fn lane(&self, lane: Lane) -> Self {
        Self { shared: self.shared.clone(), lane }
    }

    /// Waits for the database, however long it takes: it may start after the server. An error is one that waiting does not
    /// mend.
    pub async fn wait_for_database(&self) -> Result<(), StoreError> {
        let mut told = None::<Instant>;
        loop {
            match self.lane(Lane::Upkeep).run("check_database", health::check_database).await {
                Ok(()) => break,
                Err(error) if error.is_passing() => {
                    if told.is_none_or(|told| told.elapsed() >= OPEN_PATIENCE) {
                        tracing::warn!(%error, "waiting for the database");
                        told = Some(Instant::now());
                    }
                    // Most of the waiting is done by who asks for a connection.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => return Err(error),
            }
        }
        // Until it succeeds once, the host's clock has to do.
        if let Err(error) = self.look_at_clock().await {
            tracing::warn!(%error, "can't look at the database's clock");
        }
        Ok(())
    }

    /// What the database's clock shows, which all replicas share. It costs no query; see [`crate::clock`].
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    /// Looks at the database's clock, by which [`Self::now`] goes on; to be called every few seconds.
    pub async fn look_at_clock(&self) -> Result<Seen, StoreError> {
        let clock = self.shared.clock.clone();
        self.lane(Lane::Upkeep).run("look_at_clock", move |conn| clock.look(conn)).await
    }

    /// Where a watch goes on that has seen everything before `cursor`; see [`clock::resume_from`].
    pub async fn resume_from(&self, cursor: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        // A step of the last seconds may be unknown yet.
        let clock = self.shared.clock.clone();
        self.run("resume_from", move |conn| {
            clock.look(conn)?;
            clock::resume_from(conn, cursor)
        })
        .await
    }

    /// Brings the schema up to date, whichever replica comes first, and makes the partitions that rows of now need.
    /// Ends what was under way in a database that was restored from a dump, and answers what that was.
    pub async fn migrate(&self) -> Result<Option<restored::Ended>, StoreError> {
        let users = self.shared.database_users.clone();
        let migrate = move |conn: &mut PgConnection| migrate::run(conn, &users);
        let ended = self.lane(Lane::Upkeep).run_for("migrate", Limits::None, migrate).await?;
        self.ensure_partitions().await?;
        Ok(ended)
    }

    /// Makes the partitions that samples need from now on; to be called more often than once a day.
    pub async fn ensure_partitions(&self) -> Result<(), StoreError> {
        let kept = self.shared.retention;
        let ensure = move |conn: &mut PgConnection| {
            let now = clock::database_now(conn)?;
            partitions::ensure(conn, now, &kept)
        };
        self.lane(Lane::Upkeep).run("ensure_partitions", ensure).await?;
        Ok(())
    }

    /// Asks whether the database takes writes, tells what is the matter where it does not, and keeps the metric in step. An
    /// operation that failed is believed until it works again, or until nobody tries it any more and a write of some size
    /// passes.
    pub async fn check(&self) -> Result<(), Trouble> {
        let answer = tokio::time::timeout(CHECK_TIMEOUT, self.probe()).await;
        let told = answer.unwrap_or(Err(Trouble::OutOfReach));
        show(told.err());
        told
    }

    async fn probe(&self) -> Result<(), Trouble> {
        let (in_trouble, holders) = (self.is_in_trouble(), self.shared.holders.clone());
        let probe = move |conn: &mut PgConnection| {
            if health::is_read_only(conn)? {
                return Ok(Some(Trouble::ReadOnly));
            }
            holders.note(horizon::holder(conn)?);
            if in_trouble {
                health::probe_write(conn)?;
            }
            Ok(None)
        };
        match self.lane(Lane::Upkeep).run_for("probe", Limits::Quick, probe).await {
            Ok(Some(trouble)) => return Err(trouble),
            Ok(None) if in_trouble => self.shared.troubles.forget_stale(),
            Ok(None) => {}
            Err(error) => return Err(error.trouble().unwrap_or(Trouble::Other)),
        }
        self.shared.troubles.standing().map_or(Ok(()), Err)
    }

    /// Whether an operation failed for the database's trouble and has not worked since: a reason to [`Self::check`] soon.
    pub fn is_in_trouble(&self) -> bool {
        self.shared.troubles.any()
    }

    fn jobs(&self) -> &async_channel::Sender<Job> {
        &self.shared.jobs[self.lane as usize]
    }

    /// Runs `work` on a database thread. Work whose caller went away before its turn is not done; a report that is under
    /// way is cancelled.
    pub async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run_for(operation, Limits::OfLane, work).await
    }

    async fn run_for<T: Send + 'static>(
        &self,
        operation: &'static str,
        limits: Limits,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let (answer, outcome) = oneshot::channel();
        let traced = Traced::begin(operation, self.lane.as_str());
        let caller = Caller::default();
        let turn = Turn {
            operation,
            lane: self.lane,
            limits,
            deadline: started + QUEUE_PATIENCE,
            troubles: self.shared.troubles.clone(),
            caller: caller.clone(),
        };
        let job: Job = Box::new(move |connections| {
            if answer.is_closed() {
                return;
            }
            let outcome = traced.run(|wait| turn.on_connection(connections, wait, work));
            // The caller may have left meanwhile; the work is done all the same.
            let _ = answer.send(outcome);
        });
        let leaving = (self.lane == Lane::Reports).then(|| caller.cancels_when_dropped());
        let outcome = match tokio::time::timeout(QUEUE_PATIENCE, self.jobs().send(job)).await {
            Err(_) => Err(StoreError::Busy),
            Ok(Err(_)) => Err(StoreError::Unavailable("the database threads have ended".to_owned())),
            Ok(Ok(())) => outcome.await.unwrap_or(Err(StoreError::Panicked(operation))),
        };
        drop(leaving);
        metrics::histogram!("homepot_store_operation_seconds", "operation" => operation, "lane" => self.lane.as_str())
            .record(started.elapsed());
        if let Err(error) = &outcome {
            let kind = error.kind();
            metrics::counter!("homepot_store_errors_total", "operation" => operation, "kind" => kind).increment(1);
        }
        outcome
    }
}

fn start_thread(
    lane: Lane,
    number: usize,
    connections: Connections,
    waiting: async_channel::Receiver<Job>,
) -> std::io::Result<()> {
    let work = move || {
        while let Ok(job) = waiting.recv_blocking() {
            job(&connections);
        }
    };
    // Linux keeps fifteen letters of it.
    std::thread::Builder::new().name(format!("db-{}-{number}", lane.as_str())).spawn(work).map(drop)
}

fn show(trouble: Option<Trouble>) {
    for reason in Trouble::ALL {
        let stands = if trouble == Some(reason) { 1.0 } else { 0.0 };
        metrics::gauge!("homepot_database_trouble", "reason" => reason.as_str()).set(stands);
    }
}

/// All there from the start, so that the first event is seen as a rise.
fn register_metrics() {
    show(None);
    for why in Cut::ALL {
        metrics::counter!("homepot_database_connections_cut_total", "reason" => why.as_str()).increment(0);
    }
}

/// Which time limits an operation has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limits {
    OfLane,
    /// None at all.
    None,
    /// Those of something that does next to nothing.
    Quick,
}

/// One operation's turn on a database thread.
struct Turn {
    operation: &'static str,
    lane: Lane,
    limits: Limits,
    deadline: Instant,
    troubles: Troubles,
    caller: Caller,
}

impl Turn {
    fn on_connection<T>(
        &self,
        connections: &Connections,
        wait: Span,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut session = connections.take(self.deadline).inspect_err(|_| self.note(Some(Trouble::OutOfReach)))?;
        drop(wait);
        let watched = session.watched.clone();
        let usual = match self.limits {
            Limits::OfLane => None,
            Limits::None => Some(watched.limit(None)),
            Limits::Quick => Some(watched.limit(Some(QUICK))),
        };
        watched.begin_job(if self.limits == Limits::OfLane { self.lane.job_limit() } else { None });
        self.caller.works_on(Some(watched.clone()));
        // The connection is thrown away when `work` panics, so nothing half done is ever seen again.
        let outcome = trace::transaction(|| catch_unwind(AssertUnwindSafe(|| work(&mut session.conn))));
        self.caller.works_on(None);
        let cut = watched.end_job();
        if let Some(usual) = usual {
            watched.limit(usual);
        }
        match outcome {
            Err(_) => {
                connections.mark_broken(&mut session);
                tracing::error!(operation = self.operation, "store operation panicked");
                Err(StoreError::Panicked(self.operation))
            }
            Ok(outcome) => self.judge(connections, &mut session, cut, outcome),
        }
    }

    /// What became of it, what that says of the connection, and what it says of the database.
    fn judge<T>(
        &self,
        connections: &Connections,
        session: &mut Session,
        cut: Option<Cut>,
        outcome: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let error = match (outcome, cut) {
            (Ok(value), None) => {
                session.mark_used();
                self.troubles.worked(self.operation);
                return Ok(value);
            }
            (Ok(value), Some(_)) => {
                connections.mark_broken(session);
                return Ok(value);
            }
            (Err(error), cut) => match cut {
                None => error,
                Some(cut) => {
                    connections.mark_broken(session);
                    return Err(self.was_cut(cut));
                }
            },
        };
        if matches!(error, StoreError::Invalid(_) | StoreError::Corrupt(_)) {
            return Err(error);
        }
        let Some(code) = error.sql_state() else {
            // No word of Postgres: the error is ours, or the connection is lost.
            if session.still_works() {
                return Err(error);
            }
            self.note(Some(Trouble::OutOfReach));
            return Err(self.lost(connections, session, &error));
        };
        self.note(code.trouble());
        match code.meaning() {
            Meaning::Reconnect => {
                if code.trouble() == Some(Trouble::ReadOnly) {
                    connections.doubt_all();
                }
                Err(self.lost(connections, session, &error))
            }
            Meaning::Retry if self.lane == Lane::Reports && code.trouble() == Some(Trouble::Cancelled) => {
                Err(StoreError::TooLong(self.lane.statement_limit()))
            }
            Meaning::Retry | Meaning::Value | Meaning::Rule | Meaning::Ours => Err(error),
        }
    }

    fn was_cut(&self, cut: Cut) -> StoreError {
        match cut {
            Cut::Silent => {
                self.note(Some(Trouble::OutOfReach));
                StoreError::Unavailable("postgres did not answer, the connection was given up".to_owned())
            }
            Cut::TooLong if self.lane == Lane::Reports => StoreError::TooLong(self.lane.statement_limit()),
            Cut::TooLong => StoreError::Unavailable("the operation took too long".to_owned()),
            Cut::Abandoned => StoreError::Unavailable("the caller is gone".to_owned()),
        }
    }

    fn lost(&self, connections: &Connections, session: &mut Session, error: &StoreError) -> StoreError {
        connections.mark_broken(session);
        tracing::warn!(operation = self.operation, %error, "lost a connection to postgres");
        StoreError::Lost { trouble: error.trouble().unwrap_or(Trouble::OutOfReach) }
    }

    /// A report says nothing of the database as a whole: it may have asked for too much.
    fn note(&self, trouble: Option<Trouble>) {
        if let (Some(trouble), true) = (trouble, self.lane != Lane::Reports) {
            self.troubles.failed(self.operation, trouble);
        }
    }
}
