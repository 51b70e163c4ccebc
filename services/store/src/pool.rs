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
    connection::SimpleConnection,
    r2d2::{HandleError, ManageConnection, Pool, PooledConnection, R2D2Connection},
};

use crate::{StoreError, url};

/// How long an operation waits for a connection before it is told that Postgres is away. Half of it is the longest
/// pause between two attempts to connect, so who waits that long notices when it is back.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(3);
/// What an operation waits whose time was up in the queue already: while Postgres is away the queue must empty.
const LAST_PATIENCE: Duration = Duration::from_millis(100);
/// A connection that was idle for this long is asked whether it still works; a busy one is not: asking costs 40 %.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Nothing that runs on a database thread may hold it for long.
pub(crate) const SESSION_SETTINGS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = '60s'";

/// Makes connections for r2d2.
pub(crate) struct Manager {
    url: String,
    losses: Arc<AtomicU64>,
}

/// A connection with what we know of its health.
pub(crate) struct Session {
    pub(crate) conn: PgConnection,
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

impl ManageConnection for Manager {
    type Connection = Session;
    type Error = ConnectError;

    fn connect(&self) -> Result<Session, ConnectError> {
        let losses = self.losses.load(Ordering::Acquire);
        let told = |error: &dyn fmt::Display| ConnectError(url::redact(&self.url, &error.to_string()));
        let mut conn = PgConnection::establish(&self.url).map_err(|error| told(&error))?;
        conn.batch_execute(SESSION_SETTINGS).map_err(|error| told(&error))?;
        Ok(Session { conn, last_used: Instant::now(), losses, broken: false })
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), ConnectError> {
        session.conn.ping().map_err(|error| ConnectError(error.to_string()))
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        std::thread::panicking() || session.broken || session.conn.is_broken()
    }
}

#[derive(Debug)]
struct LogErrors;

impl HandleError<ConnectError> for LogErrors {
    fn handle_error(&self, error: ConnectError) {
        tracing::warn!(%error, "connecting to postgres failed");
    }
}

/// The pool that the database threads share.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool<Manager>,
    losses: Arc<AtomicU64>,
}

impl Connections {
    /// Starts connecting; blocks for `patience` at most until one connection works.
    pub(crate) fn open(url: String, size: u32, patience: Duration) -> Result<Self, StoreError> {
        let losses = Arc::new(AtomicU64::new(0));
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(CONNECTION_TIMEOUT)
            .error_handler(Box::new(LogErrors))
            .build_unchecked(Manager { url, losses: Arc::clone(&losses) });
        pool.get_timeout(patience).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { pool, losses })
    }

    /// A connection that works, as far as one can know without asking.
    pub(crate) fn take(&self, deadline: Instant) -> Result<PooledConnection<Manager>, StoreError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let patience = left.clamp(LAST_PATIENCE, CONNECTION_TIMEOUT);
            let mut session =
                self.pool.get_timeout(patience).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            // Where one was lost since it was made, it may well be lost too.
            let trusted =
                session.losses == self.losses.load(Ordering::Acquire) && session.last_used.elapsed() < TRUSTED_FOR;
            if trusted || session.conn.ping().is_ok() {
                session.losses = self.losses.load(Ordering::Acquire);
                return Ok(session);
            }
            self.mark_broken(&mut session);
        }
    }

    /// Notes that `session` is of no more use; the pool replaces it.
    pub(crate) fn mark_broken(&self, session: &mut Session) {
        session.broken = true;
        self.losses.fetch_add(1, Ordering::AcqRel);
    }
}

impl Session {
    /// Notes that it worked just now.
    pub(crate) fn mark_used(&mut self) {
        self.last_used = Instant::now();
    }

    /// Asks Postgres, after something went wrong.
    pub(crate) fn still_works(&mut self) -> bool {
        !self.conn.is_broken() && self.conn.ping().is_ok()
    }
}
