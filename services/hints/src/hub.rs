//! The tasks of this process that wait for hints, and what each waits for.

use std::{collections::HashMap, fmt, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use crate::Topic;

/// The waiting of one process.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    devices: Mutex<HashMap<i64, Arc<Notify>>>,
    topics: [watch::Sender<()>; Topic::ALL.len()],
}

impl Hub {
    /// Wakes the session of `device`; false when none is here.
    pub(crate) fn wake(&self, device: i64) -> bool {
        let devices = self.devices();
        let Some(notify) = devices.get(&device) else { return false };
        notify.notify_one();
        true
    }

    pub(crate) fn tell(&self, topic: Topic) {
        self.topics[topic as usize].send_replace(());
    }

    /// For when hints may have been lost.
    pub(crate) fn wake_all(&self) {
        self.devices().values().for_each(|notify| notify.notify_one());
        Topic::ALL.into_iter().for_each(|topic| self.tell(topic));
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<i64, Arc<Notify>>> {
        self.devices.lock()
    }
}

/// One session's place to wait; gone when dropped.
pub struct Wakeup {
    hub: Arc<Hub>,
    device: i64,
    notify: Arc<Notify>,
}

impl Wakeup {
    pub(crate) fn subscribe(hub: &Arc<Hub>, device: i64) -> Self {
        let notify = Arc::new(Notify::new());
        hub.devices().insert(device, notify.clone());
        Self { hub: hub.clone(), device, notify }
    }

    /// The next hint; one that came since the last wait counts, and several that came are one.
    pub async fn hint(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        let mut devices = self.hub.devices();
        // A newer session of the same device may have taken the place.
        if devices.get(&self.device).is_some_and(|notify| Arc::ptr_eq(notify, &self.notify)) {
            devices.remove(&self.device);
        }
    }
}

impl fmt::Debug for Wakeup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wakeup").field("device", &self.device).finish_non_exhaustive()
    }
}

/// A place to wait for changes of one sort.
pub struct Listener {
    changes: watch::Receiver<()>,
    /// The sender's end: as long as someone listens, there is something to listen to.
    _hub: Arc<Hub>,
}

impl Listener {
    pub(crate) fn new(hub: &Arc<Hub>, topic: Topic) -> Self {
        Self { changes: hub.topics[topic as usize].subscribe(), _hub: hub.clone() }
    }

    /// Waits for a change; one that came since the last wait counts, and several that came are one.
    pub async fn changed(&mut self) {
        // Fails only without a sender, and this holds one.
        let _ = self.changes.changed().await;
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::Hints;

    #[tokio::test]
    async fn a_hint_before_the_wait_is_not_lost_and_several_are_one() {
        let hints = Hints::local();
        let wakeup = hints.device(1);
        hints.wake(1);
        hints.wake(1);
        wakeup.hint().await;
        assert!(wakeup.hint().now_or_never().is_none());
    }

    #[test]
    fn an_older_session_that_goes_does_not_take_the_newer_ones_place() {
        let hints = Hints::local();
        let older = hints.device(1);
        let newer = hints.device(1);
        drop(older);
        assert!(hints.hub.devices().contains_key(&1));
        drop(newer);
        assert!(hints.hub.devices().is_empty());
    }

    #[tokio::test]
    async fn every_listener_of_a_topic_hears_of_a_change_once_and_others_do_not() {
        let hints = Hints::local();
        let [mut one, mut two, mut other] =
            [Topic::Ledger, Topic::Ledger, Topic::Runs].map(|topic| hints.listen(topic));
        hints.tell(Topic::Ledger);
        hints.clone().tell(Topic::Ledger);
        one.changed().await;
        two.changed().await;
        assert!(one.changed().now_or_never().is_none());
        assert!(other.changed().now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_listens_later_does_not_hear_of_what_was_before() {
        let hints = Hints::local();
        hints.tell(Topic::Presence);
        let mut listener = hints.listen(Topic::Presence);
        assert!(listener.changed().now_or_never().is_none());
        drop(hints);
        assert!(listener.changed().now_or_never().is_none(), "without hints there is nothing to hear, and no end");
    }
}
