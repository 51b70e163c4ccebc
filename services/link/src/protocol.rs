//! The rules of a session that need no I/O: what a message must look like, and how long silence may last.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use homepot::{
    Error,
    model::{CommandId, Hello, OFFLINE_AFTER_HEARTBEATS, Outcome, Sample},
    pb::{
        device::v1::{self as pb, attach_request::Message},
        telemetry::v1::{self as telemetry_pb, RefusedSample},
    },
};

/// Samples in one message, at most.
pub(crate) const MAX_SAMPLES: usize = 1_000;
/// Samples sent and not acknowledged, at most.
pub(crate) const MAX_UNACKNOWLEDGED: u32 = 10_000;

/// A message that was understood.
#[derive(Debug)]
pub(crate) enum Incoming {
    Hello(Hello),
    Samples(Batch),
    Heartbeat,
    Acknowledged(CommandId),
    Started(CommandId),
    Outcome(Outcome),
    /// A kind of a later protocol.
    Unknown,
}

/// A message of samples: the good ones, and the bad ones by their place.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) refused: Vec<RefusedSample>,
}

/// Reads a message; one that is malformed is refused by kind and field.
pub(crate) fn read(message: pb::AttachRequest, now: DateTime<Utc>) -> Result<Incoming, pb::Refusal> {
    match message.message {
        None | Some(Message::SamplesLost(_)) => Ok(Incoming::Unknown),
        Some(Message::Heartbeat(_)) => Ok(Incoming::Heartbeat),
        Some(Message::Hello(hello)) => Hello::try_from(hello).map(Incoming::Hello).map_err(|e| refusal("hello", &e)),
        Some(Message::Samples(samples)) => {
            read_batch(samples, now).map(Incoming::Samples).map_err(|e| refusal("samples", &e))
        }
        Some(Message::CommandAcknowledged(told)) => CommandId::parse(&told.command_id)
            .map(Incoming::Acknowledged)
            .map_err(|e| refusal("command_acknowledged", &e)),
        Some(Message::CommandStarted(told)) => {
            CommandId::parse(&told.command_id).map(Incoming::Started).map_err(|e| refusal("command_started", &e))
        }
        Some(Message::CommandOutcome(outcome)) => {
            Outcome::try_from(outcome).map(Incoming::Outcome).map_err(|e| refusal("command_outcome", &e))
        }
    }
}

fn refusal(message: &str, error: &Error) -> pb::Refusal {
    let field = error.field_violations().first().map(|fault| fault.field.clone()).unwrap_or_default();
    pb::Refusal { message: message.to_owned(), field, reason: error.message().to_owned() }
}

fn read_batch(message: pb::Samples, now: DateTime<Utc>) -> Result<Batch, Error> {
    let count = message.samples.len();
    if count == 0 || count > MAX_SAMPLES {
        return Err(Error::invalid("samples", format!("must be 1 to {MAX_SAMPLES} samples")));
    }
    let last_seq = message
        .first_seq
        .checked_add(count as u64 - 1)
        .filter(|_| message.first_seq > 0)
        .ok_or_else(|| Error::invalid("first_seq", "must count from 1"))?;
    let (samples, refused) = read_samples(message.samples, now, |_| None);
    Ok(Batch { first_seq: message.first_seq, last_seq, samples, refused })
}

/// Checks samples one by one; `stamp` gives the time to one that brings none.
pub(crate) fn read_samples(
    samples: Vec<telemetry_pb::Sample>,
    now: DateTime<Utc>,
    mut stamp: impl FnMut(usize) -> Option<DateTime<Utc>>,
) -> (Vec<Sample>, Vec<RefusedSample>) {
    let mut good = Vec::with_capacity(samples.len());
    let mut refused = Vec::new();
    for (index, sample) in samples.into_iter().enumerate() {
        let checked =
            Sample::from_proto(sample, stamp(index)).and_then(|sample| sample.check_clock(now).map(|()| sample));
        match checked {
            Ok(sample) => good.push(sample),
            Err(fault) => {
                metrics::counter!("homepot_samples_refused_total", "field" => fault.field.clone()).increment(1);
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                refused.push(RefusedSample { index, field: fault.field, reason: fault.reason });
            }
        }
    }
    (good, refused)
}

/// How long a device may be silent on its stream.
pub(crate) fn silence(heartbeat: Duration) -> Duration {
    heartbeat.mul_f64(OFFLINE_AFTER_HEARTBEATS)
}

/// `span`, by up to a tenth more or less, so that what began together does not end together.
pub(crate) fn jittered(span: Duration, random: u32) -> Duration {
    let fraction = f64::from(random) / f64::from(u32::MAX);
    span.mul_f64(0.9 + 0.2 * fraction)
}

/// Times for samples that bring none: the server's clock, and never the same one twice, since the time is the identity.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    last_micros: AtomicI64,
}

impl Stamps {
    /// A time at or just after `now` that was not given before.
    pub(crate) fn next(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let now = now.timestamp_micros();
        let next = |last: i64| now.max(last + 1);
        let last = self.last_micros.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let micros = next(last.unwrap_or_else(|last| last));
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn samples(first_seq: u64, samples: Vec<telemetry_pb::Sample>) -> pb::AttachRequest {
        pb::AttachRequest { message: Some(Message::Samples(pb::Samples { first_seq, samples, resent: false })) }
    }

    fn good() -> telemetry_pb::Sample {
        Sample::empty(now()).into()
    }

    #[test]
    fn a_bad_sample_is_refused_by_its_place_and_the_good_ones_go_on() {
        let bad = telemetry_pb::Sample { cpu_percent: Some(101.0), ..good() };
        let Ok(Incoming::Samples(batch)) = read(samples(5, vec![good(), bad, good()]), now()) else {
            panic!("the message was refused")
        };
        assert_eq!((batch.last_seq, batch.samples.len()), (7, 2));
        assert_eq!((batch.refused[0].index, batch.refused[0].field.as_str()), (1, "cpu_percent"));
    }

    #[test]
    fn a_malformed_message_is_refused_by_kind_and_field() {
        for (message, kind, field) in [
            (samples(0, vec![good()]), "samples", "first_seq"),
            (samples(u64::MAX, vec![good(), good()]), "samples", "first_seq"),
            (samples(1, vec![]), "samples", "samples"),
            (samples(1, vec![good(); MAX_SAMPLES + 1]), "samples", "samples"),
            (
                pb::AttachRequest {
                    message: Some(Message::CommandAcknowledged(pb::CommandAcknowledged { command_id: "x".into() })),
                },
                "command_acknowledged",
                "command_id",
            ),
        ] {
            let refusal = read(message, now()).unwrap_err();
            assert_eq!((refusal.message.as_str(), refusal.field.as_str()), (kind, field));
        }
    }

    #[test]
    fn a_message_of_a_later_protocol_is_ignored() {
        assert!(matches!(read(pb::AttachRequest { message: None }, now()), Ok(Incoming::Unknown)));
    }

    #[test]
    fn no_two_stamps_are_the_same() {
        let stamps = Stamps::default();
        let first = stamps.next(now());
        let second = stamps.next(now());
        assert_eq!(first, now());
        assert_eq!((second - first).num_microseconds(), Some(1));
    }

    #[test]
    fn ages_are_spread_by_a_tenth() {
        let hour = Duration::from_secs(3600);
        assert_eq!(jittered(hour, 0), Duration::from_secs(3240));
        assert_eq!(jittered(hour, u32::MAX), Duration::from_secs(3960));
    }
}
