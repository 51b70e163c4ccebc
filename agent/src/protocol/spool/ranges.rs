//! A set of numbers that come in long runs.

use std::collections::BTreeMap;

/// Numbers, kept as runs that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First to last.
    runs: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds `first` to `last`; nothing where `last` is the smaller.
    pub fn insert(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let (mut start, mut end) = (first, last);
        // From the right: each run that overlaps or touches what has been gathered so far.
        while let Some((&run_start, &run_end)) = self.runs.range(..=end.saturating_add(1)).next_back() {
            if run_end.saturating_add(1) < start {
                break;
            }
            start = start.min(run_start);
            end = end.max(run_end);
            self.runs.remove(&run_start);
        }
        self.runs.insert(start, end);
    }

    /// Takes `first` to `last` out.
    pub fn remove(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        while let Some((&start, &end)) = self.runs.range(..=last).next_back() {
            if end < first {
                break;
            }
            self.runs.remove(&start);
            if end > last {
                self.runs.insert(last + 1, end);
            }
            if start < first {
                self.runs.insert(start, first - 1);
                break;
            }
        }
    }

    /// Whether `number` is in.
    pub fn contains(&self, number: u64) -> bool {
        self.run_of(number).is_some()
    }

    /// The smallest number from `number` on that is not in.
    pub fn first_missing(&self, number: u64) -> u64 {
        self.run_of(number).map_or(number, |(_, last)| last.saturating_add(1))
    }

    /// The last of the numbers from `number` on that are missing in a row, up to `last`; `number` is missing itself.
    pub fn last_missing(&self, number: u64, last: u64) -> u64 {
        self.runs.range(number..).next().map_or(last, |(start, _)| last.min(start - 1))
    }

    /// Whether any number from `first` to `last` is in.
    pub fn touches(&self, first: u64, last: u64) -> bool {
        self.runs.range(..=last).next_back().is_some_and(|(_, end)| *end >= first)
    }

    /// The stretches from `first` to `last` that are not in, smallest first.
    pub fn missing(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = self.first_missing(first);
        while next <= last {
            let end = self.last_missing(next, last);
            missing.push((next, end));
            next = self.first_missing(end.saturating_add(1));
        }
        missing
    }

    /// How many numbers are in.
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The runs, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.runs.iter().map(|(first, last)| (*first, *last))
    }

    fn run_of(&self, number: u64) -> Option<(u64, u64)> {
        self.runs.range(..=number).next_back().map(|(first, last)| (*first, *last)).filter(|(_, last)| *last >= number)
    }
}

impl FromIterator<(u64, u64)> for Ranges {
    fn from_iter<T: IntoIterator<Item = (u64, u64)>>(runs: T) -> Self {
        let mut ranges = Self::default();
        runs.into_iter().for_each(|(first, last)| ranges.insert(first, last));
        ranges
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_a_set_of_numbers(steps in prop::collection::vec((any::<bool>(), 1_u64..40, 0_u64..12), 0..40)) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for (adds, first, length) in steps {
                let last = first + length;
                if adds {
                    ranges.insert(first, last);
                    model.extend(first..=last);
                } else {
                    ranges.remove(first, last);
                    model.retain(|number| !(first..=last).contains(number));
                }
                prop_assert_eq!(ranges.count(), model.len() as u64);
            }
            let runs: Vec<_> = ranges.iter().collect();
            prop_assert!(runs.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", runs);
            for number in 1..60 {
                prop_assert_eq!(ranges.contains(number), model.contains(&number));
                prop_assert_eq!(ranges.first_missing(number), (number..).find(|n| !model.contains(n)).unwrap());
                let near = number..=number + 5;
                prop_assert_eq!(ranges.touches(number, number + 5), near.clone().any(|n| model.contains(&n)));
                let missing = ranges.missing(number, number + 5).into_iter().flat_map(|(first, last)| first..=last);
                prop_assert_eq!(missing.collect::<Vec<_>>(), near.filter(|n| !model.contains(n)).collect::<Vec<_>>());
            }
        }
    }
}
