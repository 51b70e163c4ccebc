//! `Watch`: the newest samples as they come in, to any number of viewers for one look into the database a second.

mod poller;
mod viewer;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use homepot::{
    Error,
    model::{DeviceSource, Faults},
    pb::telemetry::v1::{self as pb},
};
use homepot_operator_api::{Answers, Directory, Named};
use homepot_runtime::{Drain, auth::OperatorCaller};
use homepot_store::Store;

use self::{poller::Poller, viewer::Viewer};

/// Lets callers watch.
#[derive(Clone)]
pub(crate) struct Watches {
    store: Store,
    directory: Directory,
    poller: Arc<Poller>,
    drain: Drain,
}

impl Watches {
    pub(crate) fn new(store: Store, directory: Directory, drain: Drain) -> Self {
        Self { directory, poller: Arc::new(Poller::new(store.clone(), drain.clone())), store, drain }
    }

    /// What the caller sees from now on, until it leaves or the server stops.
    pub(crate) async fn watch(
        &self,
        caller: &OperatorCaller,
        request: pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        let mut faults = Faults::new();
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let named = Named::read(&mut faults, &request.site_id, &request.device_ids);
        let source = faults.finish(source)?;
        let selection = self.directory.select(caller, named, source).await?;
        // Before the first look, so that nothing falls between it and the news.
        let news = self.poller.subscribe();
        let viewer = Viewer::new(self.store.clone(), selection, news, self.drain.clone());
        Ok(stream::unfold(viewer, |mut viewer| async move {
            let next = viewer.next().await?;
            Some((next, viewer))
        })
        .boxed())
    }
}
