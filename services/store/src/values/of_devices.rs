//! The values that devices have, from all scopes that they belong to.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use homepot::model::Labels;
use serde_json::Value as Json;

use super::{Content, Owner};
use crate::{
    StoreError,
    devices::{DeviceRef, labels},
    schema::{devices, variable_values},
};

/// A value with where it is from.
#[derive(Clone, Debug)]
pub struct StoredValue {
    /// Of what.
    pub variable: String,
    /// For which devices.
    pub owner: Owner,
    /// What it is.
    pub content: Content,
}

/// The values of some variables on some devices.
#[derive(Debug, Default)]
pub struct Values {
    of_fleet: Vec<StoredValue>,
    /// By key and value.
    of_labels: HashMap<(String, String), Vec<StoredValue>>,
    of_sites: HashMap<String, Vec<StoredValue>>,
    of_devices: HashMap<i64, Vec<StoredValue>>,
    labels: HashMap<i64, Labels>,
}

impl Values {
    /// The values that a device has: those of the fleet, of its site, of its labels, and its own, in this order.
    pub fn of(&self, device: &DeviceRef) -> impl Iterator<Item = &StoredValue> {
        let of_site = self.of_sites.get(device.site_id.as_str()).into_iter().flatten();
        let labels = self.labels.get(&device.pk).into_iter().flatten();
        let of_labels = labels.filter_map(|(key, value)| self.of_labels.get(&(key.clone(), value.clone()))).flatten();
        let own = self.of_devices.get(&device.pk).into_iter().flatten();
        self.of_fleet.iter().chain(of_site).chain(of_labels).chain(own)
    }
}

type Row = (String, String, String, Option<String>, Option<Vec<u8>>);

/// The values of these variables on these devices.
pub fn of_devices<'a>(
    conn: &mut PgConnection,
    variables: &[&str],
    devices: impl Iterator<Item = &'a DeviceRef> + Clone,
) -> Result<Values, StoreError> {
    if variables.is_empty() {
        return Ok(Values::default());
    }
    let sites: BTreeSet<&str> = devices.clone().map(|device| device.site_id.as_str()).collect();
    let pks: Vec<i64> = devices.map(|device| device.pk).collect();
    let of_all = variable_values::scope.eq_any(["fleet", "label"]).nullable();
    let rows: Vec<Row> = variable_values::table
        .filter(variable_values::variable.eq_any(variables))
        .filter(of_all.or(variable_values::site_id.eq_any(sites)).or(variable_values::device.eq_any(&pks)))
        .select((
            variable_values::variable,
            variable_values::scope,
            variable_values::owner,
            variable_values::value,
            variable_values::sealed,
        ))
        .load(conn)?;
    let mut values = Values::default();
    for (variable, scope, owner, clear, sealed) in rows {
        let owner = Owner::read(&scope, owner)?;
        let content = clear.map(Content::Clear).or(sealed.map(Content::Sealed));
        let content = content.ok_or_else(|| StoreError::Corrupt("variable_values: has no value".to_owned()))?;
        let place = match (owner.scope(), owner.key().split_once('='), owner.device) {
            ("site", ..) => values.of_sites.entry(owner.key().to_owned()).or_default(),
            ("label", Some((key, value)), _) => values.of_labels.entry((key.to_owned(), value.to_owned())).or_default(),
            (_, _, Some(pk)) => values.of_devices.entry(pk).or_default(),
            _ => &mut values.of_fleet,
        };
        place.push(StoredValue { variable, owner, content });
    }
    if !values.of_labels.is_empty() {
        let query = devices::table.filter(devices::device.eq_any(&pks)).select((devices::device, devices::labels));
        let rows: Vec<(i64, Json)> = query.load(conn)?;
        let read = |(pk, json)| Ok((pk, labels::read("devices.labels", json)?));
        values.labels = rows.into_iter().map(read).collect::<Result<_, StoreError>>()?;
    }
    Ok(values)
}
