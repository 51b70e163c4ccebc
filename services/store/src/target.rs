//! Targets of runs and rollouts: as a column keeps them, and the devices that they mean.

use std::collections::BTreeSet;

use diesel::prelude::*;
use homepot::{
    Error,
    model::{DeviceSelection, DeviceSource, LabelSelector, SiteScope, Target, Whom},
};
use serde_json::{Value, json};

use crate::{
    StoreError,
    devices::{self, DeviceRef},
    row,
};

/// Devices that an error names.
const NAMED: usize = 10;

/// A target as the column keeps it.
pub(crate) fn stored_target(target: &Target) -> Value {
    let source = target.source.map(DeviceSource::as_str);
    match &target.whom {
        Whom::Devices(ids) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            json!({ "device_ids": ids, "source": source })
        }
        Whom::Matching { site_id, selector } => json!({
            "site_id": site_id.as_ref().map(ToString::to_string),
            "label_selector": selector.as_ref().map(LabelSelector::as_str),
            "source": source,
        }),
        Whom::Fleet => json!({ "fleet": true, "source": source }),
    }
}

/// Reads a target back from a column.
pub(crate) fn read_target(column: &str, value: &Value) -> Result<Target, StoreError> {
    let source = value.get("source").and_then(Value::as_str);
    let source = source.map(|source| row::checked(column, source)).transpose()?;
    Ok(Target { whom: read_whom(column, value)?, source })
}

fn read_whom(column: &str, value: &Value) -> Result<Whom, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("{column}: is no target"));
    if let Some(ids) = value.get("device_ids") {
        let id = |id: &Value| row::checked(column, id.as_str().ok_or_else(corrupt)?);
        return ids.as_array().ok_or_else(corrupt)?.iter().map(id).collect::<Result<_, _>>().map(Whom::Devices);
    }
    if value.get("fleet").is_some() {
        return Ok(Whom::Fleet);
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    Ok(Whom::Matching {
        site_id: text("site_id").map(|id| row::checked(column, id)).transpose()?,
        selector: LabelSelector::parse(column, text("label_selector").unwrap_or_default())?,
    })
}

/// The devices of a target. One that is named and not there, not within reach or not of the source asked for is the
/// caller's fault, and so is a target without any.
pub(crate) fn resolve(
    conn: &mut PgConnection,
    target: &Target,
    scope: &SiteScope,
) -> Result<Vec<DeviceRef>, StoreError> {
    let reachable = DeviceSelection::all(scope.clone());
    let (site_id, selector) = match &target.whom {
        Whom::Fleet => (None, None),
        Whom::Matching { site_id, selector } => (site_id.clone(), selector.as_ref()),
        Whom::Devices(wanted) => {
            let named = DeviceSelection { device_ids: wanted.iter().cloned().collect(), ..reachable };
            let found = devices::matching(conn, &named, None)?;
            let there: BTreeSet<_> = found.iter().map(|device| &device.device_id).collect();
            return match wanted.iter().find(|wanted| !there.contains(wanted)) {
                Some(missing) => Err(Error::not_found(format!("Device {missing} not found")).into()),
                None => {
                    check_source(&found, target.source)?;
                    Ok(found)
                }
            };
        }
    };
    let selection = DeviceSelection { site_id, source: target.source, ..reachable };
    let found = devices::matching(conn, &selection, selector)?;
    match target.source {
        _ if !found.is_empty() => Ok(found),
        None => Err(Error::invalid("target", "matches no device").into()),
        Some(source) => {
            let others = DeviceSelection { source: Some(source.other()), ..selection };
            let others = devices::count_matching(conn, &others, selector)?;
            Err(nothing_of(source, others).into())
        }
    }
}

/// A target without a device of its source; `others` are of the other one.
fn nothing_of(source: DeviceSource, others: i64) -> Error {
    let (wanted, other) = (source.as_str(), source.other().as_str());
    let told = match others {
        0 => "matches no device".to_owned(),
        1 => format!("matches no {wanted} device, but 1 {other} one: set target.source to {other} to reach it"),
        _ => {
            format!("matches no {wanted} device, but {others} {other} ones: set target.source to {other} to reach them")
        }
    };
    Error::invalid("target", told)
}

fn check_source(found: &[DeviceRef], source: Option<DeviceSource>) -> Result<(), Error> {
    let Some(source) = source else { return Ok(()) };
    let others: Vec<_> =
        found.iter().filter(|device| device.source != source).map(|device| &device.device_id).collect();
    let told: Vec<_> = others.iter().take(NAMED).map(|id| id.as_str()).collect();
    let more = match others.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match &told[..] {
        [] => Ok(()),
        told => {
            Err(Error::invalid("target.device_ids", format!("are not {}: {}{more}", source.as_str(), told.join(", "))))
        }
    }
}
