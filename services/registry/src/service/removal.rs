//! Removal of devices and sites.

use homepot::{
    Error, Kind,
    model::{
        Device, DeviceId, DeviceSelection, DeviceSource, Faults, History, LabelSelector, Site, SiteId, SiteScope,
        check_expected_devices,
    },
    pb::registry::v1 as pb,
};
use homepot_runtime::{auth::OperatorCaller, trace::carried};
use homepot_store::{
    devices::{self, RemovalFilter},
    sites::{self, SiteRemoval},
};
use tokio::task::JoinHandle;

use super::Service;
use crate::Registry;

/// Devices of a site that are looked up at once to be removed.
const TOGETHER: i64 = 100;

impl Service {
    pub(super) async fn remove_device(
        &self,
        caller: &OperatorCaller,
        request: pb::RemoveDeviceRequest,
    ) -> Result<pb::RemoveDeviceResponse, Error> {
        let mut faults = Faults::new();
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let history = faults.take(History::from_proto(request.history));
        check_confirmed(&mut faults, "device_id", &request.device_id, &request.confirm);
        let (device_id, history) = faults.finish(device_id.zip(history))?;
        let device_id = self.directory.device(caller, device_id).await?.device_id;
        tracing::info!(%device_id, ?history, "removing a device");
        let work = tokio::spawn(carried(self.registry.clone().remove_device(device_id.clone(), history)));
        let device = finished("remove device", work).await?;
        tracing::info!(%device_id, "device removed");
        Ok(pb::RemoveDeviceResponse { device: device.map(Device::into_proto) })
    }

    pub(super) async fn remove_site(
        &self,
        caller: &OperatorCaller,
        request: pb::RemoveSiteRequest,
    ) -> Result<pb::RemoveSiteResponse, Error> {
        let mut faults = Faults::new();
        let site_id = faults.take(SiteId::parse(&request.site_id));
        let history = faults.take(History::from_proto(request.history));
        check_confirmed(&mut faults, "site_id", &request.site_id, &request.confirm);
        let (site_id, history) = faults.finish(site_id.zip(history))?;
        let site_id = self.directory.site(caller, site_id).await?.site_id;
        tracing::info!(%site_id, ?history, with_devices = request.with_devices, "removing a site");
        let work =
            tokio::spawn(carried(self.registry.clone().remove_site(site_id.clone(), history, request.with_devices)));
        let (site, devices_removed) = finished("remove site", work).await?;
        tracing::info!(%site_id, devices_removed, "site removed");
        Ok(pb::RemoveSiteResponse { site: site.map(Site::into), devices_removed })
    }

    pub(super) async fn remove_simulated_devices(
        &self,
        caller: &OperatorCaller,
        request: pb::RemoveSimulatedDevicesRequest,
    ) -> Result<pb::RemoveSimulatedDevicesResponse, Error> {
        let (site_ids, selector) = read(&request)?;
        if request.all {
            caller.check_fresh()?;
        }
        for site_id in &site_ids {
            self.directory.site(caller, site_id.clone()).await?;
        }
        let filter = RemovalFilter { scope: caller.scope.clone(), site_ids, selector };
        self.registry.check_expected(&filter, request.expected_devices).await?;
        tracing::info!(?filter, "removing simulated devices");
        let work = tokio::spawn(carried(self.registry.clone().remove_simulated(filter)));
        let removed = finished("remove simulated devices", work).await?;
        tracing::info!(removed, "simulated devices removed");
        Ok(pb::RemoveSimulatedDevicesResponse { removed: u32::try_from(removed).unwrap_or(u32::MAX) })
    }
}

/// What came of a removal. It is a task of its own: who asked may not wait for the end, and half of it would be of no use to
/// anybody.
async fn finished<T>(what: &str, work: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    work.await.map_err(|error| {
        tracing::error!(%error, "{what}");
        Error::internal()
    })?
}

/// What is removed for good is named twice.
fn check_confirmed(faults: &mut Faults, field: &str, id: &str, confirm: &str) {
    if confirm != id {
        faults.add("confirm", format!("must be the same as {field}"));
    }
}

/// Which devices are meant. Conditions that are all empty mean nothing here, and not everything.
fn read(request: &pb::RemoveSimulatedDevicesRequest) -> Result<(Vec<SiteId>, Option<LabelSelector>), Error> {
    let mut faults = Faults::new();
    let parse = |id: &String| faults.take(SiteId::parse_as("site_ids", id));
    let site_ids: Vec<_> = request.site_ids.iter().filter_map(parse).collect();
    let selector = faults.take(LabelSelector::parse("label_selector", &request.label_selector)).flatten();
    let is_narrowed = !request.site_ids.is_empty() || !request.label_selector.trim().is_empty();
    match (request.all, is_narrowed) {
        (false, false) => faults.add("all", "must be true to remove every simulated device; or name a site or labels"),
        (true, true) => faults.add("all", "must not be true beside a site or labels"),
        _ => {}
    }
    faults.check()?;
    Ok((site_ids, selector))
}

impl Registry {
    /// First it is marked, so that its stream ends and nothing new comes of it; then its history goes, if it is to. Each step
    /// stands for itself: who begins again after a crash goes on where this ended.
    async fn remove_device(self, device_id: DeviceId, history: History) -> Result<Option<Device>, Error> {
        let store = &self.inner.store;
        let wanted = device_id.clone();
        let marked = store.run("mark_device_removed", move |conn| devices::mark_removed(conn, &wanted)).await?;
        let pk = marked.ok_or_else(|| Error::not_found("Device not found"))?;
        self.inner.shut_out.notify_one();
        self.presence_changed();
        if history == History::Keep {
            return Ok(store.run("find_device", move |conn| devices::find(conn, &device_id)).await?);
        }
        while store.run("thin_out_device", move |conn| devices::thin_out(conn, &[pk])).await? {}
        store.run("purge_device", move |conn| devices::purge(conn, &[pk])).await?;
        self.inner.shut_out.notify_one();
        self.presence_changed();
        Ok(None)
    }

    /// First it is marked, so that nothing joins it any more; then its devices go one by one, then what is left of it.
    async fn remove_site(
        self,
        site_id: SiteId,
        history: History,
        with_devices: bool,
    ) -> Result<(Option<Site>, u32), Error> {
        let store = &self.inner.store;
        let mut removed = 0;
        loop {
            let id = site_id.clone();
            let mark = move |conn: &mut _| sites::mark_removed(conn, &id, history, with_devices);
            let site = marked(&site_id, store.run("mark_site_removed", mark).await?)?;
            loop {
                let id = site_id.clone();
                let next = move |conn: &mut _| devices::to_remove(conn, &id, history, TOGETHER);
                let next = store.run("find_devices_to_remove", next).await?;
                if next.is_empty() {
                    break;
                }
                for device_id in next {
                    match self.clone().remove_device(device_id, history).await {
                        Ok(_) => removed += 1,
                        // Somebody else was faster.
                        Err(error) if error.kind() == Kind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            if history == History::Keep {
                return Ok((Some(site), removed));
            }
            let id = site_id.clone();
            while store
                .run("thin_out_site", {
                    let id = id.clone();
                    move |conn| sites::thin_out(conn, &id)
                })
                .await?
            {}
            if store.run("purge_site", move |conn| sites::purge(conn, &id)).await? {
                return Ok((None, removed));
            }
        }
    }

    /// Whether as many simulated devices are meant as the caller expects.
    async fn check_expected(&self, filter: &RemovalFilter, expected: Option<u32>) -> Result<(), Error> {
        if expected.is_none() {
            return Ok(());
        }
        let RemovalFilter { scope, site_ids, selector } = filter.clone();
        let scope = if site_ids.is_empty() { scope } else { SiteScope::Only(site_ids) };
        let meant = DeviceSelection { source: Some(DeviceSource::Simulated), ..DeviceSelection::all(scope) };
        let count = move |conn: &mut _| devices::count_matching(conn, &meant, selector.as_ref());
        let found = self.inner.store.run("count_simulated_devices", count).await?;
        check_expected_devices(u64::try_from(found).unwrap_or_default(), expected)
    }

    /// First all are shut out, so that their streams end and nothing new comes of them; then they go, few at a time. Each
    /// step stands for itself: who begins again after a crash goes on where this ended.
    async fn remove_simulated(self, filter: RemovalFilter) -> Result<usize, Error> {
        let store = &self.inner.store;
        loop {
            let filter = filter.clone();
            let shut_out =
                store.run("shut_out_simulated_devices", move |conn| devices::shut_out_simulated(conn, &filter)).await?;
            if shut_out == 0 {
                break;
            }
            self.inner.shut_out.notify_one();
        }
        let mut removed = 0;
        loop {
            let filter = filter.clone();
            let step =
                store.run("remove_simulated_devices", move |conn| devices::remove_simulated(conn, &filter)).await?;
            let Some(step) = step else { break };
            removed += step;
            metrics::counter!("homepot_simulated_devices_removed_total").increment(step as u64);
            self.inner.shut_out.notify_one();
            self.presence_changed();
        }
        Ok(removed)
    }
}

/// The site as it was marked, or why it was not.
fn marked(site_id: &SiteId, outcome: SiteRemoval) -> Result<Site, Error> {
    let told = match outcome {
        SiteRemoval::Marked(site) => return Ok(site),
        SiteRemoval::Missing => return Err(Error::not_found(format!("Site {site_id} not found"))),
        SiteRemoval::HasDevices(there, 0) => {
            format!("Site {site_id} has {there} device(s); with_devices removes them too")
        }
        SiteRemoval::HasDevices(there, kept) => format!(
            "Site {site_id} has {there} device(s), and {kept} that were removed and keep their history; with_devices removes \
             them too"
        ),
        SiteRemoval::HasOperators(names) => format!(
            "operators are bound to site {site_id} and would reach the next site of that id; revoke them first: {}",
            names.join(", ")
        ),
    };
    Err(Error::new(Kind::Conflict, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(site_ids: &[&str], label_selector: &str, all: bool) -> Vec<String> {
        let site_ids = site_ids.iter().map(|id| (*id).to_owned()).collect();
        let request = pb::RemoveSimulatedDevicesRequest {
            site_ids,
            label_selector: label_selector.to_owned(),
            all,
            ..Default::default()
        };
        let error = read(&request).err();
        error.iter().flat_map(Error::field_violations).map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn everything_takes_a_word_of_its_own_and_blank_conditions_are_none() {
        for (sites, selector) in [(&[][..], ""), (&[], " \t")] {
            assert_eq!(faults(sites, selector, false), ["all"], "{selector:?}");
            assert!(faults(sites, selector, true).is_empty());
        }
        for (sites, selector) in [(&["s"][..], ""), (&[], "fleet=load"), (&["s"], "fleet=load")] {
            assert!(faults(sites, selector, false).is_empty());
            assert_eq!(faults(sites, selector, true), ["all"]);
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        assert_eq!(faults(&["", "s", "a/b"], "a b c", true), ["site_ids", "site_ids", "label_selector", "all"]);
    }
}
