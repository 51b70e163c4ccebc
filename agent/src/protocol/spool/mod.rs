//! Samples that the server has not acknowledged yet, on disk.
//!
//! The agent numbers its samples from 1, for as long as it keeps its state, and no number is given twice. A sample is a
//! [`record`] in a segment: a file of at most a few hundred KiB that is removed as a whole once nothing in it is
//! pending. The [`ledger`] knows which numbers the server has acknowledged, and which are lost.
//!
//! **What survives.** A record is handed to the system before the sample can be sent, so the end of the agent, even
//! by `kill -9`, loses nothing. It is on the disk ([`File::sync_data`](std::fs::File::sync_data)) after [`SYNC_RECORDS`]
//! records or [`SYNC_WITHIN`], whichever is first: a power cut takes at most the last minute. After an end that was not a
//! clean one the numbers go on far above the last known one.
//!
//! **Losses are reported.** When the spool is full, its oldest segment is dropped. Samples that are older than the server
//! accepts are dropped too, and damaged records are skipped. Each loss is a [`Lost`], which is kept until the server has
//! acknowledged it.
//!
//! **A disk that fails** stops nothing: samples are then kept in a bounded memory, and the disk is tried again.

pub mod ledger;
mod put_back;
mod ranges;
mod read;
pub mod record;
mod recover;
mod segment;
#[cfg(test)]
mod tests;
mod timeline;

use std::{collections::VecDeque, io, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use homepot::{
    model::{LossReason, from_proto_timestamp},
    pb::telemetry::v1 as pb,
};
use prost::Message as _;
use tokio::time::Instant;

use super::clock::ServerClock;
use crate::platform;
use ledger::Ledger;
use read::Cursor;
use segment::{Segment, Writer};
use timeline::{Mark, Timeline};

pub use ledger::Lost;
pub use ranges::Ranges;
pub use read::{Limits, Run};
pub use timeline::Now;

/// The spool's room where nothing else is set: 64 MiB hold some three weeks of samples, one each 5 s.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How long a sample is kept where nothing else is set; the server takes none that is older.
pub const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// So many records are at the mercy of the power, at most.
pub const SYNC_RECORDS: u32 = 12;
/// For so long, at most.
pub const SYNC_WITHIN: Duration = Duration::from_secs(60);

const SEGMENT_BYTES: u64 = 256 * 1024;
/// While the disk fails.
const MEMORY_BYTES: u64 = 1024 * 1024;
/// What a record in memory costs beside its payload.
const MEMORY_OVERHEAD: u64 = 64;
/// A disk that failed is tried again after this.
const RETRY_DISK: Duration = Duration::from_secs(30);
/// The ledger is rewritten once the server has dealt with so many samples: half an hour's, one each 5 s.
const LEDGER_EVERY: u64 = 360;

/// Where a spool lies and how much it holds.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its directory; `None`: it lives in memory, and does not outlive its owner.
    pub directory: Option<PathBuf>,
    /// Its room on disk; in memory it never takes more than a mebibyte.
    pub max_bytes: u64,
    /// Samples that are older are dropped.
    pub max_age: Duration,
}

/// The samples of a device that the server has not acknowledged, and the news of those that it never will.
#[derive(Debug)]
pub struct Spool {
    options: Options,
    ledger: Ledger,
    /// In the order of their numbers.
    segments: VecDeque<Segment>,
    /// Of the newest segment, where that may grow.
    writer: Option<Writer>,
    /// What the disk did not take: numbers above all on disk, as they would be written.
    memory: VecDeque<(u64, Vec<u8>)>,
    disk_failed_at: Option<Instant>,
    sync_by: Option<Instant>,
    /// Settled since the ledger was written.
    settled_since: u64,
    /// The ledger on disk lacks a loss.
    ledger_lacks: bool,
    cursor: Option<Cursor>,
    timeline: Timeline,
    oldest: Option<(u64, DateTime<Utc>)>,
    dropped: u64,
    refused: u64,
}

impl Spool {
    /// A spool in memory, for whoever needs none that lasts.
    pub fn in_memory(max_bytes: u64) -> Self {
        Self::open(Options { directory: None, max_bytes, max_age: MAX_AGE })
    }

    /// The machine's boot, by which samples note when they were measured.
    pub fn set_boot(&mut self, boot_id: &str) {
        self.timeline.begin(boot_id);
    }

    /// A session told the server's clock; `None`: it did not.
    pub fn set_clock(&mut self, clock: Option<ServerClock>) {
        self.timeline.learn(clock);
    }

    /// Puts a sample that was measured at `since_boot` where that was by the server's clock.
    pub fn correct(&self, sample: &mut pb::Sample, since_boot: Duration) {
        let wall = sample.collected_at.as_ref().and_then(|at| from_proto_timestamp("collected_at", at).ok());
        if let Some(wall) = wall {
            self.timeline.correct(sample, Mark { wall, stamp: self.timeline.stamp(since_boot) });
        }
    }

    /// Takes a sample that was measured at `since_boot`, and answers its number; `None`: it is too large for any server, and
    /// counted.
    pub fn push_at(&mut self, sample: &pb::Sample, since_boot: Duration, now: Instant) -> Option<u64> {
        let stamp = self.timeline.stamp(since_boot).map(timeline::Stamp::encode).unwrap_or_default();
        self.push_encoded([sample.encode_to_vec(), stamp].concat(), now)
    }

    /// Takes a sample without a word of when it was measured but its own.
    pub fn push(&mut self, sample: &pb::Sample, now: Instant) -> Option<u64> {
        self.push_encoded(sample.encode_to_vec(), now)
    }

    fn push_encoded(&mut self, payload: Vec<u8>, now: Instant) -> Option<u64> {
        if payload.len() > record::MAX_PAYLOAD {
            self.refused += 1;
            tracing::warn!(bytes = payload.len(), "a sample is too large to be kept; it is dropped");
            return None;
        }
        let seq = self.ledger.next;
        self.ledger.next += 1;
        self.memory.push_back((seq, payload));
        self.write_memory(now);
        Some(seq)
    }

    /// The server has dealt with `first` to `last`: has stored them, refused them for good, or knows that they are lost.
    pub fn settle(&mut self, first: u64, last: u64) {
        let last = last.min(self.ledger.next - 1);
        if first == 0 || first > last {
            return;
        }
        let losses = self.ledger.losses.len();
        self.ledger.settle(first, last);
        self.settled_since += last - first + 1;
        self.memory.retain(|(seq, _)| !(first..=last).contains(seq));
        self.remove_settled();
        if self.ledger.losses.len() != losses || self.settled_since >= LEDGER_EVERY {
            self.write_ledger(false);
        }
    }

    /// The losses that the server does not know of, in the order of their numbers.
    pub fn losses(&self) -> &[Lost] {
        &self.ledger.losses
    }

    /// The loss that begins with `first` goes up as it is, and must not grow any more.
    pub fn told(&mut self, first: u64) {
        if let Some(lost) = self.ledger.losses.iter_mut().find(|lost| lost.first == first) {
            lost.told = true;
        }
    }

    /// The first stretch of pending numbers from `from` on, up to `last`.
    pub fn first_pending(&self, from: u64, last: u64) -> Option<(u64, u64)> {
        self.ledger.first_pending(from, last)
    }

    /// The number that the next sample gets.
    pub fn next_seq(&self) -> u64 {
        self.ledger.next
    }

    /// When [`Self::sync`] is due.
    pub fn sync_by(&self) -> Option<Instant> {
        self.sync_by
    }

    /// Makes everything survive a power cut.
    pub fn sync(&mut self, now: Instant) {
        self.sync_by = None;
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = writer.sync() {
            // What the system could not write it may have thrown away: this file is not to be built upon.
            self.writer = None;
            self.disk_failed(&error, now);
        }
    }

    /// The agent ends as it should.
    pub fn close(&mut self, now: Instant) {
        self.disk_failed_at = None;
        self.write_memory(now);
        self.sync(now);
        self.write_ledger(true);
    }

    /// How many samples the server has not acknowledged.
    pub fn depth(&self) -> u64 {
        self.ledger.pending()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// How many samples were lost since the agent started.
    pub fn dropped(&self) -> u64 {
        self.dropped + self.refused
    }

    /// How many samples are lost without the server knowing it.
    pub fn untold(&self) -> u64 {
        self.ledger.lost()
    }

    /// Whether the disk takes what it is given.
    pub fn disk_works(&self) -> bool {
        self.disk_failed_at.is_none()
    }

    /// Samples above this age are dropped.
    pub fn max_age(&self) -> Duration {
        self.options.max_age
    }

    /// The server says which age it takes.
    pub fn set_max_age(&mut self, max_age: Duration) {
        self.options.max_age = max_age;
    }

    fn write_memory(&mut self, now: Instant) {
        let waits = self.disk_failed_at.is_some_and(|failed| now < failed + RETRY_DISK);
        if self.options.directory.is_some() && !waits {
            self.put_back();
            let failed_before = self.disk_failed_at.is_some();
            while let Some((seq, payload)) = self.memory.pop_front() {
                if let Err(error) = self.write(seq, &payload, now) {
                    self.memory.push_front((seq, payload));
                    self.writer = None;
                    self.disk_failed(&error, now);
                    break;
                }
            }
            if self.memory.is_empty() && failed_before {
                self.disk_failed_at = None;
                tracing::info!("the spool is on disk again");
            }
            if self.memory.is_empty() && self.ledger_lacks {
                self.write_ledger(false);
            }
        }
        let room = MEMORY_BYTES.min(self.options.max_bytes);
        let size = |memory: &VecDeque<(u64, Vec<u8>)>| -> u64 {
            memory.iter().map(|(_, payload)| payload.len() as u64 + MEMORY_OVERHEAD).sum()
        };
        while self.memory.len() > 1 && size(&self.memory) > room {
            let Some((seq, payload)) = self.memory.pop_front() else { break };
            let at = self.time_of(&payload).unwrap_or_else(platform::wall_clock);
            self.lose(Lost::new((seq, seq), (at, at), LossReason::SpoolFull));
        }
    }

    fn write(&mut self, seq: u64, payload: &[u8], now: Instant) -> io::Result<()> {
        let segment_bytes = SEGMENT_BYTES.min(self.options.max_bytes / 8);
        let full = self.segments.back().is_none_or(|segment| segment.bytes >= segment_bytes);
        if full || self.writer.is_none() {
            self.rotate(seq, now)?;
            self.make_room(segment_bytes);
        }
        let (Some(segment), Some(writer)) = (self.segments.back_mut(), &mut self.writer) else { return Ok(()) };
        segment.append(writer, seq, payload)?;
        segment.newest = Mark::of(payload).or(segment.newest);
        if writer.unsynced >= SYNC_RECORDS {
            self.sync(now);
        } else {
            self.sync_by.get_or_insert(now + SYNC_WITHIN);
        }
        Ok(())
    }

    /// Begins a new segment with number `seq`.
    fn rotate(&mut self, seq: u64, now: Instant) -> io::Result<()> {
        let Some(directory) = self.options.directory.clone() else { return Ok(()) };
        self.sync(now);
        self.writer = None;
        // An empty one would have the name of the new one.
        if self.segments.back().is_some_and(|segment| segment.last < segment.first) {
            self.segments.pop_back();
        }
        platform::make_private_dir(&directory)?;
        let (segment, writer) = Segment::create(&directory, seq)?;
        self.segments.push_back(segment);
        self.writer = Some(writer);
        self.remove_settled();
        Ok(())
    }

    /// Drops the oldest segments until one more fits, and those that are too old.
    fn make_room(&mut self, needed: u64) {
        while self.segments.len() > 1 && self.bytes() + needed > self.options.max_bytes {
            self.drop_oldest(LossReason::SpoolFull);
        }
        self.expire(Now { wall: platform::wall_clock(), since_boot: platform::since_boot() });
    }

    /// Drops segments in which everything is too old. Before the server's clock is known nobody can tell: a wall clock that
    /// was set wrong would cost all that waits.
    fn expire(&mut self, now: Now) {
        if !self.timeline.knows_ages() {
            return;
        }
        let oldest = oldest_kept(self.timeline.now(now), self.options.max_age);
        let is_over = |segment: &Segment| segment.newest.is_some_and(|newest| self.timeline.time_of(newest) < oldest);
        let over = self.segments.iter().take(self.segments.len().saturating_sub(1)).take_while(|s| is_over(s)).count();
        for _ in 0..over {
            self.drop_oldest(LossReason::TooOld);
        }
    }

    fn drop_oldest(&mut self, reason: LossReason) {
        let Some(segment) = self.segments.pop_front() else { return };
        for (first, last) in self.ledger.pending_within(segment.first, segment.last) {
            let marks = segment.span(first, last).or(segment.newest.map(|newest| (newest, newest)));
            let span = marks.map(|(start, end)| (self.timeline.time_of(start), self.timeline.time_of(end)));
            let span = span.unwrap_or_else(|| (platform::wall_clock(), platform::wall_clock()));
            self.lose(Lost::new((first, last), span, reason));
        }
        // The loss is on disk before its samples are gone.
        self.write_ledger(false);
        remove(&segment);
    }

    /// When a record's sample was measured.
    fn time_of(&self, payload: &[u8]) -> Option<DateTime<Utc>> {
        Some(self.timeline.time_of(Mark::of(payload)?))
    }

    fn lose(&mut self, lost: Lost) {
        self.dropped += lost.last - lost.first + 1;
        self.ledger_lacks = true;
        self.ledger.lose(lost);
    }

    /// Removes files in which nothing is pending, but not the one that grows.
    fn remove_settled(&mut self) {
        let growing = self.segments.back().filter(|_| self.writer.is_some()).map(|segment| segment.first);
        let ledger = &self.ledger;
        self.segments.retain(|segment| {
            let needed = growing == Some(segment.first) || ledger.first_pending(segment.first, segment.last).is_some();
            if !needed {
                remove(segment);
            }
            needed
        });
    }

    /// Writes the ledger; `false`: the disk does not have it.
    fn write_ledger(&mut self, clean: bool) -> bool {
        let Some(directory) = &self.options.directory else { return true };
        self.ledger.clean = clean;
        let written = self.ledger.write(directory);
        match &written {
            Ok(()) => (self.settled_since, self.ledger_lacks) = (0, false),
            Err(error) => tracing::debug!(%error, "can't write the spool's ledger; it is tried again"),
        }
        written.is_ok()
    }

    fn disk_failed(&mut self, error: &io::Error, now: Instant) {
        if self.disk_failed_at.is_none() {
            tracing::warn!(%error, "the spool can't be written; samples are kept in memory until it can");
        }
        self.disk_failed_at = Some(now);
    }
}

/// A file that can't be removed does no harm: nothing in it is pending, and the next start tries again.
fn remove(segment: &Segment) {
    if let Err(error) = segment.remove() {
        tracing::debug!(%error, first = segment.first, "can't remove a segment of the spool");
    }
}

fn oldest_kept(now: DateTime<Utc>, max_age: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(max_age)
        .ok()
        .and_then(|age| now.checked_sub_signed(age))
        .unwrap_or(DateTime::UNIX_EPOCH)
}
