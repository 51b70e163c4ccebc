//! What devices measured: asked for as series, watched as it comes in, and safe on its way into Postgres.

mod ingest;
mod query;
mod rest;
mod watch;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use homepot::{
    model::{from_proto_timestamp, to_proto_timestamp},
    pb::{
        device::v1::{self as device_pb, SamplesAck, attach_request::Message as Up, attach_response::Message as Down},
        telemetry::v1::Sample,
    },
};
use homepot_tests::{Session, System};
use tonic::Status;

const SITE: &str = "site-001";

/// A sample of a time and a load of the processor.
pub(crate) fn sample(at: DateTime<Utc>, cpu_percent: f64) -> Sample {
    Sample { collected_at: Some(to_proto_timestamp(at)), cpu_percent: Some(cpu_percent), ..Default::default() }
}

pub(crate) fn message(first_seq: u64, samples: Vec<Sample>) -> Up {
    Up::Samples(device_pb::Samples { first_seq, samples, resent: false })
}

pub(crate) async fn ack(session: &mut Session) -> SamplesAck {
    let read = |message: &Down| match message {
        Down::SamplesAck(ack) => Some(ack.clone()),
        _ => None,
    };
    session.expect("SamplesAck", read).await
}

/// Enrols a device and has it send samples of these times and loads.
async fn device_with(server: &System, site: &str, device_id: &str, samples: &[(DateTime<Utc>, f64)]) -> Session {
    let key = server.enroll(site, device_id).await;
    let (mut session, _) = Session::attach(server, &key).await;
    if !samples.is_empty() {
        session.send(message(1, samples.iter().map(|(at, value)| sample(*at, *value)).collect())).await;
        ack(&mut session).await;
    }
    session
}

/// The start of a minute some minutes ago.
fn minutes_ago(minutes: i64) -> DateTime<Utc> {
    let time = Utc::now().trunc_subsecs(0) - TimeDelta::minutes(minutes);
    time - TimeDelta::seconds(time.timestamp() % 60)
}

fn time(time: Option<&prost_types::Timestamp>) -> DateTime<Utc> {
    from_proto_timestamp("time", time.unwrap()).unwrap()
}

/// The field that a refusal names.
fn field(status: Status) -> String {
    let error = homepot::Error::from(&status);
    error.field_violations().first().map(|fault| fault.field.clone()).unwrap_or_default()
}
