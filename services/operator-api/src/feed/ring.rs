//! Changes on their way to all viewers, bounded in bytes, so that a viewer that does not read can't keep them all in
//! memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::broadcast;

/// News that wait for viewers, taken together.
const RING_BYTES: usize = 16 << 20;

/// See the module.
pub(super) struct Ring<T> {
    sender: broadcast::Sender<Arc<Entry<T>>>,
    /// What may still be kept in memory by a viewer that has not read it, with its weight; the oldest first.
    kept: Mutex<VecDeque<(Weak<Entry<T>>, usize)>>,
}

/// News; taken away again from viewers that are too slow.
pub(super) struct Entry<T>(Mutex<Option<Arc<T>>>);

/// Where a viewer receives them.
pub(super) type Receiver<T> = broadcast::Receiver<Arc<Entry<T>>>;

impl<T> Entry<T> {
    /// The news; `None`: they are gone, and the viewer has to read the database as if it had fallen behind.
    pub(super) fn get(&self) -> Option<Arc<T>> {
        self.content().clone()
    }

    fn content(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        self.0.lock()
    }
}

impl<T> Ring<T> {
    /// A ring that keeps so many entries for a viewer that is behind.
    pub(super) fn new(entries: usize) -> Self {
        Self { sender: broadcast::Sender::new(entries), kept: Mutex::default() }
    }

    /// All entries from now on.
    pub(super) fn subscribe(&self) -> Receiver<T> {
        self.sender.subscribe()
    }

    /// Viewers there are.
    pub(super) fn viewers(&self) -> usize {
        self.sender.receiver_count()
    }

    /// Tells `news`, which weigh `bytes`; `None`: there are some, but more than can be told.
    pub(super) fn tell(&self, news: Option<T>, bytes: usize) {
        let entry = Arc::new(Entry(Mutex::new(news.map(Arc::new))));
        let mut kept = self.kept.lock();
        kept.retain(|(entry, _)| entry.strong_count() > 0);
        kept.push_back((Arc::downgrade(&entry), bytes));
        let mut all: usize = kept.iter().map(|(_, bytes)| bytes).sum();
        // The newest stays, however large: those who look must be bounded by themselves.
        while all > RING_BYTES && kept.len() > 1 {
            let Some((oldest, bytes)) = kept.pop_front() else { break };
            all -= bytes;
            if let Some(oldest) = oldest.upgrade() {
                oldest.content().take();
            }
        }
        // Fails when the last viewer has just left.
        let _ = self.sender.send(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_that_nobody_reads_are_taken_away_beyond_a_bound() {
        let ring = Ring::new(64);
        let mut slow = ring.subscribe();
        for number in 0..20 {
            ring.tell(Some(number), RING_BYTES / 8);
        }
        let mut read = Vec::new();
        while let Ok(entry) = slow.try_recv() {
            read.push(entry.get().map(|number| *number));
        }
        assert_eq!(read.len(), 20);
        assert!(read[..12].iter().all(Option::is_none));
        assert_eq!(read[12..].iter().flatten().count(), 8);
        // What was read is not counted any more.
        drop(read);
        ring.tell(Some(20), RING_BYTES);
        ring.tell(None, 0);
        assert_eq!(slow.try_recv().ok().and_then(|entry| entry.get()).as_deref(), Some(&20));
        assert_eq!(slow.try_recv().ok().and_then(|entry| entry.get()), None);
    }
}
