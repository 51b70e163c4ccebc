//! Devices and sites by name, as far as a caller may see them.
//!
//! What a caller may not see is answered as if it were not there, so that nobody learns what other sites have. Reading the
//! names of a request is apart from looking them up, so that all faults of a request are told at once.

use std::collections::{HashMap, HashSet};

use homepot::{
    Error,
    model::{Device, DeviceId, DeviceSelection, DeviceSource, Faults, Site, SiteId},
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    Combiner, Store,
    devices::{self, DeviceRef},
    sites,
};

/// Lookups that share one query at most.
const BATCH: usize = 256;

/// The site and the devices that a request names, read and not yet looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Only this site.
    pub site_id: Option<SiteId>,
    /// Only these devices; empty means any.
    pub device_ids: Vec<DeviceId>,
}

impl Named {
    /// Reads both fields; what can't be read is left out and noted in `faults`.
    pub fn read(faults: &mut Faults, site_id: &str, device_ids: &[String]) -> Self {
        let device_ids = faults.take(read_devices(device_ids)).unwrap_or_default();
        Self { site_id: faults.take(read_site(site_id)).flatten(), device_ids }
    }
}

/// Reads the field `device_ids` of a request.
pub fn read_devices(device_ids: &[String]) -> Result<Vec<DeviceId>, Error> {
    let mut faults = Faults::new();
    let read: Vec<_> = device_ids.iter().filter_map(|id| faults.take(DeviceId::parse_as("device_ids", id))).collect();
    faults.finish(Some(read))
}

/// Reads the field `site_id` of a request; `None` where it is empty.
pub fn read_site(site_id: &str) -> Result<Option<SiteId>, Error> {
    Some(site_id).filter(|id| !id.is_empty()).map(SiteId::parse).transpose()
}

/// The record found, if it belongs to a site that the caller may see.
pub fn visible<T>(caller: &OperatorCaller, found: Option<T>, site_id: impl FnOnce(&T) -> &SiteId) -> Option<T> {
    found.filter(|found| caller.scope.allows(site_id(found)))
}

/// Looks names up for callers. Clones share everything.
#[derive(Clone)]
pub struct Directory {
    store: Store,
    lookups: Combiner<DeviceId, Option<DeviceRef>>,
}

impl Directory {
    /// A directory over `store`; to be called on a runtime.
    pub fn new(store: Store) -> Self {
        Self { lookups: Combiner::start(store.clone(), "find_devices", BATCH, devices::find_each), store }
    }

    /// A device, with what is needed to act for it. Lookups that come at once share a query.
    pub async fn device(&self, caller: &OperatorCaller, device_id: DeviceId) -> Result<DeviceRef, Error> {
        let found = self.lookups.run(device_id).await?;
        visible(caller, found, |device| &device.site_id).ok_or_else(no_device)
    }

    /// A device with all that is known of it.
    pub async fn device_record(&self, caller: &OperatorCaller, device_id: DeviceId) -> Result<Device, Error> {
        let found = self.store.run("find_device", move |conn| devices::find(conn, &device_id)).await?;
        visible(caller, found, |device| &device.site_id).ok_or_else(no_device)
    }

    /// These devices, each once, in the order in which they are named.
    pub async fn devices(
        &self,
        caller: &OperatorCaller,
        mut device_ids: Vec<DeviceId>,
    ) -> Result<Vec<DeviceRef>, Error> {
        if device_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = HashSet::new();
        device_ids.retain(|device_id| known.insert(device_id.clone()));
        let named = device_ids.iter().cloned().collect();
        let named = DeviceSelection { device_ids: named, ..DeviceSelection::all(caller.scope.clone()) };
        let find = move |conn: &mut _| devices::matching(conn, &named, None);
        let found = self.store.run("find_named_devices", find).await?;
        let mut found: HashMap<_, _> = found.into_iter().map(|device| (device.device_id.clone(), device)).collect();
        let missing = |device_id: &DeviceId| Error::not_found(format!("Device {device_id} not found"));
        device_ids.iter().map(|device_id| found.remove(device_id).ok_or_else(|| missing(device_id))).collect()
    }

    /// A site.
    pub async fn site(&self, caller: &OperatorCaller, site_id: SiteId) -> Result<Site, Error> {
        let wanted = site_id.clone();
        let found = self.store.run("find_site", move |conn| sites::find(conn, &wanted)).await?;
        let missing = || Error::not_found(format!("Site {site_id} not found"));
        visible(caller, found, |site| &site.site_id).ok_or_else(missing)
    }

    /// The devices that a call is about; whatever it names must be there.
    pub async fn select(
        &self,
        caller: &OperatorCaller,
        named: Named,
        source: Option<DeviceSource>,
    ) -> Result<DeviceSelection, Error> {
        if let Some(site_id) = &named.site_id {
            self.site(caller, site_id.clone()).await?;
        }
        let devices = self.devices(caller, named.device_ids).await?;
        let device_ids = devices.into_iter().map(|device| device.device_id).collect();
        Ok(DeviceSelection { scope: caller.scope.clone(), site_id: named.site_id, source, device_ids })
    }
}

fn no_device() -> Error {
    Error::not_found("Device not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_of_what_a_request_names_are_told_at_once() {
        let mut faults = Faults::new();
        let ids = ["till", "a/b", ""].map(str::to_owned);
        let named = Named::read(&mut faults, "a/b", &ids);
        assert_eq!(named, Named::default());
        let error = faults.check().unwrap_err();
        let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["device_ids", "device_ids", "site_id"]);
    }
}
