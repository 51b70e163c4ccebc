//! Argon2 on threads of its own.
//!
//! One verification takes 20 ms of a core and 19 MiB. On the runtime's threads it would stall every stream; on the
//! runtime's blocking pool, 512 wide, a reconnect storm would take 10 GiB. So there are a few threads and a bounded
//! queue with lanes ([`crate::queue`]); when it is full, callers are told to retry later.
//!
//! Each thread keeps its 19 MiB. Taken anew each time they end up between other allocations, and thousands of enrolments leave
//! the server with hundreds of MiB that it never gives back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use homepot::{Error, Kind, model::Secret};
use homepot_runtime::trace;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use crate::queue::{Lane, Next, Queue};

/// More threads than this only fight for memory bandwidth.
const MAX_THREADS: usize = 4;
/// A full lane takes the threads about two seconds to work off.
const QUEUE_PER_THREAD: usize = 100;
const RETRY_AFTER: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Makes and checks hashes; clones share the threads.
#[derive(Clone)]
pub(crate) struct Hasher {
    jobs: Arc<Jobs>,
    /// Goes with the last clone; then the threads end.
    _alive: Arc<Alive>,
}

impl Hasher {
    /// Starts one thread a core, up to [`MAX_THREADS`]; they end with the last clone.
    pub(crate) fn start() -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let jobs = Arc::new(Jobs::new(threads * QUEUE_PER_THREAD));
        let alive = Arc::new(Alive(jobs.clone()));
        for number in 0..threads {
            let jobs = jobs.clone();
            let work = move || {
                let mut worker = Worker::default();
                while let Some(job) = jobs.next() {
                    job(&mut worker);
                }
            };
            std::thread::Builder::new().name(format!("argon2-{number}")).spawn(work)?;
        }
        Ok(Self { jobs, _alive: alive })
    }

    /// The PHC string to store for `secret`.
    pub(crate) async fn hash(&self, secret: Secret, lane: Lane) -> Result<String, Error> {
        self.run(lane, move |worker| worker.hash(&secret).map(|hash| hash.to_string())).await?.map_err(|error| {
            tracing::error!(%error, "hash secret");
            Error::internal()
        })
    }

    /// Whether `secret` is what `hash` was made from. A hash that does not parse matches nothing.
    pub(crate) async fn verify(&self, secret: Secret, hash: String, lane: Lane) -> Result<bool, Error> {
        self.run(lane, move |worker| {
            metrics::counter!("homepot_argon2_checks_total").increment(1);
            let verified = PasswordHash::new(&hash).map_err(password_hash::Error::from);
            verified.and_then(|hash| worker.verify(&secret, &hash)).unwrap_or_else(|error| {
                tracing::error!(%error, "a stored hash makes no sense");
                false
            })
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&mut Worker) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let caller = Span::current();
        let job: Job = Box::new(move |worker| {
            // Nobody waits for it any more: the work is for others.
            if !answer.is_closed() {
                let _ = answer.send(caller.in_scope(|| work(worker)));
            }
        });
        self.jobs.push(lane, job);
        // Work that found no place, or lost it, is dropped with its end of the channel.
        let trace = tracing::info_span!(target: trace::TARGET, "argon2");
        answered.instrument(trace).await.map_err(|_| {
            metrics::counter!("homepot_argon2_queue_full_total").increment(1);
            Error::new(Kind::Throttled, "too many credentials to check at once; try again").retry_after(RETRY_AFTER)
        })
    }
}

/// What the threads share.
struct Jobs {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

struct Waiting {
    queue: Queue<Job>,
    ended: bool,
}

struct Alive(Arc<Jobs>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.came.notify_all();
    }
}

impl Jobs {
    fn new(most: usize) -> Self {
        Self { waiting: Mutex::new(Waiting { queue: Queue::new(most), ended: false }), came: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }

    fn push(&self, lane: Lane, job: Job) {
        let lost = self.lock().queue.push(lane, job, random());
        self.came.notify_one();
        drop(lost);
    }

    /// The next job, as soon as there is one; `None`: none will come.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if waiting.ended {
                return None;
            }
            match waiting.queue.pop(Instant::now(), random()) {
                Next::Work(job) => return Some(job),
                Next::Wait(span) => drop(self.came.wait_for(&mut waiting, span)),
                Next::Nothing => self.came.wait(&mut waiting),
            }
        }
    }
}

fn random() -> u32 {
    getrandom::u32().unwrap_or_default()
}

/// What one thread works with.
#[derive(Default)]
struct Worker {
    blocks: Vec<Block>,
}

impl Worker {
    fn hash(&mut self, secret: &Secret) -> password_hash::Result<PasswordHash> {
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        getrandom::fill(&mut salt).map_err(|_| password_hash::Error::Internal)?;
        let (algorithm, version, params) = (Algorithm::default(), Version::default(), Params::default());
        let written = ParamsString::try_from(&params)?;
        let hash = self.digest(algorithm, version, params, secret, &salt, Params::DEFAULT_OUTPUT_LEN)?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: written,
            salt: Some(Salt::new(&salt)?),
            hash: Some(hash),
        })
    }

    fn verify(&mut self, secret: &Secret, hash: &PasswordHash) -> password_hash::Result<bool> {
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
        let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
        let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
        let found = self.digest(algorithm, version, Params::try_from(hash)?, secret, salt, expected.len())?;
        // In constant time: that is what `Output` compares in.
        Ok(found == *expected)
    }

    fn digest(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: Params,
        secret: &Secret,
        salt: &[u8],
        length: usize,
    ) -> password_hash::Result<Output> {
        if self.blocks.len() < params.block_count() {
            self.blocks.resize(params.block_count(), Block::default());
        }
        let mut out = vec![0; length];
        let argon2 = Argon2::new(algorithm, version, params);
        argon2.hash_password_into_with_memory(secret.reveal().as_bytes(), salt, &mut out, &mut self.blocks)?;
        Ok(Output::new(&out)?)
    }
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher as _, PasswordVerifier as _};
    use homepot::model::SecretKind;

    use super::*;

    #[tokio::test]
    async fn what_the_library_made_opens_here_and_what_was_made_here_opens_there() {
        let hasher = Hasher::start().unwrap();
        let secret = Secret::from_random(SecretKind::DeviceKey, [3; 32]);
        let theirs = Argon2::default().hash_password(secret.reveal().as_bytes()).unwrap().to_string();
        assert!(hasher.verify(secret.clone(), theirs, Lane::First).await.unwrap());
        // More memory than usual, and then as much as usual in what is left from that.
        let more = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(30_000, 1, 1, None).unwrap());
        let more = more.hash_password(secret.reveal().as_bytes()).unwrap().to_string();
        assert!(hasher.verify(secret.clone(), more, Lane::First).await.unwrap());
        for _ in 0..8 {
            let ours = hasher.hash(secret.clone(), Lane::First).await.unwrap();
            assert!(Argon2::default().verify_password(secret.reveal().as_bytes(), ours.as_str()).is_ok());
        }
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_and_opens_for_its_secret_only() {
        let hasher = Hasher::start().unwrap();
        let secret = Secret::from_random(SecretKind::DeviceKey, [1; 32]);
        let hash = hasher.hash(secret.clone(), Lane::First).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(secret, hash.clone(), Lane::First).await.unwrap());
        let other = Secret::from_random(SecretKind::DeviceKey, [2; 32]);
        assert!(!hasher.verify(other, hash, Lane::First).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_that_does_not_parse_matches_nothing() {
        let hasher = Hasher::start().unwrap();
        assert!(!hasher.verify(Secret::presented("x"), "x".to_owned(), Lane::First).await.unwrap());
    }
}
