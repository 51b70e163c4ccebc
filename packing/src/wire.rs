//! Whole numbers and slices in bytes.

use crate::damage::Fault;

/// Appends a number in as few bytes as it needs, seven bits in each.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a slice behind its length.
pub(crate) fn put_slice(out: &mut Vec<u8>, slice: &[u8]) {
    put_varint(out, slice.len() as u64);
    out.extend_from_slice(slice);
}

/// What is left to read.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let (byte, rest) = self.0.split_first().ok_or(Fault("ends too early"))?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault("has a number that no writer writes"))
    }

    /// A number of at most `most`.
    pub(crate) fn at_most(&mut self, most: usize) -> Result<usize, Fault> {
        let value = self.varint()?;
        usize::try_from(value).ok().filter(|value| *value <= most).ok_or(Fault("has a number that is too large"))
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (slice, rest) = self.0.split_at_checked(length).ok_or(Fault("ends too early"))?;
        self.0 = rest;
        Ok(slice)
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault("has bytes after its end")) }
    }

    /// A slice behind its length.
    pub(crate) fn slice(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.at_most(self.0.len())?;
        self.take(length)
    }
}

/// Small numbers of either sign as small ones without: 0, -1, 1, -2, …
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

pub(crate) fn from_zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<u64>(), signed in any::<i64>()) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            put_varint(&mut bytes, zigzag(signed));
            let mut input = Input(&bytes);
            prop_assert_eq!(input.varint(), Ok(value));
            prop_assert_eq!(input.varint().map(from_zigzag), Ok(signed));
            prop_assert!(input.byte().is_err());
        }
    }

    #[test]
    fn a_number_has_one_form() {
        assert!(Input(&[0x80, 0x00]).varint().is_err());
        assert!(Input(&[0xff; 10]).varint().is_err());
        assert_eq!(Input(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).varint(), Ok(u64::MAX));
    }
}
