//! Who was heard of, gathered in memory and written once a second: a heartbeat is not worth a transaction.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use homepot_registry::{Registry, Touch};

/// What a device without a stream is expected to do: legacy agents poll every 5 to 60 s.
const POLL_INTERVAL: Duration = Duration::from_secs(60);

/// Touches that wait to be written, the newest a device.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    touches: Mutex<HashMap<i64, Touch>>,
}

impl Presence {
    /// A session was heard.
    pub(crate) fn heard(&self, pk: i64, epoch: i64, heartbeat: Duration) {
        self.put(Touch { pk, epoch: Some(epoch), seen_at: Utc::now(), heartbeat });
    }

    /// A device without a stream was heard.
    pub(crate) fn polled(&self, pk: i64) {
        self.put(Touch { pk, epoch: None, seen_at: Utc::now(), heartbeat: POLL_INTERVAL });
    }

    fn put(&self, touch: Touch) {
        self.touches.lock().unwrap_or_else(PoisonError::into_inner).insert(touch.pk, touch);
    }

    /// Writes what was gathered. What can't be written is dropped: a device that is there is heard again soon.
    pub(crate) async fn flush(&self, registry: &Registry) {
        let touches = std::mem::take(&mut *self.touches.lock().unwrap_or_else(PoisonError::into_inner));
        if touches.is_empty() {
            return;
        }
        let touches: Vec<_> = touches.into_values().collect();
        if let Err(error) = registry.touch(touches).await {
            tracing::warn!(%error, "write presence");
        }
    }
}
