//! A block: rows in the order of time, in columns, as bytes.
//!
//! ```text
//! version, rows, columns, { number, kind, length, checksum } for each column, checksum of all that and of device and hour
//! the columns, one after the other
//! ```
//!
//! Numbers are varints and checksums are CRC-32 in four bytes, lowest first. A column begins with which rows have a value; the values
//! follow. Checksums of columns are in the header, and its own covers whose block it is: one that is stored under another device or
//! hour is damaged.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    blobs,
    damage::{Damaged, Fault, Place, Unpackable},
    integers, mask, numbers,
    wire::{Input, put_varint},
};

/// Rows of a block at most: an hour of eighteen samples a second.
pub const MAX_ROWS: usize = 65_536;
/// Bytes of a column of blobs at most, eight more counted for each row.
pub const MAX_BLOB_BYTES: usize = 16 << 20;
/// The largest number of a column.
pub const MAX_COLUMN: u16 = 4_095;

const VERSION: u8 = 1;
const MAX_COLUMNS: usize = 256;
/// The column of the rows' times.
const TIMES: u16 = 0;
const CHECKSUM: usize = 4;

/// Whose samples, and of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The device, by its number in the database.
    pub device: i64,
    /// When the hour begins.
    pub hour: DateTime<Utc>,
}

/// What rows have in one column; `None` where a row has nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Whole numbers.
    Integers(Vec<Option<i64>>),
    /// Floats in single precision.
    Singles(Vec<Option<f32>>),
    /// Floats in double precision.
    Doubles(Vec<Option<f64>>),
    /// Strings of bytes.
    Blobs(Vec<Option<Vec<u8>>>),
}

/// Rows, not packed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The time of each row in microseconds since the hour began, each later than the one before.
    pub times: Vec<i64>,
    /// Columns by their numbers, from 1 to [`MAX_COLUMN`]. One in which no row has a value is left out.
    pub columns: BTreeMap<u16, Column>,
}

impl Block {
    /// Packs the rows.
    pub fn pack(&self, key: Key) -> Result<Vec<u8>, Unpackable> {
        let rows = self.times.len();
        if rows == 0 {
            return Err(Unpackable::Empty);
        }
        if rows > MAX_ROWS {
            return Err(Unpackable::TooManyRows(rows));
        }
        if let Some(place) = self.times.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(Unpackable::NotInOrder(place + 1));
        }
        let mut packed = vec![(TIMES, Kind::Integers, times(&self.times))];
        for (number, column) in &self.columns {
            if *number == TIMES || *number > MAX_COLUMN || packed.len() == MAX_COLUMNS {
                return Err(Unpackable::Number(*number));
            }
            if column.rows() != rows {
                return Err(Unpackable::Uneven(*number));
            }
            if !column.is_empty() {
                let bytes = column.pack().ok_or(Unpackable::TooManyBytes(*number))?;
                packed.push((*number, column.kind(), bytes));
            }
        }
        Ok(joined(key, rows, &packed))
    }
}

fn times(times: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    integers::put(&mut bytes, times);
    bytes
}

fn joined(key: Key, rows: usize, packed: &[(u16, Kind, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    put_varint(&mut bytes, rows as u64);
    put_varint(&mut bytes, packed.len() as u64);
    for (number, kind, column) in packed {
        put_varint(&mut bytes, (*number).into());
        bytes.push(*kind as u8);
        put_varint(&mut bytes, column.len() as u64);
        bytes.extend(crc32fast::hash(column).to_le_bytes());
    }
    let checksum = header_checksum(key, &bytes);
    bytes.extend(checksum.to_le_bytes());
    packed.iter().for_each(|(_, _, column)| bytes.extend(column));
    bytes
}

pub(crate) fn header_checksum(key: Key, header: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key.device.to_le_bytes());
    hasher.update(&key.hour.timestamp().to_le_bytes());
    hasher.update(header);
    hasher.finalize()
}

/// As it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integers = 0,
    Singles = 1,
    Doubles = 2,
    Blobs = 3,
}

impl Column {
    /// How many rows it has a place for.
    pub fn rows(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Singles(values) => values.len(),
            Self::Doubles(values) => values.len(),
            Self::Blobs(values) => values.len(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Integers(_) => Kind::Integers,
            Self::Singles(_) => Kind::Singles,
            Self::Doubles(_) => Kind::Doubles,
            Self::Blobs(_) => Kind::Blobs,
        }
    }

    /// Whether no row has a value.
    fn is_empty(&self) -> bool {
        match self {
            Self::Integers(values) => values.iter().all(Option::is_none),
            Self::Singles(values) => values.iter().all(Option::is_none),
            Self::Doubles(values) => values.iter().all(Option::is_none),
            Self::Blobs(values) => values.iter().all(Option::is_none),
        }
    }

    /// Its bytes; `None`: it has too many bytes.
    fn pack(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Integers(values) => {
                let values = present(&mut out, values.iter().copied());
                integers::put(&mut out, &values);
            }
            Self::Singles(values) => {
                let values = present(&mut out, values.iter().copied());
                numbers::put(&mut out, &values);
            }
            Self::Doubles(values) => {
                let values = present(&mut out, values.iter().copied());
                numbers::put(&mut out, &values);
            }
            Self::Blobs(values) => {
                let values = present(&mut out, values.iter().map(Option::as_deref));
                blobs::put(&mut out, &values)?;
            }
        }
        Some(out)
    }

    fn unpack(kind: Kind, bytes: &[u8], rows: usize) -> Result<Self, Fault> {
        let mut input = Input(bytes);
        let present = mask::take(&mut input, rows)?;
        let count = present.iter().filter(|present| **present).count();
        if count == 0 {
            return Err(Fault("has no value"));
        }
        Ok(match kind {
            Kind::Integers => Self::Integers(spread(&present, integers::take(input, count)?)),
            Kind::Singles => Self::Singles(spread(&present, numbers::take(input, count)?)),
            Kind::Doubles => Self::Doubles(spread(&present, numbers::take(input, count)?)),
            Kind::Blobs => Self::Blobs(spread(&present, blobs::take(input, count)?)),
        })
    }
}

/// Writes which rows have a value, and gives the values.
fn present<T>(out: &mut Vec<u8>, values: impl Iterator<Item = Option<T>>) -> Vec<T> {
    let mut present = Vec::new();
    let there = values.inspect(|value| present.push(value.is_some())).flatten().collect();
    mask::put(out, &present);
    there
}

/// Each value at its row.
fn spread<T>(present: &[bool], values: Vec<T>) -> Vec<Option<T>> {
    let mut values = values.into_iter();
    present.iter().map(|present| if *present { values.next() } else { None }).collect()
}

/// A block that is read: whole as far as its header goes, and each column once it is asked for.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    key: Key,
    rows: usize,
    columns: Vec<Entry<'a>>,
}

/// A column in the header, and its bytes.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    number: u16,
    kind: Kind,
    checksum: u32,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the header of a block that is stored under `key`.
    pub fn open(key: Key, bytes: &'a [u8]) -> Result<Self, Damaged> {
        let (rows, columns) = header(key, bytes).map_err(|fault| Damaged::new(key, Place::Header, fault))?;
        Ok(Self { key, rows, columns })
    }

    /// Whose block it is.
    pub fn key(&self) -> Key {
        self.key
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The numbers of its columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = u16> + '_ {
        self.columns.iter().map(|entry| entry.number).filter(|number| *number != TIMES)
    }

    /// The times of the rows, in microseconds since the hour began.
    pub fn times(&self) -> Result<Vec<i64>, Damaged> {
        let damaged = |fault| Damaged::new(self.key, Place::Column(TIMES), fault);
        let is_times = |entry: &&Entry<'_>| entry.number == TIMES && entry.kind == Kind::Integers;
        let entry = self.columns.first().filter(is_times).ok_or(damaged(Fault("is not there")))?;
        let times = entry.checked().and_then(|bytes| integers::take(Input(bytes), self.rows)).map_err(damaged)?;
        if times.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(damaged(Fault("has rows that are not in order")));
        }
        Ok(times)
    }

    /// What the rows have in a column; `None`: nothing. No other column is looked at.
    pub fn column(&self, number: u16) -> Result<Option<Column>, Damaged> {
        let Some(entry) = self.columns.iter().find(|entry| entry.number == number && number != TIMES) else {
            return Ok(None);
        };
        let column = entry.checked().and_then(|bytes| Column::unpack(entry.kind, bytes, self.rows));
        column.map(Some).map_err(|fault| self.fault(number, fault.0))
    }

    /// All of it.
    pub fn unpack(&self) -> Result<Block, Damaged> {
        let columns = self.columns().map(|number| Ok(self.column(number)?.map(|column| (number, column))));
        let columns: Vec<_> = columns.collect::<Result<_, Damaged>>()?;
        Ok(Block { times: self.times()?, columns: columns.into_iter().flatten().collect() })
    }

    /// Damage of a column that only its reader sees.
    pub(crate) fn fault(&self, number: u16, reason: &'static str) -> Damaged {
        Damaged::new(self.key, Place::Column(number), Fault(reason))
    }
}

impl<'a> Entry<'a> {
    fn checked(&self) -> Result<&'a [u8], Fault> {
        if crc32fast::hash(self.bytes) == self.checksum {
            Ok(self.bytes)
        } else {
            Err(Fault("does not match its checksum"))
        }
    }
}

fn header<'a>(key: Key, bytes: &'a [u8]) -> Result<(usize, Vec<Entry<'a>>), Fault> {
    let mut input = Input(bytes);
    if input.byte()? != VERSION {
        return Err(Fault("has a version that this program does not know"));
    }
    let rows = input.at_most(MAX_ROWS)?;
    let count = input.at_most(MAX_COLUMNS)?;
    let mut columns: Vec<(Entry<'a>, usize)> = Vec::new();
    for _ in 0..count {
        let number = input.at_most(MAX_COLUMN.into())? as u16;
        if columns.last().is_some_and(|(last, _)| last.number >= number) {
            return Err(Fault("has columns that are not in order"));
        }
        let kind = match input.byte()? {
            0 => Kind::Integers,
            1 => Kind::Singles,
            2 => Kind::Doubles,
            3 => Kind::Blobs,
            _ => return Err(Fault("has a column of no known kind")),
        };
        let length = input.at_most(bytes.len())?;
        columns.push((Entry { number, kind, checksum: checksum(&mut input)?, bytes: &[] }, length));
    }
    let length = bytes.len() - input.0.len();
    if checksum(&mut input)? != header_checksum(key, &bytes[..length]) {
        return Err(Fault("does not match its checksum"));
    }
    if rows == 0 {
        return Err(Fault("has no rows"));
    }
    let columns = columns.into_iter().map(|(entry, length)| Ok(Entry { bytes: input.take(length)?, ..entry }));
    let columns = columns.collect::<Result<_, Fault>>()?;
    input.end()?;
    Ok((rows, columns))
}

/// The length of a header without its own checksum, and of each column where its checksum stands and how long it is.
#[cfg(feature = "fuzzing")]
pub(crate) fn lengths(bytes: &[u8]) -> Option<(usize, Vec<(usize, usize)>)> {
    let mut input = Input(bytes);
    input.byte().ok()?;
    input.varint().ok()?;
    let count = input.at_most(MAX_COLUMNS).ok()?;
    let mut columns = Vec::new();
    for _ in 0..count {
        input.varint().ok()?;
        input.byte().ok()?;
        let length = input.at_most(bytes.len()).ok()?;
        columns.push((bytes.len() - input.0.len(), length));
        checksum(&mut input).ok()?;
    }
    let header = bytes.len() - input.0.len();
    checksum(&mut input).ok()?;
    Some((header, columns))
}

fn checksum(input: &mut Input<'_>) -> Result<u32, Fault> {
    let (bytes, rest) = input.0.split_first_chunk::<CHECKSUM>().ok_or(Fault("ends too early"))?;
    input.0 = rest;
    Ok(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
