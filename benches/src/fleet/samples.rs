//! Samples as a device measures them: all different, encoded one by one.

use bytes::Bytes;
use homepot::pb::{
    device::v1::{AttachRequest, Samples, attach_request::Message as Up},
    telemetry::v1::Sample,
};
use parking_lot::Mutex;
use prost::Message as _;
use prost_types::{Duration, Timestamp};

/// Spreads a number over all 64 bits.
pub fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Makes messages of samples. What it saves is memory alone: one message is filled again and again, each time with other
/// times and values, and encoded.
#[derive(Debug)]
pub struct Mill {
    message: Mutex<AttachRequest>,
    per_message: usize,
}

impl Mill {
    /// One for messages of so many samples.
    pub fn new(per_message: usize) -> Self {
        let samples = vec![Sample::default(); per_message];
        let message = AttachRequest { message: Some(Up::Samples(Samples { samples, ..Samples::default() })) };
        Self { message: Mutex::new(message), per_message }
    }

    /// Samples in a message.
    pub fn per_message(&self) -> usize {
        self.per_message
    }

    /// A message of what was measured after `from` up to `to`, in microseconds since 1970, evenly spread.
    pub fn grind(&self, device: u64, first_seq: u64, from: i64, to: i64) -> Bytes {
        let mut message = self.message.lock();
        if let Some(Up::Samples(samples)) = &mut message.message {
            samples.first_seq = first_seq;
            let count = self.per_message as i64;
            for (index, sample) in (0..).zip(&mut samples.samples) {
                let micros = from + (to - from) * (index + 1) / count;
                fill(sample, device, first_seq + index as u64, micros);
            }
        }
        message.encode_to_vec().into()
    }
}

/// What marks a message as sent before when it is put behind it: by the rules of protobuf the two are read as one.
pub(super) fn resent_mark() -> Vec<u8> {
    let samples = Samples { resent: true, ..Samples::default() };
    AttachRequest { message: Some(Up::Samples(samples)) }.encode_to_vec()
}

/// Twelve metrics, as the agent reports them: percentages to the hundredth, counters that grow.
fn fill(sample: &mut Sample, device: u64, seq: u64, micros: i64) {
    let (a, b) = (mix(device << 40 ^ seq), mix(device << 40 ^ seq ^ 1 << 63));
    let bits = |word: u64, place: u32| (word >> (place * 13)) & 0x1FFF;
    let hundredths = |word: u64, place: u32| Some((bits(word, place) * 10_000 / 0x1FFF) as f64 / 100.0);
    sample.collected_at =
        Some(Timestamp { seconds: micros.div_euclid(1_000_000), nanos: micros.rem_euclid(1_000_000) as i32 * 1_000 });
    sample.cpu_percent = hundredths(a, 0);
    sample.memory_percent = hundredths(a, 1);
    sample.disk_percent = hundredths(a, 2);
    sample.swap_percent = hundredths(a, 3);
    sample.load_1m = hundredths(b, 0);
    sample.load_5m = hundredths(b, 1);
    sample.load_15m = hundredths(b, 2);
    sample.network_latency_ms = hundredths(b, 3);
    sample.active_connections = Some(bits(a, 4).cast_signed());
    sample.bytes_sent = Some((1 << 30) + (seq * 9_000 + bits(b, 4)).cast_signed());
    sample.bytes_received = Some((1 << 32) + (seq * 70_000 + bits(a, 4)).cast_signed());
    sample.uptime_seconds = Some(86_400 + (seq * 5).cast_signed());
    sample.collection_interval = Some(Duration { seconds: 5, nanos: 0 });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Samples {
        match AttachRequest::decode(bytes).unwrap().message {
            Some(Up::Samples(samples)) => samples,
            other => panic!("no samples but {other:?}"),
        }
    }

    #[test]
    fn no_sample_of_a_message_or_of_the_next_is_like_another() {
        let mill = Mill::new(50);
        let (first, second) = (mill.grind(7, 1, 1_000, 2_000), mill.grind(7, 51, 2_000, 3_000));
        let mut samples = [read(&first).samples, read(&second).samples].concat();
        assert_eq!((read(&second).first_seq, samples.len()), (51, 100));
        samples.sort_by_key(|sample| sample.collected_at.map(|time| time.nanos));
        samples.dedup_by(|a, b| {
            a.collected_at == b.collected_at || a.cpu_percent == b.cpu_percent && a.load_1m == b.load_1m
        });
        assert_eq!(samples.len(), 100);
    }

    #[test]
    fn a_message_with_the_mark_behind_it_is_the_same_message_sent_again() {
        let message = Mill::new(3).grind(1, 9, 0, 3);
        let again = read(&[message.as_ref(), &resent_mark()].concat());
        assert_eq!(again, Samples { resent: true, ..read(&message) });
    }
}
