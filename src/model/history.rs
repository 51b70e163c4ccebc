//! What becomes of the history of what is removed.

use crate::{error::Error, pb::registry::v1 as pb};

/// Whether samples, state changes and commands of something outlive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// They go too, and the id is free.
    Purge,
    /// They stay until their retention ends; the id stays taken.
    Keep,
}

impl History {
    /// Reads the field `history`. Nothing stands for neither: whoever removes something has to say.
    pub fn from_proto(value: i32) -> Result<Self, Error> {
        match pb::History::try_from(value) {
            Ok(pb::History::Purge) => Ok(Self::Purge),
            Ok(pb::History::Keep) => Ok(Self::Keep),
            Ok(pb::History::Unspecified) | Err(_) => {
                Err(Error::invalid("history", "must be HISTORY_PURGE or HISTORY_KEEP"))
            }
        }
    }
}
