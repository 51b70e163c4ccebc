use proptest::prelude::*;

use super::*;

fn key() -> Key {
    Key { device: 17, hour: DateTime::from_timestamp(1_795_903_200, 0).unwrap() }
}

fn column(rows: usize) -> impl Strategy<Value = Column> {
    let count = rows..=rows;
    prop_oneof![
        prop::collection::vec(any::<Option<i64>>(), count.clone()).prop_map(Column::Integers),
        prop::collection::vec(any::<Option<i8>>().prop_map(|value| value.map(i64::from)), count.clone())
            .prop_map(Column::Integers),
        prop::collection::vec(any::<Option<u32>>().prop_map(|bits| bits.map(f32::from_bits)), count.clone())
            .prop_map(Column::Singles),
        prop::collection::vec(any::<Option<u64>>().prop_map(|bits| bits.map(f64::from_bits)), count.clone())
            .prop_map(Column::Doubles),
        prop::collection::vec(
            any::<Option<u16>>().prop_map(|value| value.map(|value| f64::from(value) / 100.0)),
            count.clone()
        )
        .prop_map(Column::Doubles),
        prop::collection::vec(any::<Option<[u8; 3]>>().prop_map(|blob| blob.map(Vec::from)), count)
            .prop_map(Column::Blobs),
    ]
}

fn block() -> impl Strategy<Value = Block> {
    let times = prop::collection::btree_set(any::<i64>(), 1..60);
    times.prop_flat_map(|times| {
        let columns = prop::collection::btree_map(1..=MAX_COLUMN, column(times.len()), 0..8);
        (Just(times), columns).prop_map(|(times, columns)| Block { times: times.into_iter().collect(), columns })
    })
}

/// The values of columns, floats by their bits, so that they can be compared.
type Bits = Vec<(u16, Vec<Option<String>>)>;

/// What is expected back.
fn bits(block: &Block) -> (Vec<i64>, Bits) {
    let columns = block.columns.iter().filter(|(_, column)| !column.is_empty()).map(|(number, column)| {
        let values = match column {
            Column::Integers(values) => values.iter().map(|value| value.map(|value| value.to_string())).collect(),
            Column::Singles(values) => {
                values.iter().map(|value| value.map(|value| format!("{:x}", value.to_bits()))).collect()
            }
            Column::Doubles(values) => {
                values.iter().map(|value| value.map(|value| format!("{:x}", value.to_bits()))).collect()
            }
            Column::Blobs(values) => {
                values.iter().map(|value| value.as_ref().map(|value| format!("{value:x?}"))).collect()
            }
        };
        (*number, values)
    });
    (block.times.clone(), columns.collect())
}

proptest! {
    #[test]
    fn what_was_packed_comes_back_bit_for_bit(block in block()) {
        let bytes = block.pack(key()).unwrap();
        let reader = Reader::open(key(), &bytes).unwrap();
        prop_assert_eq!(reader.rows(), block.times.len());
        prop_assert_eq!(bits(&reader.unpack().unwrap()), bits(&block));
    }

    #[test]
    fn a_damaged_byte_is_an_error_wherever_it_is(block in block(), place in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut bytes = block.pack(key()).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        // Columns that no damage touched may be read still.
        let read = Reader::open(key(), &bytes).and_then(|reader| reader.unpack());
        prop_assert!(read.is_err(), "byte {} of {}", place, bytes.len());
    }

    #[test]
    fn any_bytes_give_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(reader) = Reader::open(key(), &bytes) {
            let _ = reader.unpack();
        }
    }
}

fn small() -> Block {
    let columns = [
        (1, Column::Singles(vec![Some(12.34), None, Some(-0.0)])),
        (2, Column::Integers(vec![Some(i64::MAX), Some(i64::MIN), Some(0)])),
        (3, Column::Blobs(vec![None, None, Some(b"cpu".to_vec())])),
        (4, Column::Doubles(vec![None, None, None])),
    ];
    Block { times: vec![0, 1, 3_599_999_999], columns: columns.into() }
}

#[test]
fn every_bit_counts() {
    let bytes = small().pack(key()).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Reader::open(key(), &damaged).and_then(|reader| reader.unpack()).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(Reader::open(key(), &bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(Reader::open(key(), &[bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn damage_of_one_column_leaves_the_others_to_be_read() {
    let mut bytes = small().pack(key()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let reader = Reader::open(key(), &bytes).unwrap();
    assert_eq!(reader.column(2).unwrap(), small().columns.remove(&2));
    let error = reader.column(3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the packed samples of device 17 from 2026-11-28T22:00:00Z on are damaged: column 3 does not match its checksum"
    );
}

#[test]
fn a_block_belongs_to_its_device_and_hour() {
    let bytes = small().pack(key()).unwrap();
    let later = key().hour + chrono::TimeDelta::hours(1);
    assert!(Reader::open(Key { device: 18, ..key() }, &bytes).is_err());
    assert!(Reader::open(Key { hour: later, ..key() }, &bytes).is_err());
    assert!(Reader::open(key(), &bytes).is_ok());
}

#[test]
fn a_column_without_values_takes_nothing_and_is_not_there() {
    let bytes = small().pack(key()).unwrap();
    let reader = Reader::open(key(), &bytes).unwrap();
    assert_eq!(reader.columns().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((reader.column(4), reader.column(0)), (Ok(None), Ok(None)));
}

/// A block as only somebody who means harm would write it: its checksums are right.
fn forged(rows: u64, columns: &[(u16, Kind, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    put_varint(&mut bytes, rows);
    let rest = joined(key(), 1, columns);
    bytes.extend(&rest[2..]);
    let data: usize = columns.iter().map(|(_, _, column)| column.len()).sum();
    let header = bytes.len() - data - CHECKSUM;
    let checksum = header_checksum(key(), &bytes[..header]);
    bytes[header..header + CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn what_a_header_claims_is_not_allocated() {
    let one_time = times(&[0]);
    for rows in [MAX_ROWS as u64 + 1, 1 << 31, u64::MAX] {
        assert!(Reader::open(key(), &forged(rows, &[(TIMES, Kind::Integers, one_time.clone())])).is_err(), "{rows}");
    }
    let reader = forged(MAX_ROWS as u64, &[(TIMES, Kind::Integers, one_time)]);
    assert!(Reader::open(key(), &reader).unwrap().times().is_err(), "rows without times");
    assert!(Reader::open(key(), &forged(0, &[])).is_err());
    let none = forged(1, &[]);
    assert!(Reader::open(key(), &none).unwrap().times().is_err());
}

#[test]
fn rows_that_are_not_in_order_are_refused_on_both_ways() {
    for times in [vec![5, 5], vec![5, 4]] {
        let block = Block { times: times.clone(), columns: BTreeMap::new() };
        assert_eq!(block.pack(key()), Err(Unpackable::NotInOrder(1)));
        let bytes = forged(2, &[(TIMES, Kind::Integers, super::times(&times))]);
        assert!(Reader::open(key(), &bytes).unwrap().times().is_err());
    }
}

#[test]
fn what_makes_no_block_is_refused() {
    let with = |number: u16, values: usize| {
        let columns = [(number, Column::Integers(vec![Some(1); values]))];
        Block { times: vec![0, 1], columns: columns.into() }.pack(key())
    };
    assert!(with(1, 2).is_ok() && with(MAX_COLUMN, 2).is_ok());
    assert_eq!(with(0, 2), Err(Unpackable::Number(0)));
    assert_eq!(with(MAX_COLUMN + 1, 2), Err(Unpackable::Number(MAX_COLUMN + 1)));
    assert_eq!(with(1, 3), Err(Unpackable::Uneven(1)));
    assert_eq!(Block::default().pack(key()), Err(Unpackable::Empty));
    let many = Block { times: (0..=MAX_ROWS as i64).collect(), columns: BTreeMap::new() };
    assert_eq!(many.pack(key()), Err(Unpackable::TooManyRows(MAX_ROWS + 1)));
    let full = Block { times: (0..MAX_ROWS as i64).collect(), columns: BTreeMap::new() };
    assert_eq!(Reader::open(key(), &full.pack(key()).unwrap()).unwrap().unpack(), Ok(full));
}
