//! Rows as RFC 4180 has them.

use std::io::Write as _;

/// Adds a row of `cells` to `text`.
pub(super) fn row<C: AsRef<str>>(text: &mut Vec<u8>, cells: impl IntoIterator<Item = C>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        let cell = cell.as_ref();
        if cell.contains([',', '"', '\r', '\n']) {
            // Writing to memory can't fail.
            let _ = write!(text, "\"{}\"", cell.replace('"', "\"\""));
        } else {
            text.extend(cell.as_bytes());
        }
    }
    text.extend(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_could_be_misread_is_quoted() {
        let mut text = Vec::new();
        row(&mut text, ["a", "", "1,5", "he said \"no\"", "two\r\nlines"]);
        row(&mut text, ["b"]);
        let expected = "a,,\"1,5\",\"he said \"\"no\"\"\",\"two\r\nlines\"\r\nb\r\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
