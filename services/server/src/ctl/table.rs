//! Tables for people: columns as wide as what stands in them, and no letter that could play with the terminal.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use serde_json::Value;

use super::words;

/// Something that is listed and shown.
pub(super) trait Record: Sized + 'static {
    /// How it looks in a table.
    const COLUMNS: &'static [Column<Self>];

    /// How it looks to a script.
    fn json(&self) -> Value;
}

/// A column of a table of `T`.
pub(super) struct Column<T> {
    head: &'static str,
    /// Only in wide tables, and where a record is shown alone.
    wide: bool,
    cell: fn(&T, Style) -> Cell,
}

/// A column that always stands there.
pub(super) const fn column<T>(head: &'static str, cell: fn(&T, Style) -> Cell) -> Column<T> {
    Column { head, wide: false, cell }
}

/// A column for those who want to know all of it.
pub(super) const fn wide<T>(head: &'static str, cell: fn(&T, Style) -> Cell) -> Column<T> {
    Column { head, wide: true, cell }
}

/// How times are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Ages count from here.
    pub(super) now: DateTime<Utc>,
    /// The time itself in place of its age.
    pub(super) exact: bool,
}

impl Style {
    /// A time, or a dash where there is none.
    pub(super) fn time(self, time: &Option<Timestamp>) -> Cell {
        match words::read_time(time) {
            None => "-".into(),
            Some(time) if self.exact => words::rfc3339(time).into(),
            Some(time) => words::age(self.now, time).into(),
        }
    }
}

/// What a color would say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Waiting,
}

/// What stands in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text, or a dash where there is none.
    pub(super) fn or_dash(text: &str) -> Self {
        if text.is_empty() { "-".into() } else { text.into() }
    }

    /// A word for a state, in its color.
    pub(super) fn state(word: String) -> Self {
        let tone = match word.as_str() {
            "online" | "succeeded" | "completed" => Tone::Good,
            "offline" | "error" | "critical" | "failed" | "rejected" | "expired" | "halted" => Tone::Bad,
            "maintenance" | "unknown" | "paused" | "cancelled" => Tone::Waiting,
            _ => Tone::Plain,
        };
        Self { text: word, tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        let text = if text.is_empty() { "-".to_owned() } else { words::harmless(&text) };
        Self { text, tone: Tone::Plain }
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// What the place that is written to can show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Canvas {
    /// Longer lines are cut. `None`: nothing is.
    pub(super) width: Option<usize>,
    /// Whether it shows colors.
    pub(super) color: bool,
}

impl Canvas {
    fn line<'a>(self, cells: impl Iterator<Item = &'a Cell>, widths: &[usize]) -> String {
        let (mut line, mut gap, mut room) = (String::new(), 0, self.width.unwrap_or(usize::MAX));
        for (cell, width) in cells.zip(widths) {
            let Some(left) = room.checked_sub(gap).filter(|left| *left > 0) else { break };
            line.extend(std::iter::repeat_n(' ', gap));
            let text = cut(&cell.text, left);
            let length = text.chars().count();
            line.push_str(&self.paint(&text, cell.tone));
            // Kept back until another cell follows, so that no line ends in blanks.
            gap = width.saturating_sub(length) + 2;
            room = left - length;
        }
        line
    }

    fn paint(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Waiting => "33",
            Tone::Plain => return text.to_owned(),
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// A table that is written row by row: columns keep the width that the first rows gave them, or grow.
pub(super) struct Table {
    canvas: Canvas,
    wide: bool,
    widths: Vec<usize>,
}

impl Table {
    pub(super) fn new(canvas: Canvas, wide: bool) -> Self {
        Self { canvas, wide, widths: Vec::new() }
    }

    /// The lines of `records`; the first time below their heads.
    pub(super) fn lines<T: Record>(&mut self, records: &[T], style: Style) -> Vec<String> {
        let columns: Vec<_> = T::COLUMNS.iter().filter(|column| self.wide || !column.wide).collect();
        let mut rows: Vec<Vec<Cell>> =
            records.iter().map(|record| columns.iter().map(|column| (column.cell)(record, style)).collect()).collect();
        if self.widths.is_empty() {
            self.widths = vec![0; columns.len()];
            rows.insert(0, columns.iter().map(|column| column.head.into()).collect());
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.text.chars().count().max(*width);
            }
        }
        rows.iter().map(|row| self.canvas.line(row.iter(), &self.widths)).collect()
    }
}

/// A record alone: a line for each of its columns.
pub(super) fn detail<T: Record>(record: &T, canvas: Canvas, style: Style) -> Vec<String> {
    let head = |column: &Column<T>| column.head.to_lowercase();
    let width = T::COLUMNS.iter().map(|column| head(column).len()).max().unwrap_or_default();
    let rows = T::COLUMNS.iter().map(|column| [head(column).into(), (column.cell)(record, style)]);
    rows.map(|row: [Cell; 2]| canvas.line(row.iter(), &[width, 0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(&'static str, &'static str, &'static str);

    impl Record for Row {
        const COLUMNS: &'static [Column<Self>] = &[
            column("ONE", |row, _| row.0.into()),
            wide("TWO", |row, _| row.1.into()),
            column("STATE", |row, _| Cell::state(row.2.to_owned())),
        ];

        fn json(&self) -> Value {
            Value::Null
        }
    }

    const ROWS: [Row; 2] = [Row("a", "long cell", "online"), Row("länger", "", "offline")];

    fn style() -> Style {
        Style { now: DateTime::UNIX_EPOCH, exact: false }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
        let lines = Table::new(Canvas::default(), true).lines(&ROWS, style());
        assert_eq!(lines, ["ONE     TWO        STATE", "a       long cell  online", "länger  -          offline"]);
        let lines = Table::new(Canvas::default(), false).lines(&ROWS, style());
        assert_eq!(lines, ["ONE     STATE", "a       online", "länger  offline"]);
    }

    #[test]
    fn a_table_that_goes_on_keeps_its_columns_and_tells_its_heads_once() {
        let mut table = Table::new(Canvas::default(), false);
        assert_eq!(table.lines(&ROWS[1..], style()), ["ONE     STATE", "länger  offline"]);
        assert_eq!(table.lines(&ROWS[..1], style()), ["a       online"]);
    }

    #[test]
    fn a_terminals_width_cuts_what_is_seen_and_colors_take_no_room() {
        let canvas = Canvas { width: Some(11), color: true };
        let lines = Table::new(canvas, false).lines(&ROWS, style());
        assert_eq!(lines, ["ONE     ST…", "a       \x1b[32mon…\x1b[0m", "länger  \x1b[31mof…\x1b[0m"]);
        let canvas = Canvas { width: Some(7), color: false };
        assert_eq!(Table::new(canvas, false).lines(&ROWS[1..], style()), ["ONE", "länger"]);
    }

    #[test]
    fn a_record_alone_shows_every_column() {
        assert_eq!(detail(&ROWS[0], Canvas::default(), style()), ["one    a", "two    long cell", "state  online"]);
    }

    #[test]
    fn what_a_device_calls_itself_cannot_play_with_the_terminal() {
        assert_eq!(Cell::from("a\x1b[2Jb\nc").text, "a·[2Jb·c");
    }

    #[test]
    fn times_are_ages_unless_they_are_to_be_exact() {
        let time = Some(Timestamp { seconds: 60, nanos: 0 });
        let now = DateTime::from_timestamp(240, 0).unwrap();
        assert_eq!(Style { now, exact: false }.time(&time).text, "3m ago");
        assert_eq!(Style { now, exact: true }.time(&time).text, "1970-01-01T00:01:00Z");
        assert_eq!(Style { now, exact: true }.time(&None).text, "-");
    }
}
