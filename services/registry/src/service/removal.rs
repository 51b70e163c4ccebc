//! The end of simulated devices.

use homepot::{
    Error,
    model::{Faults, LabelSelector, SiteId},
    pb::registry::v1 as pb,
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::devices::{self, RemovalFilter};

use super::Service;
use crate::Registry;

/// Sites in one request.

impl Service {
    pub(super) async fn remove_simulated_devices(
        &self,
        caller: &OperatorCaller,
        request: pb::RemoveSimulatedDevicesRequest,
    ) -> Result<pb::RemoveSimulatedDevicesResponse, Error> {
        let (site_ids, selector) = read(&request)?;
        for site_id in &site_ids {
            self.directory.site(caller, site_id.clone()).await?;
        }
        let filter = RemovalFilter { scope: caller.scope.clone(), site_ids, selector };
        tracing::info!(?filter, "removing simulated devices");
        // A task of its own: who asked may not wait for the end, and half of it would be of no use to anybody.
        let work = tokio::spawn(self.registry.clone().remove_simulated(filter));
        let removed = work.await.map_err(|error| {
            tracing::error!(%error, "remove simulated devices");
            Error::internal()
        })??;
        tracing::info!(removed, "simulated devices removed");
        Ok(pb::RemoveSimulatedDevicesResponse { removed: u32::try_from(removed).unwrap_or(u32::MAX) })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(site_ids: &[&str], label_selector: &str, all: bool) -> Vec<String> {
        let site_ids = site_ids.iter().map(|id| (*id).to_owned()).collect();
        let request = pb::RemoveSimulatedDevicesRequest { site_ids, label_selector: label_selector.to_owned(), all };
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
