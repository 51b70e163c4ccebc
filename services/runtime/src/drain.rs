//! One handle that tells all tasks to stop, and by when.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The order to stop, shared by everything that serves. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    token: CancellationToken,
}

impl Drain {
    /// A handle nobody has pulled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells everybody to stop; a second call changes nothing.
    pub fn start(&self) {
        self.token.cancel();
    }

    /// Whether the order was given.
    pub fn started(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits for the order.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// A drain of its own that also follows this one, for a part that stops earlier than the rest.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token() }
    }
}

/// Runs `work` until `deadline` has passed; `false` when it had to be cut off.
pub async fn within(deadline: Duration, what: &'static str, work: impl Future<Output = ()>) -> bool {
    if tokio::time::timeout(deadline, work).await.is_ok() {
        return true;
    }
    tracing::warn!(what, deadline_ms = deadline.as_millis() as u64, "did not stop in time, cutting it off");
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_who_waits_hears_the_order() {
        let drain = Drain::new();
        let waiting = tokio::spawn({
            let drain = drain.clone();
            async move { drain.wait().await }
        });
        assert!(!drain.started());
        drain.start();
        waiting.await.unwrap();
        drain.wait().await;
    }

    #[tokio::test]
    async fn a_child_stops_with_its_parent_and_not_the_other_way_round() {
        let parent = Drain::new();
        let (first, second) = (parent.child(), parent.child());
        first.start();
        assert!(!parent.started() && !second.started());
        parent.start();
        assert!(second.started());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_never_ends_is_cut_off_at_the_deadline() {
        assert!(!within(Duration::from_secs(8), "streams", std::future::pending()).await);
        assert!(within(Duration::from_secs(8), "streams", async {}).await);
    }
}
