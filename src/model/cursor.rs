//! Cursors of watches: where a viewer that comes back goes on.

use chrono::{DateTime, Utc};

use crate::error::Error;

const PREFIX: &str = "t";

/// The position of a viewer: it has seen all changes before this time. Later changes may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub DateTime<Utc>);

impl Cursor {
    /// Reads what an earlier answer gave; empty: none.
    pub fn parse(text: &str) -> Result<Option<Self>, Error> {
        if text.is_empty() {
            return Ok(None);
        }
        let micros = text.strip_prefix(PREFIX).and_then(|micros| micros.parse().ok());
        let time = micros.and_then(DateTime::from_timestamp_micros);
        // Postgres knows no other times.
        let time = time.filter(|time| (0..253_402_300_800).contains(&time.timestamp()));
        time.map(Self).map(Some).ok_or_else(|| Error::invalid("cursor", "is not a cursor that this watch gave"))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", self.0.timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_anything_else_is_refused_by_its_field() {
        let cursor = Cursor(DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap());
        assert_eq!(Cursor::parse(&cursor.to_string()), Ok(Some(cursor)));
        assert_eq!(Cursor::parse(""), Ok(None));
        for bad in ["t", "tx", "1700000000123456", "t-1", "t999999999999999999", "t999999999999999999999"] {
            assert_eq!(Cursor::parse(bad).unwrap_err().field_violations()[0].field, "cursor", "{bad}");
        }
    }
}
