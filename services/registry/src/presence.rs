//! Presence of devices: records when sessions begin and end and when devices were heard from.
//!
//! The link holds the streams. Their state is recorded through this module, so that all replicas and operators see the
//! same.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use homepot::{
    Error,
    model::{Hello, StateCause},
};
use homepot_hints::Topic;
use homepot_runtime::{Drain, auth::DeviceCaller};
pub use homepot_store::sessions::{Begun, NewestSession};
use homepot_store::{
    Lane, StoreError,
    sessions::{self, Touch},
};

use crate::Registry;

/// How often the store is looked through for devices that fell silent.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// When the database was away, what was heard meanwhile is written first; else all would seem silent.
const AFTER_OUTAGE: Duration = Duration::from_secs(3);

/// A device was heard.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// The device.
    pub pk: i64,
    /// The session it was heard on; `None`: a call of its own.
    pub epoch: Option<i64>,
    /// When. The store is told how long ago that is, because clocks differ.
    pub at: Instant,
    /// How often it is to be heard; for a call of its own it counts only where no session is attached.
    pub heartbeat: Duration,
}

impl Registry {
    /// Makes a session the device's newest, unless a newer one is there or `is_open` says that its stream, which was opened
    /// at `opened`, is gone; from here on every older one is fenced off. `None`: the key that the
    /// caller came with has ended since.
    pub async fn begin_session(
        &self,
        caller: &DeviceCaller,
        hello: Hello,
        replica: String,
        heartbeat: Duration,
        opened: Instant,
        is_open: impl Fn() -> bool + Send + 'static,
    ) -> Result<Option<Begun>, Error> {
        let (device, version, key_id) = (caller.pk, caller.credential_version, caller.key_id.clone());
        let begin = move |conn: &mut _| {
            if !sessions::may_begin(conn, device, version, &key_id)? {
                return Ok(None);
            }
            let stream = sessions::Stream { opened, is_open: &is_open };
            sessions::begin(conn, device, &hello, &replica, heartbeat, &stream).map(Some)
        };
        let begun = self.inner.store.lane(Lane::Devices).run("begin_session", begin).await?;
        if matches!(begun, Some(Begun::Epoch(_))) {
            self.presence_changed();
        }
        Ok(begun)
    }

    /// Ends a session for `cause`, in words `detail`: the device is offline from now on, unless a newer session holds it.
    pub async fn end_session(&self, device: i64, epoch: i64, cause: StateCause, detail: String) -> Result<(), Error> {
        let end = move |conn: &mut _| sessions::end(conn, device, epoch, cause, &detail);
        if self.inner.store.lane(Lane::Devices).run("end_session", end).await? {
            self.presence_changed();
        }
        Ok(())
    }

    /// Notes of many devices at once that they were heard.
    pub async fn touch(&self, heard: Vec<Heard>) -> Result<(), StoreError> {
        let touch = move |conn: &mut _| {
            // Here, on the database thread: nothing is to be waited for any more.
            let touch = |Heard { pk, epoch, at, heartbeat }| Touch { pk, epoch, age: at.elapsed(), heartbeat };
            sessions::touch(conn, &heard.into_iter().map(touch).collect::<Vec<_>>())
        };
        if self.inner.store.lane(Lane::Devices).run("touch_sessions", touch).await? > 0 {
            self.presence_changed();
        }
        Ok(())
    }

    /// Records what time alone changes of presence, until `drain`. Every process does so.
    pub async fn keep_presence(&self, drain: Drain) {
        let mut pause = KEEP_EVERY;
        loop {
            tokio::select! {
                () = drain.wait() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = KEEP_EVERY;
            match self.inner.store.lane(Lane::Devices).run("keep_presence", sessions::keep).await {
                Ok(kept) if kept.any() => {
                    tracing::debug!(?kept, "presence changed with time");
                    for (source, silent) in kept.silent.each() {
                        metrics::counter!("homepot_devices_silent_total", "source" => source.as_str())
                            .increment(silent);
                    }
                    self.presence_changed();
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "look for devices that fell silent");
                    pause = AFTER_OUTAGE;
                }
            }
        }
    }

    /// Called wherever a device's record or presence has changed, after the commit: watches look at once, here and elsewhere.
    pub(crate) fn presence_changed(&self) {
        self.inner.hints.tell(Topic::Presence);
    }

    /// How the sessions of these devices stand, each with the public letters of the key it came with; one that is gone is left
    /// out.
    pub async fn standing(&self, held: Vec<(i64, Arc<str>)>) -> Result<Vec<NewestSession>, Error> {
        let read = move |conn: &mut _| sessions::standing(conn, &held);
        Ok(self.inner.store.lane(Lane::Devices).run("session_standing", read).await?)
    }

    /// Waits until this process has shut some device out. Only a hint: other replicas do so too.
    pub async fn someone_shut_out(&self) {
        self.inner.shut_out.notified().await;
    }
}
