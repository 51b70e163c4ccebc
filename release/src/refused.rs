//! Why a root or a release is refused.

use crate::{Kind, key::KeyId};

/// Why a root or a release is refused. [`Refused::name`] is stable, for reports and metrics; the text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It can't be read as what it should be.
    #[error("malformed: {0}")]
    Malformed(String),
    /// It was made by a newer version, and may hold conditions that this one does not know.
    #[error("format {0} is newer than this program; update the program first")]
    UnknownFormat(u32),
    /// It is something else that was signed, such as a root in place of a release.
    #[error("it is signed as a {found:?}, and a {expected} is needed")]
    WrongKind {
        /// What it says to be.
        found: String,
        /// What was needed.
        expected: Kind,
    },
    /// Nobody signed it.
    #[error("it is not signed")]
    Unsigned,
    /// A signature holds nothing: it is of the wrong length or all zero.
    #[error("the signature of key {0} is empty, too short or too long")]
    EmptySignature(KeyId),
    /// A signature is not one of these bytes by that key.
    #[error("the signature of key {0} does not match the signed bytes")]
    BadSignature(KeyId),
    /// Fewer different keys signed than have to.
    #[error("{counted} of the trusted keys signed, and {threshold} have to")]
    TooFewSignatures {
        /// Different trusted keys with a good signature.
        counted: u32,
        /// How many are needed.
        threshold: u32,
    },
    /// A key for which anybody can make signatures, or none at all.
    #[error("key {0} is weak: anybody can sign for it")]
    WeakKey(KeyId),
    /// Roots follow one another without a gap.
    #[error("root {found} can't follow root {trusted}; the next one is {}", .trusted.saturating_add(1))]
    RootOutOfOrder {
        /// The version of the root that is trusted.
        trusted: u64,
        /// The version of the other.
        found: u64,
    },
    /// The trusted root has expired. Nothing new is installed until a newer root is there; all else goes on.
    #[error("root {version} expired at {expires} (Unix seconds); nothing new is installed until a newer root is there")]
    RootExpired {
        /// The version of the trusted root.
        version: u64,
        /// When it expired, in Unix seconds.
        expires: u64,
    },
    /// The release was signed for a time that is over.
    #[error("the release expired at {0} (Unix seconds); sign it anew with a later time and a higher counter")]
    Expired(u64),
    /// It is for other devices.
    #[error("the release is not for this device: its {0} does not match")]
    NotForThisDevice(&'static str),
    /// Something newer was installed already.
    #[error(
        "the release has counter {counter}, and {target} has had {known}; sign what to go back to with a higher counter"
    )]
    Older {
        /// The target.
        target: String,
        /// The counter of the release.
        counter: u64,
        /// The highest counter that was installed there.
        known: u64,
    },
    /// Two different releases have the same counter.
    #[error("counter {counter} of {target} belongs to another release; each release needs a counter of its own")]
    CounterReused {
        /// The target.
        target: String,
        /// The counter of both.
        counter: u64,
    },
    /// A target's name holds what no name may hold, such as a path.
    #[error("{0:?} is no name of a target: 1 to 64 of a to z, 0 to 9 and -")]
    BadTarget(String),
    /// Two files for one target.
    #[error("target {0} has two files")]
    DuplicateTarget(String),
    /// A release of nothing.
    #[error("the release has no files")]
    NoFiles,
    /// A file is larger than devices take.
    #[error("the file of {target} has {size} bytes, and {limit} is the limit")]
    FileTooLarge {
        /// The target.
        target: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// All files together are larger than devices take.
    #[error("the files have more than {0} bytes together")]
    ReleaseTooLarge(u64),
}

impl Refused {
    /// A short name that never changes, such as `too_few_signatures`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnknownFormat(_) => "unknown_format",
            Self::WrongKind { .. } => "wrong_kind",
            Self::Unsigned => "unsigned",
            Self::EmptySignature(_) => "empty_signature",
            Self::BadSignature(_) => "bad_signature",
            Self::TooFewSignatures { .. } => "too_few_signatures",
            Self::WeakKey(_) => "weak_key",
            Self::RootOutOfOrder { .. } => "root_out_of_order",
            Self::RootExpired { .. } => "root_expired",
            Self::Expired(_) => "expired",
            Self::NotForThisDevice(_) => "not_for_this_device",
            Self::Older { .. } => "older",
            Self::CounterReused { .. } => "counter_reused",
            Self::BadTarget(_) => "bad_target",
            Self::DuplicateTarget(_) => "duplicate_target",
            Self::NoFiles => "no_files",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::ReleaseTooLarge(_) => "release_too_large",
        }
    }

    pub(crate) fn malformed(fault: impl Into<String>) -> Self {
        Self::Malformed(fault.into())
    }
}
