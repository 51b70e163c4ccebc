//! What waits to be published: while one publish is on its way, the next gathers in here.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{Topic, message::Batch};

/// More devices than this don't wait. It takes an outage, or a storm, and the look once a second finds them all.
const MAX_DEVICES: usize = 1 << 16;
/// Topics by themselves are published this far apart.
const TOPICS_APART: Duration = Duration::from_millis(50);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    transport: &'static str,
    gathered: Mutex<Batch>,
    filled: Notify,
    /// When topics may go again by themselves.
    topics_at: Mutex<Instant>,
}

impl Outbox {
    pub(crate) fn new(transport: &'static str) -> Self {
        let topics_at = Mutex::new(Instant::now());
        Self { transport, gathered: Mutex::default(), filled: Notify::new(), topics_at }
    }

    pub(crate) fn add_device(&self, device: i64) {
        let mut gathered = self.gathered();
        if gathered.devices.len() < MAX_DEVICES || gathered.devices.contains(&device) {
            gathered.devices.insert(device);
            self.filled.notify_one();
            return;
        }
        drop(gathered);
        count("homepot_hints_lost_total", self.transport, "device", 1);
    }

    pub(crate) fn add_topic(&self, topic: Topic) {
        self.gathered().topics.insert(topic);
        self.filled.notify_one();
    }

    /// Waits until there is something, and takes all of it. A device's hint goes at once; topics wait for it or for
    /// their turn: a busy ledger changes all the time, and who watches it from elsewhere sees no difference.
    pub(crate) async fn take(&self) -> Batch {
        loop {
            let topics_at = *self.topics_at.lock();
            let has_topics = {
                let gathered = self.gathered();
                let ready = !gathered.devices.is_empty() || Instant::now() >= topics_at;
                if ready && gathered.len() > 0 {
                    drop(gathered);
                    return self.take_now();
                }
                !gathered.topics.is_empty()
            };
            tokio::select! {
                () = self.filled.notified() => {}
                () = sleep_until(topics_at), if has_topics => {}
            }
        }
    }

    /// Takes what there is.
    pub(crate) fn take_now(&self) -> Batch {
        let batch = std::mem::take(&mut *self.gathered());
        if !batch.topics.is_empty() {
            *self.topics_at.lock() = Instant::now() + TOPICS_APART;
        }
        batch
    }

    pub(crate) fn len(&self) -> usize {
        self.gathered().len()
    }

    fn gathered(&self) -> MutexGuard<'_, Batch> {
        self.gathered.lock()
    }
}

/// Adds the hints of `batch` to a counter.
pub(crate) fn count_batch(counter: &'static str, transport: &'static str, batch: &Batch) {
    count(counter, transport, "device", batch.devices.len() as u64);
    for topic in Topic::ALL {
        count(counter, transport, topic.as_str(), u64::from(batch.topics.contains(&topic)));
    }
}

fn count(counter: &'static str, transport: &'static str, about: &'static str, hints: u64) {
    metrics::counter!(counter, "transport" => transport, "about" => about).increment(hints);
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_gathers_is_taken_together_and_once() {
        let outbox = Outbox::new("test");
        for device in [1, 2, 1] {
            outbox.add_device(device);
        }
        outbox.add_topic(Topic::Runs);
        outbox.add_topic(Topic::Runs);
        let batch = outbox.take().await;
        assert_eq!((batch.devices.len(), batch.topics.len()), (2, 1));
        assert!(outbox.take().now_or_never().is_none());
        outbox.add_device(3);
        assert_eq!(outbox.take().await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn topics_wait_for_their_turn_and_devices_for_nobody() {
        let outbox = Outbox::new("test");
        let began = Instant::now();
        outbox.add_topic(Topic::Ledger);
        assert_eq!(outbox.take().await.topics.len(), 1);
        outbox.add_topic(Topic::Ledger);
        assert_eq!(outbox.take().await.topics.len(), 1);
        assert_eq!(began.elapsed(), TOPICS_APART);
        outbox.add_topic(Topic::Ledger);
        outbox.add_device(1);
        assert_eq!(outbox.take().await.len(), 2);
        assert_eq!(began.elapsed(), TOPICS_APART);
    }

    #[test]
    fn what_nobody_takes_is_bounded() {
        let outbox = Outbox::new("test");
        for device in 0..2 * MAX_DEVICES as i64 {
            outbox.add_device(device);
            outbox.add_topic(Topic::Ledger);
        }
        assert_eq!(outbox.len(), MAX_DEVICES + 1);
    }
}
