//! Which of a column's places differ from the others: the distances between them.

use crate::{
    bits::{BitReader, BitWriter},
    damage::Fault,
    residuals::{self, Reader, Writer},
    wire::{Input, put_slice, put_varint},
};

/// Appends places, which are in order.
pub(crate) fn put(out: &mut Vec<u8>, places: &[usize]) {
    put_varint(out, places.len() as u64);
    if places.is_empty() {
        return;
    }
    let mut next = 0;
    let mut distances = Vec::with_capacity(places.len());
    for place in places {
        distances.push((place - next) as u64);
        next = place + 1;
    }
    let start = residuals::start_for(&distances);
    let (mut writer, mut bits) = (Writer::new(start), BitWriter::default());
    distances.iter().for_each(|distance| writer.put(&mut bits, *distance));
    out.push(start as u8);
    put_slice(out, &bits.finish());
}

/// The places, all of them below `rows`.
pub(crate) fn take(input: &mut Input<'_>, rows: usize) -> Result<Vec<usize>, Fault> {
    let count = input.at_most(rows)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(input.byte()?)?;
    let mut bits = BitReader::new(input.slice()?);
    let mut next = 0;
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        let distance = usize::try_from(reader.take(&mut bits)?).ok();
        let place = distance.and_then(|distance| distance.checked_add(next)).filter(|place| *place < rows);
        let place = place.ok_or(Fault("names a place after the last row"))?;
        places.push(place);
        next = place + 1;
    }
    bits.finish()?;
    Ok(places)
}
