//! The types in which metrics are held.

use std::ops::RangeInclusive;

use crate::error::Error;

/// A type of the table of metrics.
pub(crate) trait Value: Copy {
    /// Its type in the protocol.
    type Wire: Copy;

    /// Takes a value of the field `name` from the wire; one outside of `range` is refused.
    fn checked(name: &str, value: Option<Self::Wire>, range: RangeInclusive<Self::Wire>)
    -> Result<Option<Self>, Error>;

    /// As the wire has it.
    fn to_wire(self) -> Self::Wire;

    /// As charts have it; counters beyond 2^53 lose digits that no chart shows.
    fn to_f64(self) -> f64;
}

impl Value for f64 {
    type Wire = f64;

    fn checked(name: &str, value: Option<f64>, range: RangeInclusive<f64>) -> Result<Option<f64>, Error> {
        match value {
            // NaN is in no range.
            Some(value) if !range.contains(&value) => {
                let (min, max) = range.into_inner();
                Err(Error::invalid(name, format!("must be a number from {min} to {max}")))
            }
            value => Ok(value),
        }
    }

    fn to_wire(self) -> f64 {
        self
    }

    fn to_f64(self) -> f64 {
        self
    }
}

impl Value for i64 {
    type Wire = i64;

    fn checked(name: &str, value: Option<i64>, range: RangeInclusive<i64>) -> Result<Option<i64>, Error> {
        match value {
            Some(value) if !range.contains(&value) => {
                let (min, max) = range.into_inner();
                Err(Error::invalid(name, format!("must be a whole number from {min} to {max}")))
            }
            value => Ok(value),
        }
    }

    fn to_wire(self) -> i64 {
        self
    }

    #[allow(clippy::cast_precision_loss)]
    fn to_f64(self) -> f64 {
        self as f64
    }
}

impl Value for i32 {
    type Wire = i64;

    fn checked(name: &str, value: Option<i64>, range: RangeInclusive<i64>) -> Result<Option<i32>, Error> {
        let value = i64::checked(name, value, range)?;
        Ok(value.and_then(|value| value.try_into().ok()))
    }

    fn to_wire(self) -> i64 {
        self.into()
    }

    fn to_f64(self) -> f64 {
        self.into()
    }
}
