//! Analytics: what people do in the tools around HOMEPOT, and what goes wrong in applications.
//!
//! Its inputs are activity and errors from operators (`AnalyticsService`) and errors of devices from the link
//! ([`Analytics::report`]). It calls the store. Each call is answered after the commit; calls that come at the same
//! time share one. Repeats of an error are folded into one row with a count, so a flood costs few rows and commits, and
//! every error is counted.

mod service;

use homepot::{
    Error,
    model::{Activity, DeviceId, DeviceSource, ErrorReport, StoredActivity},
    pb::analytics::v1::analytics_service_server::AnalyticsServiceServer,
};
use homepot_operator_api::Directory;
use homepot_runtime::auth::{DeviceCaller, OperatorCaller};
use homepot_store::{
    Combiner, Lane, Store, activities,
    devices::DeviceRef,
    error_groups::{self, ErrorDevice, NewError},
};

const MAX_REQUEST_BYTES: usize = 1 << 20;
/// A page ends at 1 MiB.
const MAX_ANSWER_BYTES: usize = 2 << 20;
/// Items of a batch, at most: enough to share the cost of a commit, few enough to hold their locks for milliseconds.
const BATCH: usize = 256;

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Analytics {
    store: Store,
    activities: Combiner<StoredActivity, ()>,
    errors: Combiner<NewError, bool>,
    directory: Directory,
}

impl Analytics {
    /// Analytics over `store`; to be called on a runtime.
    pub fn build(store: Store) -> Self {
        Self {
            activities: Combiner::start(store.clone(), "insert_activities", BATCH, activities::insert),
            errors: Combiner::start(store.lane(Lane::Devices), "fold_errors", BATCH, error_groups::fold),
            directory: Directory::new(store.clone()),
            store,
        }
    }

    /// The operators' face of it.
    pub fn service(&self) -> AnalyticsServiceServer<service::Service> {
        AnalyticsServiceServer::new(service::Service::new(self.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Counts an error that a device tells of itself.
    pub async fn report(&self, caller: &DeviceCaller, report: ErrorReport) -> Result<(), Error> {
        let (pk, site_id, source) = (caller.pk, caller.site_id.clone(), caller.source);
        let device = Some(ErrorDevice { pk, site_id, source });
        self.count(NewError { report, device, operator: None, source, at: self.store.now() }).await
    }

    /// Counts an error that an operator tells of an application, on a device or on none. It is simulated where either the
    /// device or what tells of it is.
    async fn log_error(
        &self,
        caller: &OperatorCaller,
        report: ErrorReport,
        device_id: Option<DeviceId>,
        source: DeviceSource,
    ) -> Result<(), Error> {
        let device = match device_id {
            Some(device_id) => {
                let DeviceRef { pk, site_id, source, .. } = self.directory.device(caller, device_id).await?;
                Some(ErrorDevice { pk, site_id, source })
            }
            None => None,
        };
        let on_simulated = device.as_ref().is_some_and(|device| device.source == DeviceSource::Simulated);
        let source = if on_simulated { DeviceSource::Simulated } else { source };
        self.count(NewError { report, device, operator: Some(caller.name.clone()), source, at: self.store.now() }).await
    }

    async fn count(&self, error: NewError) -> Result<(), Error> {
        let severity = error.report.severity.as_str();
        let source = error.source.as_str();
        if !self.errors.run(error).await? {
            return Err(Error::not_found("Device not found"));
        }
        metrics::counter!("homepot_errors_logged_total", "severity" => severity, "source" => source).increment(1);
        Ok(())
    }

    /// Keeps what somebody did, under the name by which it came in.
    async fn log_activity(
        &self,
        caller: &OperatorCaller,
        activity: Activity,
        source: DeviceSource,
    ) -> Result<(), Error> {
        self.activities
            .run(StoredActivity { activity, operator: caller.name.clone(), at: self.store.now(), source })
            .await?;
        metrics::counter!("homepot_activities_logged_total", "source" => source.as_str()).increment(1);
        Ok(())
    }
}
