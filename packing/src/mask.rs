//! Which rows have a value in a column.

use crate::{damage::Fault, positions, wire::Input};

const ALL: u8 = 0;
const ALL_BUT: u8 = 1;
const ONLY: u8 = 2;

/// Appends which places have a value.
pub(crate) fn put(out: &mut Vec<u8>, present: &[bool]) {
    let places = |wanted: bool| -> Vec<usize> {
        present.iter().enumerate().filter(|(_, present)| **present == wanted).map(|(place, _)| place).collect()
    };
    let (there, missing) = (places(true), places(false));
    if missing.is_empty() {
        out.push(ALL);
    } else if missing.len() <= there.len() {
        out.push(ALL_BUT);
        positions::put(out, &missing);
    } else {
        out.push(ONLY);
        positions::put(out, &there);
    }
}

/// Reads which of `rows` places have a value.
pub(crate) fn take(input: &mut Input<'_>, rows: usize) -> Result<Vec<bool>, Fault> {
    let kind = input.byte()?;
    let mut present = vec![kind != ONLY; rows];
    match kind {
        ALL => {}
        ALL_BUT | ONLY => {
            for place in positions::take(input, rows)? {
                present[place] = kind == ONLY;
            }
        }
        _ => return Err(Fault("says in no known way which rows have a value")),
    }
    Ok(present)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_missing_comes_back(present in prop::collection::vec(any::<bool>(), 1..300), all in any::<Option<bool>>()) {
            let present: Vec<_> = present.into_iter().map(|present| all.unwrap_or(present)).collect();
            let mut bytes = Vec::new();
            put(&mut bytes, &present);
            let mut input = Input(&bytes);
            prop_assert_eq!(take(&mut input, present.len()), Ok(present));
            prop_assert!(input.0.is_empty());
        }
    }

    #[test]
    fn a_gap_takes_few_bytes() {
        let present: Vec<_> = (0..720).map(|row| !(100..220).contains(&row)).collect();
        let mut bytes = Vec::new();
        put(&mut bytes, &present);
        assert!(bytes.len() < 30, "{}", bytes.len());
    }
}
