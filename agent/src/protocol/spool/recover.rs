//! Finding again what an earlier life of the agent left behind.

use std::{collections::VecDeque, fs, path::Path};

use chrono::{DateTime, Utc};
use homepot::model::LossReason;

use super::{
    Ledger, Lost, Options, Ranges, Spool,
    record::{Found, HEADER, Records},
    segment::{MAX_SEQ, Segment, Writer},
    timeline::{Mark, Timeline},
};
use crate::platform;

/// Numbers skipped after an end that was not a clean one. More were hardly given since the last that is known.
const SKIP: u64 = 1 << 20;

/// Numbers that were in damaged bytes, and between which times they were measured.
struct Damage {
    first: u64,
    last: u64,
    span: (DateTime<Utc>, DateTime<Utc>),
}

/// What one segment holds.
struct Scan {
    found: Ranges,
    damaged: Vec<Damage>,
    /// Where the last whole record ends; `None`: it can't be read.
    whole: Option<u64>,
    newest: Option<Mark>,
}

impl Spool {
    /// Opens a spool, which always works: where the disk fails it is in memory.
    pub fn open(options: Options) -> Self {
        let mut spool = Self {
            options,
            ledger: Ledger::default(),
            segments: VecDeque::new(),
            writer: None,
            memory: VecDeque::new(),
            disk_failed_at: None,
            sync_by: None,
            settled_since: 0,
            ledger_lacks: false,
            cursor: None,
            timeline: Timeline::default(),
            oldest: None,
            dropped: 0,
            refused: 0,
        };
        if let Some(directory) = spool.options.directory.clone() {
            if let Err(error) = platform::make_private_dir(&directory) {
                tracing::warn!(%error, path = %directory.display(), "can't make the spool's directory");
            }
            spool.recover(&directory);
        }
        spool
    }

    fn recover(&mut self, directory: &Path) {
        let ledger = Ledger::read(directory).unwrap_or_else(|error| {
            tracing::warn!(%error, "can't read the spool's ledger");
            None
        });
        let (mut found, mut damaged, mut segments) = (Ranges::default(), Vec::new(), listed(directory));
        let known = ledger.as_ref().map_or(1, |ledger| ledger.next);
        let starts: Vec<_> = segments.iter().map(|segment| segment.first).collect();
        let mut whole = None;
        for (place, segment) in segments.iter_mut().enumerate() {
            // Where the newest segment ends only the ledger can tell.
            let (limit, expected) = match starts.get(place + 1) {
                Some(next) => (next - 1, next - 1),
                None => (MAX_SEQ, known.saturating_sub(1)),
            };
            let scan = scan(segment, limit, expected, &mut self.timeline);
            segment.last = scan.found.iter().last().map_or(segment.first - 1, |(_, last)| last);
            segment.newest = scan.newest;
            scan.found.iter().for_each(|(first, last)| found.insert(first, last));
            damaged.extend(scan.damaged);
            whole = scan.whole;
        }
        let fresh = ledger.is_none() && segments.is_empty();
        self.ledger = ledger.unwrap_or_default();
        let was_clean = self.ledger.clean;
        self.go_on_counting(&found, starts.last().copied(), fresh);
        self.explain_holes(&found, damaged);
        self.segments = segments.into();
        self.writer = self.resume(whole);
        self.remove_settled();
        // From here on the end is not a clean one until it was.
        if !self.write_ledger(false) && was_clean {
            // The disk goes on saying so, and the next start would count on from there: this run's numbers are to lie elsewhere.
            let base = self.ledger.next;
            self.ledger.next += SKIP;
            self.ledger.settle(base, base + SKIP - 1);
        }
        self.make_room(0);
    }

    fn go_on_counting(&mut self, found: &Ranges, newest: Option<u64>, fresh: bool) {
        let after = found.iter().last().map_or(1, |(_, last)| last + 1);
        let base = after.max(newest.unwrap_or(1)).max(self.ledger.next);
        let exact = fresh || (self.ledger.clean && base == self.ledger.next);
        self.ledger.next = if exact { base } else { base + SKIP };
        if !exact {
            self.ledger.settle(base, base + SKIP - 1);
        }
    }

    /// Numbers without a record were lost with damaged bytes, or never were.
    fn explain_holes(&mut self, found: &Ranges, damaged: Vec<Damage>) {
        for damage in damaged {
            for (first, last) in self.ledger.pending_within(damage.first, damage.last) {
                tracing::warn!(first_seq = first, last_seq = last, "the spool holds damaged samples; they are lost");
                self.lose(Lost::new((first, last), damage.span, LossReason::Damaged));
            }
        }
        for (first, last) in found.missing(1, self.ledger.next - 1) {
            for (first, last) in self.ledger.pending_within(first, last) {
                self.ledger.settle(first, last);
            }
        }
    }

    fn resume(&mut self, whole: Option<u64>) -> Option<Writer> {
        let segment = self.segments.back_mut()?;
        match segment.resume(whole?) {
            Ok(writer) => Some(writer),
            Err(error) => {
                tracing::warn!(%error, "can't go on with the spool's newest segment");
                None
            }
        }
    }
}

fn listed(directory: &Path) -> Vec<Segment> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(%error, path = %directory.display(), "can't read the spool");
            return Vec::new();
        }
    };
    let mut segments: Vec<_> = entries.flatten().filter_map(|entry| Segment::named(entry.path())).collect();
    segments.sort_by_key(|segment| segment.first);
    segments
}

/// Walks a segment. `limit` is the largest number it may hold, `expected` the one it should end with.
fn scan(segment: &Segment, limit: u64, expected: u64, timeline: &mut Timeline) -> Scan {
    let mut scan = Scan { found: Ranges::default(), damaged: Vec::new(), whole: Some(0), newest: None };
    let bytes = segment.read(0).unwrap_or_else(|error| {
        tracing::warn!(%error, first_seq = segment.first, "can't read a segment of the spool");
        scan.whole = None;
        Vec::new()
    });
    let (mut next, mut gap) = (segment.first, 0);
    for found in Records::new(&bytes, segment.first..=limit) {
        match found {
            Found::Damage { bytes } => gap += bytes as u64,
            Found::Record { seq, payload, end } => {
                let mark = Mark::of(payload);
                if let Some(mark) = mark {
                    timeline.note(mark);
                }
                let at = mark.or(scan.newest);
                scan.damaged.extend(damage(next, seq - 1, gap, scan.newest.or(at), at));
                scan.found.insert(seq, seq);
                (next, gap, scan.whole, scan.newest) = (seq + 1, 0, Some(end as u64), at);
            }
        }
    }
    let unread = (segment.bytes).saturating_sub(bytes.len() as u64);
    scan.damaged.extend(damage(next, expected, gap + unread, scan.newest, None));
    scan
}

/// The numbers of damaged bytes: those between the records around them, where so many can have been in there.
fn damage(first: u64, last: u64, bytes: u64, start: Option<Mark>, end: Option<Mark>) -> Option<Damage> {
    if bytes == 0 || first > last {
        return None;
    }
    // Numbers were skipped there too; of those that were not, one at least is gone.
    let last = if last - first < bytes / HEADER as u64 + 1 { last } else { first };
    // The server's clock is not known yet, so this is as good as the wall clock was.
    let start = start.or(end).map_or_else(platform::wall_clock, |mark| mark.wall);
    Some(Damage { first, last, span: (start, end.map_or(start, |mark| mark.wall)) })
}
