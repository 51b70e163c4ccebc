//! What to send next: live samples first, then, at the server's pace, the backlog and the reports of lost samples.
//!
//! Live is what was measured in this session and not sent yet; everything else that the server has not acknowledged is
//! backlog, and is read back from the spool in the order of its numbers.

use std::{collections::VecDeque, time::Duration};

use homepot::{
    model::{Sample, to_proto_timestamp},
    pb::{device::v1 as pb, telemetry::v1 as telemetry},
};
use prost::Message as _;
use tokio::time::Instant;

use super::{
    Outgoing, Terms,
    spool::{Limits, Lost, Now, Ranges, Spool},
};

/// Half of what the server decodes, which leaves room for the rest of the message.
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// Live samples that wait for the window; beyond it the oldest of them are backlog.
const MAX_LIVE: usize = 64;

/// The samples of a device on their way up.
#[derive(Debug)]
pub struct Uplink {
    spool: Spool,
    /// As configured; the server may take less.
    max_age: Duration,
    session: Option<Session>,
    /// With when each was measured, since the boot.
    live: VecDeque<(u64, Duration, telemetry::Sample)>,
    /// Smaller numbers are of an earlier life of the agent, which may have sent them.
    born: u64,
    /// Sent in an earlier session of this life, and not acknowledged.
    sent_before: Ranges,
    round_trip: Option<Duration>,
}

#[derive(Debug)]
struct Session {
    /// Samples in one message.
    message: usize,
    /// Samples under way.
    window: u64,
    /// Samples a second of the backlog.
    pace: Option<u32>,
    /// The backlog's next message goes no sooner.
    backlog_at: Instant,
    in_flight: VecDeque<Flight>,
    /// Everything that was sent in this session.
    sent: Ranges,
}

/// A message that is not acknowledged yet.
#[derive(Clone, Copy, Debug)]
struct Flight {
    first: u64,
    last: u64,
    /// 0 for the news of a loss.
    samples: u64,
    live: bool,
    at: Instant,
}

impl Uplink {
    /// An uplink that is not attached.
    pub fn new(spool: Spool) -> Self {
        Self {
            max_age: spool.max_age(),
            born: spool.next_seq(),
            spool,
            session: None,
            live: VecDeque::new(),
            sent_before: Ranges::default(),
            round_trip: None,
        }
    }

    /// A session began: everything that was not acknowledged is to be sent again, within `terms`.
    pub fn attached(&mut self, terms: &Terms, now: Instant) {
        self.detached();
        self.spool.set_clock(terms.clock);
        self.spool.set_max_age(terms.max_sample_age.map_or(self.max_age, |age| age.min(self.max_age)));
        self.session = Some(Session {
            message: terms.max_samples_per_message.max(1),
            window: terms.max_unacknowledged_samples.max(1),
            pace: terms.backlog_samples_per_second,
            backlog_at: now,
            in_flight: VecDeque::new(),
            sent: Ranges::default(),
        });
    }

    /// The session ended.
    pub fn detached(&mut self) {
        self.live.clear();
        self.round_trip = None;
        let flights = self.session.take().map(|session| session.in_flight).unwrap_or_default();
        flights.iter().for_each(|flight| self.sent_before.insert(flight.first, flight.last));
    }

    /// Takes a new sample, which was measured at `since_boot`.
    pub fn push(&mut self, sample: &Sample, since_boot: Duration, now: Instant) {
        let sample = telemetry::Sample::from(sample.clone());
        let Some(seq) = self.spool.push_at(&sample, since_boot, now) else { return };
        if self.session.is_some() {
            self.live.push_back((seq, since_boot, sample));
            if self.live.len() > MAX_LIVE {
                self.live.pop_front();
            }
        }
    }

    /// Whether [`Self::next`] has something to send.
    pub fn ready(&self, now: Instant) -> bool {
        let Some(session) = &self.session else { return false };
        (!self.live.is_empty() && session.room() > 0) || (now >= session.backlog_at && self.has_backlog(session))
    }

    /// When something is due that no event tells of: the backlog's next message, or [`Self::sync`].
    pub fn due(&self) -> Option<Instant> {
        let backlog =
            self.session.as_ref().filter(|session| self.has_backlog(session)).map(|session| session.backlog_at);
        [backlog, self.spool.sync_by()].into_iter().flatten().min()
    }

    /// Makes the spool survive a power cut, where it is time.
    pub fn sync(&mut self, now: Instant) {
        if self.spool.sync_by().is_some_and(|due| due <= now) {
            self.spool.sync(now);
        }
    }

    /// The agent ends as it should.
    pub fn close(&mut self, now: Instant) {
        self.spool.close(now);
    }

    /// The next message to send, if there is one and the window has room.
    pub fn next(&mut self, now: Instant, today: impl Into<Now>) -> Option<Outgoing> {
        self.next_live(now).map(Outgoing::Samples).or_else(|| self.next_backlog(now, today.into()))
    }

    /// The server has dealt with the message of the numbers `first` to `last`. `first` is 0 from a server that acknowledges
    /// all up to `last`.
    pub fn acknowledged(&mut self, first: u64, last: u64, now: Instant) {
        let Some(session) = &mut self.session else { return };
        let known = |flight: &Flight| flight.last == last && (first == 0 || flight.first == first);
        let Some(place) = session.in_flight.iter().position(known) else {
            // What was never sent can't have been dealt with.
            tracing::debug!(first, last, "the server acknowledges what is not under way");
            return;
        };
        let from = if first == 0 { 0 } else { place };
        for flight in session.in_flight.drain(from..=place) {
            self.spool.settle(flight.first, flight.last);
            self.sent_before.remove(flight.first, flight.last);
            if flight.live {
                self.round_trip = Some(now.duration_since(flight.at));
            }
        }
    }

    /// The latest time from sending live samples to their acknowledgement, the server's commit included.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What waits.
    pub fn spool(&mut self) -> &mut Spool {
        &mut self.spool
    }

    fn next_live(&mut self, now: Instant) -> Option<pb::Samples> {
        let session = self.session.as_mut()?;
        let limit = session.message.min(usize::try_from(session.room()).unwrap_or(usize::MAX));
        let first_seq = self.live.front().filter(|_| limit > 0).map(|(seq, ..)| *seq)?;
        let mut samples = Vec::new();
        let mut bytes = 0;
        while let Some((seq, since_boot, mut sample)) = self.live.pop_front() {
            bytes += sample.encoded_len() + 8;
            if samples.len() == limit || (!samples.is_empty() && bytes > MAX_BATCH_BYTES) {
                self.live.push_front((seq, since_boot, sample));
                break;
            }
            self.spool.correct(&mut sample, since_boot);
            samples.push(sample);
        }
        session.sends(first_seq, first_seq + samples.len() as u64 - 1, samples.len() as u64, true, now);
        Some(pb::Samples { first_seq, samples, resent: false })
    }

    fn next_backlog(&mut self, now: Instant, today: Now) -> Option<Outgoing> {
        let session = self.session.as_ref().filter(|session| now >= session.backlog_at)?;
        let stretch = self.backlog(session).filter(|_| session.backlog_room() > 0);
        let loss = self.untold(session).cloned();
        if let Some(lost) = loss.filter(|lost| stretch.is_none_or(|(first, _)| lost.first < first)) {
            self.spool.told(lost.first);
            self.session.as_mut()?.sends(lost.first, lost.last, 0, false, now);
            return Some(Outgoing::Lost(news_of(&lost)));
        }
        let (first, last) = stretch?;
        let pace = session.pace.map_or(usize::MAX, |pace| usize::try_from(pace).unwrap_or(usize::MAX));
        let samples = session.message.min(pace).min(usize::try_from(session.backlog_room()).unwrap_or(usize::MAX));
        let run = self.spool.read(first, last, Limits { samples, bytes: MAX_BATCH_BYTES }, today)?;
        let (first, count) = (run.first_seq, run.samples.len() as u64);
        self.session.as_mut()?.sends(first, first + count - 1, count, false, now);
        let resent = first < self.born || self.sent_before.touches(first, first + count - 1);
        Some(Outgoing::Samples(pb::Samples { first_seq: first, samples: run.samples, resent }))
    }

    fn has_backlog(&self, session: &Session) -> bool {
        (session.backlog_room() > 0 && self.backlog(session).is_some()) || self.untold(session).is_some()
    }

    /// The next stretch of numbers that are neither live nor sent.
    fn backlog(&self, session: &Session) -> Option<(u64, u64)> {
        let end = self.live.front().map_or(u64::MAX, |(seq, ..)| seq - 1);
        let mut from = 1;
        loop {
            let (first, last) = self.spool.first_pending(from, end)?;
            from = session.sent.first_missing(first);
            if from <= last {
                return Some((from, session.sent.last_missing(from, last)));
            }
        }
    }

    /// The next loss to tell of. One of samples that are under way waits for what becomes of them.
    fn untold(&self, session: &Session) -> Option<&Lost> {
        self.spool.losses().iter().find(|lost| !session.sent.touches(lost.first, lost.last))
    }
}

impl Session {
    /// For how many samples the window has room.
    fn room(&self) -> u64 {
        let under_way: u64 = self.in_flight.iter().map(|flight| flight.samples).sum();
        self.window.saturating_sub(under_way)
    }

    /// A quarter of the window is for live samples alone.
    fn backlog_room(&self) -> u64 {
        self.room().saturating_sub(self.window / 4)
    }

    fn sends(&mut self, first: u64, last: u64, samples: u64, live: bool, now: Instant) {
        self.sent.insert(first, last);
        self.in_flight.push_back(Flight { first, last, samples, live, at: now });
        if let Some(pace) = self.pace.filter(|_| !live) {
            let takes = Duration::from_secs(1).mul_f64(samples.max(1) as f64 / f64::from(pace.max(1)));
            self.backlog_at = now + takes;
        }
    }
}

fn news_of(lost: &Lost) -> pb::SamplesLost {
    pb::SamplesLost {
        first_seq: lost.first,
        last_seq: lost.last,
        start_time: Some(to_proto_timestamp(lost.start)),
        end_time: Some(to_proto_timestamp(lost.end)),
        reason: telemetry::GapReason::from(lost.reason).into(),
    }
}

#[cfg(test)]
mod tests;
