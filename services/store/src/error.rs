//! The errors of the store, and what callers of the server see of them.

use std::time::Duration;

use diesel::result::Error as DieselError;
use homepot::{Error, Kind};

use crate::{
    libpq,
    sqlstate::{Meaning, SqlState, Trouble},
};

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database threads have more to do than they can take.
    #[error("the database threads are busy")]
    Busy,
    /// Postgres is out of reach, or the connection broke in the middle; whether the work was done is then unknown.
    #[error("the database is out of reach: {0}")]
    Unavailable(String),
    /// The connection is closed, for what Postgres said on it.
    #[error("the connection to the database was lost: {}", trouble.as_str())]
    Lost {
        /// What is the matter.
        trouble: Trouble,
    },
    /// A report took longer than reports may.
    #[error("the report took longer than {} s", .0.as_secs())]
    TooLong(Duration),
    /// The database can't be used as it is.
    #[error("the database is not suitable: {0}")]
    Unsuitable(String),
    /// A database user lacks a right; the text says which, and who gives it.
    #[error("{0}")]
    Rights(String),
    /// Postgres answered with an error.
    #[error("the database answered: {0}")]
    Database(#[from] DieselError),
    /// The caller's fault, such as a page token that no list gave.
    #[error(transparent)]
    Invalid(#[from] Error),
    /// The database's address is not one.
    #[error("the database's address is not usable: {0}")]
    Address(String),
    /// The migrations did not go through.
    #[error("migrating the database failed: {0}")]
    Migration(String),
    /// The schema was changed by a newer version, in a way that this one can't work with.
    #[error(
        "the database's schema is newer than this program: it needs one that knows the migration {needs}, and this one \
         knows those up to {knows}; start a newer version of homepot"
    )]
    SchemaTooNew {
        /// The oldest migration that a program has to know.
        needs: String,
        /// The newest one that this program knows.
        knows: String,
    },
    /// A row holds what the model does not allow.
    #[error("a row holds what it may not: {0}")]
    Corrupt(String),
    /// The operation panicked; its connection was thrown away.
    #[error("the operation {0} panicked")]
    Panicked(&'static str),
}

impl StoreError {
    /// A short word for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Unavailable(_) | Self::Lost { .. } => "unavailable",
            Self::TooLong(_) => "too_long",
            Self::Unsuitable(_) => "unsuitable",
            Self::Rights(_) => "rights",
            Self::Database(_) if self.is_passing() => "passing",
            Self::Database(_) => "database",
            Self::Invalid(_) => "invalid",
            Self::Address(_) => "address",
            Self::Migration(_) => "migration",
            Self::SchemaTooNew { .. } => "schema_too_new",
            Self::Corrupt(_) => "corrupt",
            Self::Panicked(_) => "panicked",
        }
    }

    /// The code that Postgres gave; `None` when the error did not come from Postgres.
    pub fn sql_state(&self) -> Option<SqlState> {
        let Self::Database(error) = self else { return None };
        let error = match error {
            DieselError::RollbackErrorOnCommit { commit_error, .. } => commit_error,
            error => error,
        };
        match error {
            DieselError::DatabaseError(_, information) => libpq::sql_state(information.as_ref()),
            _ => None,
        }
    }

    /// What it means for whoever asked.
    pub fn meaning(&self) -> Meaning {
        if let Some(code) = self.sql_state() {
            return code.meaning();
        }
        match self {
            Self::Busy => Meaning::Retry,
            Self::Unavailable(_) | Self::Lost { .. } => Meaning::Reconnect,
            // Not a word of Postgres: libpq itself says that the connection is lost.
            Self::Database(DieselError::DatabaseError(..) | DieselError::BrokenTransactionManager) => {
                Meaning::Reconnect
            }
            Self::Invalid(_) => Meaning::Value,
            _ => Meaning::Ours,
        }
    }

    /// What is the matter with the database; `None` when the error does not concern the database as a whole.
    pub fn trouble(&self) -> Option<Trouble> {
        match (self, self.sql_state()) {
            (Self::Lost { trouble }, _) => Some(*trouble),
            (_, Some(code)) => code.trouble(),
            (Self::Busy, None) => Some(Trouble::Other),
            (_, None) => (self.meaning() == Meaning::Reconnect).then_some(Trouble::OutOfReach),
        }
    }

    /// Whether the same operation may well work a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self.meaning(), Meaning::Retry | Meaning::Reconnect)
    }

    /// Whether Postgres says that a row breaks a rule.
    pub fn is_about_data(&self) -> bool {
        self.meaning() == Meaning::Rule
    }
}

impl From<StoreError> for Error {
    /// The cause is logged here, once, and does not travel.
    fn from(error: StoreError) -> Self {
        if error.is_passing() {
            tracing::debug!(%error, "store operation put off");
            return Error::new(Kind::Unavailable, "the database is not available, try again")
                .retry_after(Duration::from_secs(1));
        }
        match (error.meaning(), error) {
            (_, StoreError::Invalid(error)) => error,
            (_, StoreError::TooLong(limit)) => Error::new(
                Kind::Timeout,
                format!(
                    "the report took longer than {} s and was cancelled; ask for a shorter time or for fewer devices",
                    limit.as_secs()
                ),
            ),
            (Meaning::Value, error) => {
                tracing::warn!(%error, "the database does not accept a value");
                Error::new(Kind::Invalid, "the request holds a text or number that the database can't keep")
            }
            (_, error) => {
                tracing::error!(%error, "store operation failed");
                Error::internal()
            }
        }
    }
}
