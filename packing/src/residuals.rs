//! Numbers that are mostly about as large as those before them, in few bits: Rice's code, whose parameter follows their mean.
//!
//! Writer and reader follow the mean alike, so nothing but its start is written. A number costs about its logarithm and one bit and a
//! half; one that is far larger than usual is written out, behind a mark.

use crate::{
    bits::{BitReader, BitWriter},
    damage::Fault,
};

/// So many ones mark a number that is written out.
const WRITTEN_OUT: u32 = 20;
/// The mean is kept times this, as a power of two: about so many numbers count for it.
const WEIGHT: u32 = 5;
/// Larger means make no difference, and could overflow.
const MAX_START: u32 = 56;

/// The mean so far.
struct Mean(u64);

impl Mean {
    fn starting(start: u32) -> Self {
        // Between two powers of two.
        Self((3 << start << WEIGHT) >> 1)
    }

    /// How many low bits of the next number are written as they are.
    fn low_bits(&self) -> u32 {
        (self.0 >> WEIGHT).checked_ilog2().unwrap_or(0)
    }

    /// One number far off must not spoil the many after it: the mean grows by a quarter at most.
    fn follow(&mut self, value: u64) {
        let counted = value.min((self.0 >> 2) + 8).min(1 << MAX_START);
        self.0 = self.0 - (self.0 >> WEIGHT) + counted;
    }
}

/// Writes numbers.
pub(crate) struct Writer {
    mean: Mean,
}

/// A good start for these numbers: their median, which a few far off don't move.
pub(crate) fn start_for(values: &[u64]) -> u32 {
    if values.is_empty() {
        return 0;
    }
    let mut sorted = values.to_vec();
    let (_, median, _) = sorted.select_nth_unstable(values.len() / 2);
    median.checked_ilog2().unwrap_or(0).min(MAX_START)
}

impl Writer {
    pub(crate) fn new(start: u32) -> Self {
        Self { mean: Mean::starting(start.min(MAX_START)) }
    }

    pub(crate) fn put(&mut self, bits: &mut BitWriter, value: u64) {
        let low_bits = self.mean.low_bits();
        let high = value >> low_bits;
        if high < u64::from(WRITTEN_OUT) {
            // Ones, and a zero.
            bits.put((1 << (high + 1)) - 2, high as u32 + 1);
            bits.put(value, low_bits);
        } else {
            let length = 64 - value.leading_zeros();
            bits.put(u64::MAX, WRITTEN_OUT);
            bits.put(u64::from(length - 1), 6);
            bits.put(value, length);
        }
        self.mean.follow(value);
    }
}

/// Reads what a [`Writer`] wrote.
pub(crate) struct Reader {
    mean: Mean,
}

impl Reader {
    pub(crate) fn new(start: u8) -> Result<Self, Fault> {
        let start = u32::from(start);
        if start > MAX_START {
            return Err(Fault("starts with a mean that is too large"));
        }
        Ok(Self { mean: Mean::starting(start) })
    }

    pub(crate) fn take(&mut self, bits: &mut BitReader<'_>) -> Result<u64, Fault> {
        let low_bits = self.mean.low_bits();
        let high = bits.ones(WRITTEN_OUT)?;
        let value = if high < WRITTEN_OUT {
            // The mean stays below 2^58, so this can't overflow.
            u64::from(high) << low_bits | bits.take(low_bits)?
        } else {
            let length = bits.take(6)? as u32 + 1;
            bits.take(length)?
        };
        self.mean.follow(value);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(values: &[u64]) -> (u32, Vec<u8>) {
        let start = start_for(values);
        let (mut writer, mut bits) = (Writer::new(start), BitWriter::default());
        values.iter().for_each(|value| writer.put(&mut bits, *value));
        (start, bits.finish())
    }

    proptest! {
        #[test]
        fn numbers_of_any_size_come_back(
            values in prop::collection::vec((any::<u64>(), 0_u32..64).prop_map(|(value, shift)| value >> shift), 0..300),
        ) {
            let (start, bytes) = written(&values);
            let mut reader = Reader::new(start as u8).unwrap();
            let mut bits = BitReader::new(&bytes);
            for value in &values {
                prop_assert_eq!(reader.take(&mut bits), Ok(*value));
            }
            prop_assert_eq!(bits.finish(), Ok(()));
        }
    }

    #[test]
    fn one_number_far_off_does_not_spoil_those_after_it() {
        let values: Vec<u64> = (0..1_000).map(|at| if at == 500 { 1 << 50 } else { at % 16 }).collect();
        let (_, bytes) = written(&values);
        assert!(bytes.len() < 1_000 * 5 / 8 + 20, "{}", bytes.len());
    }

    #[test]
    fn the_largest_numbers_do_not_overflow_the_mean() {
        let values = vec![u64::MAX; 5_000];
        let (start, bytes) = written(&values);
        let mut reader = Reader::new(start as u8).unwrap();
        let mut bits = BitReader::new(&bytes);
        assert!(values.iter().all(|value| reader.take(&mut bits) == Ok(*value)));
        assert!(Reader::new(57).is_err());
    }
}
