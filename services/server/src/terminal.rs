//! Writing for people: the one place that knows standard output and standard error.

use std::io::Write as _;

/// Writes a line to standard output. A reader that went away (`| head`) is no error of ours.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes an error and its causes to standard error.
pub(crate) fn tell_error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr().lock(), "homepot: {error:#}");
}

/// Lays `rows` out in columns below `heads`.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.get(column).map_or(0, |cell| cell.chars().count()));
        cells.chain([heads[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let head = line(&mut heads.iter().copied());
    let body = rows.iter().map(|row| line(&mut row.iter().map(String::as_str)));
    [head].into_iter().chain(body).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "long cell".into(), "x".into()], vec!["länger".into(), "b".into(), "".into()]];
        assert_eq!(table(&["ONE", "TWO", "C"], &rows), "ONE     TWO        C\na       long cell  x\nlänger  b");
    }
}
