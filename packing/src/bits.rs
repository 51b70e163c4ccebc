//! Bits in bytes, the highest of each byte first.

use crate::damage::Fault;

/// Collects bits.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that fill no byte yet, in its lowest places.
    pending: u64,
    /// How many they are; below 8.
    count: u32,
}

impl BitWriter {
    /// Adds the lowest `count` bits of `value`; at most 64.
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        if count > 32 {
            self.put(value >> 32, count - 32);
        }
        let count = count.min(32);
        let value = value & ((1 << count) - 1);
        self.pending = self.pending << count | value;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.pending >> self.count) as u8);
        }
        self.pending &= (1 << self.count) - 1;
    }

    /// All of them; the last byte is filled up with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
        self.bytes
    }
}

/// Gives bits back.
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits that were taken from `bytes` and not given yet, in its highest places; zeros below them.
    window: u64,
    /// How many they are.
    count: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, window: 0, count: 0 }
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some((byte, rest)) = self.bytes.split_first() else { return };
            self.window |= u64::from(*byte) << (56 - self.count);
            self.count += 8;
            self.bytes = rest;
        }
    }

    /// The next `count` bits; at most 64.
    pub(crate) fn take(&mut self, count: u32) -> Result<u64, Fault> {
        if count > 32 {
            let high = self.take(count - 32)?;
            return Ok(high << 32 | self.take(32)?);
        }
        if count == 0 {
            return Ok(0);
        }
        self.fill();
        if self.count < count {
            return Err(Fault("ends too early"));
        }
        let value = self.window >> (64 - count);
        self.window <<= count;
        self.count -= count;
        Ok(value)
    }

    /// How many ones come before a zero, which is taken too; of `most` ones, no zero follows.
    pub(crate) fn ones(&mut self, most: u32) -> Result<u32, Fault> {
        self.fill();
        let ones = self.window.leading_ones().min(most);
        let taken = if ones < most { ones + 1 } else { most };
        self.take(taken)?;
        Ok(ones)
    }

    /// Checks that nothing is left but the zeros that fill up the last byte.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        if self.bytes.is_empty() && self.count < 8 && self.window == 0 {
            return Ok(());
        }
        Err(Fault("has bits after its end"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_back_in_order(values in prop::collection::vec((any::<u64>(), 0_u32..=64), 0..200)) {
            let mut writer = BitWriter::default();
            for (value, count) in &values {
                writer.put(*value, *count);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for (value, count) in &values {
                let kept = if *count == 64 { *value } else { value & ((1 << count) - 1) };
                prop_assert_eq!(reader.take(*count), Ok(kept));
            }
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn ones_are_counted_up_to_the_most(ones in 0_u32..24) {
            let mut writer = BitWriter::default();
            writer.put(u64::MAX, ones);
            writer.put(0b01, 2);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            prop_assert_eq!(reader.ones(24), Ok(ones));
            prop_assert_eq!(reader.take(1), Ok(1));
        }
    }

    #[test]
    fn the_end_is_an_error_and_no_zeros() {
        assert!(BitReader::new(&[]).take(1).is_err());
        assert!(BitReader::new(&[0xff]).take(9).is_err());
        assert!(BitReader::new(&[0xff, 0xff]).ones(24).is_err());
        assert!(BitReader::new(&[0]).finish().is_err());
    }
}
