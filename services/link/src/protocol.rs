//! The rules of a session that need no I/O: what a message must look like, and how long silence may last.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    Error,
    model::{
        CommandId, DeviceSource, Hello, Loss, LossReason, OFFLINE_AFTER_HEARTBEATS, Outcome, Sample, SampleFault,
        UpdateReport, from_proto_timestamp,
    },
    pb::{
        device::v1::{self as pb, attach_request::Message},
        telemetry::v1::{self as telemetry_pb, RefusedSample},
    },
};
use homepot_telemetry::Expected;

use crate::placing;

/// Samples in one message, at most.
pub(crate) const MAX_SAMPLES: usize = 1_000;
/// Samples sent and not acknowledged, at most.
pub(crate) const MAX_UNACKNOWLEDGED: u32 = 10_000;
/// Samples a second that a device may always send beside its live ones: under this a backlog hardly shrinks.
const LEAST_BACKLOG: u32 = 20;
/// Samples a second beyond which a single device gains nothing that matters.
const MOST_BACKLOG: u32 = 1_000;

/// A message that was understood.
#[derive(Debug)]
pub(crate) enum Incoming {
    Hello(Hello),
    /// The signature; whether it is one is for others to say.
    Proof(Vec<u8>),
    Samples(Batch),
    Lost(Lost),
    Heartbeat,
    Acknowledged(CommandId),
    Started(CommandId),
    Outcome(Outcome),
    Update(UpdateReport),
    /// A kind of a later protocol.
    Unknown,
}

/// A message of samples: the good ones, and the bad ones by their place.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) expected: Expected,
    pub(crate) refused: Vec<RefusedSample>,
}

/// Samples that will never come, by their numbers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) loss: Loss,
}

/// By what a sample's clock is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleClock {
    pub(crate) now: DateTime<Utc>,
    pub(crate) max_age: Duration,
    /// How far the device's clock is ahead by its Hello, where that is known and enough to matter.
    pub(crate) skew: Option<TimeDelta>,
}

/// Reads a message; one that is malformed is refused by kind and field.
pub(crate) fn read(message: pb::AttachRequest, clock: SampleClock) -> Result<Incoming, pb::Refusal> {
    match message.message {
        None => Ok(Incoming::Unknown),
        Some(Message::Heartbeat(_)) => Ok(Incoming::Heartbeat),
        Some(Message::Hello(hello)) => Hello::try_from(hello).map(Incoming::Hello).map_err(|e| refusal("hello", &e)),
        Some(Message::Proof(proof)) => Ok(Incoming::Proof(proof.signature)),
        Some(Message::Samples(samples)) => {
            read_batch(samples, clock).map(Incoming::Samples).map_err(|e| refusal("samples", &e))
        }
        Some(Message::SamplesLost(lost)) => {
            read_lost(lost).map(Incoming::Lost).map_err(|e| refusal("samples_lost", &e))
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
        Some(Message::UpdateReport(report)) => {
            UpdateReport::try_from(report).map(Incoming::Update).map_err(|e| refusal("update_report", &e))
        }
    }
}

fn refusal(message: &str, error: &Error) -> pb::Refusal {
    let field = error.field_violations().first().map(|fault| fault.field.clone()).unwrap_or_default();
    pb::Refusal { message: message.to_owned(), field, reason: error.message().to_owned() }
}

fn read_batch(message: pb::Samples, clock: SampleClock) -> Result<Batch, Error> {
    let count = message.samples.len();
    if count == 0 || count > MAX_SAMPLES {
        return Err(Error::invalid("samples", format!("must be 1 to {MAX_SAMPLES} samples")));
    }
    let last_seq = message
        .first_seq
        .checked_add(count as u64 - 1)
        .filter(|_| message.first_seq > 0)
        .ok_or_else(|| Error::invalid("first_seq", "must count from 1"))?;
    let expected = if message.resent { Expected::Repeats } else { Expected::New };
    let (samples, refused) = read_samples(message.samples, clock, || None);
    Ok(Batch { first_seq: message.first_seq, last_seq, samples, expected, refused })
}

fn read_lost(message: pb::SamplesLost) -> Result<Lost, Error> {
    let (first_seq, last_seq) = (message.first_seq, message.last_seq);
    if first_seq == 0 {
        return Err(Error::invalid("first_seq", "must count from 1"));
    }
    // What is counted has to fit the database's numbers.
    if last_seq < first_seq || i64::try_from(last_seq).is_err() {
        return Err(Error::invalid("last_seq", "must be from first_seq to 2^63-1"));
    }
    let reason = LossReason::try_from(message.reason())?;
    let time = |field, time: Option<prost_types::Timestamp>| {
        let time = time.ok_or_else(|| Error::missing(field))?;
        from_proto_timestamp(field, &time)
    };
    let (start, end) = (time("start_time", message.start_time)?, time("end_time", message.end_time)?);
    if end < start {
        return Err(Error::invalid("end_time", "must not lie before start_time"));
    }
    Ok(Lost { first_seq, last_seq, loss: Loss { start, end, samples: last_seq - first_seq + 1, reason } })
}

/// Checks samples one by one; `stamp` gives the time to one that brings none.
pub(crate) fn read_samples(
    samples: Vec<telemetry_pb::Sample>,
    clock: SampleClock,
    mut stamp: impl FnMut() -> Option<DateTime<Utc>>,
) -> (Vec<Sample>, Vec<RefusedSample>) {
    let mut good = Vec::with_capacity(samples.len());
    let mut faults = Vec::new();
    for (index, sample) in samples.into_iter().enumerate() {
        let stamp = if sample.collected_at.is_none() { stamp() } else { None };
        match Sample::from_proto(sample, stamp) {
            Ok(sample) => good.push((index, sample)),
            Err(fault) => faults.push((index, fault)),
        }
    }
    let (placed, too_old) = placing::place(good, clock);
    faults.extend(too_old);
    faults.sort_by_key(|(index, _)| *index);
    let refused = faults.into_iter().map(|(index, fault)| RefusedSample {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        field: fault.field,
        reason: fault.reason,
    });
    (placed, refused.collect())
}

/// Counts samples that are stored at another time than their device's clock showed.
pub(crate) fn count_corrected(samples: &[Sample], source: DeviceSource) {
    let corrected = samples.iter().filter(|sample| sample.device_time.is_some()).count() as u64;
    metrics::counter!("homepot_samples_corrected_total", "source" => source.as_str()).increment(corrected);
}

/// Counts samples that were refused when they were read.
pub(crate) fn count_refused(refused: &[RefusedSample], source: DeviceSource) {
    for RefusedSample { field, .. } in refused {
        metrics::counter!("homepot_samples_refused_total", "field" => field.clone(), "source" => source.as_str())
            .increment(1);
    }
}

/// Adds samples that were refused after the others were let through: a place among those becomes one in the message.
pub(crate) fn add_refused(refused: &mut Vec<RefusedSample>, later: Vec<(usize, SampleFault)>) {
    if later.is_empty() {
        return;
    }
    let before: Vec<u32> = refused.iter().map(|refused| refused.index).collect();
    for (place, fault) in later {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let index = before.iter().fold(place, |index, before| if *before <= index { index + 1 } else { index });
        refused.push(RefusedSample { index, field: fault.field, reason: fault.reason });
    }
    refused.sort_unstable_by_key(|refused| refused.index);
}

/// What one of so many sessions may send of its backlog, in samples a second, for all of them to keep to `budget`.
pub(crate) fn backlog_pace(budget: u32, sessions: usize) -> u32 {
    let share = budget / u32::try_from(sessions).unwrap_or(u32::MAX).max(1);
    share.clamp(LEAST_BACKLOG, MOST_BACKLOG)
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

    fn clock() -> SampleClock {
        SampleClock { now: now(), max_age: Duration::from_secs(24 * 3600), skew: None }
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
        let Ok(Incoming::Samples(batch)) = read(samples(5, vec![good(), bad, good()]), clock()) else {
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
            let refusal = read(message, clock()).unwrap_err();
            assert_eq!((refusal.message.as_str(), refusal.field.as_str()), (kind, field));
        }
    }

    #[test]
    fn a_message_of_a_later_protocol_is_ignored() {
        assert!(matches!(read(pb::AttachRequest { message: None }, clock()), Ok(Incoming::Unknown)));
    }

    #[test]
    fn a_place_among_the_good_ones_becomes_one_in_the_message() {
        let fault = || SampleFault { field: "extra".to_owned(), reason: "was refused".to_owned() };
        let early = |index| RefusedSample { index, ..RefusedSample::default() };
        let mut refused = vec![early(0), early(3)];
        // In the message: - a b - c
        add_refused(&mut refused, vec![(0, fault()), (2, fault())]);
        let places: Vec<_> = refused.iter().map(|refused| (refused.index, refused.field.as_str())).collect();
        assert_eq!(places, [(0, ""), (1, "extra"), (3, ""), (4, "extra")]);
    }

    #[test]
    fn samples_older_than_are_taken_are_refused() {
        let age = |hours: u64| Sample::empty(now() - Duration::from_secs(hours * 3600)).into();
        let Ok(Incoming::Samples(batch)) = read(samples(1, vec![age(23), age(25)]), clock()) else {
            panic!("the message was refused")
        };
        assert_eq!((batch.samples.len(), batch.refused[0].index), (1, 1));
    }

    fn lost(first_seq: u64, last_seq: u64) -> pb::SamplesLost {
        let time = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
        let reason = telemetry_pb::GapReason::SpoolFull.into();
        pb::SamplesLost { first_seq, last_seq, start_time: time, end_time: time, reason }
    }

    #[test]
    fn lost_samples_are_counted_by_their_numbers() {
        let message = pb::AttachRequest { message: Some(Message::SamplesLost(lost(5, 9))) };
        let Ok(Incoming::Lost(read)) = read(message, clock()) else { panic!("the message was refused") };
        let loss = Loss { start: now(), end: now(), samples: 5, reason: LossReason::SpoolFull };
        assert_eq!(read, Lost { first_seq: 5, last_seq: 9, loss });
    }

    #[test]
    fn a_malformed_loss_is_refused_by_field() {
        let late = prost_types::Timestamp { seconds: 1_700_000_001, nanos: 0 };
        let not_a_loss = telemetry_pb::GapReason::NoSamples.into();
        for (message, field) in [
            (lost(0, 9), "first_seq"),
            (lost(9, 8), "last_seq"),
            (lost(1, u64::MAX), "last_seq"),
            (pb::SamplesLost { start_time: None, ..lost(1, 1) }, "start_time"),
            (pb::SamplesLost { start_time: Some(late), ..lost(1, 1) }, "end_time"),
            (pb::SamplesLost { reason: not_a_loss, ..lost(1, 1) }, "reason"),
            (pb::SamplesLost { reason: 99, ..lost(1, 1) }, "reason"),
        ] {
            let message = pb::AttachRequest { message: Some(Message::SamplesLost(message)) };
            let refusal = read(message, clock()).unwrap_err();
            assert_eq!((refusal.message.as_str(), refusal.field.as_str()), ("samples_lost", field));
        }
    }

    #[test]
    fn backlogs_share_the_budget_within_bounds() {
        assert_eq!(backlog_pace(50_000, 0), 1_000);
        assert_eq!(backlog_pace(50_000, 100), 500);
        assert_eq!(backlog_pace(50_000, 10_000), 20);
    }

    proptest::proptest! {
        /// Whatever bytes come, and however a good message is damaged: a message or a refusal, never a panic.
        #[test]
        fn no_bytes_can_upset_the_reader(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..512),
            damage in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY), 0..8),
        ) {
            use prost::Message as _;
            let mut mutated = samples(1, vec![good(), telemetry_pb::Sample { cpu_percent: Some(5.0), ..good() }]);
            if bytes.len().is_multiple_of(2) {
                mutated = pb::AttachRequest { message: Some(Message::SamplesLost(lost(1, 9))) };
            }
            let mut mutated = mutated.encode_to_vec();
            for (place, byte) in damage {
                let place = place % mutated.len();
                mutated[place] = byte;
            }
            for bytes in [bytes, mutated] {
                if let Ok(message) = pb::AttachRequest::decode(bytes.as_slice()) {
                    let _ = read(message, clock());
                }
            }
        }
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
