//! Whole numbers in as few bits as they need.
//!
//! They are written as they are, as the differences from one to the next, or as the differences of these, around their median; and
//! either all of them, or only those that are not the most frequent one, with their places. A writer tries all six and takes the
//! shortest. So a constant takes three bytes, a clock that ticks evenly six, and noise what noise needs.

use crate::{
    bits::{BitReader, BitWriter},
    damage::Fault,
    positions,
    residuals::{self, Reader, Writer},
    wire::{Input, from_zigzag, put_varint, zigzag},
};

/// How often differences are taken, at most.
const MAX_ORDER: usize = 2;
/// Added to the order where only the exceptions are written.
const EXCEPTIONS: u8 = 4;

/// Appends numbers; to be read again by who knows how many they are.
pub(crate) fn put(out: &mut Vec<u8>, values: &[i64]) {
    let mut shortest: Option<Vec<u8>> = None;
    let (mut firsts, mut rest) = (Vec::new(), values.to_vec());
    for order in 0..=MAX_ORDER {
        for only_exceptions in [false, true] {
            let form = form(order as u8, &firsts, &rest, only_exceptions);
            if shortest.as_ref().is_none_or(|shortest| form.len() < shortest.len()) {
                shortest = Some(form);
            }
        }
        let Some(first) = rest.first() else { break };
        firsts.push(*first);
        rest = rest.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    }
    out.extend(shortest.unwrap_or_default());
}

fn form(order: u8, firsts: &[i64], rest: &[i64], only_exceptions: bool) -> Vec<u8> {
    let mut out = vec![if only_exceptions { order | EXCEPTIONS } else { order }];
    firsts.iter().for_each(|first| put_varint(&mut out, zigzag(*first)));
    let centre = if only_exceptions { most_frequent(rest) } else { median(rest) };
    put_varint(&mut out, zigzag(centre));
    let distances = rest.iter().map(|value| zigzag(value.wrapping_sub(centre)));
    let written: Vec<u64> = if only_exceptions {
        let places: Vec<_> = rest.iter().enumerate().filter(|(_, value)| **value != centre).map(|(at, _)| at).collect();
        positions::put(&mut out, &places);
        // None of them is 0.
        distances.filter(|distance| *distance != 0).map(|distance| distance - 1).collect()
    } else {
        distances.collect()
    };
    if written.is_empty() {
        return out;
    }
    let start = residuals::start_for(&written);
    out.push(start as u8);
    let (mut writer, mut bits) = (Writer::new(start), BitWriter::default());
    written.iter().for_each(|value| writer.put(&mut bits, *value));
    out.extend(bits.finish());
    out
}

fn median(values: &[i64]) -> i64 {
    if values.is_empty() {
        return 0;
    }
    let mut sorted = values.to_vec();
    *sorted.select_nth_unstable(values.len() / 2).1
}

fn most_frequent(values: &[i64]) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).and_then(|run| run.first().copied()).unwrap_or_default()
}

/// Reads `count` numbers, which are all that is left of the input. `count` is for the caller to bound.
pub(crate) fn take(mut input: Input<'_>, count: usize) -> Result<Vec<i64>, Fault> {
    let form = input.byte()?;
    let (order, only_exceptions) = (usize::from(form & !EXCEPTIONS), form & EXCEPTIONS != 0);
    if order > MAX_ORDER || order > count {
        return Err(Fault("has numbers in no known form"));
    }
    let mut firsts = [0; MAX_ORDER];
    for first in &mut firsts[..order] {
        *first = from_zigzag(input.varint()?);
    }
    let centre = from_zigzag(input.varint()?);
    let mut values = vec![centre; count - order];
    if only_exceptions {
        let places = positions::take(&mut input, values.len())?;
        if places.is_empty() {
            input.end()?;
        } else {
            let mut next = numbers(input)?;
            for place in places {
                let distance = next.take()?.checked_add(1).ok_or(Fault("has a distance that is too large"))?;
                values[place] = centre.wrapping_add(from_zigzag(distance));
            }
            next.finish()?;
        }
    } else if values.is_empty() {
        input.end()?;
    } else {
        let mut next = numbers(input)?;
        for value in &mut values {
            *value = centre.wrapping_add(from_zigzag(next.take()?));
        }
        next.finish()?;
    }
    for first in firsts[..order].iter().rev() {
        values = summed(*first, values);
    }
    Ok(values)
}

/// What the differences come to, from `first` on.
fn summed(first: i64, differences: Vec<i64>) -> Vec<i64> {
    let mut values = Vec::with_capacity(differences.len() + 1);
    let mut value = first;
    values.push(value);
    for difference in differences {
        value = value.wrapping_add(difference);
        values.push(value);
    }
    values
}

struct Numbers<'a> {
    reader: Reader,
    bits: BitReader<'a>,
}

fn numbers(mut input: Input<'_>) -> Result<Numbers<'_>, Fault> {
    Ok(Numbers { reader: Reader::new(input.byte()?)?, bits: BitReader::new(input.0) })
}

impl Numbers<'_> {
    fn take(&mut self) -> Result<u64, Fault> {
        self.reader.take(&mut self.bits)
    }

    fn finish(self) -> Result<(), Fault> {
        self.bits.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(values: &[i64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, values);
        bytes
    }

    /// Numbers as devices have them, and as none has them.
    fn values() -> impl Strategy<Value = Vec<i64>> {
        let walk = |steps: Vec<i64>| {
            let walked = steps.into_iter().scan(0_i64, |at, step| {
                *at = at.wrapping_add(step);
                Some(*at)
            });
            walked.collect::<Vec<_>>()
        };
        prop_oneof![
            prop::collection::vec(any::<i64>(), 0..200),
            prop::collection::vec(-50_i64..50, 0..200),
            prop::collection::vec(prop_oneof![9 => Just(0_i64), 1 => any::<i64>()], 0..200),
            prop::collection::vec(prop_oneof![9 => 0_i64..9, 1 => any::<i64>()], 0..200).prop_map(walk),
        ]
    }

    proptest! {
        #[test]
        fn whole_numbers_come_back(values in values()) {
            prop_assert_eq!(take(Input(&packed(&values)), values.len()), Ok(values));
        }

        #[test]
        fn any_bytes_give_numbers_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80), count in 0_usize..2_000) {
            if let Ok(values) = take(Input(&bytes), count) {
                prop_assert_eq!(values.len(), count);
            }
        }
    }

    #[test]
    fn what_can_be_foretold_takes_a_few_bytes() {
        let constant = vec![1 << 40; 720];
        let even: Vec<_> = (0..720).map(|at| 285_924 + at * 5_000_000).collect();
        let late: Vec<_> = (0..720).map(|at| at * 5_000_000 + if at > 300 { 90_000_000 } else { 0 }).collect();
        assert!(packed(&constant).len() < 12, "{}", packed(&constant).len());
        assert!(packed(&even).len() < 16, "{}", packed(&even).len());
        assert!(packed(&late).len() < 24, "{}", packed(&late).len());
    }

    #[test]
    fn what_mostly_stays_costs_only_where_it_changes() {
        let values: Vec<_> = (0..720).map(|at| if at % 40 == 7 { 2_345 + at } else { 0 }).collect();
        assert!(packed(&values).len() < 70, "{}", packed(&values).len());
    }

    #[test]
    fn a_damaged_form_is_an_error() {
        let good = packed(&[1, 2, 4, 8]);
        assert!(take(Input(&good), 4).is_ok());
        assert!(take(Input(&[3, 0, 0]), 4).is_err(), "an unknown order");
        assert!(take(Input(&[2, 0, 0, 0]), 1).is_err(), "more differences than numbers");
        let longer = [good.as_slice(), &[0]].concat();
        assert!(take(Input(&longer), 4).is_err(), "bytes after the end");
        assert!(take(Input(&good[..good.len() - 1]), 4).is_err(), "bytes are missing");
    }
}
