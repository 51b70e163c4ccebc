//! Whether devices are there: sessions begin and end, and the store keeps what was heard of whom.
//!
//! The link holds the streams; what is true of them is kept here, so that any replica and any operator sees the same.

use std::time::Duration;

use homepot::{Error, model::Hello};
pub use homepot_store::sessions::{Standing, Touch};
use homepot_store::{StoreError, sessions};

use crate::Registry;

impl Registry {
    /// Makes a session the device's newest and tells its epoch; from here on every older one is fenced off.
    pub async fn begin_session(
        &self,
        device: i64,
        hello: Hello,
        replica: String,
        heartbeat: Duration,
    ) -> Result<i64, Error> {
        let begin = move |conn: &mut _| sessions::begin(conn, device, &hello, &replica, heartbeat);
        Ok(self.inner.store.run("begin_session", begin).await?)
    }

    /// Ends a session: the device is offline from now on, unless a newer session holds it.
    pub async fn end_session(&self, device: i64, epoch: i64) -> Result<(), Error> {
        self.inner.store.run("end_session", move |conn| sessions::end(conn, device, epoch)).await?;
        Ok(())
    }

    /// Notes of many devices at once that they were heard.
    pub async fn touch(&self, touches: Vec<Touch>) -> Result<(), StoreError> {
        self.inner.store.run("touch_sessions", move |conn| sessions::touch(conn, &touches)).await
    }

    /// How the sessions of these devices stand; one that is gone is left out.
    pub async fn standing(&self, devices: Vec<i64>) -> Result<Vec<Standing>, Error> {
        let read = move |conn: &mut _| sessions::standing(conn, &devices);
        Ok(self.inner.store.run("session_standing", read).await?)
    }

    /// Waits until this process has shut some device out. Only a hint: other replicas do so too.
    pub async fn someone_shut_out(&self) {
        self.inner.shut_out.notified().await;
    }
}
