//! A spool's directory with anything in it: the agent starts, every pending sample is read or told as lost, numbers go
//! up, and what was taken after that is there the next time.
#![no_main]

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use homepot::pb::telemetry::v1::Sample;
use homepot_agent::protocol::spool::{Limits, MAX_AGE, Now, Options, Spool, record::encode};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use tokio::time::Instant;

fuzz_target!(|input: &[u8]| {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("spool");
    fs::create_dir(&path).expect("an empty directory takes another");
    fill(&path, input);
    let options = Options { directory: Some(path), max_bytes: 100_000, max_age: MAX_AGE };

    let mut spool = Spool::open(options.clone());
    let next = spool.next_seq();
    let read = read_all(&mut spool);
    assert_eq!(read, spool.depth(), "what is not read is lost");
    let sample = Sample { collected_at: Some(SystemTime::now().into()), cpu_percent: Some(1.0), ..Sample::default() };
    let seq = spool.push(&sample, Instant::now()).expect("a small sample fits");
    assert!(seq >= next);
    drop(spool);

    let mut spool = Spool::open(options);
    let run = spool.read(seq, seq, Limits { samples: 1, bytes: 1 }, now());
    assert_eq!(run.expect("it was kept").samples, [sample]);
    assert!(spool.next_seq() > seq);
    spool.settle(1, seq);
    assert_eq!(spool.depth(), 0);
});

/// Of a device whose clock is right.
fn now() -> Now {
    Now { wall: SystemTime::now().into(), since_boot: Duration::ZERO }
}

/// Samples that are pending, read to the end.
fn read_all(spool: &mut Spool) -> u64 {
    let (mut from, mut count) = (1, 0);
    while let Some(run) = spool.read(from, u64::MAX, Limits { samples: 100, bytes: 10_000 }, now()) {
        assert!(run.first_seq >= from && !run.samples.is_empty());
        from = run.first_seq + run.samples.len() as u64;
        count += run.samples.len() as u64;
    }
    count
}

/// Makes files of the input, which is cut at each 0xff: first the ledger, then segments.
fn fill(path: &Path, input: &[u8]) {
    let mut pieces = input.split(|byte| *byte == 0xff);
    match pieces.next().and_then(<[u8]>::split_first) {
        // With a checksum that holds, so that what it says is looked at.
        Some((b'!', json)) => {
            let mut ledger = format!("{:08x} ", crc32fast::hash(json)).into_bytes();
            ledger.extend_from_slice(json);
            ledger.push(b'\n');
            fs::write(path.join("ledger"), ledger).expect("the disk has room");
        }
        Some(_) => fs::write(path.join("ledger"), input).expect("the disk has room"),
        None => {}
    }
    for piece in pieces.take(4) {
        let Some((first, rest)) = piece.split_first_chunk::<2>() else { continue };
        // Small numbers that meet, and some at the far end.
        let first = match first {
            [0xfe, low] => u64::MAX - u64::from(*low),
            [0xfd, low] => (1 << 53) - u64::from(*low),
            [high, low] => u64::from(*high) * 16 + u64::from(*low),
        };
        let mut seq = first;
        let mut bytes = Vec::new();
        for record in rest.chunks(8) {
            match record {
                [0, step, age, ..] => {
                    seq = seq.saturating_add(u64::from(*step));
                    let at = SystemTime::now() - MAX_AGE / 128 * u32::from(*age);
                    let sample = Sample { collected_at: Some(at.into()), ..Sample::default() };
                    bytes.extend(encode(seq, &sample.encode_to_vec()));
                }
                [1, step, payload @ ..] => {
                    seq = seq.saturating_add(u64::from(*step));
                    bytes.extend(encode(seq, payload));
                }
                raw => bytes.extend_from_slice(raw),
            }
        }
        fs::write(path.join(format!("{first:020}.seg")), bytes).expect("the disk has room");
    }
}
