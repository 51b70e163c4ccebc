//! What can be wrong with bytes that are read, and with rows that are to be packed.

use chrono::SecondsFormat;

use crate::block::Key;

/// What a part of a block has against it; whoever knows the block makes a [`Damaged`] of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) &'static str);

/// The bytes of a block are not what was packed for this device and hour.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the packed samples of device {} from {} on are damaged: {place} {reason}",
    key.device, key.hour.to_rfc3339_opts(SecondsFormat::Secs, true))]
pub struct Damaged {
    /// Whose block, and of which hour.
    pub key: Key,
    place: Place,
    reason: &'static str,
}

impl Damaged {
    pub(crate) fn new(key: Key, place: Place, Fault(reason): Fault) -> Self {
        Self { key, place, reason }
    }
}

/// Where in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the columns.
    Header,
    /// A column, by its number.
    Column(u16),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header => write!(f, "the header"),
            Self::Column(id) => write!(f, "column {id}"),
        }
    }
}

/// Why rows can't be packed into one block. Nothing is lost: they are with the caller still.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpackable {
    /// There are none.
    #[error("there are no rows to pack")]
    Empty,
    /// They need several blocks.
    #[error("there are {0} rows, and a block holds at most {max}", max = crate::block::MAX_ROWS)]
    TooManyRows(usize),
    /// They need several blocks.
    #[error("column {0} has more than {max} bytes", max = crate::block::MAX_BLOB_BYTES)]
    TooManyBytes(u16),
    /// Two rows have the same time, or they are not sorted.
    #[error("row {0} is not later than the row before it")]
    NotInOrder(usize),
    /// A column has not one place for each row.
    #[error("column {0} does not have as many places as there are rows")]
    Uneven(u16),
    /// A column has a number that blocks keep for themselves, or one that is out of range.
    #[error("column {0} can't be numbered so")]
    Number(u16),
    /// A time has digits below the microsecond, or lies outside the hour.
    #[error("the time {field} of row {row} is outside of the hour, or has digits below the microsecond")]
    Time {
        /// Which row.
        row: usize,
        /// Which of its times.
        field: &'static str,
    },
    /// A value has more digits than history keeps; packing would change it.
    #[error("the {field} of row {row} has more digits than are kept")]
    Precision {
        /// Which row.
        row: usize,
        /// Which metric.
        field: &'static str,
    },
}
