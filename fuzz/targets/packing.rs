//! Whatever bytes come as packed samples: an error that names device and hour, or rows; never a panic, a hang or a wrong number.
#![no_main]

use homepot_packing::{
    Block, Column, Key,
    block::{MAX_ROWS, Reader},
    samples::Hour,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 3 {
        // Bytes as they come; a checksum is hardly ever hit.
        0 => read(bytes),
        // The columns as they come, with checksums that are right: what the decoders make of them.
        1 => read(&homepot_packing::fuzzing::with_right_checksums(key(), bytes)),
        _ => round_trip(bytes),
    }
});

fn key() -> Key {
    Key { device: 17, hour: Default::default() }
}

fn read(bytes: &[u8]) {
    let reader = match Reader::open(key(), bytes) {
        Ok(reader) => reader,
        Err(error) => {
            let told = error.to_string();
            assert!(told.contains("device 17 from 1970-01-01T00:00:00Z"), "{told}");
            return;
        }
    };
    assert!((1..=MAX_ROWS).contains(&reader.rows()));
    for number in reader.columns() {
        if let Ok(Some(column)) = reader.column(number) {
            assert_eq!(column.rows(), reader.rows());
        }
    }
    if let Ok(block) = reader.unpack() {
        // What was read can be written, and is the same then.
        let again = block.pack(key()).expect("it was a block before");
        let again = Reader::open(key(), &again).and_then(|reader| reader.unpack()).expect("we wrote it");
        assert_eq!(bits(&again), bits(&block));
    }
    if let Ok(samples) = Hour::open(key(), bytes).and_then(|hour| hour.samples()) {
        assert!(samples.windows(2).all(|pair| pair[0].sample.collected_at < pair[1].sample.collected_at));
    }
}

/// Rows out of any bytes come back as they were; and with one byte changed they do not come back at all.
fn round_trip(bytes: &[u8]) {
    let Some((change, bytes)) = bytes.split_first_chunk::<4>() else { return };
    let words: Vec<u64> =
        bytes.chunks(8).map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))).collect();
    let rows = words.len();
    if rows == 0 {
        return;
    }
    let some = |word: &u64| (word % 7 != 0).then_some(*word);
    let floats = |word: &u64| some(word).map(|word| (word as u16 as f64) / 100.0);
    let columns = [
        (1, Column::Integers(words.iter().map(|word| some(word).map(u64::cast_signed)).collect())),
        (2, Column::Integers(words.iter().map(|word| some(word).map(|word| (word % 16) as i64)).collect())),
        (3, Column::Doubles(words.iter().map(|word| some(word).map(f64::from_bits)).collect())),
        (4, Column::Doubles(words.iter().map(floats).collect())),
        (5, Column::Singles(words.iter().map(|word| some(word).map(|word| f32::from_bits(word as u32))).collect())),
        (6, Column::Singles(words.iter().map(|word| floats(word).map(|value| value as f32)).collect())),
        (7, Column::Blobs(words.iter().map(|word| some(word).map(|word| word.to_be_bytes()[6..].to_vec())).collect())),
    ];
    let times = (0..).zip(&words).map(|(row, word)| row * 5_000_000 + (word % 1_000) as i64).collect();
    let block = Block { times, columns: columns.into() };
    let mut packed = block.pack(key()).expect("rows in order");
    let read = Reader::open(key(), &packed).and_then(|reader| reader.unpack()).expect("we wrote it");
    assert_eq!(bits(&read), bits(&block));
    let [change, place @ ..] = change;
    if *change != 0 {
        let place = place.iter().fold(0, |place, byte| place << 8 | usize::from(*byte)) % packed.len();
        packed[place] ^= change;
        assert!(Reader::open(key(), &packed).and_then(|reader| reader.unpack()).is_err(), "byte {place}");
    }
}

type Bits = Vec<(u16, Vec<Option<Vec<u8>>>)>;

/// Rows with floats by their bits, which can be compared. Columns without values are left out, as blocks do.
fn bits(block: &Block) -> (Vec<i64>, Bits) {
    let columns = block.columns.iter().map(|(number, column)| {
        let values: Vec<Option<Vec<u8>>> = match column {
            Column::Integers(values) => {
                values.iter().map(|value| value.map(|value| value.to_be_bytes().to_vec())).collect()
            }
            Column::Singles(values) => {
                values.iter().map(|value| value.map(|value| value.to_be_bytes().to_vec())).collect()
            }
            Column::Doubles(values) => {
                values.iter().map(|value| value.map(|value| value.to_be_bytes().to_vec())).collect()
            }
            Column::Blobs(values) => values.clone(),
        };
        (*number, values)
    });
    (block.times.clone(), columns.filter(|(_, values)| values.iter().any(Option::is_some)).collect())
}
