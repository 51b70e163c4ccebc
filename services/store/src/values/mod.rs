//! Values of the variables of releases. Secrets come here sealed, and leave sealed.

mod of_devices;

use chrono::{DateTime, Utc};
use diesel::{dsl::sql, pg::Pg, prelude::*, sql_types::Text};
use homepot::model::{Page, PageRequest, SiteId, SiteScope, ValueScope, VariableName, VariableValue};

pub use self::of_devices::{StoredValue, Values, of_devices};
use crate::{
    StoreError, paging, row,
    schema::{devices, variable_values},
    scope::values_within,
};

/// For which devices a value is, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    scope: &'static str,
    key: String,
    site_id: Option<String>,
    device: Option<i64>,
}

impl Owner {
    /// All devices.
    pub fn fleet() -> Self {
        Self { scope: "fleet", key: String::new(), site_id: None, device: None }
    }

    /// The devices of a site.
    pub fn site(id: &SiteId) -> Self {
        Self { scope: "site", key: id.to_string(), site_id: Some(id.to_string()), device: None }
    }

    /// The devices with a label.
    pub fn label(label: &str) -> Self {
        Self { scope: "label", key: label.to_owned(), site_id: None, device: None }
    }

    /// One device, by its number: another device that gets the same id later does not get its values.
    pub fn device(pk: i64) -> Self {
        Self { scope: "device", key: pk.to_string(), site_id: None, device: Some(pk) }
    }

    /// The kind of the scope.
    pub fn scope(&self) -> &'static str {
        self.scope
    }

    /// Which one of that kind.
    pub fn key(&self) -> &str {
        &self.key
    }

    fn read(scope: &str, key: String) -> Result<Self, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("variable_values.{what}"));
        Ok(match scope {
            "fleet" => Self::fleet(),
            "site" => Self { scope: "site", site_id: Some(key.clone()), key, device: None },
            "label" => Self::label(&key),
            "device" => Self::device(key.parse().map_err(|_| corrupt("owner"))?),
            _ => return Err(corrupt("scope")),
        })
    }
}

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// For everybody to read who may see the scope.
    Clear(String),
    /// A secret.
    Sealed(Vec<u8>),
}

type Row = (String, String, String, Option<String>, String, DateTime<Utc>, Option<String>);
type Columns = (
    variable_values::variable,
    variable_values::scope,
    variable_values::owner,
    variable_values::value,
    variable_values::set_by,
    variable_values::set_at,
    diesel::dsl::Nullable<devices::device_id>,
);

/// Without what is sealed: nobody asks for it to show it.
fn columns() -> Columns {
    (
        variable_values::variable,
        variable_values::scope,
        variable_values::owner,
        variable_values::value,
        variable_values::set_by,
        variable_values::set_at,
        devices::device_id.nullable(),
    )
}

fn value((variable, scope, owner, value, set_by, set_at, device_id): Row) -> Result<VariableValue, StoreError> {
    let scope = match scope.as_str() {
        "fleet" => ValueScope::Fleet,
        "site" => ValueScope::Site(row::checked("variable_values.owner", &owner)?),
        "label" => ValueScope::Label(owner),
        _ => ValueScope::Device(row::checked("devices.device_id", &device_id.unwrap_or_default())?),
    };
    Ok(VariableValue { variable: row::checked("variable_values.variable", &variable)?, scope, value, set_by, set_at })
}

/// Sets a value, in the place of the one that was there.
pub fn set(
    conn: &mut PgConnection,
    variable: &VariableName,
    owner: &Owner,
    content: &Content,
    set_by: &str,
) -> Result<VariableValue, StoreError> {
    let (clear, sealed) = match content {
        Content::Clear(text) => (Some(text), None),
        Content::Sealed(bytes) => (None, Some(bytes)),
    };
    let new = (
        variable_values::value.eq(clear),
        variable_values::sealed.eq(sealed),
        variable_values::set_by.eq(set_by),
        variable_values::set_at.eq(row::database_time()),
    );
    diesel::insert_into(variable_values::table)
        .values((
            variable_values::variable.eq(variable.as_str()),
            variable_values::scope.eq(owner.scope),
            variable_values::owner.eq(&owner.key),
            variable_values::site_id.eq(&owner.site_id),
            variable_values::device.eq(owner.device),
            new,
        ))
        .on_conflict((variable_values::variable, variable_values::scope, variable_values::owner))
        .do_update()
        .set(new)
        .execute(conn)?;
    let query =
        variable_values::table.left_join(devices::table).filter(variable_values::variable.eq(variable.as_str()));
    let query = query.filter(variable_values::scope.eq(owner.scope)).filter(variable_values::owner.eq(&owner.key));
    value(query.select(columns()).first(conn)?)
}

/// Deletes a value; tells whether there was one.
pub fn delete(conn: &mut PgConnection, variable: &VariableName, owner: &Owner) -> Result<bool, StoreError> {
    let key = (variable.as_str(), owner.scope, owner.key.as_str());
    Ok(diesel::delete(variable_values::table.find(key)).execute(conn)? == 1)
}

/// Which values to list.
#[derive(Clone, Debug)]
pub struct ValueFilter {
    /// Those of the fleet and of labels are within every scope.
    pub within: SiteScope,
    /// Only of this variable.
    pub variable: Option<VariableName>,
    /// Only these.
    pub scope: Option<ValueScope>,
}

/// What values of one scope are ordered by.
fn name() -> diesel::expression::SqlLiteral<Text> {
    sql::<Text>("coalesce(devices.device_id, variable_values.owner)")
}

fn key(value: &VariableValue) -> String {
    let (scope, name) = match &value.scope {
        ValueScope::Fleet => ("fleet", ""),
        ValueScope::Site(id) => ("site", id.as_str()),
        ValueScope::Label(label) => ("label", label.as_str()),
        ValueScope::Device(id) => ("device", id.as_str()),
    };
    format!("{}/{scope}/{name}", value.variable)
}

/// Values by variable.
pub fn list(
    conn: &mut PgConnection,
    filter: &ValueFilter,
    page: &PageRequest,
) -> Result<Page<VariableValue>, StoreError> {
    let mut query = variable_values::table.left_join(devices::table).select(columns()).into_boxed::<Pg>();
    if let Some(within) = values_within(&filter.within) {
        query = query.filter(within);
    }
    if let Some(variable) = &filter.variable {
        query = query.filter(variable_values::variable.eq(variable.to_string()));
    }
    query = match &filter.scope {
        None => query,
        Some(ValueScope::Fleet) => query.filter(variable_values::scope.eq("fleet")),
        Some(ValueScope::Site(id)) => query.filter(variable_values::site_id.eq(id.to_string())),
        Some(ValueScope::Label(label)) => {
            query.filter(variable_values::scope.eq("label").and(variable_values::owner.eq(label.clone())))
        }
        Some(ValueScope::Device(id)) => query.filter(devices::device_id.nullable().eq(id.to_string())),
    };
    if let Some(after) = &page.after {
        let mut parts = after.splitn(3, '/').map(str::to_owned);
        let (Some(variable), Some(scope), Some(after)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(homepot::Error::invalid("page_token", "is not a token that this list gave").into());
        };
        let of_variable = variable_values::variable.eq(variable.clone());
        let of_scope = variable_values::scope.eq(scope.clone()).and(name().gt(after));
        let later = of_variable.and(variable_values::scope.gt(scope).or(of_scope));
        query = query.filter(variable_values::variable.gt(variable).or(later));
    }
    let in_order = (variable_values::variable, variable_values::scope, name());
    let rows: Vec<Row> = query.order(in_order).limit(paging::limit(page)).load(conn)?;
    let values = rows.into_iter().map(value).collect::<Result<_, _>>()?;
    Ok(Page::cut(values, page.size, key).within_bytes(key))
}
