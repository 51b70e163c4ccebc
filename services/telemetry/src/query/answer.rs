//! Reads what a plan asks for, device by device, and sends it piece by piece.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _, stream};
use homepot::{
    Error, Kind,
    model::{Aggregate, DeviceId, DeviceSource, Loss, Metric, SiteId, to_proto_timestamp},
    pb::{
        common::v1 as common_pb,
        telemetry::v1::{self as pb, query_response::Message},
    },
};
use homepot_store::{
    Lane, Store,
    devices::{self, DeviceRef},
    losses,
    series::{self, Points, SeriesQuery},
};
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;

use super::{
    gaps::{Stretch, missing},
    plan::Plan,
};

/// Points in one message.
const PIECE: usize = 1_000;
/// Devices that are read ahead of the one that is being sent.
const AHEAD: usize = 3;
/// Points that are read ahead; a device of more is read when its turn comes, so that a caller who does not read keeps
/// the points of one device at most.
const POINTS_AHEAD: usize = 60_000;
/// Devices of a site that are looked up at once.
const PAGE: u32 = 500;

/// All of one device.
struct OfDevice {
    device: DeviceRef,
    /// In the order of the metrics asked for.
    series: Vec<Points>,
    missing: Vec<Stretch>,
    losses: Vec<Loss>,
}

/// Whose a series is: a device and its site, either empty where several are taken together, and their source.
#[derive(Clone, Copy)]
struct Of<'a>(&'a str, &'a str, DeviceSource);

/// Reads and sends one answer.
pub(super) struct Reader {
    store: Store,
    reads: Arc<Semaphore>,
    plan: Plan,
    metrics: Vec<Metric>,
    pieces: mpsc::Sender<Result<pb::QueryResponse, Status>>,
}

impl Reader {
    pub(super) fn new(
        store: Store,
        reads: Arc<Semaphore>,
        plan: Plan,
        metrics: Vec<Metric>,
        pieces: mpsc::Sender<Result<pb::QueryResponse, Status>>,
    ) -> Self {
        Self { store, reads, plan, metrics, pieces }
    }

    /// Series of each device.
    pub(super) async fn each(&self, devices: Vec<DeviceRef>) -> Result<(), Error> {
        let mut read = std::pin::pin!(self.read_all(devices));
        while let Some(of_device) = read.next().await {
            let of_device = of_device?;
            let DeviceRef { device_id, site_id, source, .. } = &of_device.device;
            for (metric, points) in self.metrics.iter().zip(&of_device.series) {
                self.send_series(Of(device_id.as_str(), site_id.as_str(), *source), *metric, points).await?;
            }
            self.send_gaps(&of_device).await?;
        }
        Ok(())
    }

    /// Series of each device of a site, or of each of a source.
    pub(super) async fn each_of_site(&self, site_id: &SiteId, source: Option<DeviceSource>) -> Result<(), Error> {
        let mut after = None;
        loop {
            let devices = self.page(site_id, source, after).await?;
            let Some(last) = devices.last() else { return Ok(()) };
            after = Some(last.device_id.clone());
            self.each(devices).await?;
        }
    }

    /// Series of all these devices taken together, which are of one source.
    pub(super) async fn together(&self, devices: Vec<DeviceRef>, source: DeviceSource) -> Result<(), Error> {
        let mut sites: Vec<_> = devices.iter().map(|device| device.site_id.clone()).collect();
        sites.dedup();
        let site_id = if let [site_id] = &sites[..] { site_id.as_str() } else { "" };
        let mut sum = self.nothing();
        self.add(&mut sum, devices).await?;
        self.send_sum(Of("", site_id, source), sum).await
    }

    /// Series of all devices of a site and of a source taken together.
    pub(super) async fn site_together(&self, site_id: &SiteId, source: DeviceSource) -> Result<(), Error> {
        let mut sum = self.nothing();
        let mut after = None;
        loop {
            let devices = self.page(site_id, Some(source), after).await?;
            let Some(last) = devices.last() else { break };
            after = Some(last.device_id.clone());
            self.add(&mut sum, devices).await?;
        }
        self.send_sum(Of("", site_id.as_str(), source), sum).await
    }

    fn nothing(&self) -> Vec<BTreeMap<DateTime<Utc>, Aggregate>> {
        vec![BTreeMap::new(); self.metrics.len()]
    }

    /// Takes these devices into `sum`, which grows by points and not by devices, and sends their gaps.
    async fn add(&self, sum: &mut [BTreeMap<DateTime<Utc>, Aggregate>], devices: Vec<DeviceRef>) -> Result<(), Error> {
        let mut read = std::pin::pin!(self.read_all(devices));
        while let Some(of_device) = read.next().await {
            let mut of_device = of_device?;
            for (sum, points) in sum.iter_mut().zip(std::mem::take(&mut of_device.series)) {
                for (start, aggregate) in points {
                    sum.entry(start).and_modify(|sum| *sum = sum.merge(aggregate)).or_insert(aggregate);
                }
            }
            self.send_gaps(&of_device).await?;
        }
        Ok(())
    }

    async fn send_sum(&self, of: Of<'_>, sum: Vec<BTreeMap<DateTime<Utc>, Aggregate>>) -> Result<(), Error> {
        for (metric, points) in self.metrics.iter().zip(sum) {
            self.send_series(of, *metric, &points.into_iter().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    async fn page(
        &self,
        site_id: &SiteId,
        source: Option<DeviceSource>,
        after: Option<DeviceId>,
    ) -> Result<Vec<DeviceRef>, Error> {
        let site_id = site_id.clone();
        let list = move |conn: &mut _| devices::of_site(conn, &site_id, source, after.as_ref(), PAGE);
        Ok(self.store.run("list_devices_of_site", list).await?)
    }

    /// In order, a few of them ahead.
    fn read_all(&self, devices: Vec<DeviceRef>) -> impl Stream<Item = Result<OfDevice, Error>> {
        let points = usize::try_from(self.plan.points()).unwrap_or(usize::MAX).saturating_mul(self.metrics.len());
        let ahead = (POINTS_AHEAD / points.max(1)).clamp(1, AHEAD);
        stream::iter(devices).map(|device| self.read(device)).buffered(ahead)
    }

    async fn read(&self, device: DeviceRef) -> Result<OfDevice, Error> {
        let stopping = |_| Error::new(Kind::Unavailable, "the server is stopping");
        let _turn = self.reads.acquire().await.map_err(stopping)?;
        let plan = self.plan;
        let query = SeriesQuery {
            metrics: self.metrics.clone(),
            start: plan.start,
            end: plan.end,
            resolution: plan.resolution(),
            source: plan.source,
        };
        let pk = device.pk;
        let read = move |conn: &mut _| {
            let series = series::read(conn, pk, &query)?;
            let losses = losses::list(conn, pk, query.start, query.end)?;
            Ok((series, losses))
        };
        let (series, losses) = self.store.lane(Lane::Reports).run("read_series", read).await?;
        let mut starts: Vec<_> = series.iter().flatten().map(|(start, _)| *start).collect();
        starts.sort_unstable();
        starts.dedup();
        Ok(OfDevice { device, missing: missing(&plan, &starts, self.store.now()), series, losses })
    }

    async fn send_series(
        &self,
        Of(device_id, site_id, source): Of<'_>,
        metric: Metric,
        points: &[(DateTime<Utc>, Aggregate)],
    ) -> Result<(), Error> {
        for piece in points.chunks(PIECE) {
            let series = pb::Series {
                device_id: device_id.to_owned(),
                site_id: site_id.to_owned(),
                metric: pb::Metric::from(metric).into(),
                points: piece.iter().map(|point| as_sent(metric, point)).collect(),
                source: common_pb::DeviceSource::from(source).into(),
            };
            self.send(Message::Series(series)).await?;
        }
        Ok(())
    }

    async fn send_gaps(&self, of_device: &OfDevice) -> Result<(), Error> {
        let gap = |start, end, reason: pb::GapReason, samples| pb::Gap {
            device_id: of_device.device.device_id.to_string(),
            start_time: Some(to_proto_timestamp(start)),
            end_time: Some(to_proto_timestamp(end)),
            reason: reason.into(),
            samples,
            source: common_pb::DeviceSource::from(of_device.device.source).into(),
        };
        for (start, end) in &of_device.missing {
            self.send(Message::Gap(gap(*start, *end, pb::GapReason::NoSamples, 0))).await?;
        }
        for loss in &of_device.losses {
            self.send(Message::Gap(gap(loss.start, loss.end, loss.reason.into(), loss.samples))).await?;
        }
        Ok(())
    }

    async fn send(&self, message: Message) -> Result<(), Error> {
        let piece = pb::QueryResponse { message: Some(message) };
        self.pieces.send(Ok(piece)).await.map_err(|_| Error::new(Kind::Unavailable, "the caller has left"))
    }
}

fn as_sent(metric: Metric, (start, aggregate): &(DateTime<Utc>, Aggregate)) -> pb::Point {
    pb::Point {
        start_time: Some(to_proto_timestamp(*start)),
        count: aggregate.count,
        min: aggregate.min,
        max: aggregate.max,
        average: metric.rounded(aggregate.average()),
        sum: aggregate.sum,
        last: aggregate.last,
    }
}
