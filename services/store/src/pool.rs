//! Connections, and knowing which of them still work without asking Postgres before each use.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection,
    connection::{InstrumentationEvent, SimpleConnection},
    r2d2::{HandleError, ManageConnection, Pool, PooledConnection, R2D2Connection},
};
use scheduled_thread_pool::ScheduledThreadPool;
use tokio::sync::watch;

use crate::{
    StoreError,
    address::{Address, Target},
    health,
    lane::Lane,
    libpq,
    watchdog::{Watchdog, Watched},
};

/// How long an operation waits for a connection before it is told that Postgres is away. Half of it is the longest
/// pause between two attempts to connect, so who waits that long notices when it is back.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(3);
/// What an operation waits whose time was up in the queue already: while Postgres is away the queue must empty.
const LAST_PATIENCE: Duration = Duration::from_millis(100);
/// A connection that was idle for this long is asked whether it still works; a busy one is not: asking costs 40 %.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long one call may take that does next to nothing: the first ones on a connection, and asking whether it works.
pub(crate) const QUICK: Duration = Duration::from_secs(5);

/// Makes connections for r2d2.
#[derive(Clone)]
pub(crate) struct Manager {
    lane: Lane,
    losses: Arc<AtomicU64>,
    ground: Ground,
}

/// What the connections of all lanes share.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) address: Address,
    pub(crate) dog: Watchdog,
    /// Threads that make connections.
    pub(crate) makers: Arc<ScheduledThreadPool>,
    /// Told of each that could not be made.
    pub(crate) failures: watch::Sender<()>,
}

/// A connection with what we know of its health.
pub(crate) struct Session {
    pub(crate) conn: PgConnection,
    pub(crate) watched: Watched,
    /// What it was made to.
    target: Arc<Target>,
    last_used: Instant,
    /// Losses seen before it was made.
    losses: u64,
    broken: bool,
}

/// Why a connection could not be made; already without secrets.
#[derive(Debug)]
pub(crate) struct ConnectError(String);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectError {}

impl Manager {
    fn prepare(&self, conn: &mut PgConnection, watched: &Watched) -> Result<(), StoreError> {
        let calls = watched.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => calls.begin_call(),
            InstrumentationEvent::FinishQuery { .. } => calls.end_call(),
            _ => {}
        });
        conn.batch_execute(&self.lane.session_settings())?;
        watched.serves(health::backend(conn)?);
        for backend in self.ground.dog.take_left_behind() {
            // It may hold locks until its own time limits end it, so it is worth a try; it may also be gone, or another's.
            if let Err(error) = health::end_backend(conn, &backend) {
                tracing::debug!(%error, pid = backend.pid, "can't end a server process that was left behind");
            }
        }
        Ok(())
    }

    fn connect_to(&self, target: Arc<Target>) -> Result<Session, ConnectError> {
        let losses = self.losses.load(Ordering::Acquire);
        let told = |error: &dyn fmt::Display| ConnectError(target.redact(&error.to_string()));
        let watched = self.ground.dog.line(Some(QUICK));
        let made = libpq::connecting(&watched, || PgConnection::establish(&target.conninfo()));
        watched.end_call();
        let mut conn = made.map_err(|error| told(&error))?;
        self.prepare(&mut conn, &watched).map_err(|error| told(&error))?;
        watched.limit(Some(self.lane.call_limit()));
        Ok(Session { conn, watched, target, last_used: Instant::now(), losses, broken: false })
    }

    /// Whether the session leads to where the database was before.
    fn is_old(&self, session: &Session) -> bool {
        !self.ground.address.is(&session.target)
    }
}

impl ManageConnection for Manager {
    type Connection = Session;
    type Error = ConnectError;

    fn connect(&self) -> Result<Session, ConnectError> {
        self.connect_to(self.ground.address.target()).inspect_err(|_| self.ground.failures.send_replace(()))
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), ConnectError> {
        session.ping().map_err(|error| ConnectError(error.to_string()))
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        std::thread::panicking() || session.broken || session.conn.is_broken() || self.is_old(session)
    }
}

#[derive(Debug)]
struct LogErrors;

impl HandleError<ConnectError> for LogErrors {
    fn handle_error(&self, error: ConnectError) {
        tracing::warn!(%error, "connecting to postgres failed");
    }
}

/// The pool that the threads of a lane share.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool<Manager>,
    manager: Manager,
}

impl Connections {
    /// Prepares them; the first ones are made beside this.
    pub(crate) fn new(ground: &Ground, lane: Lane, size: usize) -> Self {
        let manager = Manager { lane, losses: Arc::default(), ground: ground.clone() };
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(lane.idle_connections().min(size)))
            .test_on_check_out(false)
            .connection_timeout(CONNECTION_TIMEOUT)
            .thread_pool(ground.makers.clone())
            .error_handler(Box::new(LogErrors))
            .build_unchecked(manager.clone());
        Self { pool, manager }
    }

    /// Makes a connection to `target`, and asks `check` whether it is of use.
    pub(crate) fn try_out(
        &self,
        target: &Arc<Target>,
        check: impl FnOnce(&mut PgConnection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let made = self.manager.connect_to(target.clone());
        let mut session = made.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        check(&mut session.conn)
    }

    /// Closes connections to an address of before that nobody uses. Those in use are closed when they come back.
    pub(crate) fn retire(&self) {
        let idle: Vec<_> = std::iter::from_fn(|| self.pool.try_get()).collect();
        let closed = idle.iter().any(|session| self.manager.is_old(session));
        drop(idle);
        if closed {
            // Whoever found none idle meanwhile, and no room for another, is woken by one that comes back.
            drop(self.pool.get_timeout(CONNECTION_TIMEOUT));
        }
    }

    /// A connection that works, as far as one can know without asking.
    pub(crate) fn take(&self, deadline: Instant) -> Result<PooledConnection<Manager>, StoreError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let patience = left.clamp(LAST_PATIENCE, CONNECTION_TIMEOUT);
            let mut session =
                self.pool.get_timeout(patience).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            // Another that is as old was silent, or led to a node that takes no writes, or the address is another by now: not
            // worth a question.
            if !session.watched.is_trusted() || self.manager.is_old(&session) {
                session.broken = true;
                continue;
            }
            // Where one was lost since it was made, it may well be lost too.
            let losses = self.manager.losses.load(Ordering::Acquire);
            let trusted = session.losses == losses && session.last_used.elapsed() < TRUSTED_FOR;
            if trusted || session.ping().is_ok() {
                session.losses = self.manager.losses.load(Ordering::Acquire);
                return Ok(session);
            }
            self.mark_broken(&mut session);
        }
    }

    /// Notes that `session` is of no more use; the pool replaces it.
    pub(crate) fn mark_broken(&self, session: &mut Session) {
        session.broken = true;
        self.manager.losses.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that no connection of now is of any use, in no lane: they lead to where no writes are taken.
    pub(crate) fn doubt_all(&self) {
        self.manager.ground.dog.doubt_all();
    }
}

impl Session {
    /// Notes that it worked just now.
    pub(crate) fn mark_used(&mut self) {
        self.last_used = Instant::now();
    }

    /// Asks Postgres, after something went wrong.
    pub(crate) fn still_works(&mut self) -> bool {
        !self.conn.is_broken() && self.ping().is_ok()
    }

    fn ping(&mut self) -> diesel::QueryResult<()> {
        let usual = self.watched.limit(Some(QUICK));
        let answer = self.conn.ping();
        self.watched.limit(usual);
        answer
    }
}
