//! What each error of Postgres means for whoever asked: the one table, by SQLSTATE and never by text.
//!
//! Texts are translated and change between versions; codes do neither. The classes are those of Postgres' appendix A.

use std::fmt;

/// A SQLSTATE: five letters and digits, of which the first two are the class.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The database can't do it now. The same operation may work a moment later, on the same connection.
    Retry,
    /// The same, on a new connection: this one is closed, or leads to a node that no longer takes writes.
    Reconnect,
    /// The caller's fault: a value that Postgres does not accept.
    Value,
    /// A rule between rows forbids it: what it refers to is gone, or what it adds is there already.
    Rule,
    /// A fault of ours, or of how the database was set up.
    Ours,
}

/// What is the matter with a database that can't do its work, in a word for metrics and probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// It can't be connected to, or a connection broke.
    OutOfReach,
    /// This node takes no writes.
    ReadOnly,
    /// Its disk is full.
    DiskFull,
    /// It has no memory left.
    OutOfMemory,
    /// It takes no more connections.
    TooManyConnections,
    /// Somebody holds a lock that is needed.
    Locked,
    /// Statements are cancelled, or take longer than allowed.
    Cancelled,
    /// It starts, stops or restarts.
    ShuttingDown,
    /// Its files can't be read or written.
    Storage,
    /// Anything else.
    Other,
}

impl SqlState {
    /// Reads a code such as `53100`.
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 5] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_alphanumeric).then_some(Self(code))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// What the error means.
    pub fn meaning(&self) -> Meaning {
        use Meaning::{Ours, Reconnect, Retry, Rule, Value};
        match (&self.as_str()[..2], self.as_str()) {
            // A connection that failed.
            ("08", _) => Reconnect,
            // A prepared statement whose result changed, as after another replica's migration, is one of these.
            ("0A", _) => Reconnect,
            // A division by zero comes of our SQL.
            (_, "22012") => Ours,
            ("22", _) => Value,
            ("23", _) => Rule,
            // Transactions in the wrong state: a read-only node (25006), one that failed before, one that idled too long.
            ("25", _) => Reconnect,
            // A prepared statement that is not there: a pooler changed the session under us.
            ("26", _) => Reconnect,
            // Credentials or databases that are being changed.
            ("28" | "3D", _) => Reconnect,
            // Whether it was done is not known.
            (_, "40003") => Reconnect,
            // Deadlocks and conflicts of transactions.
            ("40", _) => Retry,
            // No disk, no memory, no connections, a configured limit.
            (_, "53300") => Reconnect,
            ("53", _) => Retry,
            // A value that is too deep or too large.
            ("54", _) => Value,
            // Locks and objects in use.
            ("55", _) => Retry,
            // Cancelled by a person, or by a time limit.
            (_, "57014" | "57000") => Retry,
            // Shutdown, crash, a database that was dropped.
            ("57", _) => Reconnect,
            // Files that can't be read or written; a snapshot that is too old.
            ("58" | "72", _) => Retry,
            // A configuration file with a fault: the next connection may find it mended.
            ("F0", _) => Reconnect,
            // A trigger of the database's administrator minds the value.
            (_, "P0001") => Value,
            // Syntax, rights, missing tables, internal errors, damaged data, and all that is not listed.
            _ => Ours,
        }
    }

    /// What is the matter with the database; `None` when the error does not concern the database as a whole.
    pub fn trouble(&self) -> Option<Trouble> {
        let trouble = match (&self.as_str()[..2], self.as_str()) {
            (_, "25006") => Trouble::ReadOnly,
            (_, "53100") => Trouble::DiskFull,
            (_, "53200") => Trouble::OutOfMemory,
            (_, "53300") => Trouble::TooManyConnections,
            (_, "57014") => Trouble::Cancelled,
            ("40" | "55", _) => Trouble::Locked,
            ("57", _) => Trouble::ShuttingDown,
            ("58", _) | (_, "XX001" | "XX002") => Trouble::Storage,
            ("08", _) => Trouble::OutOfReach,
            _ => match self.meaning() {
                Meaning::Retry | Meaning::Reconnect => Trouble::Other,
                Meaning::Value | Meaning::Rule | Meaning::Ours => return None,
            },
        };
        Some(trouble)
    }
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::OutOfReach,
        Self::ReadOnly,
        Self::DiskFull,
        Self::OutOfMemory,
        Self::TooManyConnections,
        Self::Locked,
        Self::Cancelled,
        Self::ShuttingDown,
        Self::Storage,
        Self::Other,
    ];

    /// Its word in metrics and in what probes are told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfReach => "out_of_reach",
            Self::ReadOnly => "read_only",
            Self::DiskFull => "disk_full",
            Self::OutOfMemory => "out_of_memory",
            Self::TooManyConnections => "too_many_connections",
            Self::Locked => "locked",
            Self::Cancelled => "cancelled",
            Self::ShuttingDown => "shutting_down",
            Self::Storage => "storage",
            Self::Other => "other",
        }
    }

    /// Whether one such error may be an accident of one operation, as a deadlock is. It then counts only if it lasts.
    pub(crate) fn may_be_chance(self) -> bool {
        matches!(self, Self::Locked | Self::Cancelled | Self::OutOfMemory | Self::Other)
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlState({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_databases_trouble_is_never_the_callers() {
        for code in [
            "08006", "25006", "25P02", "25P03", "28P01", "40001", "40P01", "53000", "53100", "53200", "53300", "53400",
            "55006", "55P03", "57014", "57P01", "57P02", "57P03", "57P04", "58000", "58030", "72000",
        ] {
            let code = SqlState::parse(code).unwrap();
            assert!(matches!(code.meaning(), Meaning::Retry | Meaning::Reconnect), "{code}");
            assert!(code.trouble().is_some(), "{code}");
        }
        for (code, meaning) in [
            ("22021", Meaning::Value),
            ("54001", Meaning::Value),
            ("P0001", Meaning::Value),
            ("23503", Meaning::Rule),
            ("42P01", Meaning::Ours),
            ("XX000", Meaning::Ours),
            ("22012", Meaning::Ours),
        ] {
            assert_eq!(SqlState::parse(code).unwrap().meaning(), meaning, "{code}");
        }
    }

    #[test]
    fn only_codes_are_codes() {
        assert_eq!(SqlState::parse("53100").unwrap().as_str(), "53100");
        for text in ["", "5310", "531000", "531 0", "53é0"] {
            assert_eq!(SqlState::parse(text), None, "{text}");
        }
    }
}
