//! Between columns and model types.

use std::{fmt::Display, str::FromStr, time::Duration};

use homepot::model::{CommandType, JsonObject};
use serde_json::Value;

use crate::StoreError;

diesel::define_sql_function! {
    /// The database's clock, which all replicas share.
    #[sql_name = "now"]
    fn database_time() -> diesel::sql_types::Timestamptz;
}

diesel::define_sql_function! {
    /// The same clock, not as it was when the transaction began: what happens to a row under its lock happens after
    /// whatever happened to it before.
    #[sql_name = "clock_timestamp"]
    fn time_of_this_moment() -> diesel::sql_types::Timestamptz;
}

/// Reads a checked text back; one that no longer passes was not written by us.
pub(crate) fn checked<T: FromStr>(column: &str, text: &str) -> Result<T, StoreError>
where
    T::Err: Display,
{
    text.parse().map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}

/// Reads a command's type back, in the spelling that was asked for.
pub(crate) fn command_type(column: &str, text: &str, spelling: Option<String>) -> Result<CommandType, StoreError> {
    Ok(checked::<CommandType>(column, text)?.spelled(spelling))
}

/// Reads a free-form object back.
pub(crate) fn object(column: &str, value: Option<Value>) -> Result<Option<JsonObject>, StoreError> {
    match value {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(StoreError::Corrupt(format!("{column}: is not an object"))),
    }
}

/// Reads a key of fixed length back.
pub(crate) fn key(column: &str, bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("{column}: is not 32 bytes long")))
}

/// Writes a free-form object.
pub(crate) fn json(object: Option<&JsonObject>) -> Option<Value> {
    object.map(|object| Value::Object(object.clone()))
}

/// Milliseconds for a column.
pub(crate) fn millis(span: Duration) -> i32 {
    i32::try_from(span.as_millis()).unwrap_or(i32::MAX)
}

/// Milliseconds from a column.
pub(crate) fn span(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
