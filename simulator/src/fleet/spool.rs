//! What a device has measured and the server has not acknowledged: in memory, as bytes, numbered, and bounded.
//!
//! Without I/O. A simulated device has no disk of its own; whoever kills the simulator loses what is in here, and the exit
//! code of a run that ends says so.

use std::{collections::VecDeque, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{
        device::v1::{AttachRequest, SamplesLost, attach_request::Message as Up},
        telemetry::v1 as telemetry,
    },
};
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use tokio::time::Instant;

/// The numbers of the fields that are written by hand, so that a sample is encoded once and kept as bytes.
const ATTACH_REQUEST_SAMPLES: u32 = 2;
const SAMPLES_FIRST_SEQ: u32 = 1;
const SAMPLES_SAMPLES: u32 = 2;
const SAMPLES_RESENT: u32 = 3;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Spool {
    capacity: usize,
    entries: VecDeque<Entry>,
    /// The number of the first entry; what comes before is acknowledged or lost.
    first: u64,
    /// How many of the entries were sent in this session.
    sent: usize,
    flights: VecDeque<Flight>,
    lost: Option<Lost>,
}

#[derive(Debug)]
struct Entry {
    sample: Box<[u8]>,
    at: DateTime<Utc>,
    /// In any session.
    was_sent: bool,
}

/// Numbers up to the first entry that the server has not been told are lost.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Lost {
    first: u64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

#[derive(Debug)]
struct Flight {
    last: u64,
    /// 0: the news of a loss.
    samples: u64,
    sent_at: Instant,
}

/// A message to send, and how many of its samples were never sent before.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) bytes: Bytes,
    pub(super) samples: u64,
    pub(super) fresh: u64,
}

/// What an acknowledgement settled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settled {
    pub(super) samples: u64,
    pub(super) took: Duration,
}

impl Spool {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            entries: VecDeque::new(),
            first: 1,
            sent: 0,
            flights: VecDeque::new(),
            lost: None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// Nothing is left to send or to be acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lost.is_none()
    }

    /// Samples that are under way.
    pub(super) fn in_flight(&self) -> usize {
        self.sent
    }

    /// Takes a sample; when there is no more room the oldest goes, which may only happen while nothing is under way. Answers
    /// whether one went, and whether that one had been sent.
    pub(super) fn push(&mut self, sample: &telemetry::Sample, at: DateTime<Utc>) -> Option<bool> {
        let gone = if self.is_full() { self.drop_oldest() } else { None };
        self.entries.push_back(Entry { sample: sample.encode_to_vec().into(), at, was_sent: false });
        gone
    }

    fn drop_oldest(&mut self) -> Option<bool> {
        debug_assert!(self.flights.is_empty(), "what is under way can't be dropped");
        let oldest = self.entries.pop_front()?;
        let lost = self.lost.get_or_insert(Lost { first: self.first, start: oldest.at, end: oldest.at });
        lost.end = lost.end.max(oldest.at);
        self.first += 1;
        self.sent = self.sent.saturating_sub(1);
        Some(oldest.was_sent)
    }

    /// When the oldest sample that was not sent in this session was measured.
    pub(super) fn oldest_unsent(&self) -> Option<DateTime<Utc>> {
        self.entries.get(self.sent).map(|entry| entry.at)
    }

    /// The news of a loss, where there is any that this session was not told.
    pub(super) fn next_loss(&mut self, now: Instant) -> Option<Bytes> {
        let lost = self.lost.filter(|_| !self.flights.iter().any(|flight| flight.samples == 0))?;
        let last = self.first - 1;
        self.flights.push_back(Flight { last, samples: 0, sent_at: now });
        let news = SamplesLost {
            first_seq: lost.first,
            last_seq: last,
            start_time: Some(to_proto_timestamp(lost.start)),
            end_time: Some(to_proto_timestamp(lost.end)),
            reason: telemetry::GapReason::SpoolFull.into(),
        };
        Some(AttachRequest { message: Some(Up::SamplesLost(news)) }.encode_to_vec().into())
    }

    /// The next message of at most `limit` samples.
    pub(super) fn next(&mut self, limit: usize, now: Instant) -> Option<Message> {
        let count = (self.entries.len() - self.sent).min(limit);
        if count == 0 {
            return None;
        }
        let first_seq = self.first + self.sent as u64;
        let entries = self.entries.range_mut(self.sent..self.sent + count);
        let (mut samples, mut fresh) = (BytesMut::new(), 0);
        for entry in entries {
            fresh += u64::from(!entry.was_sent);
            entry.was_sent = true;
            encode_key(SAMPLES_SAMPLES, WireType::LengthDelimited, &mut samples);
            encode_varint(entry.sample.len() as u64, &mut samples);
            samples.put_slice(&entry.sample);
        }
        self.sent += count;
        let samples_count = count as u64;
        self.flights.push_back(Flight { last: first_seq + samples_count - 1, samples: samples_count, sent_at: now });
        let bytes = message(first_seq, &samples, fresh < samples_count);
        Some(Message { bytes, samples: samples_count, fresh })
    }

    /// The server has dealt with the message whose last number is `last`; `None`: it was never sent.
    pub(super) fn acknowledged(&mut self, last: u64, now: Instant) -> Option<Settled> {
        let flight = self.flights.pop_front_if(|flight| flight.last == last)?;
        if flight.samples == 0 {
            self.lost = None;
        } else {
            let settled = usize::try_from(flight.samples).unwrap_or(usize::MAX).min(self.entries.len());
            self.entries.drain(..settled);
            self.sent = self.sent.saturating_sub(settled);
            self.first += flight.samples;
        }
        Some(Settled { samples: flight.samples, took: now.duration_since(flight.sent_at) })
    }

    /// The session ended: everything that is not acknowledged is to be sent again.
    pub(super) fn detached(&mut self) {
        self.flights.clear();
        self.sent = 0;
        // What an outage needed need not be kept.
        self.entries.shrink_to(8);
    }
}

fn message(first_seq: u64, samples: &[u8], resent: bool) -> Bytes {
    let head = key_len(SAMPLES_FIRST_SEQ) + encoded_len_varint(first_seq);
    let tail = if resent { key_len(SAMPLES_RESENT) + 1 } else { 0 };
    let length = head + samples.len() + tail;
    let mut bytes = BytesMut::with_capacity(length + 10);
    encode_key(ATTACH_REQUEST_SAMPLES, WireType::LengthDelimited, &mut bytes);
    encode_varint(length as u64, &mut bytes);
    encode_key(SAMPLES_FIRST_SEQ, WireType::Varint, &mut bytes);
    encode_varint(first_seq, &mut bytes);
    bytes.put_slice(samples);
    if resent {
        encode_key(SAMPLES_RESENT, WireType::Varint, &mut bytes);
        encode_varint(1, &mut bytes);
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use homepot::{model::Sample, pb::device::v1::Samples};

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn sample(second: i64) -> telemetry::Sample {
        Sample { cpu_percent: Some(second as f64 / 7.0), ..Sample::empty(at(second)) }.into()
    }

    fn filled(capacity: usize, seconds: std::ops::Range<i64>) -> Spool {
        let mut spool = Spool::new(capacity);
        seconds.for_each(|second| assert_eq!(spool.push(&sample(second), at(second)), None));
        spool
    }

    fn read(bytes: &Bytes) -> Up {
        AttachRequest::decode(bytes.clone()).unwrap().message.unwrap()
    }

    fn samples(message: &Message) -> Samples {
        match read(&message.bytes) {
            Up::Samples(samples) => samples,
            other => panic!("no samples but {other:?}"),
        }
    }

    #[test]
    fn what_is_written_by_hand_is_what_the_protocol_says() {
        let now = Instant::now();
        let mut spool = filled(400, 0..300);
        let first = spool.next(299, now).unwrap();
        assert_eq!((first.samples, first.fresh), (299, 299));
        let wanted = Samples { first_seq: 1, samples: (0..299).map(sample).collect(), resent: false };
        assert_eq!(samples(&first), wanted);
        let second = spool.next(10, now).unwrap();
        assert_eq!(samples(&second), Samples { first_seq: 300, samples: vec![sample(299)], resent: false });
        assert!(spool.next(10, now).is_none());
    }

    #[test]
    fn what_is_acknowledged_goes_and_what_is_not_comes_again() {
        let now = Instant::now();
        let mut spool = filled(10, 0..4);
        spool.next(2, now).unwrap();
        spool.next(2, now).unwrap();
        assert_eq!(spool.acknowledged(7, now), None, "never sent");
        assert_eq!(spool.acknowledged(2, now).unwrap().samples, 2);
        spool.detached();
        assert_eq!(spool.push(&sample(4), at(4)), None);
        let again = spool.next(10, now).unwrap();
        let wanted = Samples { first_seq: 3, samples: (2..5).map(sample).collect(), resent: true };
        assert_eq!((samples(&again), again.fresh), (wanted, 1));
        assert_eq!(spool.acknowledged(5, now).unwrap().samples, 3);
        assert!(spool.is_empty());
    }

    #[test]
    fn when_there_is_no_room_the_oldest_go_and_the_server_is_told_which() {
        let now = Instant::now();
        let mut spool = filled(3, 0..3);
        spool.next(1, now).unwrap();
        spool.detached();
        assert_eq!(spool.push(&sample(3), at(3)), Some(true), "it had been sent");
        assert_eq!(spool.push(&sample(4), at(4)), Some(false));
        let Up::SamplesLost(lost) = read(&spool.next_loss(now).unwrap()) else { panic!("no news") };
        assert_eq!((lost.first_seq, lost.last_seq), (1, 2));
        assert_eq!((lost.start_time, lost.end_time), (sample(0).collected_at, sample(1).collected_at));
        assert!(spool.next_loss(now).is_none(), "told once a session");
        assert_eq!(samples(&spool.next(9, now).unwrap()).first_seq, 3);
        assert_eq!(spool.acknowledged(2, now).unwrap().samples, 0);
        assert_eq!(spool.acknowledged(5, now).unwrap().samples, 3);
        assert!(spool.is_empty());
    }

    #[test]
    fn a_loss_that_was_not_acknowledged_is_told_again_with_what_came_after() {
        let now = Instant::now();
        let mut spool = filled(1, 0..1);
        spool.push(&sample(1), at(1));
        spool.next_loss(now).unwrap();
        spool.detached();
        spool.push(&sample(2), at(2));
        let Up::SamplesLost(lost) = read(&spool.next_loss(now).unwrap()) else { panic!("no news") };
        assert_eq!((lost.first_seq, lost.last_seq), (1, 2));
    }
}
