//! Who changes the database's schema.

use std::str::FromStr;

/// What a server does about the schema at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Migrations {
    /// Runs the migrations that are to come.
    Run,
    /// Waits until somebody else has run them.
    Wait,
}

impl FromStr for Migrations {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "run" => Ok(Self::Run),
            "wait" => Ok(Self::Wait),
            other => Err(format!("'{other}' is neither 'run' nor 'wait'")),
        }
    }
}
