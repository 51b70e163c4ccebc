//! Hints that a device's queue may have something: never the truth, only speed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// Who waits for which device. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Wakeups {
    waiting: Arc<Mutex<HashMap<i64, Arc<Notify>>>>,
}

impl Wakeups {
    /// Waits for hints about `device` from now on; the newest subscriber of a device gets them.
    pub fn subscribe(&self, device: i64) -> Wakeup {
        let notify = Arc::new(Notify::new());
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(device, notify.clone());
        Wakeup { wakeups: self.clone(), device, notify }
    }

    /// Tells whoever waits for `device`. Hints coalesce: any number before the next wait is one.
    pub fn wake(&self, device: i64) {
        if let Some(notify) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&device) {
            notify.notify_one();
        }
    }
}

/// One session's place to wait; gone when dropped.
#[derive(Debug)]
pub struct Wakeup {
    wakeups: Wakeups,
    device: i64,
    notify: Arc<Notify>,
}

impl Wakeup {
    /// The next hint; one that came since the last wait counts.
    pub async fn hint(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        let mut waiting = self.wakeups.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // A newer session of the same device may have taken the place.
        if waiting.get(&self.device).is_some_and(|notify| Arc::ptr_eq(notify, &self.notify)) {
            waiting.remove(&self.device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hint_before_the_wait_is_not_lost() {
        let wakeups = Wakeups::default();
        let wakeup = wakeups.subscribe(1);
        wakeups.wake(1);
        wakeups.wake(1);
        wakeup.hint().await;
    }

    #[test]
    fn an_older_session_that_goes_does_not_take_the_newer_ones_place() {
        let wakeups = Wakeups::default();
        let older = wakeups.subscribe(1);
        let newer = wakeups.subscribe(1);
        drop(older);
        assert!(wakeups.waiting.lock().unwrap().contains_key(&1));
        drop(newer);
        assert!(wakeups.waiting.lock().unwrap().is_empty());
    }
}
