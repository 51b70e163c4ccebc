//! Labels of devices, and conditions on them.

use diesel::{
    dsl::sql,
    pg::Pg,
    prelude::*,
    sql_types::{Array, Bool, Jsonb, Text},
};
use homepot::model::{DeviceSelection, LabelSelector, Labels, Requirement};
use serde_json::{Value, json};

use super::{DeviceRef, Joined, REF, RefRow, device_ref};
use crate::{
    StoreError,
    schema::{devices, sessions},
    scope::selected,
};

/// A condition on devices that are joined with their sessions.
pub(super) type Condition = Box<dyn BoxableExpression<Joined, Pg, SqlType = Bool>>;

pub(crate) fn json(labels: &Labels) -> Value {
    json!(labels)
}

pub(crate) fn read(column: &str, labels: Value) -> Result<Labels, StoreError> {
    serde_json::from_value(labels).map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}

/// The same as [`LabelSelector::matches`], where the index on labels can use it.
pub(super) fn conditions(selector: &LabelSelector) -> Vec<Condition> {
    let any_of = |key: &str, values: &[String]| values.iter().map(|value| json!({ key: value })).collect::<Vec<_>>();
    let condition = |requirement: &Requirement| -> Condition {
        match requirement {
            Requirement::In(key, values) => {
                Box::new(sql::<Bool>("devices.labels @> ANY (").bind::<Array<Jsonb>, _>(any_of(key, values)).sql(")"))
            }
            Requirement::NotIn(key, values) => Box::new(
                sql::<Bool>("NOT (devices.labels @> ANY (").bind::<Array<Jsonb>, _>(any_of(key, values)).sql("))"),
            ),
            Requirement::Exists(key) => Box::new(sql::<Bool>("devices.labels ? ").bind::<Text, _>(key.clone())),
            Requirement::Absent(key) => {
                Box::new(sql::<Bool>("NOT (devices.labels ? ").bind::<Text, _>(key.clone()).sql(")"))
            }
        }
    };
    selector.requirements.iter().map(condition).collect()
}

/// How many devices [`matching`] finds.
pub fn count_matching(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    selector: Option<&LabelSelector>,
) -> Result<i64, StoreError> {
    let query = devices::table.inner_join(sessions::table).count().into_boxed::<Pg>();
    let mut query = selected(query, selection);
    for condition in selector.into_iter().flat_map(conditions) {
        query = query.filter(condition);
    }
    Ok(query.get_result(conn)?)
}

/// The devices of a selection with such labels, by device id.
pub fn matching(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    selector: Option<&LabelSelector>,
) -> Result<Vec<DeviceRef>, StoreError> {
    let query = devices::table.inner_join(sessions::table).select(REF).into_boxed::<Pg>();
    let mut query = selected(query, selection);
    for condition in selector.into_iter().flat_map(conditions) {
        query = query.filter(condition);
    }
    let rows: Vec<RefRow> = query.order(devices::device_id).load(conn)?;
    rows.into_iter().map(device_ref).collect()
}
