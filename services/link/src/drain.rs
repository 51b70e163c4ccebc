//! The drain of the link: tells devices when to reconnect, and then ends their streams.

use crate::{Link, sessions::End};

impl Link {
    /// Takes no new sessions, ends those it holds with a Goodbye, and waits until the last has ended.
    ///
    /// The caller brings the deadline.
    pub async fn drain(&self) {
        self.inner.tasks.close();
        self.inner.sessions.close_all(&End::Draining);
        self.inner.tasks.wait().await;
        self.inner.background.cancel();
        self.inner.presence.flush(&self.inner.registry).await;
    }

    /// Whether [`Link::drain`] was called.
    pub(crate) fn is_draining(&self) -> bool {
        self.inner.tasks.is_closed()
    }
}
