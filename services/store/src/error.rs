//! What can go wrong in here, and what a caller of the server is told of it.

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use homepot::{Error, Kind};

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database threads have more to do than they can take.
    #[error("the database threads are busy")]
    Busy,
    /// Postgres is out of reach, or the connection broke in the middle; whether the work was done is then unknown.
    #[error("the database is out of reach: {0}")]
    Unavailable(String),
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
            Self::Unavailable(_) => "unavailable",
            Self::Database(_) if self.is_passing() => "passing",
            Self::Database(_) => "database",
            Self::Invalid(_) => "invalid",
            Self::Address(_) => "address",
            Self::Migration(_) => "migration",
            Self::Corrupt(_) => "corrupt",
            Self::Panicked(_) => "panicked",
        }
    }

    /// Whether Postgres says that a row breaks a rule. Where a trigger or a cast minds it, the error does not say so.
    pub fn is_about_data(&self) -> bool {
        let Self::Database(DieselError::DatabaseError(kind, _)) = self else { return false };
        matches!(
            kind,
            DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::ExclusionViolation
        )
    }

    /// Whether the same operation may well work a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Busy | Self::Unavailable(_) => true,
            Self::Database(DieselError::BrokenTransactionManager) => true,
            Self::Database(DieselError::DatabaseError(kind, _)) => matches!(
                kind,
                DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::SerializationFailure
                    | DatabaseErrorKind::ReadOnlyTransaction
                    | DatabaseErrorKind::UnableToSendCommand
            ),
            _ => self.is_deadlock(),
        }
    }

    /// Whether Postgres ended this operation because another one and it waited for one another. Diesel has no kind for that,
    /// so the text has to do.
    pub(crate) fn is_deadlock(&self) -> bool {
        let Self::Database(DieselError::DatabaseError(DatabaseErrorKind::Unknown, told)) = self else { return false };
        told.message() == "deadlock detected"
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
        match error {
            StoreError::Invalid(error) => error,
            error => {
                tracing::error!(%error, "store operation failed");
                Error::internal()
            }
        }
    }
}
