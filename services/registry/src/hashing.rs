//! Argon2 on threads of its own.
//!
//! One verification takes 20 ms of a core and 19 MiB. On the runtime's threads it would stall every stream; on the
//! runtime's blocking pool, 512 wide, a reconnect storm would take 10 GiB. So: a few threads, a bounded queue, and a
//! clear "come back later" when it is full.

use std::time::Duration;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use homepot::{Error, Kind, model::Secret};
use tokio::sync::oneshot;

/// More threads than this only fight for memory bandwidth.
const MAX_THREADS: usize = 4;
/// A full queue takes a thread about a second to work off.
const QUEUE_PER_THREAD: usize = 50;
const RETRY_AFTER: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce() + Send>;

/// Makes and checks hashes; clones share the threads.
#[derive(Clone, Debug)]
pub(crate) struct Hasher {
    jobs: async_channel::Sender<Job>,
}

impl Hasher {
    /// Starts one thread a core, up to [`MAX_THREADS`]; they end with the last clone.
    pub(crate) fn start() -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let (jobs, queue) = async_channel::bounded::<Job>(threads * QUEUE_PER_THREAD);
        for number in 0..threads {
            let queue = queue.clone();
            let work = move || {
                while let Ok(job) = queue.recv_blocking() {
                    job();
                }
            };
            std::thread::Builder::new().name(format!("argon2-{number}")).spawn(work)?;
        }
        Ok(Self { jobs })
    }

    /// The PHC string to store for `secret`.
    pub(crate) async fn hash(&self, secret: Secret) -> Result<String, Error> {
        self.run(move || Argon2::default().hash_password(secret.reveal().as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| {
                tracing::error!(%error, "hash secret");
                Error::internal()
            })
    }

    /// Whether `secret` is what `hash` was made from. A hash that does not parse matches nothing.
    pub(crate) async fn verify(&self, secret: Secret, hash: String) -> Result<bool, Error> {
        metrics::counter!("homepot_argon2_checks_total").increment(1);
        self.run(move || match PasswordHash::new(&hash) {
            Ok(hash) => Argon2::default().verify_password(secret.reveal().as_bytes(), &hash).is_ok(),
            Err(error) => {
                tracing::error!(%error, "a stored hash does not parse");
                false
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The caller may have gone; then nobody wants the answer.
            let _ = answer.send(work());
        });
        self.jobs.try_send(job).map_err(|_| {
            metrics::counter!("homepot_argon2_queue_full_total").increment(1);
            Error::new(Kind::Throttled, "too many credentials to check at once; try again").retry_after(RETRY_AFTER)
        })?;
        answered.await.map_err(|_| Error::internal())
    }
}

#[cfg(test)]
mod tests {
    use homepot::model::SecretKind;

    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_opens_for_its_secret_only() {
        let hasher = Hasher::start().unwrap();
        let secret = Secret::from_random(SecretKind::DeviceKey, [1; 32]);
        let hash = hasher.hash(secret.clone()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(secret, hash.clone()).await.unwrap());
        let other = Secret::from_random(SecretKind::DeviceKey, [2; 32]);
        assert!(!hasher.verify(other, hash).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_that_does_not_parse_matches_nothing() {
        let hasher = Hasher::start().unwrap();
        assert!(!hasher.verify(Secret::presented("x"), "x".to_owned()).await.unwrap());
    }
}
