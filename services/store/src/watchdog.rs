//! Ends calls of libpq that do not come back.
//!
//! A peer that is silent while TCP is alive, as behind a proxy that stopped forwarding, would block a database thread for
//! ever. So each connection is watched: the server ends a statement after its own time limit, and if no answer came a
//! little later, the connection is cut. `shutdown(2)` on the socket makes the blocked call return with an error. The same
//! ends a report whose caller left.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use rustix::net::{Shutdown, shutdown};

/// How often deadlines are looked at while anything runs.
const TICK: Duration = Duration::from_millis(250);
/// How long a call on a connection may take that was made before another one was found silent.
const DOUBTED: Duration = Duration::from_secs(3);

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Postgres did not answer, though it should have ended the statement itself.
    Silent,
    /// The operation as a whole took longer than its lane allows.
    TooLong,
    /// Whoever asked is gone.
    Abandoned,
}

/// A server process that a cut connection may have left at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) pid: i32,
    pub(crate) started: String,
}

/// Watches the connections of a store from a thread of its own, which ends with the last clone.
#[derive(Clone)]
pub(crate) struct Watchdog(Arc<Shared>);

struct Shared {
    lines: Mutex<Vec<Weak<Mutex<Line>>>>,
    /// Raised whenever connections as old as one that failed can't be trusted any more.
    generation: AtomicU64,
    /// Server processes of cut connections, to be ended by the next connection.
    left_behind: Mutex<Vec<Backend>>,
    asleep: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

/// One connection, as the watchdog and the thread that uses it see it.
#[derive(Clone)]
pub(crate) struct Watched {
    line: Arc<Mutex<Line>>,
    dog: Watchdog,
}

struct Line {
    socket: Option<OwnedFd>,
    /// What its connection may take for one call; `None`: as long as it likes.
    limit: Option<Duration>,
    /// When the call under way began.
    call: Option<Instant>,
    /// When the operation under way has to be done.
    job: Option<Instant>,
    generation: u64,
    backend: Option<Backend>,
    cut: Option<Cut>,
}

impl Watchdog {
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            lines: Mutex::default(),
            generation: AtomicU64::new(0),
            left_behind: Mutex::default(),
            asleep: AtomicBool::new(false),
            thread: Mutex::default(),
        });
        let weak = Arc::downgrade(&shared);
        let handle = thread::Builder::new().name("database-watch".to_owned()).spawn(move || watch(&weak))?;
        *lock(&shared.thread) = Some(handle.thread().clone());
        Ok(Self(shared))
    }

    /// Begins to watch a connection that is about to be made, each call of which may take `limit`.
    pub(crate) fn line(&self, limit: Option<Duration>) -> Watched {
        let line = Arc::new(Mutex::new(Line {
            socket: None,
            limit,
            call: None,
            job: None,
            generation: self.generation(),
            backend: None,
            cut: None,
        }));
        let mut lines = lock(&self.0.lines);
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&line));
        Watched { line, dog: self.clone() }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Has all connections of now replaced before they are used again.
    pub(crate) fn doubt_all(&self) {
        self.0.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Server processes that may still be at work for nobody; the caller ends them, or gives them back.
    pub(crate) fn take_left_behind(&self) -> Vec<Backend> {
        std::mem::take(&mut *lock(&self.0.left_behind))
    }

    pub(crate) fn leave_behind(&self, backends: Vec<Backend>) {
        lock(&self.0.left_behind).extend(backends);
    }

    fn wake(&self) {
        if self.0.asleep.swap(false, Ordering::AcqRel)
            && let Some(thread) = &*lock(&self.0.thread)
        {
            thread.unpark();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(thread) = &*lock(&self.thread) {
            thread.unpark();
        }
    }
}

impl Watched {
    /// Takes the socket, by which the connection can be cut.
    pub(crate) fn attach(&self, socket: BorrowedFd<'_>) {
        // Without descriptors left a new connection would not have come this far.
        lock(&self.line).socket = socket.try_clone_to_owned().ok();
        // diesel runs statements on it before we get it.
        self.begin_call();
    }

    pub(crate) fn serves(&self, backend: Backend) {
        lock(&self.line).backend = Some(backend);
    }

    /// Whether it is as new as anything that failed.
    pub(crate) fn is_trusted(&self) -> bool {
        lock(&self.line).generation >= self.dog.generation()
    }

    pub(crate) fn begin_call(&self) {
        lock(&self.line).call = Some(Instant::now());
        self.dog.wake();
    }

    pub(crate) fn end_call(&self) {
        lock(&self.line).call = None;
    }

    /// Limits the calls from now on.
    pub(crate) fn limit(&self, limit: Option<Duration>) -> Option<Duration> {
        std::mem::replace(&mut lock(&self.line).limit, limit)
    }

    pub(crate) fn begin_job(&self, limit: Option<Duration>) {
        lock(&self.line).job = limit.map(|limit| Instant::now() + limit);
        self.dog.wake();
    }

    /// The operation's end; tells whether the connection was cut meanwhile.
    pub(crate) fn end_job(&self) -> Option<Cut> {
        let mut line = lock(&self.line);
        (line.call, line.job) = (None, None);
        line.cut
    }

    /// Cuts the connection: a call that is under way returns, and none works any more.
    pub(crate) fn cut(&self, why: Cut) {
        let mut line = lock(&self.line);
        line.cut_off(why);
        if let Some(backend) = line.backend.take() {
            drop(line);
            self.dog.leave_behind(vec![backend]);
        }
    }
}

impl Line {
    fn overdue(&self, now: Instant, generation: u64) -> Option<Cut> {
        if self.cut.is_some() {
            return None;
        }
        let limit = match self.limit {
            Some(limit) if self.generation < generation => Some(limit.min(DOUBTED)),
            limit => limit,
        };
        if let (Some(began), Some(limit)) = (self.call, limit)
            && now.saturating_duration_since(began) > limit
        {
            return Some(Cut::Silent);
        }
        self.job.is_some_and(|due| now > due).then_some(Cut::TooLong)
    }

    fn cut_off(&mut self, why: Cut) {
        self.cut = Some(why);
        if let Some(socket) = &self.socket {
            // A socket that is closed already needs nothing more.
            let _ = shutdown(socket.as_fd(), Shutdown::Both);
        }
    }
}

fn watch(shared: &Weak<Shared>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let busy = look(&Watchdog(shared.clone()));
        if busy {
            drop(shared);
            thread::park_timeout(TICK);
            continue;
        }
        shared.asleep.store(true, Ordering::Release);
        // Once more: what began before the flag was up woke nobody.
        let busy = look(&Watchdog(shared.clone()));
        drop(shared);
        match busy {
            true => thread::park_timeout(TICK),
            false => thread::park(),
        }
    }
}

/// Cuts what is overdue, and tells whether anything runs.
fn look(dog: &Watchdog) -> bool {
    let lines: Vec<_> = lock(&dog.0.lines).iter().filter_map(Weak::upgrade).collect();
    let mut busy = false;
    for line in lines {
        let now = Instant::now();
        let overdue = {
            let line = lock(&line);
            busy |= line.call.is_some() || line.job.is_some();
            line.overdue(now, dog.generation())
        };
        let Some(why) = overdue else { continue };
        if why == Cut::Silent {
            // Others that are as old may be as silent.
            dog.doubt_all();
        }
        metrics::counter!("homepot_database_connections_cut_total", "reason" => why.as_str()).increment(1);
        tracing::warn!(reason = why.as_str(), "cut a connection to postgres");
        Watched { line, dog: dog.clone() }.cut(why);
    }
    busy
}

impl Cut {
    pub(crate) const ALL: [Self; 3] = [Self::Silent, Self::TooLong, Self::Abandoned];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::TooLong => "too_long",
            Self::Abandoned => "abandoned",
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}
