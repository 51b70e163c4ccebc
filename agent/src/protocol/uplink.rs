//! What goes up next: batches within the server's window, and everything unacknowledged again after a reconnect.

use std::time::Duration;

use homepot::{
    model::Sample,
    pb::{device::v1 as pb, telemetry::v1 as telemetry},
};
use prost::Message as _;
use tokio::time::Instant;

use super::{Terms, spool::Spool};

/// Half of what the server decodes, which leaves room for the rest of the message.
const MAX_BATCH_BYTES: usize = 512 * 1024;

/// The samples of a device on their way up.
#[derive(Debug)]
pub struct Uplink {
    spool: Spool,
    window: Option<Window>,
    /// The last number sent in this session.
    sent: u64,
    /// A message whose acknowledgement is timed.
    probe: Option<(u64, Instant)>,
    round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    message: usize,
    unacknowledged: u64,
}

impl Uplink {
    /// An uplink that is not attached.
    pub fn new(spool: Spool) -> Self {
        Self { spool, window: None, sent: 0, probe: None, round_trip: None }
    }

    /// A session began: everything that was not acknowledged is to be sent again, within `terms`.
    pub fn attached(&mut self, terms: &Terms) {
        self.window = Some(Window {
            message: terms.max_samples_per_message.max(1),
            unacknowledged: terms.max_unacknowledged_samples.max(1),
        });
        self.sent = self.spool.first_seq() - 1;
        self.probe = None;
    }

    /// The session ended.
    pub fn detached(&mut self) {
        self.window = None;
        self.probe = None;
        self.round_trip = None;
    }

    /// Takes a new sample.
    pub fn push(&mut self, sample: Sample) {
        self.spool.push(sample);
    }

    /// Whether [`Self::next`] has something to send.
    pub fn ready(&self) -> bool {
        self.room() > 0 && self.sent < self.spool.last_seq()
    }

    /// The next message to send at `now`, if there is one and the window has room.
    pub fn next(&mut self, now: Instant) -> Option<pb::Samples> {
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let limit = room.min(self.window?.message);
        let mut batch = Vec::new();
        let mut first_seq = 0;
        let mut bytes = 0;
        for (seq, sample) in self.spool.after(self.sent).take(limit) {
            let sample = telemetry::Sample::from(sample.clone());
            bytes += sample.encoded_len() + 8;
            if !batch.is_empty() && bytes > MAX_BATCH_BYTES {
                break;
            }
            if batch.is_empty() {
                first_seq = seq;
            }
            batch.push(sample);
        }
        if batch.is_empty() {
            return None;
        }
        self.sent = first_seq + batch.len() as u64 - 1;
        self.probe.get_or_insert((self.sent, now));
        Some(pb::Samples { first_seq, samples: batch, resent: false })
    }

    /// The server has dealt with everything up to `seq`.
    pub fn acknowledged(&mut self, seq: u64, now: Instant) {
        // What was never sent can't have been dealt with.
        let seq = seq.min(self.sent);
        self.spool.forget(seq);
        if let Some((probed, at)) = self.probe.filter(|(probed, _)| *probed <= seq) {
            self.probe = None;
            self.round_trip = (probed > 0).then(|| now.duration_since(at));
        }
    }

    /// The latest time from sending samples to their acknowledgement, the server's commit included.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// How many samples wait or are unacknowledged.
    pub fn depth(&self) -> usize {
        self.spool.depth()
    }

    /// How many samples the spool had to drop.
    pub fn dropped(&self) -> u64 {
        self.spool.dropped()
    }

    fn room(&self) -> u64 {
        let in_flight = (self.sent + 1).saturating_sub(self.spool.first_seq());
        self.window.map_or(0, |window| window.unacknowledged.saturating_sub(in_flight))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn terms(message: usize, window: u64) -> Terms {
        Terms {
            session_epoch: 1,
            sample_interval: Duration::from_secs(5),
            heartbeat_interval: Duration::from_secs(10),
            max_samples_per_message: message,
            max_unacknowledged_samples: window,
        }
    }

    fn uplink(samples: i64) -> Uplink {
        let mut uplink = Uplink::new(Spool::new(100));
        (0..samples).for_each(|n| uplink.push(Sample::empty(DateTime::from_timestamp(n, 0).unwrap())));
        uplink
    }

    fn sent(uplink: &mut Uplink) -> Vec<(u64, usize)> {
        let mut sent = Vec::new();
        while let Some(message) = uplink.next(Instant::now()) {
            sent.push((message.first_seq, message.samples.len()));
        }
        sent
    }

    #[test]
    fn nothing_is_sent_before_the_welcome() {
        let mut uplink = uplink(3);
        assert!(!uplink.ready());
        assert!(uplink.next(Instant::now()).is_none());
    }

    #[test]
    fn batches_keep_to_the_message_limit_and_the_window() {
        let mut uplink = uplink(10);
        uplink.attached(&terms(3, 7));
        assert_eq!(sent(&mut uplink), [(1, 3), (4, 3), (7, 1)]);
        assert!(!uplink.ready());
        uplink.acknowledged(3, Instant::now());
        assert_eq!(sent(&mut uplink), [(8, 3)]);
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_after_a_reconnect_under_the_same_number() {
        let mut uplink = uplink(4);
        uplink.attached(&terms(100, 100));
        assert_eq!(sent(&mut uplink), [(1, 4)]);
        uplink.acknowledged(2, Instant::now());
        uplink.detached();
        uplink.attached(&terms(100, 100));
        assert_eq!(sent(&mut uplink), [(3, 2)]);
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_sent_forgets_nothing_unsent() {
        let mut uplink = uplink(5);
        uplink.attached(&terms(2, 2));
        uplink.next(Instant::now());
        uplink.acknowledged(u64::MAX, Instant::now());
        assert_eq!(uplink.depth(), 3);
    }

    #[test]
    fn samples_dropped_while_in_flight_leave_the_window_open() {
        let mut uplink = Uplink::new(Spool::new(2));
        let sample = |n| Sample::empty(DateTime::from_timestamp(n, 0).unwrap());
        (0..2).for_each(|n| uplink.push(sample(n)));
        uplink.attached(&terms(10, 2));
        assert_eq!(sent(&mut uplink), [(1, 2)]);
        (2..6).for_each(|n| uplink.push(sample(n)));
        assert_eq!(sent(&mut uplink), [(5, 2)]);
    }

    #[test]
    fn the_round_trip_is_the_time_from_sending_to_the_acknowledgement() {
        let mut uplink = uplink(1);
        uplink.attached(&terms(10, 10));
        let start = Instant::now();
        uplink.next(start);
        uplink.acknowledged(1, start + Duration::from_millis(42));
        assert_eq!(uplink.round_trip(), Some(Duration::from_millis(42)));
    }
}
