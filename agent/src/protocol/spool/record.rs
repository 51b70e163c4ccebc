//! A record of a segment, and how records are found in bytes that may be torn or damaged.
//!
//! `length u32 | crc32 u32 | kind u8 | seq u64 | payload`, little-endian; `length` is the payload's, and the checksum covers
//! the length and all that follows it.

use std::ops::RangeInclusive;

/// Bytes of a record before its payload.
pub const HEADER: usize = 17;
/// The largest payload; what claims to be larger is damage.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// A sample as protobuf.
const SAMPLE: u8 = 1;

/// One thing found in a segment's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A whole record.
    Record {
        /// Its number.
        seq: u64,
        /// What it holds.
        payload: &'a [u8],
        /// Where the bytes after it begin.
        end: usize,
    },
    /// Bytes that are no record, with a whole record or the end of the bytes after them.
    Damage {
        /// How many.
        bytes: usize,
    },
}

/// Walks records; numbers go up and stay within `allowed`, or the record is damage.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    allowed: RangeInclusive<u64>,
}

impl<'a> Records<'a> {
    /// The records in `bytes`.
    pub fn new(bytes: &'a [u8], allowed: RangeInclusive<u64>) -> Self {
        Self { bytes, at: 0, allowed }
    }

    fn record_at(&self, at: usize) -> Option<(u64, &'a [u8], usize)> {
        let (length, rest) = self.bytes.get(at..)?.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|size| *size <= MAX_PAYLOAD)?;
        let (checksum, rest) = rest.split_first_chunk::<4>()?;
        let covered = rest.get(..size + HEADER - 8)?;
        let (kind, rest) = covered.split_first()?;
        let (seq, payload) = rest.split_first_chunk::<8>()?;
        let seq = u64::from_le_bytes(*seq);
        let plausible = *kind == SAMPLE && self.allowed.contains(&seq);
        (plausible && sum(length, covered) == u32::from_le_bytes(*checksum)).then_some((
            seq,
            payload,
            at + HEADER + size,
        ))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let start = self.at;
        // A damaged length hides where the next record begins, so every byte is tried.
        let found = (start..self.bytes.len()).find(|at| self.record_at(*at).is_some()).unwrap_or(self.bytes.len());
        if found > start {
            self.at = found;
            return Some(Found::Damage { bytes: found - start });
        }
        let (seq, payload, end) = self.record_at(start)?;
        self.at = end;
        // An empty range once the last number was seen: nothing may follow it.
        self.allowed = seq.saturating_add(1)..=*self.allowed.end();
        Some(Found::Record { seq, payload, end })
    }
}

/// A record as it is written.
pub fn encode(seq: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut record = Vec::with_capacity(HEADER + payload.len());
    record.extend_from_slice(&length);
    record.extend_from_slice(&[0; 4]);
    record.push(SAMPLE);
    record.extend_from_slice(&seq.to_le_bytes());
    record.extend_from_slice(payload);
    let checksum = sum(&length, &record[8..]);
    record[4..8].copy_from_slice(&checksum.to_le_bytes());
    record
}

fn sum(length: &[u8; 4], covered: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(covered);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANY: RangeInclusive<u64> = 1..=u64::MAX;

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        let number = |found| match found {
            Found::Record { seq, .. } => Some(seq),
            Found::Damage { .. } => None,
        };
        Records::new(bytes, ANY).filter_map(number).collect()
    }

    fn three() -> Vec<u8> {
        [encode(1, b"first"), encode(2, b"second"), encode(3, b"")].concat()
    }

    #[test]
    fn what_was_written_is_found_with_where_it_ends() {
        let bytes = [encode(7, b"x"), encode(9, b"yz")].concat();
        let found: Vec<_> = Records::new(&bytes, ANY).collect();
        let record = |seq, payload, end| Found::Record { seq, payload, end };
        assert_eq!(found, [record(7, &b"x"[..], HEADER + 1), record(9, b"yz", 2 * HEADER + 3)]);
    }

    #[test]
    fn a_flipped_bit_hides_its_own_record_and_no_other() {
        let bytes = three();
        let lengths = [HEADER + 5, HEADER + 6, HEADER];
        for (place, bit) in (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            let hit = if place < lengths[0] {
                1
            } else if place < lengths[0] + lengths[1] {
                2
            } else {
                3
            };
            let others: Vec<_> = (1..=3).filter(|n| *n != hit).collect();
            assert_eq!(numbers(&damaged), others, "bit {bit} of byte {place}");
        }
    }

    #[test]
    fn a_number_that_goes_back_or_beyond_what_is_allowed_is_damage() {
        assert_eq!(numbers(&[encode(5, b"a"), encode(5, b"b"), encode(4, b"c"), encode(6, b"d")].concat()), [5, 6]);
        let below = encode(5, b"a");
        let found: Vec<_> = Records::new(&below, 6..=9).collect();
        assert_eq!(found, [Found::Damage { bytes: HEADER + 1 }]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..80) {
            let whole = three();
            let cut = cut.min(whole.len());
            let bytes = [&whole[..cut], &bytes, &whole].concat();
            let mut covered = 0;
            for found in Records::new(&bytes, ANY) {
                covered = match found {
                    Found::Record { end, .. } => end,
                    Found::Damage { bytes } => covered + bytes,
                };
            }
            prop_assert_eq!(covered, bytes.len());
        }
    }
}
