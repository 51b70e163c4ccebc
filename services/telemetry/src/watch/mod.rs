//! `Watch`: the newest samples as they come in, to any number of viewers for one look into the database a second.

mod poller;
mod viewer;

use std::sync::Arc;

use futures_util::{Stream, stream};
use homepot::{
    Error,
    model::{DeviceSource, Faults},
    pb::telemetry::v1::{self as pb},
};
use homepot_runtime::{Drain, auth::OperatorCaller};
use homepot_store::{Store, samples::LatestFilter};
use tonic::Status;

use self::{poller::Poller, viewer::Viewer};
use crate::directory::{self, Directory};

/// Devices named by one viewer.
const MAX_DEVICES: usize = 1_000;

/// Lets callers watch.
#[derive(Clone)]
pub(crate) struct Watches {
    store: Store,
    directory: Directory,
    poller: Arc<Poller>,
    drain: Drain,
}

impl Watches {
    pub(crate) fn new(store: Store, drain: Drain) -> Self {
        Self {
            directory: Directory::new(store.clone()),
            poller: Arc::new(Poller::new(store.clone(), drain.clone())),
            store,
            drain,
        }
    }

    /// What the caller sees from now on, until it leaves or the server stops.
    pub(crate) async fn watch(
        &self,
        caller: &OperatorCaller,
        request: pb::WatchRequest,
    ) -> Result<impl Stream<Item = Result<pb::WatchResponse, Status>> + Send + 'static, Error> {
        let mut faults = Faults::new();
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let devices = faults.take(directory::read_devices(&request.device_ids, MAX_DEVICES));
        let site_id = faults.take(directory::read_site(&request.site_id));
        let ((source, devices), site_id) = faults.finish(source.zip(devices).zip(site_id))?;
        let devices = self.directory.devices(caller, devices).await?;
        let site_id = self.directory.narrowed_to(caller, site_id).await?;
        let filter = LatestFilter {
            scope: caller.scope.clone(),
            site_id,
            source,
            device_ids: devices.into_iter().map(|device| device.device_id).collect(),
        };
        // Before the first look, so that nothing falls between it and the news.
        let news = self.poller.subscribe();
        let viewer = Viewer::new(self.store.clone(), filter, news, self.drain.clone());
        Ok(stream::unfold(viewer, |mut viewer| async move {
            let next = viewer.next().await?;
            Some((next, viewer))
        }))
    }
}
