//! Samples that the server has not acknowledged yet.
//!
//! This spool is bounded and lives in memory: a restart of the agent loses what it holds. One on disk takes its place
//! later, behind the same methods.

use std::collections::VecDeque;

use homepot::model::Sample;

/// A bounded queue of numbered samples; when it is full, the oldest goes and is counted.
#[derive(Debug)]
pub struct Spool {
    samples: VecDeque<Sample>,
    /// The number of the front sample, or of the next one when there is none.
    first_seq: u64,
    capacity: usize,
    dropped: u64,
}

impl Spool {
    /// An empty spool that holds `capacity` samples and counts from 1.
    pub fn new(capacity: usize) -> Self {
        Self { samples: VecDeque::new(), first_seq: 1, capacity: capacity.max(1), dropped: 0 }
    }

    /// Takes a sample, and drops the oldest where there is no room.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.len() == self.capacity {
            self.samples.pop_front();
            self.first_seq += 1;
            self.dropped += 1;
        }
        self.samples.push_back(sample);
    }

    /// Forgets everything up to and with `seq`.
    pub fn forget(&mut self, seq: u64) {
        while self.first_seq <= seq && self.samples.pop_front().is_some() {
            self.first_seq += 1;
        }
    }

    /// The samples after `seq`, each with its number.
    pub fn after(&self, seq: u64) -> impl Iterator<Item = (u64, &Sample)> {
        let skip = usize::try_from((seq + 1).saturating_sub(self.first_seq)).unwrap_or(usize::MAX);
        (self.first_seq..).zip(&self.samples).skip(skip)
    }

    /// The number of the oldest sample, or of the next one when there is none.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// The number of the newest sample; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.first_seq + self.samples.len() as u64 - 1
    }

    /// How many it holds.
    pub fn depth(&self) -> usize {
        self.samples.len()
    }

    /// How many it had to drop.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn sample(n: i64) -> Sample {
        Sample::empty(DateTime::from_timestamp(n, 0).unwrap())
    }

    fn numbers(spool: &Spool, after: u64) -> Vec<u64> {
        spool.after(after).map(|(seq, _)| seq).collect()
    }

    #[test]
    fn a_full_spool_drops_the_oldest_and_counts_it() {
        let mut spool = Spool::new(2);
        (0..5).for_each(|n| spool.push(sample(n)));
        assert_eq!((spool.depth(), spool.dropped()), (2, 3));
        assert_eq!(numbers(&spool, 0), [4, 5]);
        assert_eq!(spool.after(0).next().unwrap().1, &sample(3));
    }

    #[test]
    fn numbers_go_on_after_everything_was_forgotten() {
        let mut spool = Spool::new(10);
        (0..3).for_each(|n| spool.push(sample(n)));
        spool.forget(2);
        assert_eq!(numbers(&spool, 0), [3]);
        spool.forget(99);
        assert_eq!((spool.depth(), spool.last_seq()), (0, 3));
        spool.push(sample(9));
        assert_eq!(numbers(&spool, 3), [4]);
    }
}
