//! The words for where a command stands.

use std::str::FromStr;

use crate::{error::Error, pb::command::v1 as pb};

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// In the ledger, waiting for its device.
    Queued,
    /// Handed over; nothing heard yet.
    Sent,
    /// On the device's disk.
    Acknowledged,
    /// Started.
    Running,
    /// Done.
    Succeeded,
    /// Tried, did not work.
    Failed,
    /// The device declined to try.
    Rejected,
    /// Its time to live ran out before it started.
    Expired,
    /// Taken back before it started.
    Cancelled,
    /// Nobody can say how it ended; a late outcome still replaces it.
    Unknown,
}

impl CommandState {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Sent,
        Self::Acknowledged,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Rejected,
        Self::Expired,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The word for people and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is an end.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent | Self::Acknowledged | Self::Running)
    }

    /// Reads a protocol value.
    pub fn from_proto(field: &str, value: i32) -> Result<Self, Error> {
        match pb::CommandState::try_from(value) {
            Ok(pb::CommandState::Queued) => Ok(Self::Queued),
            Ok(pb::CommandState::Sent) => Ok(Self::Sent),
            Ok(pb::CommandState::Acknowledged) => Ok(Self::Acknowledged),
            Ok(pb::CommandState::Running) => Ok(Self::Running),
            Ok(pb::CommandState::Succeeded) => Ok(Self::Succeeded),
            Ok(pb::CommandState::Failed) => Ok(Self::Failed),
            Ok(pb::CommandState::Rejected) => Ok(Self::Rejected),
            Ok(pb::CommandState::Expired) => Ok(Self::Expired),
            Ok(pb::CommandState::Cancelled) => Ok(Self::Cancelled),
            Ok(pb::CommandState::Unknown) => Ok(Self::Unknown),
            Ok(pb::CommandState::Unspecified) => Err(Error::missing(field)),
            Err(_) => Err(Error::invalid(field, "is not a known state")),
        }
    }
}

impl FromStr for CommandState {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| Error::invalid("state", "is not a known state"))
    }
}

impl From<CommandState> for pb::CommandState {
    fn from(state: CommandState) -> Self {
        match state {
            CommandState::Queued => Self::Queued,
            CommandState::Sent => Self::Sent,
            CommandState::Acknowledged => Self::Acknowledged,
            CommandState::Running => Self::Running,
            CommandState::Succeeded => Self::Succeeded,
            CommandState::Failed => Self::Failed,
            CommandState::Rejected => Self::Rejected,
            CommandState::Expired => Self::Expired,
            CommandState::Cancelled => Self::Cancelled,
            CommandState::Unknown => Self::Unknown,
        }
    }
}
