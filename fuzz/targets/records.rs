//! A segment's bytes, damaged anywhere: the reader tells every byte once, finds every record that no damage touched, and
//! never makes one up.
#![no_main]

use homepot_agent::protocol::spool::record::{Found, MAX_PAYLOAD, Records, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // Bytes as they come; a checksum is hardly ever hit.
    read(input);

    // Whole records, and then one byte of them changed.
    let Some((place, rest)) = input.split_first_chunk::<4>() else { return };
    let Some((change, rest)) = rest.split_first() else { return };
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for (number, payload) in rest.chunks(1 + usize::from(*change)).enumerate() {
        bytes.extend(encode(number as u64 + 1, payload));
        ends.push(bytes.len());
    }
    if bytes.is_empty() || *change == 0 {
        return;
    }
    let place = u32::from_le_bytes(*place) as usize % bytes.len();
    bytes[place] ^= change;
    let hit = ends.partition_point(|end| *end <= place) as u64 + 1;
    let found = read(&bytes);
    // The fuzzer does find checksums: a payload that is a record itself would be taken for one. No sample looks like that.
    let is_record = |at: &usize| matches!(Records::new(&bytes[*at..], 1..=u64::MAX).next(), Some(Found::Record { .. }));
    if (0..bytes.len()).filter(|at| *at != 0 && !ends.contains(at)).any(|at| is_record(&at)) {
        return;
    }
    let expected: Vec<_> = (1..=ends.len() as u64).filter(|seq| *seq != hit).collect();
    assert_eq!(found, expected, "byte {place} of {} was changed", bytes.len());
});

/// The numbers of the records.
fn read(bytes: &[u8]) -> Vec<u64> {
    let mut at = 0;
    let mut seqs = Vec::new();
    for found in Records::new(bytes, 1..=u64::MAX) {
        match found {
            Found::Record { seq, payload, end } => {
                assert!(payload.len() <= MAX_PAYLOAD && end > at && end <= bytes.len());
                assert_eq!(encode(seq, payload), bytes[at..end]);
                assert!(seqs.last().is_none_or(|last| *last < seq));
                seqs.push(seq);
                at = end;
            }
            Found::Damage { bytes } => {
                assert!(bytes > 0);
                at += bytes;
            }
        }
    }
    assert_eq!(at, bytes.len());
    seqs
}
