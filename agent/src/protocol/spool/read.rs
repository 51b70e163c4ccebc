//! Reading back what is pending, a stretch at a time.

use chrono::{DateTime, Utc};
use homepot::{model::LossReason, pb::telemetry::v1 as pb};

use super::{
    Lost, Now, Spool, oldest_kept,
    record::{Found, Records},
    timeline::{Mark, Timeline},
};

/// Samples whose numbers follow one another.
#[derive(Debug, PartialEq)]
pub struct Run {
    /// The number of the first.
    pub first_seq: u64,
    /// At least one.
    pub samples: Vec<pb::Sample>,
}

/// Where the reading of a segment goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    segment: u64,
    /// All records before `offset` have smaller numbers.
    seq: u64,
    offset: u64,
}

/// How much of a run may be read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Samples.
    pub samples: usize,
    /// Bytes of their encoding; the first sample may be larger.
    pub bytes: usize,
}

impl Spool {
    /// The first pending samples from `from` on, up to `last`. What is too old by `now`, or can't be read any more, is lost
    /// on the way.
    pub fn read(&mut self, from: u64, last: u64, limits: Limits, now: impl Into<Now>) -> Option<Run> {
        let now = self.timeline.now(now.into());
        let lost_before = self.dropped;
        let run = loop {
            let Some((first, last)) = self.ledger.first_pending(from, last) else { break None };
            let found = if self.memory.front().is_some_and(|(seq, _)| *seq <= first) {
                self.read_memory(first, last, limits, now)
            } else {
                self.read_segment(first, last, limits, now)
            };
            if found.is_some() {
                break found;
            }
            // Nothing was found where something was pending, so numbers were lost, and there are fewer left to look for.
        };
        if self.dropped > lost_before {
            self.remove_settled();
            self.write_ledger(false);
        }
        run
    }

    /// When the oldest pending sample was measured.
    pub fn oldest(&mut self) -> Option<DateTime<Utc>> {
        let (seq, _) = self.ledger.first_pending(1, u64::MAX)?;
        if self.oldest.is_none_or(|(known, _)| known != seq) {
            let in_memory = self.memory.iter().find(|(number, _)| *number == seq).map(|(_, payload)| Mark::of(payload));
            let mark = in_memory.unwrap_or_else(|| self.segment_of(seq)?.span(seq, seq).map(|(first, _)| first));
            self.oldest = Some((seq, self.timeline.time_of(mark?)));
        }
        self.oldest.map(|(_, at)| at)
    }

    fn segment_of(&self, seq: u64) -> Option<&super::Segment> {
        let place = self.segments.partition_point(|segment| segment.last < seq);
        self.segments.get(place).filter(|segment| segment.first <= seq)
    }

    fn read_memory(&mut self, first: u64, last: u64, limits: Limits, now: DateTime<Utc>) -> Option<Run> {
        let records: Vec<_> = self.memory.iter().map(|(seq, payload)| (*seq, payload.as_slice(), 0)).collect();
        let oldest = oldest_kept(now, self.options.max_age);
        let taken = take(records.into_iter(), first, last, limits, oldest, now, &self.timeline);
        self.finish(taken).0
    }

    fn read_segment(&mut self, first: u64, last: u64, limits: Limits, now: DateTime<Utc>) -> Option<Run> {
        let Some(segment) = self.segment_of(first) else {
            // Nobody has it: the next segment there is, or the memory, tells how far that goes.
            let next = self.segments.iter().map(|segment| segment.first).find(|next| *next > first);
            let next = next.or_else(|| self.memory.front().map(|(seq, _)| *seq));
            let last = next.map_or(last, |next| last.min(next - 1));
            self.lose(Lost::new((first, last), (now, now), LossReason::Damaged));
            return None;
        };
        let last = last.min(segment.last);
        let cursor = self.cursor.filter(|cursor| cursor.segment == segment.first && cursor.seq <= first);
        let offset = cursor.map_or(0, |cursor| cursor.offset);
        let known_at = segment.newest.map_or(now, |newest| self.timeline.time_of(newest));
        let (at, allowed) = (segment.first, segment.first..=segment.last);
        let bytes = segment.read(offset).unwrap_or_else(|error| {
            tracing::warn!(%error, first_seq = at, "can't read a segment of the spool");
            Vec::new()
        });
        let records = Records::new(&bytes, allowed).filter_map(|found| match found {
            Found::Record { seq, payload, end } => Some((seq, payload, end)),
            Found::Damage { .. } => None,
        });
        let oldest = oldest_kept(now, self.options.max_age);
        let taken = take(records, first, last, limits, oldest, known_at, &self.timeline);
        let (run, end) = self.finish(taken);
        if let Some(run) = &run {
            let seq = run.first_seq + run.samples.len() as u64;
            self.cursor = Some(Cursor { segment: at, seq, offset: offset + end as u64 });
        }
        run
    }

    fn finish(&mut self, taken: Taken) -> (Option<Run>, usize) {
        for lost in taken.lost {
            self.lose(lost);
        }
        (Some(taken.run).filter(|run| !run.samples.is_empty()), taken.end)
    }
}

/// What [`take`] made of records.
struct Taken {
    run: Run,
    /// Where the run's last record ends.
    end: usize,
    lost: Vec<Lost>,
}

/// Takes a run out of `records` (number, payload, end), all of whose numbers from `first` to `last` are wanted. Before the
/// run begins, numbers without a record are damaged, and those measured before `oldest` too old. `fallback` is a time for
/// what has none.
fn take<'a>(
    records: impl Iterator<Item = (u64, &'a [u8], usize)>,
    first: u64,
    last: u64,
    limits: Limits,
    oldest: DateTime<Utc>,
    fallback: DateTime<Utc>,
    timeline: &Timeline,
) -> Taken {
    let mut taken = Taken { run: Run { first_seq: first, samples: Vec::new() }, end: 0, lost: Vec::new() };
    let (mut next, mut bytes, mut before) = (first, 0, None);
    for (seq, payload, end) in records {
        let sample = Mark::read(payload).map(|(mark, sample)| (timeline.time_of(mark), mark, sample));
        let Some((at, mark, mut sample)) = sample.filter(|_| seq <= last) else {
            if seq > last {
                break;
            }
            continue;
        };
        if seq < next {
            before = Some(at);
            continue;
        }
        let started = !taken.run.samples.is_empty();
        if seq > next {
            if started {
                return taken;
            }
            taken.lost.push(Lost::new((next, seq - 1), (before.unwrap_or(at).min(at), at), LossReason::Damaged));
        }
        next = seq + 1;
        before = Some(at);
        if at < oldest {
            if started {
                return taken;
            }
            taken.lost.push(Lost::new((seq, seq), (at, at), LossReason::TooOld));
            continue;
        }
        bytes += payload.len() + 8;
        if started && bytes > limits.bytes {
            return taken;
        }
        if !started {
            taken.run.first_seq = seq;
        }
        timeline.correct(&mut sample, mark);
        taken.run.samples.push(sample);
        taken.end = end;
        if taken.run.samples.len() >= limits.samples {
            return taken;
        }
    }
    if taken.run.samples.is_empty() && next <= last {
        let start = before.unwrap_or(fallback);
        taken.lost.push(Lost::new((next, last), (start, fallback), LossReason::Damaged));
    }
    taken
}
