//! Which devices a call is about.

use std::collections::BTreeSet;

use super::{DeviceId, DeviceSource, SiteId, SiteScope};

/// The devices that a call is about: those within its caller's scope, narrowed by what the call asks for.
///
/// The store turns it into conditions of a query, and watches ask [`DeviceSelection::includes`]: both decide the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSelection {
    /// Sites that the caller may see.
    pub scope: SiteScope,
    /// Only devices of this site.
    pub site_id: Option<SiteId>,
    /// Only real or only simulated devices.
    pub source: Option<DeviceSource>,
    /// Only these devices; empty means any.
    pub device_ids: BTreeSet<DeviceId>,
}

impl DeviceSelection {
    /// All devices within a scope.
    pub fn all(scope: SiteScope) -> Self {
        Self { scope, site_id: None, source: None, device_ids: BTreeSet::new() }
    }

    /// Whether a device of this site and source is one of them.
    pub fn includes(&self, site_id: &SiteId, source: DeviceSource, device_id: &DeviceId) -> bool {
        self.scope.allows(site_id)
            && self.site_id.as_ref().is_none_or(|wanted| wanted == site_id)
            && self.source.is_none_or(|wanted| wanted == source)
            && (self.device_ids.is_empty() || self.device_ids.contains(device_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_included_when_it_meets_every_condition_and_lies_within_the_scope() {
        let site = |id: &str| SiteId::parse(id).unwrap();
        let device = DeviceId::parse("till").unwrap();
        let includes = |selection: &DeviceSelection| selection.includes(&site("a"), DeviceSource::Real, &device);
        let all = DeviceSelection::all(SiteScope::All);
        assert!(includes(&all));
        let scope = |sites: &[&str]| SiteScope::Only(sites.iter().map(|id| site(id)).collect());
        assert!(includes(&DeviceSelection::all(scope(&["a", "b"]))));
        let narrowed = [
            DeviceSelection::all(scope(&["b"])),
            DeviceSelection::all(scope(&[])),
            DeviceSelection { site_id: Some(site("b")), ..all.clone() },
            DeviceSelection { source: Some(DeviceSource::Simulated), ..all.clone() },
            DeviceSelection { device_ids: BTreeSet::from([DeviceId::parse("kiosk").unwrap()]), ..all.clone() },
        ];
        assert!(narrowed.iter().all(|selection| !includes(selection)));
        assert!(includes(&DeviceSelection { device_ids: BTreeSet::from([device.clone()]), ..all }));
    }
}
