//! The end of simulated devices.

use homepot::{
    Error,
    model::{LabelSelector, SiteId},
    pb::registry::v1 as pb,
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::devices::{self, RemovalFilter};

use super::Service;
use crate::Registry;

/// Sites in one request.
const MAX_SITES: usize = 1_000;

impl Service {
    pub(super) async fn remove_simulated_devices(
        &self,
        caller: &OperatorCaller,
        request: pb::RemoveSimulatedDevicesRequest,
    ) -> Result<pb::RemoveSimulatedDevicesResponse, Error> {
        if request.site_ids.len() > MAX_SITES {
            return Err(Error::invalid("site_ids", format!("has more than {MAX_SITES} entries")));
        }
        let selector = LabelSelector::parse("label_selector", &request.label_selector)?;
        let parse = |id: &String| SiteId::parse_as("site_ids", id);
        let site_ids = request.site_ids.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        for site_id in &site_ids {
            self.site_of(caller, site_id).await?;
        }
        let filter = RemovalFilter { scope: caller.scope.clone(), site_ids, selector };
        tracing::info!(by = %caller.name, ?filter, "removing simulated devices");
        // A task of its own: who asked may not wait for the end, and half of it would be of no use to anybody.
        let work = tokio::spawn(self.registry.clone().remove_simulated(filter));
        let removed = work.await.map_err(|error| {
            tracing::error!(%error, "remove simulated devices");
            Error::internal()
        })??;
        tracing::info!(by = %caller.name, removed, "simulated devices removed");
        Ok(pb::RemoveSimulatedDevicesResponse { removed: u32::try_from(removed).unwrap_or(u32::MAX) })
    }
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
