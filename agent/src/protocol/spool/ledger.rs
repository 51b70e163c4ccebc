//! What became of the numbers that need no record any more: one small file, replaced as a whole.
//!
//! `crc32 in hexadecimal, space, JSON, newline`. A ledger that is a little old only makes the agent send again what the
//! server has already; one that can't be read makes it send all that the segments hold.

use std::{fs, io, path::Path};

use chrono::{DateTime, Utc};
use homepot::model::LossReason;
use serde::{Deserialize, Serialize};

use super::{ranges::Ranges, segment::MAX_SEQ};
use crate::{platform, state::sync_dir};

const LEDGER: &str = "ledger";
/// More than these are not told; the oldest go first. Only a disk that fails over and over gets here.
const MAX_LOSSES: usize = 1_024;

/// Numbers that will never be sent, in a row and for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
    /// When the first was measured.
    pub start: DateTime<Utc>,
    /// When the last was measured.
    pub end: DateTime<Utc>,
    /// Why.
    pub reason: LossReason,
    /// It was told to the server as it is, so it may not grow any more.
    pub told: bool,
}

impl Lost {
    /// The numbers `first` to `last`, measured from `start` to `end`.
    pub fn new((first, last): (u64, u64), (start, end): (DateTime<Utc>, DateTime<Utc>), reason: LossReason) -> Self {
        Self { first, last, start, end: end.max(start), reason, told: false }
    }
}

/// The state of every number up to [`Ledger::next`]: settled, lost, or else pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Above every number that was ever used.
    pub next: u64,
    /// The agent ended as it should, so `next` is exact.
    pub clean: bool,
    /// The server has dealt with these, or they never were.
    pub settled: Ranges,
    /// In the order of their numbers; the server has not acknowledged them.
    pub losses: Vec<Lost>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { next: 1, clean: false, settled: Ranges::default(), losses: Vec::new() }
    }
}

impl Ledger {
    /// Reads the ledger of `directory`; `None`: there is none, or it is damaged.
    pub fn read(directory: &Path) -> io::Result<Option<Self>> {
        match fs::read(directory.join(LEDGER)) {
            Ok(bytes) => Ok(Self::parse(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the bytes of a ledger say; `None`: nothing that can be relied on.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (checksum, json) = bytes.strip_suffix(b"\n")?.split_at_checked(8)?;
        let json = json.strip_prefix(b" ")?;
        let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
        if crc32fast::hash(json) != checksum {
            return None;
        }
        let file: File = serde_json::from_slice(json).ok().filter(|file: &File| (1..=MAX_SEQ).contains(&file.next))?;
        let mut ledger = Self { next: file.next, clean: file.clean, ..Self::default() };
        let known = |first: u64, last: u64| (1..=last).contains(&first) && last < file.next && file.next <= MAX_SEQ;
        if !file.settled.iter().all(|(first, last)| known(*first, *last)) {
            return None;
        }
        ledger.settled = file.settled.into_iter().collect();
        for loss in file.losses {
            if !known(loss.first, loss.last)
                || ledger.pending_within(loss.first, loss.last) != [(loss.first, loss.last)]
            {
                return None;
            }
            let reason = LossReason::parse(&loss.reason)?;
            ledger.lose(Lost::new((loss.first, loss.last), (loss.start, loss.end), reason));
        }
        Some(ledger)
    }

    /// Replaces the file; when it returns, the new one survives a power cut.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let losses = self.losses.iter().map(|lost| FileLoss {
            first: lost.first,
            last: lost.last,
            start: lost.start,
            end: lost.end,
            reason: lost.reason.as_str().to_owned(),
        });
        let file = File {
            next: self.next,
            clean: self.clean,
            settled: self.settled.iter().collect(),
            losses: losses.collect(),
        };
        let json = serde_json::to_string(&file)?;
        let text = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
        let (path, temporary) = (directory.join(LEDGER), directory.join("ledger.new"));
        let mut file = platform::create_private(&temporary)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_dir(directory)
    }

    /// How many numbers are lost and not acknowledged as such.
    pub fn lost(&self) -> u64 {
        self.losses.iter().map(|lost| lost.last - lost.first + 1).sum()
    }

    /// How many numbers are neither settled nor lost.
    pub fn pending(&self) -> u64 {
        (self.next - 1).saturating_sub(self.settled.count() + self.lost())
    }

    /// The stretches from `first` to `last` that are pending, smallest first.
    pub fn pending_within(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut done = self.settled.clone();
        self.losses.iter().for_each(|lost| done.insert(lost.first, lost.last));
        done.missing(first.max(1), last.min(self.next - 1))
    }

    /// The first stretch of pending numbers from `from` on, up to `last`.
    pub fn first_pending(&self, from: u64, last: u64) -> Option<(u64, u64)> {
        let last = last.min(self.next - 1);
        let mut number = from.max(1);
        loop {
            number = self.settled.first_missing(number);
            if number > last {
                return None;
            }
            let after = self.losses.partition_point(|lost| lost.last < number);
            match self.losses.get(after) {
                Some(lost) if lost.first <= number => number = lost.last + 1,
                Some(lost) => return Some((number, self.settled.last_missing(number, last.min(lost.first - 1)))),
                None => return Some((number, self.settled.last_missing(number, last))),
            }
        }
    }

    /// The server has dealt with these numbers; where they were lost, it knows that.
    pub fn settle(&mut self, first: u64, last: u64) {
        self.settled.insert(first, last);
        let touched = |lost: &Lost| lost.last >= first && lost.first <= last;
        for lost in std::mem::take(&mut self.losses) {
            if !touched(&lost) {
                self.losses.push(lost);
                continue;
            }
            if lost.first < first {
                self.losses.push(Lost { last: first - 1, ..lost.clone() });
            }
            if lost.last > last {
                self.losses.push(Lost { first: last + 1, ..lost });
            }
        }
    }

    /// Pending numbers are lost. What is next to the same kind of loss becomes one with it.
    pub fn lose(&mut self, lost: Lost) {
        if lost.first > lost.last {
            return;
        }
        let at = self.losses.partition_point(|other| other.first < lost.first);
        self.losses.insert(at, lost);
        self.merge(at);
        if at > 0 {
            self.merge(at - 1);
        }
        if self.losses.len() > MAX_LOSSES {
            let oldest = self.losses.remove(0);
            tracing::warn!(first = oldest.first, last = oldest.last, "too many losses to tell the server of them all");
            self.settled.insert(oldest.first, oldest.last);
        }
    }

    /// Makes one of a loss and the next, where they are of one kind and nothing lies between them.
    fn merge(&mut self, at: usize) {
        let Some([one, next]) = self.losses.get_mut(at..at + 2) else { return };
        let same = one.reason == next.reason && !one.told && !next.told;
        if same && one.last.checked_add(1) == Some(next.first) {
            *one =
                Lost { last: next.last, start: one.start.min(next.start), end: one.end.max(next.end), ..one.clone() };
            self.losses.remove(at + 1);
        }
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    next: u64,
    clean: bool,
    settled: Vec<(u64, u64)>,
    losses: Vec<FileLoss>,
}

#[derive(Serialize, Deserialize)]
struct FileLoss {
    first: u64,
    last: u64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(first: u64, last: u64, reason: LossReason) -> Lost {
        let at = |seq| DateTime::from_timestamp(i64::try_from(seq).unwrap(), 0).unwrap();
        Lost::new((first, last), (at(first), at(last)), reason)
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger { next: 101, settled: [(1, 10), (20, 30)].into_iter().collect(), ..Ledger::default() };
        ledger.lose(lost(11, 14, LossReason::SpoolFull));
        ledger.lose(lost(40, 41, LossReason::Damaged));
        ledger
    }

    #[test]
    fn what_was_written_is_read_again_and_a_damaged_ledger_is_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Ledger::read(directory.path()).unwrap(), None);
        ledger().write(directory.path()).unwrap();
        assert_eq!(Ledger::read(directory.path()).unwrap(), Some(ledger()));
        let path = directory.path().join(LEDGER);
        let bytes = fs::read(&path).unwrap();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_ne!(Ledger::parse(&damaged), Some(Ledger::default()));
            assert!(Ledger::parse(&damaged).is_none_or(|read| read == ledger()), "byte {place}");
            assert_eq!(Ledger::parse(&bytes[..place]), None);
        }
    }

    #[test]
    fn every_number_is_settled_lost_or_pending() {
        let ledger = ledger();
        assert_eq!(ledger.pending_within(1, 1_000), [(15, 19), (31, 39), (42, 100)]);
        assert_eq!((ledger.pending(), ledger.lost()), (5 + 9 + 59, 6));
        assert_eq!(ledger.first_pending(1, 1_000), Some((15, 19)));
        assert_eq!(ledger.first_pending(17, 18), Some((17, 18)));
        assert_eq!(ledger.first_pending(20, 1_000), Some((31, 39)));
        assert_eq!(ledger.first_pending(40, 1_000), Some((42, 100)));
        assert_eq!(ledger.first_pending(101, 1_000), None);
        assert_eq!(ledger.first_pending(1, 14), None);
    }

    #[test]
    fn losses_side_by_side_are_one_unless_the_server_was_told_or_the_reason_is_another() {
        let mut ledger = ledger();
        ledger.lose(lost(15, 19, LossReason::SpoolFull));
        assert_eq!(ledger.losses[0], lost(11, 19, LossReason::SpoolFull));
        ledger.lose(lost(39, 39, LossReason::TooOld));
        ledger.losses[2].told = true;
        ledger.lose(lost(42, 42, LossReason::Damaged));
        assert_eq!(ledger.losses.len(), 4);
    }

    #[test]
    fn a_loss_the_server_knows_of_is_settled_also_in_part() {
        let mut ledger = ledger();
        ledger.settle(11, 14);
        ledger.settle(40, 40);
        assert_eq!(ledger.losses.iter().map(|lost| (lost.first, lost.last)).collect::<Vec<_>>(), [(41, 41)]);
        assert!(ledger.settled.contains(12) && ledger.settled.contains(40));
    }
}
