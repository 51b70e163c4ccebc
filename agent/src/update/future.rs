//! What a newer agent wrote into the journal and this one does not know. It is kept and written again, so that nothing is lost while an
//! older agent is back.
//!
//! New fields go into [`Record`], [`Job`] and [`TargetRecord`] alone: what lies deeper is not kept.

use prost::{
    Message as _,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field},
};

use super::journal::{Job, Record, TargetRecord};

const JOB: u32 = 1;
const TARGETS: u32 = 2;
/// The tags that this agent knows, in the order of the messages.
const OF_RECORD: [u32; 3] = [JOB, TARGETS, 3];
const LAST_OF_JOB: u32 = 15;
const LAST_OF_TARGET: u32 = 5;

/// A field as it stands in a message.
struct Field<'a> {
    tag: u32,
    /// With its tag.
    whole: &'a [u8],
    /// Behind its tag and length.
    inside: &'a [u8],
}

/// Reads a record with all that is unknown in it.
pub(super) fn decode(payload: &[u8]) -> Option<Record> {
    let mut record = Record::decode(payload).ok()?;
    let mut targets = record.targets.iter_mut();
    for field in fields(payload)? {
        match field.tag {
            JOB => {
                let unknown = unknown(field.inside, |tag| tag <= LAST_OF_JOB)?;
                record.job.as_mut()?.unknown.extend(unknown);
            }
            TARGETS => targets.next()?.unknown = unknown(field.inside, |tag| tag <= LAST_OF_TARGET)?,
            tag if OF_RECORD.contains(&tag) => {}
            _ => record.unknown.extend_from_slice(field.whole),
        }
    }
    Some(record)
}

/// Writes a record with all that was unknown in it.
pub(super) fn encode(record: &Record) -> Vec<u8> {
    let Record { job, targets, reader, unknown } = record;
    let mut bytes = Record { reader: *reader, ..Record::default() }.encode_to_vec();
    if let Some(job) = job {
        let known = Job { unknown: Vec::new(), ..job.clone() };
        append(&mut bytes, JOB, &known.encode_to_vec(), &job.unknown);
    }
    for target in targets {
        let known = TargetRecord { unknown: Vec::new(), ..target.clone() };
        append(&mut bytes, TARGETS, &known.encode_to_vec(), &target.unknown);
    }
    bytes.extend_from_slice(unknown);
    bytes
}

fn append(bytes: &mut Vec<u8>, tag: u32, known: &[u8], unknown: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, bytes);
    encode_varint((known.len() + unknown.len()) as u64, bytes);
    bytes.extend_from_slice(known);
    bytes.extend_from_slice(unknown);
}

fn unknown(message: &[u8], is_known: impl Fn(u32) -> bool) -> Option<Vec<u8>> {
    let unknown = fields(message)?.into_iter().filter(|field| !is_known(field.tag));
    Some(unknown.flat_map(|field| field.whole).copied().collect())
}

fn fields(mut rest: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let whole = rest;
        let (tag, kind) = decode_key(&mut rest).ok()?;
        let mut inside = rest;
        skip_field(kind, tag, &mut rest, DecodeContext::default()).ok()?;
        if kind == WireType::LengthDelimited {
            decode_varint(&mut inside).ok()?;
        }
        let (whole, inside) = (&whole[..whole.len() - rest.len()], &inside[..inside.len() - rest.len()]);
        found.push(Field { tag, whole, inside });
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field 99, which nobody knows here.
    const NEWS: [u8; 4] = [0x9a, 0x06, 1, b'x'];

    fn full() -> Record {
        let job = Job {
            generation: 7,
            manifest: vec![1],
            counter: 2,
            validators: vec!["a".to_owned()],
            health: vec!["b".to_owned()],
            values: vec![3],
            phase: 77,
            reason: "why".to_owned(),
            acknowledged: true,
            boot: "boot".to_owned(),
            deadline: 9,
            starts: 1,
            has_secrets: true,
            ..Job::default()
        };
        let target = |name: &str| TargetRecord { target: name.to_owned(), highest: 1, ..TargetRecord::default() };
        Record { job: Some(job), targets: vec![target("a"), target("b")], reader: 0, unknown: Vec::new() }
    }

    #[test]
    fn a_record_of_this_agent_holds_nothing_unknown_and_is_written_as_ever() {
        assert_eq!(encode(&full()), full().encode_to_vec());
        assert_eq!(decode(&encode(&full())).unwrap(), full());
    }

    #[test]
    fn what_a_newer_agent_wrote_is_written_again() {
        let mut newer = full();
        newer.unknown = NEWS.to_vec();
        newer.job.as_mut().unwrap().unknown = [NEWS, NEWS].concat();
        newer.targets[1].unknown = NEWS.to_vec();
        let bytes = encode(&newer);
        let read = decode(&bytes).unwrap();
        assert_eq!(read, newer);
        assert_eq!(encode(&read), bytes);
        // The state of a newer agent too.
        assert_eq!(read.job.unwrap().phase, 77);
    }
}
