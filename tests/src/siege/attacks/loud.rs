//! Callers with good credentials that take what they can get: an operator that writes, watches and asks for reports, and
//! a device that reports without end.

use std::time::Duration;

use futures_util::{FutureExt as _, future::BoxFuture};
use homepot::{
    model::to_proto_timestamp,
    pb::{analytics::v1 as analytics_pb, command::v1 as command_pb, device::v1 as device_pb, telemetry::v1::Sample},
};
use prost_types::{Struct, Value, value::Kind};
use tokio::task::JoinSet;

use super::{Attack, Target};
use crate::grpc::{Caller, Clients};

/// Watches that nobody reads, as first described.
const WATCHES: u32 = 300;
/// Reports at once.
const REPORTS: u32 = 12;
/// Tasks that write, each one call after the other.
const WRITERS: u32 = 8;
/// The pause after a refusal: an attacker that does not wait at all only spends its own processor.
const PAUSE: Duration = Duration::from_millis(20);

/// An operator with the role viewer.
pub(super) const VIEWER: Attack = Attack {
    name: "loud-viewer",
    about: "Opens 300 watches and reads none, asks for 12 reports at once, and stores activity without end.",
    settings: &[],
    tls: false,
    run: |target| viewer(target).boxed(),
};

/// A device that makes single calls.
pub(super) const DEVICE: Attack = Attack {
    name: "loud-device",
    about: "Reports samples with 4 KiB of extras each without end, in several calls at once.",
    settings: &[],
    tls: false,
    run: |target| device(target).boxed(),
};

fn filling(bytes: usize) -> Option<Struct> {
    let text = Value { kind: Some(Kind::StringValue("x".repeat(bytes))) };
    Some(Struct { fields: [("text".to_owned(), text)].into() })
}

async fn viewer(target: Target) {
    let clients = Clients::new(&target.grpc_addr, &Caller::Operator(target.viewer_token.clone()));
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut unread = Vec::new();
    for _ in 0..target.size(WATCHES) {
        unread.extend(clients.clone().command.watch(command_pb::WatchRequest::default()).await);
    }
    for _ in 0..target.size(REPORTS) {
        let clients = clients.clone();
        tasks.spawn(again(move || {
            let mut analytics = clients.analytics.clone();
            let request = analytics_pb::AggregateActivitiesRequest::default();
            async move { analytics.aggregate_activities(request).await.is_ok() }.boxed()
        }));
    }
    for _ in 0..target.size(WRITERS) {
        let clients = clients.clone();
        tasks.spawn(again(move || {
            let mut analytics = clients.analytics.clone();
            let activity_type = analytics_pb::ActivityType::Click.into();
            let activity = analytics_pb::Activity { activity_type, metadata: filling(4_000), ..Default::default() };
            let request = analytics_pb::LogActivityRequest { activity: Some(activity), ..Default::default() };
            async move { analytics.log_activity(request).await.is_ok() }.boxed()
        }));
    }
    target.at_strength();
    while tasks.join_next().await.is_some() {}
    drop(unread);
}

async fn device(target: Target) {
    let clients = Clients::new(&target.grpc_addr, &Caller::Device(target.device.clone()));
    let mut tasks: JoinSet<()> = JoinSet::new();
    for _ in 0..target.size(WRITERS) {
        let clients = clients.clone();
        tasks.spawn(again(move || {
            let mut device = clients.device.clone();
            let now = chrono::Utc::now();
            let sample = |n: i64| Sample {
                collected_at: Some(to_proto_timestamp(now - chrono::TimeDelta::microseconds(n))),
                extra: filling(4_000),
                ..Default::default()
            };
            let request =
                device_pb::ReportSamplesRequest { samples: (0..100).map(sample).collect(), ..Default::default() };
            async move { device.report_samples(request).await.is_ok() }.boxed()
        }));
    }
    target.at_strength();
    while tasks.join_next().await.is_some() {}
}

/// Makes one call after the other, until it is dropped.
async fn again(call: impl Fn() -> BoxFuture<'static, bool> + Send + 'static) {
    loop {
        if !call().await {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
