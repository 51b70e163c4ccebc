//! Whoever waits for an operation of the store, and may leave.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::watchdog::{Cut, Watched};

/// Whoever waits for an operation, and the connection that works for it.
#[derive(Clone, Default)]
pub(crate) struct Caller(Arc<Mutex<Option<Watched>>>);

impl Caller {
    pub(crate) fn works_on(&self, watched: Option<Watched>) {
        *self.0.lock() = watched;
    }

    /// Cuts the connection when dropped while it works.
    pub(crate) fn cancels_when_dropped(&self) -> Leaving {
        Leaving(self.clone())
    }
}

pub(crate) struct Leaving(Caller);

impl Drop for Leaving {
    fn drop(&mut self) {
        // Held to the end: the connection's next operation can't begin meanwhile.
        if let Some(watched) = &*self.0.0.lock() {
            metrics::counter!("homepot_database_connections_cut_total", "reason" => Cut::Abandoned.as_str())
                .increment(1);
            watched.cut(Cut::Abandoned);
        }
    }
}
