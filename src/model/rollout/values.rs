//! Values of the variables of releases, as the server keeps them: texts, whatever their types. The crate `homepot-release` reads them
//! as a release's signed types say.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::{
    error::Error,
    model::{DeviceId, SiteId, VariableName, non_empty, parse_label, to_proto_timestamp},
    pb::rollout::v1 as pb,
};

/// For which devices a value is. A later one goes before an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueScope {
    /// All.
    Fleet,
    /// Those of a site.
    Site(SiteId),
    /// Those with a label, `key=value`.
    Label(String),
    /// One.
    Device(DeviceId),
}

impl ValueScope {
    /// Reads the fields of a request; `None`: none of them was given.
    pub fn read(fleet: bool, label: &str, site_id: &str, device_id: &str) -> Result<Option<Self>, Error> {
        let label = non_empty(label.to_owned()).map(|text| parse_label("label", &text).map(|_| Self::Label(text)));
        let site = non_empty(site_id.to_owned()).map(|id| SiteId::parse(&id).map(Self::Site));
        let device = non_empty(device_id.to_owned()).map(|id| DeviceId::parse(&id).map(Self::Device));
        let fleet = fleet.then_some(Ok(Self::Fleet));
        let all = [("fleet", fleet), ("label", label), ("site_id", site), ("device_id", device)];
        let mut given = all.into_iter().filter_map(|(field, scope)| Some((field, scope?)));
        let Some((first, scope)) = given.next() else { return Ok(None) };
        match given.next() {
            None => scope.map(Some),
            Some((field, _)) => Err(Error::invalid(field, format!("can't be given together with {first}"))),
        }
    }

    /// The same, where one has to be given.
    pub fn read_required(fleet: bool, label: &str, site_id: &str, device_id: &str) -> Result<Self, Error> {
        let none = || Error::invalid("fleet", "must be true, or one of label, site_id and device_id must be given");
        Self::read(fleet, label, site_id, device_id)?.ok_or_else(none)
    }
}

impl fmt::Display for ValueScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("the fleet"),
            Self::Site(id) => write!(f, "site {id}"),
            Self::Label(label) => write!(f, "label {label}"),
            Self::Device(id) => write!(f, "device {id}"),
        }
    }
}

/// A value that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableValue {
    /// Of what.
    pub variable: VariableName,
    /// For which devices.
    pub scope: ValueScope,
    /// `None`: it is a secret.
    pub value: Option<String>,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: DateTime<Utc>,
}

impl From<VariableValue> for pb::Value {
    fn from(value: VariableValue) -> Self {
        let mut told = Self {
            variable: value.variable.into(),
            secret: value.value.is_none(),
            value: value.value.unwrap_or_default(),
            set_by: value.set_by,
            set_at: Some(to_proto_timestamp(value.set_at)),
            ..Self::default()
        };
        match value.scope {
            ValueScope::Fleet => told.fleet = true,
            ValueScope::Site(id) => told.site_id = id.into(),
            ValueScope::Label(label) => told.label = label,
            ValueScope::Device(id) => told.device_id = id.into(),
        }
        told
    }
}

/// Where a device's value of a variable comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    /// It is the default of the release.
    Release,
    /// It is that of all devices.
    Fleet,
    /// It is that of the device's site.
    Site,
    /// It is that of one of its labels.
    Label,
    /// It is its own.
    Device,
}

/// A value that a device would have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedValue {
    /// Of what.
    pub variable: String,
    /// Where it comes from.
    pub origin: ValueOrigin,
    /// `None`: it is a secret.
    pub value: Option<String>,
    /// Whether the device was last told another one.
    pub is_changed: bool,
}

impl From<PlannedValue> for pb::PlannedValue {
    fn from(value: PlannedValue) -> Self {
        let origin = match value.origin {
            ValueOrigin::Release => pb::ValueOrigin::Release,
            ValueOrigin::Fleet => pb::ValueOrigin::Fleet,
            ValueOrigin::Site => pb::ValueOrigin::Site,
            ValueOrigin::Label => pb::ValueOrigin::Label,
            ValueOrigin::Device => pb::ValueOrigin::Device,
        };
        Self {
            variable: value.variable,
            origin: origin.into(),
            secret: value.value.is_none(),
            value: value.value.unwrap_or_default(),
            changed: value.is_changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_of_four() {
        let read = |fleet, label, site, device| ValueScope::read_required(fleet, label, site, device);
        assert_eq!(read(true, "", "", ""), Ok(ValueScope::Fleet));
        assert_eq!(read(false, "ring=canary", "", ""), Ok(ValueScope::Label("ring=canary".to_owned())));
        assert_eq!(read(false, "", "s", ""), SiteId::parse("s").map(ValueScope::Site));
        assert_eq!(read(false, "", "", "d"), DeviceId::parse("d").map(ValueScope::Device));
        for (fleet, label, site, device, field) in
            [(false, "", "", "", "fleet"), (true, "", "s", "", "site_id"), (false, "a=b", "", "d", "device_id")]
        {
            assert_eq!(read(fleet, label, site, device).unwrap_err().field_violations()[0].field, field);
        }
        assert!(read(false, "ring", "", "").is_err());
    }
}
