//! Tables for people: columns as wide as their content, with characters escaped that a terminal would obey.

use unicode_width::UnicodeWidthChar as _;

use super::record::{Cell, Column, Record, Style, Tone};

/// What the place that is written to can show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Canvas {
    /// Longer lines are cut. `None`: nothing is.
    pub(crate) width: Option<usize>,
    /// Whether it shows colors.
    pub(crate) color: bool,
}

impl Canvas {
    fn line<'a>(self, cells: impl Iterator<Item = &'a Cell>, widths: &[usize]) -> String {
        let (mut line, mut gap, mut room) = (String::new(), 0, self.width.unwrap_or(usize::MAX));
        for (cell, width) in cells.zip(widths) {
            let Some(left) = room.checked_sub(gap).filter(|left| *left > 0) else { break };
            line.extend(std::iter::repeat_n(' ', gap));
            let text = cut(&cell.text, left.min(*width));
            let length = cells_of(&text);
            line.push_str(&self.paint(&text, cell.tone));
            // Kept back until another cell follows, so that no line ends in blanks.
            gap = width.saturating_sub(length).saturating_add(2);
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

/// How many cells of a terminal a text takes: a letter of East Asia takes two, an accent that stands on another none.
fn cells_of(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or_default()).sum()
}

fn cut(text: &str, room: usize) -> String {
    if cells_of(text) <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or_default();
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The narrowest that a column gets while it stands there.
const NARROWEST: usize = 4;

/// A column as it stands in a table.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// Among the columns of the record.
    place: usize,
    width: usize,
}

/// Fits columns into `room`: the last that is no key goes first, and once only keys are left, the widest are cut.
fn fit(mut shown: Vec<Shown>, is_key: impl Fn(usize) -> bool, room: usize) -> Vec<Shown> {
    let total = |shown: &[Shown]| shown.iter().map(|column| column.width + 2).sum::<usize>().saturating_sub(2);
    while total(&shown) > room {
        match shown.iter().rposition(|column| !is_key(column.place)) {
            Some(least) => {
                shown.remove(least);
            }
            None => break,
        }
    }
    while total(&shown) > room {
        let Some(widest) = shown.iter_mut().max_by_key(|column| column.width).filter(|c| c.width > NARROWEST) else {
            break;
        };
        widest.width -= 1;
    }
    shown
}

/// A table that is written row by row: columns keep the width that the first rows gave them, or grow where there is room.
pub(crate) struct Table {
    canvas: Canvas,
    wide: bool,
    headed: bool,
    shown: Vec<Shown>,
}

impl Table {
    /// Tables are `wide` with every column, `headed` with their columns' names above the first row.
    pub(crate) fn new(canvas: Canvas, wide: bool, headed: bool) -> Self {
        Self { canvas, wide, headed, shown: Vec::new() }
    }

    /// The lines of `records`; the first time below their heads.
    pub(crate) fn lines<T: Record>(&mut self, records: &[&T], style: Style) -> Vec<String> {
        let columns: Vec<_> = T::COLUMNS.iter().filter(|column| self.wide || !column.wide).collect();
        let mut rows: Vec<Vec<Cell>> =
            records.iter().map(|record| columns.iter().map(|column| (column.cell)(record, style)).collect()).collect();
        let widest = |rows: &[Vec<Cell>], place: usize| rows.iter().map(|row| cells_of(&row[place].text)).max();
        if self.shown.is_empty() {
            if self.headed {
                rows.insert(0, columns.iter().map(|column| column.head.into()).collect());
            }
            let all = (0..columns.len()).map(|place| Shown { place, width: widest(&rows, place).unwrap_or_default() });
            // The first says what the row is about.
            let is_key = |place: usize| place == 0 || columns[place].key;
            self.shown = fit(all.collect(), is_key, self.canvas.width.unwrap_or(usize::MAX));
        } else {
            self.grow(|place| widest(&rows, place).unwrap_or_default());
        }
        let widths: Vec<_> = self.shown.iter().map(|column| column.width).collect();
        let cells = |row: &Vec<Cell>| self.shown.iter().map(|column| row[column.place].clone()).collect::<Vec<_>>();
        rows.iter().map(|row| self.canvas.line(cells(row).iter(), &widths)).collect()
    }

    /// Columns grow, the first ones first, for as long as the line has room.
    fn grow(&mut self, wanted: impl Fn(usize) -> usize) {
        let taken: usize = self.shown.iter().map(|column| column.width + 2).sum::<usize>().saturating_sub(2);
        let mut room = self.canvas.width.map_or(usize::MAX, |width| width.saturating_sub(taken));
        for column in &mut self.shown {
            let more = wanted(column.place).saturating_sub(column.width).min(room);
            column.width += more;
            room -= more;
        }
    }
}

/// A record alone: a line for each of its columns.
pub(crate) fn detail<T: Record>(record: &T, canvas: Canvas, style: Style) -> Vec<String> {
    let head = |column: &Column<T>| column.head.to_lowercase();
    let width = T::COLUMNS.iter().map(|column| head(column).len()).max().unwrap_or_default();
    let rows = T::COLUMNS.iter().map(|column| [head(column).into(), (column.cell)(record, style)]);
    rows.map(|row: [Cell; 2]| canvas.line(row.iter(), &[width, usize::MAX])).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use prost_types::Timestamp;
    use serde_json::Value;

    use super::{
        super::record::{column, key, wide},
        *,
    };

    #[derive(Default)]
    struct Row(&'static str, &'static str, &'static str);

    impl Record for Row {
        const COLUMNS: &'static [Column<Self>] = &[
            column("ONE", |row, _| row.0.into()),
            wide("TWO", |row, _| row.1.into()),
            key("STATE", |row, _| Cell::state(row.2.to_owned())),
        ];

        fn json(&self) -> Value {
            Value::Null
        }
    }

    const ROWS: [Row; 2] = [Row("a", "long cell", "online"), Row("länger", "", "offline")];

    fn lines(canvas: Canvas, wide: bool, rows: &[Row]) -> Vec<String> {
        Table::new(canvas, wide, true).lines(&rows.iter().collect::<Vec<_>>(), style())
    }

    fn style() -> Style {
        Style { now: DateTime::UNIX_EPOCH, exact: false }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
        assert_eq!(
            lines(Canvas::default(), true, &ROWS),
            ["ONE     TWO        STATE", "a       long cell  online", "länger  -          offline"]
        );
        assert_eq!(lines(Canvas::default(), false, &ROWS), ["ONE     STATE", "a       online", "länger  offline"]);
        let bare = Table::new(Canvas::default(), false, false).lines(&ROWS.each_ref(), style());
        assert_eq!(bare, ["a       online", "länger  offline"]);
    }

    #[test]
    fn a_table_that_goes_on_keeps_its_columns_and_tells_its_heads_once() {
        let mut table = Table::new(Canvas::default(), false, true);
        assert_eq!(table.lines(&[&ROWS[1]], style()), ["ONE     STATE", "länger  offline"]);
        assert_eq!(table.lines(&[&ROWS[0]], style()), ["a       online"]);
    }

    #[test]
    fn a_terminals_width_cuts_what_is_seen_and_colors_take_no_room() {
        let canvas = Canvas { width: Some(11), color: true };
        assert_eq!(
            lines(canvas, false, &ROWS),
            ["ONE    STA…", "a      \x1b[32monl…\x1b[0m", "läng…  \x1b[31moff…\x1b[0m"]
        );
    }

    #[test]
    fn a_record_alone_shows_every_column() {
        assert_eq!(detail(&ROWS[0], Canvas::default(), style()), ["one    a", "two    long cell", "state  online"]);
    }

    #[test]
    fn what_a_device_calls_itself_cannot_play_with_the_terminal() {
        assert_eq!(Cell::from("a\x1b[2Jb\nc\u{202e}").text, "a\\u{1b}[2Jb\\nc\\u{202e}");
    }

    #[test]
    fn widths_are_counted_in_cells_of_the_terminal() {
        let rows = [Row("東京本店", "", "online"), Row("e\u{301}té", "", "offline")];
        assert_eq!(
            lines(Canvas::default(), false, &rows),
            ["ONE       STATE", "東京本店  online", "e\u{301}té       offline"]
        );
        for width in 8..40 {
            let canvas = Canvas { width: Some(width), color: false };
            for line in lines(canvas, true, &rows) {
                assert!(cells_of(&line) <= width, "{line} in {width}");
            }
        }
        assert_eq!([1, 2, 3, 4, 8].map(|room| cut("東京本店", room)), ["…", "…", "東…", "東…", "東京本店"]);
    }

    #[test]
    fn in_a_narrow_terminal_columns_go_from_the_last_and_keys_stay() {
        let table = |width, wide| lines(Canvas { width: Some(width), color: false }, wide, &ROWS[..1]);
        assert_eq!(table(22, true), ["ONE  TWO        STATE", "a    long cell  online"]);
        for width in [21, 11] {
            assert_eq!(table(width, true), ["ONE  STATE", "a    online"]);
        }
    }

    #[test]
    fn a_table_that_goes_on_grows_within_the_terminal() {
        let mut table = Table::new(Canvas { width: Some(13), color: false }, false, true);
        assert_eq!(table.lines(&[&ROWS[0]], style()), ["ONE  STATE", "a    online"]);
        assert_eq!(table.lines(&[&ROWS[1]], style()), ["läng…  offli…"]);
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
