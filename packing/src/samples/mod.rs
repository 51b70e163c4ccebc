//! Samples as the columns of a block.
//!
//! Metrics have the numbers of the protocol's enum `Metric`; what else a sample has stands behind them, from 1,001 on. A program
//! that does not know a metric of a later version reads the others.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    metric_table,
    model::{MAX_EXTRA, Metric, Sample, Temperature, from_struct, shortest_decimal, to_struct},
};
use prost::Message as _;
use prost_types::Struct;

use crate::{
    Block, Column, Damaged, Key, Unpackable,
    block::Reader,
    wire::{Input, put_slice},
};

/// When a sample was received, in microseconds after it was measured.
const RECEIVED_AT: u16 = 1_001;
/// What the device's clock showed, in microseconds after `collected_at`.
const DEVICE_TIME: u16 = 1_002;
const INTERVAL: u16 = 1_003;
const EXTRA: u16 = 1_004;
/// The names of a sample's sensors, each behind its length.
const SENSORS: u16 = 1_005;
/// The reading of the first sensor; those of the others follow.
const READINGS: u16 = 1_100;
/// Of one sample. The model takes fewer.
const MAX_SENSORS: usize = 128;

/// A sample and when it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// What was measured, with the digits that history keeps.
    pub sample: Sample,
    /// By the server's clock.
    pub received_at: DateTime<Utc>,
}

/// Packs the samples of a device and an hour, which are in the order of their times.
pub fn pack(key: Key, samples: &[Received]) -> Result<Vec<u8>, Unpackable> {
    let mut times = Vec::with_capacity(samples.len());
    for (row, received) in samples.iter().enumerate() {
        let time = received.sample.collected_at;
        let offset = micros(time - key.hour).filter(|offset| (0..HOUR).contains(offset));
        times.push(offset.ok_or(Unpackable::Time { row, field: "collected_at" })?);
    }
    let mut columns = metrics(samples)?;
    let since_measured = |row: usize, field, time: Option<DateTime<Utc>>| {
        let offset = |time: DateTime<Utc>| {
            micros(time - samples[row].sample.collected_at).ok_or(Unpackable::Time { row, field })
        };
        time.map(offset).transpose()
    };
    let rows = || samples.iter().enumerate();
    let received = rows().map(|(row, of)| since_measured(row, "received_at", Some(of.received_at)));
    columns.insert(RECEIVED_AT, Column::Integers(received.collect::<Result<_, _>>()?));
    let device_time = rows().map(|(row, of)| since_measured(row, "device_time", of.sample.device_time));
    columns.insert(DEVICE_TIME, Column::Integers(device_time.collect::<Result<_, _>>()?));
    let all = || samples.iter().map(|of| &of.sample);
    columns.insert(INTERVAL, Column::Integers(all().map(|of| of.collection_interval_ms.map(i64::from)).collect()));
    // As devices send it: doubles keep each bit, which a text need not.
    let extra = |of: &Sample| of.extra.as_ref().map(|extra| to_struct(extra).encode_to_vec());
    columns.insert(EXTRA, Column::Blobs(all().map(extra).collect()));
    let sensors = |of: &Sample| {
        let mut names = Vec::new();
        of.temperatures.iter().for_each(|reading| put_slice(&mut names, reading.sensor.as_bytes()));
        (!names.is_empty()).then_some(names)
    };
    columns.insert(SENSORS, Column::Blobs(all().map(sensors).collect()));
    let most = all().map(|of| of.temperatures.len()).max().unwrap_or_default();
    for place in 0..most {
        let readings = all().map(|of| of.temperatures.get(place).map(|reading| reading.celsius)).collect();
        let number = reading_number(place).ok_or(Unpackable::Number(READINGS))?;
        columns.insert(number, Column::Doubles(readings));
    }
    Block { times, columns }.pack(key)
}

/// In microseconds.
const HOUR: i64 = 3_600_000_000;

/// The microseconds of a span that has no smaller digits.
fn micros(span: TimeDelta) -> Option<i64> {
    let micros = span.num_microseconds()?;
    (TimeDelta::microseconds(micros) == span).then_some(micros)
}

/// The column of the reading at this place of a sample.
fn reading_number(place: usize) -> Option<u16> {
    (place < MAX_SENSORS).then(|| READINGS + place as u16)
}

const OTHER_KIND: &str = "is of another kind than it should be";

/// An hour that is read: whole as far as the header of its block goes, and each column once it is asked for.
#[derive(Clone, Debug)]
pub struct Hour<'a> {
    block: Reader<'a>,
}

impl<'a> Hour<'a> {
    /// Reads the header of what [`pack`] made of this device and hour.
    pub fn open(key: Key, bytes: &'a [u8]) -> Result<Self, Damaged> {
        Ok(Self { block: Reader::open(key, bytes)? })
    }

    /// How many samples it has.
    pub fn rows(&self) -> usize {
        self.block.rows()
    }

    /// When each sample was measured, in order.
    pub fn times(&self) -> Result<Vec<DateTime<Utc>>, Damaged> {
        let time = |offset: i64| {
            let within = (0..HOUR).contains(&offset).then(|| TimeDelta::microseconds(offset));
            let time = within.and_then(|offset| self.block.key().hour.checked_add_signed(offset));
            time.ok_or_else(|| self.block.fault(0, "has a time outside of the hour"))
        };
        self.block.times()?.into_iter().map(time).collect()
    }

    /// What each sample has of a metric, as the database would widen it. No other column is decoded.
    #[allow(clippy::cast_precision_loss)] // as the database does it
    pub fn metric(&self, metric: Metric) -> Result<Vec<Option<f64>>, Damaged> {
        let number = number(metric);
        Ok(match self.block.column(number)? {
            None => vec![None; self.rows()],
            Some(Column::Singles(values)) => values.into_iter().map(|value| value.map(f64::from)).collect(),
            Some(Column::Doubles(values)) => values,
            Some(Column::Integers(values)) => values.into_iter().map(|value| value.map(|value| value as f64)).collect(),
            Some(Column::Blobs(_)) => return Err(self.block.fault(number, OTHER_KIND)),
        })
    }

    /// All of it.
    pub fn samples(&self) -> Result<Vec<Received>, Damaged> {
        let times = self.times()?;
        let received_at = self.integers(RECEIVED_AT)?;
        let device_time = self.integers(DEVICE_TIME)?;
        let mut samples = Vec::with_capacity(times.len());
        for (row, time) in times.into_iter().enumerate() {
            let after = |offset: Option<i64>, number| {
                let later = |offset| time.checked_add_signed(TimeDelta::microseconds(offset));
                let fault = || self.block.fault(number, "has a time that there is not");
                offset.map(|offset| later(offset).ok_or_else(fault)).transpose()
            };
            let received_at = after(received_at[row], RECEIVED_AT)?;
            let received_at = received_at.ok_or_else(|| self.block.fault(RECEIVED_AT, "lacks a value"))?;
            let device_time = after(device_time[row], DEVICE_TIME)?;
            samples.push(Received { sample: Sample { device_time, ..Sample::empty(time) }, received_at });
        }
        fill(self, &mut samples)?;
        let intervals = self.values(INTERVAL, <i32 as Kept<sql::Integer>>::values)?.into_iter().flatten();
        samples.iter_mut().zip(intervals).for_each(|(of, interval)| of.sample.collection_interval_ms = interval);
        let extra = |bytes: &[u8]| from_struct("extra", &Struct::decode(bytes).ok()?, MAX_EXTRA).ok();
        for (received, extra) in samples.iter_mut().zip(self.parsed(EXTRA, extra)?) {
            received.sample.extra = extra;
        }
        self.fill_temperatures(&mut samples)?;
        Ok(samples)
    }

    fn fill_temperatures(&self, samples: &mut [Received]) -> Result<(), Damaged> {
        for (received, names) in samples.iter_mut().zip(self.parsed(SENSORS, names)?) {
            let reading = |sensor| Temperature { sensor, celsius: f64::NAN };
            received.sample.temperatures = names.unwrap_or_default().into_iter().map(reading).collect();
        }
        let most = samples.iter().map(|received| received.sample.temperatures.len()).max().unwrap_or_default();
        for place in 0..most {
            let number = reading_number(place).ok_or_else(|| self.block.fault(SENSORS, "names too many sensors"))?;
            let values = self.values(number, <f64 as Kept<sql::Double>>::values)?.unwrap_or_default();
            let mut values = values.into_iter();
            for received in samples.iter_mut() {
                let value = values.next().flatten();
                if let Some(reading) = received.sample.temperatures.get_mut(place) {
                    reading.celsius = value.ok_or_else(|| self.block.fault(number, "lacks a value"))?;
                }
            }
        }
        Ok(())
    }

    fn integers(&self, number: u16) -> Result<Vec<Option<i64>>, Damaged> {
        let values = self.values(number, <i64 as Kept<sql::BigInt>>::values)?;
        Ok(values.unwrap_or_else(|| vec![None; self.rows()]))
    }

    /// What `read` makes of a column; `None`: it is not there.
    fn values<T>(
        &self,
        number: u16,
        read: impl FnOnce(Column) -> Option<Vec<Option<T>>>,
    ) -> Result<Option<Vec<Option<T>>>, Damaged> {
        let Some(column) = self.block.column(number)? else { return Ok(None) };
        read(column).map(Some).ok_or_else(|| self.block.fault(number, OTHER_KIND))
    }

    /// What `parse` makes of a column's blobs; nothing where it is not there.
    fn parsed<T>(&self, number: u16, parse: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<Option<T>>, Damaged> {
        let blobs = |column| if let Column::Blobs(blobs) = column { Some(blobs) } else { None };
        let blobs = self.values(number, blobs)?.unwrap_or_default();
        let parsed = blobs.iter().map(|blob| match blob {
            None => Some(None),
            Some(blob) => parse(blob).map(Some),
        });
        parsed
            .collect::<Option<_>>()
            .ok_or_else(|| self.block.fault(number, "has bytes that are not what they should be"))
    }
}

/// The names of a sample's sensors, as [`pack`] wrote them.
fn names(bytes: &[u8]) -> Option<Vec<String>> {
    let (mut input, mut names) = (Input(bytes), Vec::new());
    while !input.0.is_empty() {
        let name = String::from_utf8(input.slice().ok()?.to_vec()).ok()?;
        if name.is_empty() || names.len() == MAX_SENSORS {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

/// How the values of a metric are kept, which its SQL type in the table of metrics says.
trait Kept<Type>: Sized {
    /// `None`: a value has more digits than are kept.
    fn column(values: impl Iterator<Item = Option<Self>>) -> Result<Column, usize>;

    /// `None`: the column is of another kind, or holds what can't be such a value.
    fn values(column: Column) -> Option<Vec<Option<Self>>>;
}

/// The SQL types of the table of metrics.
mod sql {
    pub(super) struct Float;
    pub(super) struct Double;
    pub(super) struct BigInt;
    pub(super) struct Integer;
}

impl Kept<sql::Float> for f64 {
    #[allow(clippy::cast_possible_truncation)] // whether it loses anything is the question
    fn column(values: impl Iterator<Item = Option<Self>>) -> Result<Column, usize> {
        let single = |(row, value): (usize, Option<Self>)| match value {
            None => Ok(None),
            Some(value) if shortest_decimal(value as f32).to_bits() == value.to_bits() => Ok(Some(value as f32)),
            Some(_) => Err(row),
        };
        Ok(Column::Singles(values.enumerate().map(single).collect::<Result<_, _>>()?))
    }

    fn values(column: Column) -> Option<Vec<Option<Self>>> {
        let Column::Singles(values) = column else { return None };
        Some(values.into_iter().map(|value| value.map(shortest_decimal)).collect())
    }
}

impl Kept<sql::Double> for f64 {
    fn column(values: impl Iterator<Item = Option<Self>>) -> Result<Column, usize> {
        Ok(Column::Doubles(values.collect()))
    }

    fn values(column: Column) -> Option<Vec<Option<Self>>> {
        if let Column::Doubles(values) = column { Some(values) } else { None }
    }
}

impl Kept<sql::BigInt> for i64 {
    fn column(values: impl Iterator<Item = Option<Self>>) -> Result<Column, usize> {
        Ok(Column::Integers(values.collect()))
    }

    fn values(column: Column) -> Option<Vec<Option<Self>>> {
        if let Column::Integers(values) = column { Some(values) } else { None }
    }
}

impl Kept<sql::Integer> for i32 {
    fn column(values: impl Iterator<Item = Option<Self>>) -> Result<Column, usize> {
        Ok(Column::Integers(values.map(|value| value.map(i64::from)).collect()))
    }

    fn values(column: Column) -> Option<Vec<Option<Self>>> {
        let Column::Integers(values) = column else { return None };
        let small = |value: Option<i64>| value.map(Self::try_from).transpose().ok();
        values.into_iter().map(small).collect()
    }
}

const fn number(metric: Metric) -> u16 {
    // The protocol counts from 1, in the order of the table.
    metric as u16 + 1
}

macro_rules! columns {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        fn metrics(samples: &[Received]) -> Result<BTreeMap<u16, Column>, Unpackable> {
            let mut columns = BTreeMap::new();
            $(
                let column = <$value as Kept<sql::$column>>::column(samples.iter().map(|of| of.sample.$name));
                let column = column.map_err(|row| Unpackable::Precision { row, field: stringify!($name) })?;
                columns.insert(number(Metric::$metric), column);
            )*
            Ok(columns)
        }

        fn fill(hour: &Hour<'_>, samples: &mut [Received]) -> Result<(), Damaged> {
            $(
                if let Some(values) = hour.values(number(Metric::$metric), <$value as Kept<sql::$column>>::values)? {
                    samples.iter_mut().zip(values).for_each(|(received, value)| received.sample.$name = value);
                }
            )*
            Ok(())
        }
    };
}
metric_table!(columns);

#[cfg(test)]
mod tests;
