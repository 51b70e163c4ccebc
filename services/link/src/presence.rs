//! Collects in memory which devices were heard from, and writes that once a second: a heartbeat is not worth a
//! transaction.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::{Duration, Instant},
};

use homepot_registry::{Heard, Registry};
use parking_lot::{Mutex, MutexGuard};

/// What a device without a stream is expected to do: legacy agents poll every 5 to 60 s.
const POLL_INTERVAL: Duration = Duration::from_secs(60);

/// Who waits to be written, the newest a device.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    heard: Mutex<HashMap<i64, Heard>>,
}

impl Presence {
    /// A session was heard.
    pub(crate) fn heard(&self, pk: i64, epoch: i64, heartbeat: Duration) {
        self.put(Heard { pk, epoch: Some(epoch), at: Instant::now(), heartbeat });
    }

    /// A device without a stream was heard.
    pub(crate) fn polled(&self, pk: i64) {
        self.put(Heard { pk, epoch: None, at: Instant::now(), heartbeat: POLL_INTERVAL });
    }

    fn put(&self, heard: Heard) {
        self.lock().insert(heard.pk, heard);
    }

    /// Writes what was gathered. What can't be written waits: when the database is back, devices that were heard all the
    /// while should not seem silent.
    pub(crate) async fn flush(&self, registry: &Registry) {
        let heard: Vec<_> = std::mem::take(&mut *self.lock()).into_values().collect();
        if heard.is_empty() {
            return;
        }
        if let Err(error) = registry.touch(heard.clone()).await {
            tracing::warn!(%error, "write presence");
            self.put_back(heard);
        }
    }

    /// Unless it was heard again meanwhile.
    fn put_back(&self, heard: Vec<Heard>) {
        let mut waiting = self.lock();
        for heard in heard {
            if let Entry::Vacant(place) = waiting.entry(heard.pk) {
                place.insert(heard);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Heard>> {
        self.heard.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_waits_unless_it_was_heard_again() {
        let presence = Presence::default();
        presence.heard(1, 7, Duration::from_secs(1));
        presence.heard(2, 7, Duration::from_secs(1));
        let failed: Vec<_> = std::mem::take(&mut *presence.lock()).into_values().collect();
        presence.heard(1, 8, Duration::from_secs(1));
        presence.put_back(failed);
        let epoch = |pk| presence.lock().get(&pk).and_then(|heard| heard.epoch);
        assert_eq!((epoch(1), epoch(2)), (Some(8), Some(7)));
    }
}
