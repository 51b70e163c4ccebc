//! Names that were checked once and can be trusted from then on.

use std::{fmt, str::FromStr};

use crate::error::Error;

/// Declares a text with a checked form.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:literal, $allowed:expr, $first:expr, $rule:literal) => {
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
                    return Err(Error::invalid(field, "is required"));
                }
                let well_formed =
                    text.len() <= $max && text.chars().all(allowed) && text.chars().next().is_some_and(first);
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
checked_text!(
    /// What a command does, in upper case; [`CommandType::parse_any_case`] takes either.
    CommandType, "command_type", 64, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || "_.-".contains(c),
    |c| c.is_ascii_uppercase(),
    "must be 1 to 64 of A-Z, 0-9, '_', '.' and '-', a letter first"
);

impl CommandType {
    /// Case does not matter to callers; inside it is upper case.
    pub fn parse_any_case(text: &str) -> Result<Self, Error> {
        Self::parse(&text.to_ascii_uppercase())
    }
}

impl Default for DeviceType {
    fn default() -> Self {
        Self("pos_terminal".to_owned())
    }
}

/// A command's id. Version 7, so that ids sort by the time they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub uuid::Uuid);

impl CommandId {
    /// Reads a UUID; the error names `command_id`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::invalid("command_id", "is required"));
        }
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| Error::invalid("command_id", "is not a UUID"))
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// A run's id. Version 7, so that ids sort by the time they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub uuid::Uuid);

impl RunId {
    /// Reads a UUID; the error names `run_id`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::invalid("run_id", "is required"));
        }
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| Error::invalid("run_id", "is not a UUID"))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_ids_of_the_field_are_taken_and_what_could_break_a_path_is_not() {
        for good in ["pos-terminal-001", "AA:BB:CC:00:11:22", "a", "gw_7.lan"] {
            assert_eq!(DeviceId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a/b", "a b", "ä", "a\0", &"a".repeat(129)] {
            let error = DeviceId::parse(bad).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "device_id");
        }
    }

    #[test]
    fn command_types_match_without_regard_to_case() {
        assert_eq!(CommandType::parse_any_case("reBoot").unwrap().as_str(), "REBOOT");
        assert!(CommandType::parse_any_case("1REBOOT").is_err());
    }
}
