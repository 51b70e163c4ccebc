//! The handle that the services hold: it hands work to the database threads and measures it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use chrono::Utc;
use diesel::PgConnection;
use tokio::sync::oneshot;

use crate::{StoreError, maintenance::Retention, migrate, partitions, pool::Connections, url};

/// How long a caller waits for a place in the queue, and from then on for a connection.
const QUEUE_PATIENCE: Duration = Duration::from_secs(5);
/// How long opening waits for the first connection.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);

/// How to reach Postgres and how hard to lean on it.
#[derive(Clone)]
pub struct StoreConfig {
    /// Where it is; holds the password, so [`fmt::Debug`] leaves it out.
    pub database_url: String,
    /// Database threads, each with a connection.
    pub threads: usize,
    /// Operations that may wait for a thread.
    pub queue: usize,
}

impl StoreConfig {
    /// The usual threads and queue for `database_url`.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self { database_url: database_url.into(), threads: 8, queue: 1024 }
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

/// Runs operations on a bounded set of database threads. The threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    jobs: async_channel::Sender<Job>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("waiting", &self.jobs.len()).finish()
    }
}

impl Store {
    /// Starts the database threads once one connection works.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let threads = config.threads.max(1);
        let size = u32::try_from(threads).unwrap_or(u32::MAX);
        let url = url::with_defaults(&config.database_url)?;
        let connections = tokio::task::spawn_blocking(move || Connections::open(url, size, OPEN_PATIENCE))
            .await
            .map_err(|_| StoreError::Panicked("open"))??;
        let (jobs, waiting) = async_channel::bounded::<Job>(config.queue.max(1));
        for number in 0..threads {
            let (connections, waiting) = (connections.clone(), waiting.clone());
            std::thread::Builder::new()
                .name(format!("database-{number}"))
                .spawn(move || {
                    while let Ok(job) = waiting.recv_blocking() {
                        job(&connections);
                    }
                })
                .map_err(|error| StoreError::Unavailable(format!("starting a database thread: {error}")))?;
        }
        Ok(Self { jobs })
    }

    /// Brings the schema up to date, whichever replica comes first, and makes the partitions that rows of now need.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.run("migrate", migrate::run).await?;
        self.ensure_partitions().await
    }

    /// Makes the partitions that samples need from now on; to be called more often than once a day.
    pub async fn ensure_partitions(&self) -> Result<(), StoreError> {
        self.run("ensure_partitions", |conn| partitions::ensure(conn, Utc::now(), &Retention::default())).await?;
        Ok(())
    }

    /// Runs `work` on a database thread. Work whose caller went away before its turn is not done.
    pub async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let (answer, outcome) = oneshot::channel();
        let span = tracing::Span::current();
        let job: Job = Box::new(move |connections| {
            if answer.is_closed() {
                return;
            }
            let outcome = span.in_scope(|| on_connection(connections, started + QUEUE_PATIENCE, operation, work));
            // The caller may have left meanwhile; the work is done all the same.
            let _ = answer.send(outcome);
        });
        let outcome = match tokio::time::timeout(QUEUE_PATIENCE, self.jobs.send(job)).await {
            Err(_) => Err(StoreError::Busy),
            Ok(Err(_)) => Err(StoreError::Unavailable("the database threads have ended".to_owned())),
            Ok(Ok(())) => outcome.await.unwrap_or(Err(StoreError::Panicked(operation))),
        };
        metrics::histogram!("homepot_store_operation_seconds", "operation" => operation).record(started.elapsed());
        if let Err(error) = &outcome {
            let kind = error.kind();
            metrics::counter!("homepot_store_errors_total", "operation" => operation, "kind" => kind).increment(1);
        }
        outcome
    }
}

fn on_connection<T>(
    connections: &Connections,
    deadline: Instant,
    operation: &'static str,
    work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut session = connections.take(deadline)?;
    // The connection is thrown away when `work` panics, so nothing half done is ever seen again.
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut session.conn)));
    match outcome {
        Ok(Ok(value)) => {
            session.mark_used();
            Ok(value)
        }
        Ok(Err(error @ (StoreError::Invalid(_) | StoreError::Corrupt(_)))) => Err(error),
        Ok(Err(error)) if session.still_works() => Err(error),
        Ok(Err(error)) => {
            connections.mark_broken(&mut session);
            tracing::warn!(operation, %error, "lost a connection to postgres");
            Err(StoreError::Unavailable("the connection was lost".to_owned()))
        }
        Err(_) => {
            connections.mark_broken(&mut session);
            tracing::error!(operation, "store operation panicked");
            Err(StoreError::Panicked(operation))
        }
    }
}
