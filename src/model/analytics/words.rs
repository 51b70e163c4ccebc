//! The words of activity and errors: one list each, in the protocol, in the store and in REST.

use std::str::FromStr;

use crate::{error::Error, pb::analytics::v1 as pb};

/// Declares an enumeration whose values have a word and a protocol value each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $field:literal, { $($(#[$value_doc:meta])* $value:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$value_doc])* $value),+
        }

        impl $name {
            /// Every value, as the protocol orders them.
            pub const ALL: &[Self] = &[$(Self::$value),+];
            /// Their words.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word for people and the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word),+
                }
            }

            /// Reads a protocol value; `None` when it says nothing.
            pub fn from_proto(field: &str, value: i32) -> Result<Option<Self>, Error> {
                match pb::$name::try_from(value) {
                    Ok(pb::$name::Unspecified) => Ok(None),
                    $(Ok(pb::$name::$value) => Ok(Some(Self::$value)),)+
                    Err(_) => Err(Error::invalid(field, format!("must be one of {}", Self::WORDS.join(", ")))),
                }
            }

            /// The same of a field that must say something.
            pub fn required(field: &str, value: i32) -> Result<Self, Error> {
                Self::from_proto(field, value)?.ok_or_else(|| Error::missing(field))
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(word: &str) -> Result<Self, Error> {
                let told = || Error::invalid($field, format!("must be one of {}", Self::WORDS.join(", ")));
                Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(told)
            }
        }

        impl From<$name> for pb::$name {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$value => Self::$value),+
                }
            }
        }
    };
}

words!(
    /// What somebody did.
    ActivityType, "activity_type", {
        /// Looked at a page.
        PageView = "page_view",
        /// Clicked on something.
        Click = "click",
        /// Searched.
        Search = "search",
        /// Did something else with an element.
        Interaction = "interaction",
        /// Narrowed a list down.
        Filter = "filter",
    }
);

words!(
    /// How bad an error is.
    Severity, "severity", {
        /// Somebody has to act now.
        Critical = "critical",
        /// Something failed.
        Error = "error",
        /// Something may fail.
        Warning = "warning",
        /// Worth knowing.
        Info = "info",
    }
);

words!(
    /// How sums of activity are grouped.
    ActivityGrouping, "group_by", {
        /// By type.
        Type = "type",
        /// The page.
        Page = "page",
        /// By search text.
        SearchQuery = "search_query",
        /// Who did it.
        Operator = "operator",
    }
);

words!(
    /// How sums of errors are grouped.
    ErrorGrouping, "group_by", {
        /// Their category.
        Category = "category",
        /// How bad they are.
        Severity = "severity",
        /// Their code.
        ErrorCode = "error_code",
        /// By endpoint.
        Endpoint = "endpoint",
        /// The device.
        Device = "device",
        /// The device's site.
        Site = "site",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_its_word_and_the_wire() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(*severity));
            assert_eq!(Severity::required("severity", pb::Severity::from(*severity).into()), Ok(*severity));
        }
        for activity_type in ActivityType::ALL {
            assert_eq!(activity_type.as_str().parse(), Ok(*activity_type));
        }
    }

    #[test]
    fn an_unknown_value_is_refused_with_the_words_there_are() {
        let error = Severity::from_proto("severity", 99).unwrap_err();
        assert_eq!(error.message(), "severity: must be one of critical, error, warning, info");
        assert_eq!(Severity::required("severity", 0).unwrap_err().message(), "severity: is required");
        assert!("fatal".parse::<Severity>().is_err());
    }
}
