//! Strings of bytes: each one once, deflated where that is shorter, and for each row which it is.

use std::{collections::HashMap, io::Read as _};

use flate2::{Compression, bufread::DeflateDecoder, write::DeflateEncoder};

use crate::{
    block::MAX_BLOB_BYTES,
    damage::Fault,
    integers,
    wire::{Input, put_slice, put_varint},
};

const AS_THEY_ARE: u8 = 0;
const DEFLATED: u8 = 1;

/// What a blob counts for: its bytes, and those of its length. Rows that share one have one each once it is read.
fn weight(blob: &[u8]) -> usize {
    blob.len() + 8
}

/// Appends blobs; `None`: they are more than [`MAX_BLOB_BYTES`].
pub(crate) fn put(out: &mut Vec<u8>, values: &[&[u8]]) -> Option<()> {
    if values.iter().map(|value| weight(value)).sum::<usize>() > MAX_BLOB_BYTES {
        return None;
    }
    let mut known = HashMap::new();
    let mut dictionary = Vec::new();
    let mut which = Vec::with_capacity(values.len());
    for value in values {
        let next = known.len() as i64;
        which.push(*known.entry(*value).or_insert_with(|| {
            put_slice(&mut dictionary, value);
            next
        }));
    }
    put_varint(out, dictionary.len() as u64);
    let deflated = deflated(&dictionary);
    if deflated.len() < dictionary.len() {
        out.push(DEFLATED);
        put_slice(out, &deflated);
    } else {
        out.push(AS_THEY_ARE);
        put_slice(out, &dictionary);
    }
    integers::put(out, &which);
    Some(())
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let written = std::io::Write::write_all(&mut encoder, bytes);
    // Into memory nothing fails; if it did, the bytes would be written as they are.
    written.and_then(|()| encoder.finish()).unwrap_or_else(|_| bytes.to_vec())
}

/// Reads `count` blobs.
pub(crate) fn take(mut input: Input<'_>, count: usize) -> Result<Vec<Vec<u8>>, Fault> {
    let length = input.at_most(MAX_BLOB_BYTES)?;
    let form = input.byte()?;
    let stored = input.slice()?;
    let inflated;
    let dictionary = match form {
        AS_THEY_ARE => stored,
        DEFLATED => {
            inflated = inflate(stored, length)?;
            &inflated
        }
        _ => return Err(Fault("has blobs in no known form")),
    };
    if dictionary.len() != length {
        return Err(Fault("has blobs of another length than it says"));
    }
    let mut blobs = Vec::new();
    let mut dictionary = Input(dictionary);
    while !dictionary.0.is_empty() {
        blobs.push(dictionary.slice()?);
        // A writer has none that no row has. Each takes a byte at least, so millions of empty ones are stopped here.
        if blobs.len() > count {
            return Err(Fault("has more blobs than rows"));
        }
    }
    let which = integers::take(input, count)?;
    let found: Option<Vec<&[u8]>> =
        which.into_iter().map(|which| blobs.get(usize::try_from(which).ok()?).copied()).collect();
    let found = found.ok_or(Fault("names a blob that is not there"))?;
    if found.iter().map(|blob| weight(blob)).sum::<usize>() > MAX_BLOB_BYTES {
        return Err(Fault("has more bytes than a block holds"));
    }
    Ok(found.into_iter().map(<[u8]>::to_vec).collect())
}

/// At most one byte more than `length`, whatever is in there.
fn inflate(deflated: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
    let mut inflated = Vec::new();
    let mut decoder = DeflateDecoder::new(deflated).take(length as u64 + 1);
    decoder.read_to_end(&mut inflated).map_err(|_| Fault("has blobs that can't be inflated"))?;
    let rest = decoder.into_inner().into_inner();
    if rest.is_empty() { Ok(inflated) } else { Err(Fault("has bytes after its end")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(values: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, values).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn blobs_come_back(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..100)) {
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            let read = take(Input(&packed(&values)), values.len()).unwrap();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn any_bytes_give_blobs_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80), count in 0_usize..2_000) {
            if let Ok(values) = take(Input(&bytes), count) {
                prop_assert_eq!(values.len(), count);
            }
        }
    }

    #[test]
    fn what_repeats_is_there_once() {
        let blob = [120; 4_000];
        assert!(packed(&[blob.as_slice(); 720]).len() < 60);
        let counted: Vec<_> = (0..720).map(|at| format!(r#"{{"config_download":{{"version":{at}}}}}"#)).collect();
        let counted: Vec<&[u8]> = counted.iter().map(String::as_bytes).collect();
        assert!(packed(&counted).len() < 720 * 6);
    }

    #[test]
    fn too_many_bytes_are_refused_on_both_ways() {
        let blob = vec![120; 1 << 20];
        assert_eq!(put(&mut Vec::new(), &[blob.as_slice(); 16]), None);
        let once = packed(&[&blob]);
        // The same dictionary, and a thousand rows that share its blob.
        let mut shared = once[..once.len() - 3].to_vec();
        integers::put(&mut shared, &[0; 1_000]);
        assert_eq!(take(Input(&shared), 1_000), Err(Fault("has more bytes than a block holds")));
        assert!(take(Input(&once), 1).is_ok());
    }

    #[test]
    fn a_bomb_ends_at_the_length_that_it_names() {
        let deflated = deflated(&vec![0; 8 << 20]);
        let mut bytes = Vec::new();
        put_varint(&mut bytes, 1_000);
        bytes.push(DEFLATED);
        put_slice(&mut bytes, &deflated);
        integers::put(&mut bytes, &[0]);
        assert!(take(Input(&bytes), 1).is_err());
    }
}
