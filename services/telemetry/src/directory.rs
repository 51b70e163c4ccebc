//! Devices and sites by name, as far as the caller may see them. What it may not see is not there. Names are read before
//! anything is looked up, so that a request's faults are told all at once.

use std::collections::HashMap;

use homepot::{
    Error,
    model::{DeviceId, SiteId},
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    Store,
    devices::{self, DeviceRef},
    sites,
};

/// Looks names up for one caller after the other.
#[derive(Clone)]
pub(crate) struct Directory {
    store: Store,
}

impl Directory {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    pub(crate) async fn device(&self, caller: &OperatorCaller, device_id: DeviceId) -> Result<DeviceRef, Error> {
        let found = self.store.run("find_device", move |conn| devices::find_ref(conn, &device_id)).await?;
        found.filter(|device| caller.scope.allows(&device.site_id)).ok_or_else(not_found)
    }

    /// All of these, each once, in the order asked for.
    pub(crate) async fn devices(&self, caller: &OperatorCaller, asked: Vec<DeviceId>) -> Result<Vec<DeviceRef>, Error> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = asked.clone();
        let found = self.store.run("find_devices", move |conn| devices::find_refs(conn, &wanted)).await?;
        let mut visible: HashMap<_, _> = found
            .into_iter()
            .filter(|device| caller.scope.allows(&device.site_id))
            .map(|device| (device.device_id.clone(), device))
            .collect();
        let mut devices = Vec::with_capacity(asked.len());
        for (place, device_id) in asked.iter().enumerate() {
            match visible.remove(device_id) {
                Some(device) => devices.push(device),
                None if asked[..place].contains(device_id) => {}
                None => return Err(not_found()),
            }
        }
        Ok(devices)
    }

    /// That site, if the caller may see it.
    pub(crate) async fn site(&self, caller: &OperatorCaller, site_id: SiteId) -> Result<SiteId, Error> {
        let wanted = site_id.clone();
        let found = self.store.run("find_site", move |conn| sites::find(conn, &wanted)).await?;
        match found.filter(|_| caller.scope.allows(&site_id)) {
            Some(_) => Ok(site_id),
            None => Err(Error::not_found(format!("Site {site_id} not found"))),
        }
    }

    /// The site that a list is narrowed to, if the caller may see it; `None` when it is of all.
    pub(crate) async fn narrowed_to(
        &self,
        caller: &OperatorCaller,
        site_id: Option<SiteId>,
    ) -> Result<Option<SiteId>, Error> {
        match site_id {
            Some(site_id) => Ok(Some(self.site(caller, site_id).await?)),
            None => Ok(None),
        }
    }
}

/// Reads the ids of devices, `most` of them at most.
pub(crate) fn read_devices(device_ids: &[String], most: usize) -> Result<Vec<DeviceId>, Error> {
    if device_ids.len() > most {
        return Err(Error::invalid("device_ids", format!("has more than {most} entries")));
    }
    device_ids.iter().map(|id| DeviceId::parse_as("device_ids", id)).collect()
}

/// Reads the id of a site; `None` when none is named.
pub(crate) fn read_site(site_id: &str) -> Result<Option<SiteId>, Error> {
    Some(site_id).filter(|id| !id.is_empty()).map(SiteId::parse).transpose()
}

fn not_found() -> Error {
    Error::not_found("Device not found")
}
