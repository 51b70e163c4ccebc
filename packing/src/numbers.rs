//! Floats as whole numbers: what was measured has a few decimals, and 12.34 is 1234 hundredths.
//!
//! Where all values of a column come back bit for bit from so many decimals, those are what is written. Otherwise it is their bits, in
//! the order of the numbers, which keeps whatever a float can be: -0.0, infinities, and each bit of a NaN.

use crate::{damage::Fault, integers, wire::Input};

/// Decimals at most.
const MAX_DECIMALS: u8 = 6;
/// Written instead of the decimals where bits follow.
const BITS: u8 = 255;
/// Up to here a double tells each whole number from the next.
const EXACT: f64 = 9_007_199_254_740_992.0;

const POWERS: [f64; MAX_DECIMALS as usize + 1] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];

/// A float of either precision.
pub(crate) trait Float: Copy {
    fn wide(self) -> f64;
    /// The nearest one.
    fn narrowed(wide: f64) -> Self;
    fn same_bits(self, other: Self) -> bool;
    /// Its bits, as a number that is larger where the float is.
    fn ordered(self) -> i64;
    /// `None`: there is no such float.
    fn from_ordered(ordered: i64) -> Option<Self>;
}

impl Float for f64 {
    fn wide(self) -> f64 {
        self
    }

    fn narrowed(wide: f64) -> Self {
        wide
    }

    fn same_bits(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }

    fn ordered(self) -> i64 {
        let bits = self.to_bits().cast_signed();
        if bits < 0 { bits ^ i64::MAX } else { bits }
    }

    fn from_ordered(ordered: i64) -> Option<Self> {
        let bits = if ordered < 0 { ordered ^ i64::MAX } else { ordered };
        Some(Self::from_bits(bits.cast_unsigned()))
    }
}

impl Float for f32 {
    fn wide(self) -> f64 {
        self.into()
    }

    #[allow(clippy::cast_possible_truncation)] // that is what is asked for
    fn narrowed(wide: f64) -> Self {
        wide as Self
    }

    fn same_bits(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }

    fn ordered(self) -> i64 {
        let bits = self.to_bits().cast_signed();
        i64::from(if bits < 0 { bits ^ i32::MAX } else { bits })
    }

    fn from_ordered(ordered: i64) -> Option<Self> {
        let ordered = i32::try_from(ordered).ok()?;
        let bits = if ordered < 0 { ordered ^ i32::MAX } else { ordered };
        Some(Self::from_bits(bits.cast_unsigned()))
    }
}

/// Appends floats.
pub(crate) fn put<T: Float>(out: &mut Vec<u8>, values: &[T]) {
    for decimals in 0..=MAX_DECIMALS {
        if let Some(whole) = values.iter().map(|value| whole(*value, decimals)).collect::<Option<Vec<_>>>() {
            out.push(decimals);
            return integers::put(out, &whole);
        }
    }
    out.push(BITS);
    integers::put(out, &values.iter().map(|value| value.ordered()).collect::<Vec<_>>());
}

/// The whole number from which `value` comes back.
#[allow(clippy::cast_possible_truncation)] // it is whole, and checked
fn whole<T: Float>(value: T, decimals: u8) -> Option<i64> {
    let whole = (value.wide() * POWERS[usize::from(decimals)]).round();
    if whole.is_nan() || whole.abs() > EXACT {
        return None;
    }
    let whole = whole as i64;
    from_whole::<T>(whole, decimals).same_bits(value).then_some(whole)
}

#[allow(clippy::cast_precision_loss)] // writers stay where there is none
fn from_whole<T: Float>(whole: i64, decimals: u8) -> T {
    T::narrowed(whole as f64 / POWERS[usize::from(decimals)])
}

/// Reads `count` floats.
pub(crate) fn take<T: Float>(mut input: Input<'_>, count: usize) -> Result<Vec<T>, Fault> {
    match input.byte()? {
        decimals @ 0..=MAX_DECIMALS => {
            let whole = integers::take(input, count)?;
            Ok(whole.into_iter().map(|whole| from_whole(whole, decimals)).collect())
        }
        BITS => {
            let ordered = integers::take(input, count)?;
            let floats: Option<_> = ordered.into_iter().map(T::from_ordered).collect();
            floats.ok_or(Fault("has bits that are no float"))
        }
        _ => Err(Fault("has floats in no known form")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<T: Float + std::fmt::Debug>(values: &[T]) -> usize {
        let mut bytes = Vec::new();
        put(&mut bytes, values);
        let read: Vec<T> = take(Input(&bytes), values.len()).unwrap();
        assert!(
            values.len() == read.len() && values.iter().zip(&read).all(|(a, b)| a.same_bits(*b)),
            "{values:?} {read:?}"
        );
        bytes.len()
    }

    proptest! {
        #[test]
        fn every_bit_comes_back(
            singles in prop::collection::vec(any::<u32>(), 0..100),
            doubles in prop::collection::vec(any::<u64>(), 0..100),
        ) {
            check(&singles.into_iter().map(f32::from_bits).collect::<Vec<_>>());
            check(&doubles.into_iter().map(f64::from_bits).collect::<Vec<_>>());
        }

        #[test]
        fn decimals_come_back(whole in prop::collection::vec(-1_000_000_i32..1_000_000, 0..100), decimals in 0_u8..8) {
            let doubles: Vec<_> = whole.iter().map(|whole| f64::from(*whole) / 10_f64.powi(decimals.into())).collect();
            check(&doubles);
            check(&doubles.iter().map(|double| f32::narrowed(*double)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_only_a_float_can_be_comes_back() {
        let odd =
            [0.0, -0.0, f64::NAN, -f64::NAN, f64::from_bits(0x7ff8_0000_dead_beef), f64::INFINITY, f64::MIN_POSITIVE];
        check(&odd);
        check(&[-0.0_f32, 0.0, f32::from_bits(0x7fc0_1234), f32::NEG_INFINITY, f32::MAX, f32::from_bits(1)]);
        check(&[EXACT, EXACT + 2.0, -EXACT, f64::MAX]);
    }

    #[test]
    fn hundredths_take_what_whole_numbers_take() {
        let singles: Vec<_> = (0..720_i16).map(|at| f32::narrowed(f64::from(at * 7 % 50) / 100.0)).collect();
        assert!(check(&singles) < 720, "six bits each and not thirty");
    }
}
