//! Rows as RFC 4180 has them, safe to open in a spreadsheet.

use homepot::text;
use serde_json::Value;

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A row, without the line feed that ends it.
pub(crate) fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<_> = cells.into_iter().map(quoted).collect();
    format!("{}\r", cells.join(","))
}

/// A value as a cell: nothing for null, JSON for lists and objects. A text that a spreadsheet would compute gets an apostrophe in
/// front, and stays a text.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let shown = text::visible_lines(text);
            if text.starts_with(FORMULA) { format!("'{shown}") } else { shown }
        }
        other => text::visible_json(&other.to_string()),
    }
}

fn quoted(cell: String) -> String {
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_that_could_be_misread_is_quoted() {
        let cells = ["a", "", "1,5", "he said \"no\"", "two\nlines"].map(str::to_owned);
        assert_eq!(row(cells), "a,,\"1,5\",\"he said \"\"no\"\"\",\"two\nlines\"\r");
    }

    #[test]
    fn formulas_stay_texts_and_numbers_stay_numbers() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"] {
            assert!(cell(&json!(formula)).starts_with('\''), "{formula}");
        }
        assert_eq!(cell(&json!(-1.5)), "-1.5");
        assert_eq!(cell(&json!("a=b")), "a=b");
        assert_eq!(cell(&json!(null)), "");
        assert_eq!(cell(&json!({"a": ["\u{202e}"]})), r#"{"a":["\u202e"]}"#);
        assert_eq!(cell(&json!("\u{1b}[2J\nb")), "\\u{1b}[2J\nb");
    }
}
