//! Combines many small operations of one kind into batches: callers that arrive while a batch is under way share the
//! next.
//!
//! With a transaction for each message of a thousand devices, the transactions would cost more than the work. Batches
//! grow by themselves under load, and a single operation does not wait. Callers are answered after the commit.

use std::{sync::Arc, time::Duration};

use diesel::PgConnection;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::sleep,
};
use tracing::Instrument as _;

use crate::{Store, StoreError, trace};

/// Batches of one kind at a time: while these are on their way, the next gathers.
const LANES: usize = 2;

/// Does a batch in one transaction and answers for each item, in the same order.
type Work<I, O> = fn(&mut PgConnection, &[I]) -> Result<Vec<O>, StoreError>;

struct Asked<I, O> {
    item: I,
    answer: oneshot::Sender<Result<O, StoreError>>,
}

/// Does small operations of one kind together. Clones share everything.
#[derive(Debug)]
pub struct Combiner<I, O> {
    operation: &'static str,
    queue: mpsc::Sender<Asked<I, O>>,
}

impl<I, O> Clone for Combiner<I, O> {
    fn clone(&self) -> Self {
        Self { operation: self.operation, queue: self.queue.clone() }
    }
}

impl<I, O> Combiner<I, O>
where
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    /// Starts the task that gathers up to `most` items for `work`; it ends with the last clone.
    pub fn start(store: Store, operation: &'static str, most: usize, work: Work<I, O>) -> Self {
        Self::start_patient(store, operation, most, Duration::ZERO, work)
    }

    /// The same for what is in no hurry: each batch gathers for `patience` after its first item came, so that many small ones do not
    /// cost as many transactions.
    pub fn start_patient(
        store: Store,
        operation: &'static str,
        most: usize,
        patience: Duration,
        work: Work<I, O>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(most);
        tokio::spawn(gather(store, operation, most, patience, work, waiting));
        Self { operation, queue }
    }

    /// Does one item together with others. Done even if the caller leaves meanwhile.
    pub async fn run(&self, item: I) -> Result<O, StoreError> {
        self.run_among_others(item).instrument(trace::shared(self.operation)).await
    }

    async fn run_among_others(&self, item: I) -> Result<O, StoreError> {
        let gone = || StoreError::Unavailable("the server is ending".to_owned());
        let (answer, answered) = oneshot::channel();
        self.queue.send(Asked { item, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

async fn gather<I, O>(
    store: Store,
    operation: &'static str,
    most: usize,
    patience: Duration,
    work: Work<I, O>,
    mut waiting: mpsc::Receiver<Asked<I, O>>,
) where
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    let turns = Arc::new(Semaphore::new(LANES));
    // The turn comes first: who asks while all are taken is in the next batch.
    while let Ok(turn) = turns.clone().acquire_owned().await {
        let mut asked = Vec::new();
        if waiting.recv_many(&mut asked, most).await == 0 {
            return;
        }
        if !patience.is_zero() {
            sleep(patience).await;
            let room = most.saturating_sub(asked.len());
            if room > 0 && !waiting.is_empty() {
                waiting.recv_many(&mut asked, room).await;
            }
        }
        let store = store.clone();
        tokio::spawn(async move {
            run_batch(&store, operation, work, asked).await;
            drop(turn);
        });
    }
}

async fn run_batch<I, O>(store: &Store, operation: &'static str, work: Work<I, O>, asked: Vec<Asked<I, O>>)
where
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    let (items, answers): (Vec<_>, Vec<_>) = asked.into_iter().map(|asked| (asked.item, asked.answer)).unzip();
    let items = Arc::new(items);
    let batch = items.clone();
    match store.run(operation, move |conn| work(conn, &batch)).await {
        // Who left meanwhile needs no answer.
        Ok(done) => answers.into_iter().zip(done).for_each(|(answer, done)| drop(answer.send(Ok(done)))),
        Err(error) if error.is_passing() => {
            let told = error.to_string();
            answers.into_iter().for_each(|answer| drop(answer.send(Err(StoreError::Unavailable(told.clone())))));
        }
        Err(error) if items.len() == 1 => drop(answers.into_iter().next().map(|answer| answer.send(Err(error)))),
        // One of them is at fault: each goes alone, so that the others don't pay for it.
        Err(error) => {
            tracing::warn!(operation, items = items.len(), %error, "a batch was refused; its items go one by one");
            for (index, answer) in answers.into_iter().enumerate() {
                let items = items.clone();
                let alone = store.run(operation, move |conn| work(conn, &items[index..=index])).await;
                let _ = answer.send(alone.and_then(|mut done| {
                    done.pop().ok_or_else(|| StoreError::Corrupt(format!("{operation} gave no answer")))
                }));
            }
        }
    }
}
