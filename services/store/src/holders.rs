//! Reports transactions that hold watches back. A `psql` that somebody left open shows nowhere else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::horizon::Holder;

/// A transaction of this age is told of. None of ours gets there but a migration.
const OLD: f64 = 60.0;
/// How often the same one is told of.
const AGAIN: Duration = Duration::from_secs(300);

#[derive(Clone, Default)]
pub(crate) struct Holders(Arc<Mutex<Option<(i32, Instant)>>>);

impl Holders {
    /// Keeps the metric in step, and warns of one that is old.
    pub(crate) fn note(&self, holder: Option<Holder>) {
        let age = holder.as_ref().map_or(0.0, |holder| holder.age);
        metrics::gauge!("homepot_database_oldest_transaction_seconds").set(age);
        let Some(holder) = holder.filter(|holder| holder.age >= OLD) else { return };
        let mut told = self.0.lock();
        if told.is_some_and(|(pid, at)| pid == holder.pid && at.elapsed() < AGAIN) {
            return;
        }
        *told = Some((holder.pid, Instant::now()));
        tracing::warn!(
            pid = holder.pid,
            application_name = ?holder.application_name,
            state = holder.state,
            age_seconds = holder.age as u64,
            "a transaction on the database is old and holds back what watches are told; end it"
        );
    }
}
