//! `Query`: how metrics went, as a stream of series.

mod answer;
mod gaps;
mod plan;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    Error,
    model::{
        DeviceId, DeviceSource, Faults, Metric, SiteId, from_proto_duration, from_proto_timestamp, to_proto_duration,
        to_proto_timestamp,
    },
    pb::telemetry::v1::{self as pb, query_response::Message},
};
use homepot_operator_api::{Directory, read_devices, read_site};
use homepot_runtime::{auth::OperatorCaller, trace::carried};
use homepot_store::{Store, devices::DeviceRef, maintenance::Retention, series::Source};
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;

use self::{
    answer::Reader,
    plan::{Plan, Span},
};

/// Series that are read at once in this process: queries must leave database threads to those who write.
const READS: usize = 3;
/// Pieces on their way to one caller.
const PIECES: usize = 4;

/// Whose series.
enum Whom {
    /// Of these devices.
    Devices(Vec<DeviceRef>),
    /// Of these taken together, which are all real or all simulated.
    Together(Vec<DeviceRef>, DeviceSource),
    /// Of the devices of a site.
    Site(SiteId, Option<DeviceSource>),
    /// Of those taken together.
    SiteTogether(SiteId, DeviceSource),
}

/// A query that was checked.
struct Query {
    whom: Whom,
    metrics: Vec<Metric>,
    plan: Plan,
}

/// Answers queries.
#[derive(Clone)]
pub(crate) struct Queries {
    store: Store,
    directory: Directory,
    reads: Arc<Semaphore>,
}

impl Queries {
    pub(crate) fn new(store: Store, directory: Directory) -> Self {
        Self { store, directory, reads: Arc::new(Semaphore::new(READS)) }
    }

    /// The pieces of the answer, as they are read; whoever reads them slowly makes the reading slow.
    pub(crate) async fn answer(
        &self,
        caller: &OperatorCaller,
        request: pb::QueryRequest,
    ) -> Result<mpsc::Receiver<Result<pb::QueryResponse, Status>>, Error> {
        let query = self.check(caller, request).await?;
        let (pieces, answer) = mpsc::channel(PIECES);
        // There is room: nothing was sent yet.
        let _ = pieces.try_send(Ok(pb::QueryResponse { message: Some(Message::Plan(told(&query.plan))) }));
        let reader = Reader::new(self.store.clone(), self.reads.clone(), query.plan, query.metrics, pieces.clone());
        tokio::spawn(carried(async move {
            let outcome = match query.whom {
                Whom::Devices(devices) => reader.each(devices).await,
                Whom::Together(devices, source) => reader.together(devices, source).await,
                Whom::Site(site_id, source) => reader.each_of_site(&site_id, source).await,
                Whom::SiteTogether(site_id, source) => reader.site_together(&site_id, source).await,
            };
            if let Err(error) = outcome {
                // Who does not listen any more does not mind.
                let _ = pieces.send(Err(error.into())).await;
            }
        }));
        Ok(answer)
    }

    async fn check(&self, caller: &OperatorCaller, request: pb::QueryRequest) -> Result<Query, Error> {
        let Asked { metrics, names, together, source, plan } =
            Asked::read(&request, &self.store.retention(), self.store.now())?;
        let whom = match names {
            Names::Devices(device_ids) => {
                let mut devices = self.directory.devices(caller, device_ids).await?;
                devices.retain(|device| source.is_none_or(|source| source == device.source));
                match together {
                    false => Whom::Devices(devices),
                    true => {
                        let source = only_source(&devices, source)?;
                        Whom::Together(devices, source)
                    }
                }
            }
            Names::Site(site_id) => match (self.directory.site(caller, site_id).await?.site_id, together) {
                (site_id, false) => Whom::Site(site_id, source),
                // As all totals, and said in the answer.
                (site_id, true) => Whom::SiteTogether(site_id, source.unwrap_or(DeviceSource::Real)),
            },
        };
        Ok(Query { whom, metrics, plan })
    }
}

/// Whose series are asked for.
enum Names {
    Devices(Vec<DeviceId>),
    Site(SiteId),
}

/// The query, as far as the request itself defines it.
struct Asked {
    metrics: Vec<Metric>,
    names: Names,
    together: bool,
    source: Option<DeviceSource>,
    plan: Plan,
}

impl Asked {
    fn read(request: &pb::QueryRequest, kept: &Retention, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut faults = Faults::new();
        let metrics = faults.take(metrics(&request.metrics));
        let together = match pb::QueryGrouping::try_from(request.grouping) {
            Ok(pb::QueryGrouping::Unspecified | pb::QueryGrouping::ByDevice) => Ok(false),
            Ok(pb::QueryGrouping::Together) => Ok(true),
            Err(_) => Err(Error::invalid("grouping", "must be BY_DEVICE or TOGETHER")),
        };
        let together = faults.take(together);
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let names = faults.take(read_names(request));
        let end = match &request.end_time {
            Some(time) => faults.take(from_proto_timestamp("end_time", time)),
            None => Some(now),
        };
        let start = match &request.start_time {
            Some(time) => faults.take(from_proto_timestamp("start_time", time)),
            None => end.map(|end| end - TimeDelta::hours(1)),
        };
        let resolution = request.resolution.as_ref().map(|time| from_proto_duration("resolution", time)).transpose();
        let resolution = faults.take(resolution);
        let times = start.zip(end).zip(resolution);
        // Times that can't be read have told their faults, and nothing can be planned.
        let plan = times.and_then(|((start, end), resolution)| {
            faults.take(Plan::make(Span { start, end, resolution, max_points: request.max_points }, kept, now))
        });
        let ((metrics, names), ((together, source), plan)) =
            faults.finish(metrics.zip(names).zip(together.zip(source).zip(plan)))?;
        Ok(Self { metrics, names, together, source, plan })
    }
}

fn read_names(request: &pb::QueryRequest) -> Result<Names, Error> {
    match (request.device_ids.is_empty(), read_site(&request.site_id)?) {
        (true, None) => Err(Error::invalid("device_ids", "is required, or site_id")),
        (false, Some(_)) => Err(Error::invalid("site_id", "can't be given together with device_ids")),
        (false, None) => Ok(Names::Devices(read_devices(&request.device_ids)?)),
        (true, Some(site_id)) => Ok(Names::Site(site_id)),
    }
}

/// What these devices are, all of them: what was asked for, or what they happen to be. A mixture is nobody's series.
fn only_source(devices: &[DeviceRef], asked: Option<DeviceSource>) -> Result<DeviceSource, Error> {
    if let Some(asked) = asked {
        return Ok(asked);
    }
    let first = devices.first().map_or(DeviceSource::Real, |device| device.source);
    match devices.iter().find(|device| device.source != first) {
        None => Ok(first),
        Some(other) => Err(Error::invalid(
            "source",
            format!(
                "is required, as the devices are not all real or all simulated ({} is {}): give one, or ask for each",
                other.device_id,
                other.source.as_str()
            ),
        )),
    }
}

fn metrics(numbers: &[i32]) -> Result<Vec<Metric>, Error> {
    if numbers.is_empty() {
        return Err(Error::invalid("metrics", "is required: at least one"));
    }
    let mut metrics = Vec::with_capacity(Metric::ALL.len().min(numbers.len()));
    for number in numbers {
        let metric = Metric::try_from(*number)?;
        if metrics.contains(&metric) {
            return Err(Error::invalid("metrics", format!("has {} twice", metric.name())));
        }
        metrics.push(metric);
    }
    Ok(metrics)
}

fn told(plan: &Plan) -> pb::QueryPlan {
    let source = match plan.source {
        Source::Samples => pb::QuerySource::Raw,
        Source::Minutes => pb::QuerySource::Minutes,
        Source::Hours => pb::QuerySource::Hours,
    };
    pb::QueryPlan {
        resolution: Some(to_proto_duration(plan.resolution())),
        source: source.into(),
        start_time: Some(to_proto_timestamp(plan.start)),
        end_time: Some(to_proto_timestamp(plan.end)),
    }
}
