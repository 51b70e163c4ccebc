//! Names that were checked once and can be trusted from then on.

use std::{fmt, str::FromStr};

use crate::error::Error;

/// Declares a text with a checked form.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:literal, $allowed:expr, $first:expr, $rule:literal) => {
        checked_text!($(#[$doc])* $name, $field, 1..=$max, $allowed, $first, $rule);
    };
    ($(#[$doc:meta])* $name:ident, $field:literal, $long:expr, $allowed:expr, $first:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Checks `text`; the error names the field as the protocol does.
            pub fn parse(text: &str) -> Result<Self, Error> {
                Self::parse_as($field, text)
            }

            /// Checks `text` for a field that goes by another name.
            pub fn parse_as(field: &str, text: &str) -> Result<Self, Error> {
                let allowed: fn(char) -> bool = $allowed;
                let first: fn(char) -> bool = $first;
                if text.is_empty() {
                    return Err(Error::missing(field));
                }
                let well_formed =
                    $long.contains(&text.len()) && text.chars().all(allowed) && text.chars().next().is_some_and(first);
                if !well_formed {
                    return Err(Error::invalid(field, $rule));
                }
                Ok(Self(text.to_owned()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }
    };
}

fn alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

checked_text!(
    /// A site's id.
    SiteId, "site_id", 64, |c| alphanumeric(c) || "._-".contains(c), alphanumeric,
    "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', a letter or digit first"
);
checked_text!(
    /// A device's id, unique in the fleet.
    DeviceId, "device_id", 128, |c| alphanumeric(c) || "._:-".contains(c), alphanumeric,
    "must be 1 to 128 of A-Z, a-z, 0-9, '.', '_', ':' and '-', a letter or digit first"
);
checked_text!(
    /// What kind of device it is.
    DeviceType, "device_type", 64, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c), alphanumeric,
    "must be 1 to 64 of a-z, 0-9, '_' and '-', a letter or digit first"
);
checked_text!(
    /// An operator's name.
    OperatorName, "name", 64, |c| alphanumeric(c) || "._@-".contains(c), alphanumeric,
    "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_', '@' and '-', a letter or digit first"
);
/// What a command does, in upper case, with the spelling that was asked for.
///
/// Types match without regard to case: two that differ in their spelling alone are equal. The spelling is kept because
/// legacy devices compare the type as text, most of them in lower case.
#[derive(Clone, Debug)]
pub struct CommandType {
    canonical: String,
    /// Where it differs from the canonical form.
    spelling: Option<String>,
}

impl CommandType {
    /// Checks `text`, in any case, and keeps its spelling.
    pub fn parse_any_case(text: &str) -> Result<Self, Error> {
        let canonical = text.to_ascii_uppercase();
        let spelling = (canonical != text).then(|| text.to_owned());
        Ok(Self { spelling, ..Self::parse(&canonical)? })
    }

    /// Checks `text`, which must be in upper case.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::missing("command_type"));
        }
        let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "_.-".contains(c);
        let well_formed = text.len() <= 64
            && text.chars().all(allowed)
            && text.chars().next().is_some_and(|first| first.is_ascii_uppercase());
        if !well_formed {
            let rule = "must be 1 to 64 of A-Z, 0-9, '_', '.' and '-', a letter first";
            return Err(Error::invalid("command_type", rule));
        }
        Ok(Self { canonical: text.to_owned(), spelling: None })
    }

    /// The type in upper case.
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// The spelling that was asked for, where it is not upper case.
    pub fn spelling(&self) -> Option<&str> {
        self.spelling.as_deref()
    }

    /// The same type in another spelling of it; one that does not spell this type changes nothing.
    #[must_use]
    pub fn spelled(mut self, spelling: Option<String>) -> Self {
        self.spelling = spelling.filter(|text| *text != self.canonical && text.to_ascii_uppercase() == self.canonical);
        self
    }
}

impl PartialEq for CommandType {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for CommandType {}

impl fmt::Display for CommandType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical)
    }
}

impl From<CommandType> for String {
    fn from(command_type: CommandType) -> Self {
        command_type.canonical
    }
}

impl FromStr for CommandType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl DeviceType {
    /// Checks `text` in any case, and keeps it in lower case: `POS` and `pos` are one type wherever devices are counted,
    /// and a replica of an earlier version can read it.
    pub fn parse_any_case(text: &str) -> Result<Self, Error> {
        Self::parse(&text.to_ascii_lowercase())
    }
}

impl Default for DeviceType {
    fn default() -> Self {
        Self("pos_terminal".to_owned())
    }
}

checked_text!(
    /// The name of a variable of a release.
    VariableName, "variable", 64, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_',
    |c| c.is_ascii_lowercase(), "must be 1 to 64 of a-z, 0-9 and '_', a letter first"
);
checked_text!(
    /// A SHA-256 digest in hexadecimal digits.
    Sha256, "sha256", 64..=64, |c| matches!(c, '0'..='9' | 'a'..='f'), |_| true,
    "must be a SHA-256 digest: 64 hexadecimal digits in lower case"
);

/// Declares the id of something: a UUID, version 7, so that ids sort by the time they were made.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// Reads a UUID; the error names the field as the protocol does.
            pub fn parse(text: &str) -> Result<Self, Error> {
                if text.is_empty() {
                    return Err(Error::missing($field));
                }
                uuid::Uuid::try_parse(text).map(Self).map_err(|_| Error::invalid($field, "is not a UUID"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
    };
}

id!(
    /// A command's id.
    CommandId, "command_id"
);
id!(
    /// A run's id.
    RunId, "run_id"
);
id!(
    /// A release's id.
    ReleaseId, "release_id"
);
id!(
    /// A rollout's id.
    RolloutId, "rollout_id"
);
