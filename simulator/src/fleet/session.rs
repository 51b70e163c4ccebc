//! A session that stands, from the device's side: what waits to be said, and when there is room for it.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use homepot::pb::device::v1::AttachResponse;
use homepot_agent::protocol::Terms;
use tokio::{sync::mpsc, time::Instant};
use tonic::Streaming;

use super::spool::Spool;

/// When the way up is full, it is looked at again after this.
const BUSY: Duration = Duration::from_millis(50);

pub(super) struct Session {
    pub(super) up: mpsc::Sender<Bytes>,
    pub(super) down: Streaming<AttachResponse>,
    pub(super) terms: Terms,
    /// Samples from before are a backlog.
    pub(super) since: DateTime<Utc>,
    pub(super) backlog_at: Instant,
    pub(super) said_at: Instant,
    /// What is to be said of commands, before any sample.
    pub(super) waiting: VecDeque<Bytes>,
}

impl Session {
    pub(super) fn has_room(&self) -> bool {
        self.up.capacity() > 0
    }

    /// Sends a message, or gives it back.
    pub(super) fn say(&mut self, message: Bytes, now: Instant) -> Option<Bytes> {
        match self.up.try_send(message) {
            Ok(()) => {
                self.said_at = now;
                None
            }
            // An end shows when the next message is read.
            Err(mpsc::error::TrySendError::Closed(_)) => None,
            Err(mpsc::error::TrySendError::Full(message)) => Some(message),
        }
    }

    /// How many samples may go now.
    pub(super) fn limit(&self, spool: &Spool, now: Instant) -> usize {
        let window = usize::try_from(self.terms.max_unacknowledged_samples).unwrap_or(usize::MAX);
        let most = self.terms.max_samples_per_message.min(window.saturating_sub(spool.in_flight()));
        match (self.is_backlog(spool), self.terms.backlog_samples_per_second) {
            (true, _) if now < self.backlog_at => 0,
            (true, Some(pace)) => most.min(usize::try_from(pace).unwrap_or(usize::MAX)),
            (true, None) | (false, _) => most,
        }
    }

    pub(super) fn is_backlog(&self, spool: &Spool) -> bool {
        spool.oldest_unsent().is_some_and(|at| at < self.since)
    }

    /// A message of a backlog was sent: the next one waits as the server asks.
    pub(super) fn paced(&mut self, samples: u64, now: Instant) {
        if let Some(pace) = self.terms.backlog_samples_per_second {
            self.backlog_at = now + Duration::from_secs_f64(samples as f64 / f64::from(pace.max(1)));
        }
    }

    pub(super) fn wake_at(&self, spool: &Spool, now: Instant) -> Instant {
        let heartbeat = self.said_at + self.terms.heartbeat_interval;
        let blocked = !self.waiting.is_empty() || (spool.oldest_unsent().is_some() && !self.is_backlog(spool));
        let backlog = self.is_backlog(spool).then_some(self.backlog_at);
        let again = blocked.then_some(now + BUSY);
        [Some(heartbeat), backlog, again].into_iter().flatten().min().unwrap_or(heartbeat)
    }
}
