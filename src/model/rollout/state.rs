//! Where rollouts and their devices stand.

use std::str::FromStr;

use crate::{error::Error, pb::rollout::v1 as pb};

/// Declares the states of something, with their words, and their values in the protocol.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $($(#[$state_doc:meta])* $state:ident = $word:literal,)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$state_doc])* $state,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$state,)+];

            /// The word for people and the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$state => $word,)+
                }
            }

            /// Reads a field; `None`: not given.
            pub fn from_proto(field: &str, value: i32) -> Result<Option<Self>, Error> {
                match pb::$name::try_from(value) {
                    Ok(pb::$name::Unspecified) => Ok(None),
                    $(Ok(pb::$name::$state) => Ok(Some(Self::$state)),)+
                    Err(_) => Err(Error::invalid(field, "is not a known state")),
                }
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(word: &str) -> Result<Self, Error> {
                let found = Self::ALL.iter().find(|state| state.as_str() == word);
                found.copied().ok_or_else(|| Error::invalid("state", "is not a known state"))
            }
        }

        impl From<$name> for pb::$name {
            fn from(state: $name) -> Self {
                match state {
                    $($name::$state => Self::$state,)+
                }
            }
        }
    };
}

states! {
    /// How far a device is with a release.
    UpdateState,
    /// Its turn has not come.
    Waiting = "waiting",
    /// It was told, and has not answered.
    Offered = "offered",
    /// It fetches.
    Downloading = "downloading",
    /// It has all files.
    Verified = "verified",
    /// Something on the device holds it back.
    Held = "held",
    /// It puts the files in place.
    Applying = "applying",
    /// The files are in place, and it watches.
    Probation = "probation",
    /// It has the release, and its checks pass.
    Confirmed = "confirmed",
    /// It declined.
    Rejected = "rejected",
    /// It tried, and nothing was changed.
    Failed = "failed",
    /// Its checks did not pass, and it has what it had.
    RolledBack = "rolled_back",
    /// It could not put back what it had.
    RollbackFailed = "rollback_failed",
    /// It was told to install something else.
    Superseded = "superseded",
    /// The rollout was aborted before it began to apply.
    Cancelled = "cancelled",
    /// Nothing was heard of it.
    Unreachable = "unreachable",
    /// It was left out.
    Skipped = "skipped",
}

impl UpdateState {
    /// Whether it is under way: it was told, and has no end yet.
    pub fn is_in_flight(self) -> bool {
        match self {
            Self::Offered | Self::Downloading | Self::Verified | Self::Held | Self::Applying | Self::Probation => true,
            Self::Waiting
            | Self::Confirmed
            | Self::Rejected
            | Self::Failed
            | Self::RolledBack
            | Self::RollbackFailed
            | Self::Superseded
            | Self::Cancelled
            | Self::Unreachable
            | Self::Skipped => false,
        }
    }

    /// Whether it counts against the rollout.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Rejected | Self::Failed | Self::RolledBack | Self::RollbackFailed | Self::Unreachable)
    }

    /// Whether a device may say it of itself.
    pub fn is_of_device(self) -> bool {
        !matches!(self, Self::Waiting | Self::Offered | Self::Unreachable | Self::Skipped)
    }
}

states! {
    /// Where a rollout stands.
    RolloutState,
    /// Devices begin as others end.
    Running = "running",
    /// An operator paused it.
    Paused = "paused",
    /// Too many devices failed.
    Halted = "halted",
    /// Every device has an end.
    Completed = "completed",
    /// An operator aborted it.
    Aborted = "aborted",
    /// A second person has to approve it first.
    AwaitingApproval = "awaiting_approval",
}

impl RolloutState {
    /// Whether it is an end.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }
}
