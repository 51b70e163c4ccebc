//! Which sessions this replica holds, and the way to end one from outside its task.

use std::{collections::HashMap, sync::Arc};

use homepot::model::DeviceSource;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A newer session of the device took over.
    Superseded,
    /// Its keys were revoked, or it was deactivated.
    Revoked,
    /// This replica leaves.
    Draining,
    /// It grew old.
    Aged,
    /// Nothing was heard for too long.
    Silent,
    /// It broke the protocol; the text says how.
    Protocol(String),
    /// The server could not go on.
    Internal,
    /// The device went; there is nobody to tell.
    PeerGone,
}

#[derive(Debug)]
struct Handle {
    source: DeviceSource,
    epoch: i64,
    credential_version: i32,
    key_id: Arc<str>,
    close: oneshot::Sender<End>,
}

/// Sessions by device, and how many of them are simulated: to count them anew each time would take as long as there are
/// many.
#[derive(Debug, Default)]
struct Held {
    handles: HashMap<i64, Handle>,
    simulated: usize,
}

impl Held {
    fn put(&mut self, device: i64, handle: Handle) -> Option<Handle> {
        let older = self.take(device);
        self.simulated += usize::from(handle.source == DeviceSource::Simulated);
        self.handles.insert(device, handle);
        older
    }

    fn take(&mut self, device: i64) -> Option<Handle> {
        let handle = self.handles.remove(&device)?;
        self.simulated -= usize::from(handle.source == DeviceSource::Simulated);
        Some(handle)
    }

    fn is_of(&self, device: i64, epoch: i64) -> bool {
        self.handles.get(&device).is_some_and(|handle| handle.epoch == epoch)
    }

    #[allow(clippy::cast_precision_loss)] // counts of sessions
    fn tell(&self) {
        let real = self.handles.len() - self.simulated;
        for (source, count) in [(DeviceSource::Real, real), (DeviceSource::Simulated, self.simulated)] {
            metrics::gauge!("homepot_sessions", "source" => source.as_str()).set(count as f64);
        }
    }
}

/// A session as its standing is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) device: i64,
    pub(crate) epoch: i64,
    pub(crate) credential_version: i32,
    pub(crate) key_id: Arc<str>,
}

/// The sessions of this replica.
#[derive(Debug)]
pub(crate) struct Sessions {
    held: Mutex<Held>,
    max: usize,
}

impl Sessions {
    pub(crate) fn new(max: usize) -> Self {
        Self { held: Mutex::default(), max }
    }

    /// How many are held.
    pub(crate) fn count(&self) -> usize {
        self.lock().handles.len()
    }

    /// Whether there is room for one more.
    pub(crate) fn is_full(&self) -> bool {
        self.count() >= self.max
    }

    /// Holds a session. The newest wins: an older one of the device is told to end, and if a newer one is here
    /// already, this one is.
    pub(crate) fn insert(
        &self,
        device: i64,
        source: DeviceSource,
        epoch: i64,
        credential_version: i32,
        key_id: Arc<str>,
    ) -> oneshot::Receiver<End> {
        let (close, closed) = oneshot::channel();
        let mut held = self.lock();
        let loser = match held.handles.get(&device) {
            Some(other) if other.epoch > epoch => Some(close),
            _ => held.put(device, Handle { source, epoch, credential_version, key_id, close }).map(|older| older.close),
        };
        held.tell();
        drop(held);
        if let Some(loser) = loser {
            // Its task may have ended by itself.
            let _ = loser.send(End::Superseded);
        }
        closed
    }

    /// Lets go of a session, unless a newer one took its place.
    pub(crate) fn remove(&self, device: i64, epoch: i64) {
        let mut held = self.lock();
        if held.is_of(device, epoch) {
            held.take(device);
        }
        held.tell();
    }

    /// Ends a session, if it is still of this epoch.
    pub(crate) fn close(&self, device: i64, epoch: i64, end: End) {
        let mut held = self.lock();
        if held.is_of(device, epoch)
            && let Some(handle) = held.take(device)
        {
            let _ = handle.close.send(end);
        }
        held.tell();
    }

    /// Ends all of them.
    pub(crate) fn close_all(&self, end: &End) {
        for (_, handle) in std::mem::take(&mut *self.lock()).handles {
            let _ = handle.close.send(end.clone());
        }
    }

    /// Each of them, with what it came with.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let listed = |(device, handle): (&i64, &Handle)| Listed {
            device: *device,
            epoch: handle.epoch,
            credential_version: handle.credential_version,
            key_id: handle.key_id.clone(),
        };
        self.lock().handles.iter().map(listed).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_session_wins_whichever_comes_first() {
        let sessions = Sessions::new(10);
        let mut first = sessions.insert(1, DeviceSource::Real, 1, 0, "k".into());
        let mut third = sessions.insert(1, DeviceSource::Real, 3, 0, "k".into());
        let mut second = sessions.insert(1, DeviceSource::Real, 2, 0, "k".into());
        assert_eq!(first.try_recv(), Ok(End::Superseded));
        assert_eq!(second.try_recv(), Ok(End::Superseded));
        assert!(third.try_recv().is_err());
    }

    #[test]
    fn an_older_session_that_leaves_does_not_take_the_newer_one_along() {
        let sessions = Sessions::new(10);
        let _first = sessions.insert(1, DeviceSource::Real, 1, 0, "k".into());
        let _second = sessions.insert(1, DeviceSource::Real, 2, 0, "k".into());
        sessions.remove(1, 1);
        assert_eq!(sessions.list().iter().map(|listed| (listed.device, listed.epoch)).collect::<Vec<_>>(), [(1, 2)]);
    }

    #[test]
    fn simulated_sessions_are_counted_apart_whichever_way_they_go() {
        let sessions = Sessions::new(10);
        let simulated = || sessions.lock().simulated;
        let _real = sessions.insert(1, DeviceSource::Real, 1, 0, "k".into());
        let _first = sessions.insert(2, DeviceSource::Simulated, 1, 0, "k".into());
        let _second = sessions.insert(2, DeviceSource::Simulated, 2, 0, "k".into());
        let _third = sessions.insert(3, DeviceSource::Simulated, 1, 0, "k".into());
        assert_eq!((sessions.count(), simulated()), (3, 2));
        sessions.remove(2, 1);
        assert_eq!((sessions.count(), simulated()), (3, 2));
        sessions.remove(2, 2);
        sessions.close(3, 1, End::Revoked);
        assert_eq!((sessions.count(), simulated()), (1, 0));
        let _fourth = sessions.insert(3, DeviceSource::Simulated, 2, 0, "k".into());
        sessions.close_all(&End::Draining);
        assert_eq!((sessions.count(), simulated()), (0, 0));
    }

    #[test]
    fn closing_an_epoch_that_is_gone_touches_nobody() {
        let sessions = Sessions::new(10);
        let mut session = sessions.insert(1, DeviceSource::Real, 2, 0, "k".into());
        sessions.close(1, 1, End::Revoked);
        assert!(session.try_recv().is_err());
        sessions.close(1, 2, End::Revoked);
        assert_eq!(session.try_recv(), Ok(End::Revoked));
    }
}
