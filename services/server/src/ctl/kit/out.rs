//! Output of answers: tables for people; JSON, YAML, CSV or names for scripts. It ends when the reader closes the pipe.

use std::{
    ffi::{OsStr, OsString},
    io::{IsTerminal as _, Write as _},
};

use homepot::{pb::common::v1::DeviceSource, text};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use super::{
    csv, fields,
    record::{Record, Style},
    status::Usage,
    table::{Canvas, Table, detail},
};
use crate::terminal::wall_clock;

/// How answers look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people: the main columns, with times as ages.
    Table,
    /// For people: all columns, with times in full.
    Wide,
    /// For scripts: one document; a watch writes one object per line.
    Json,
    /// For scripts: one document; a watch writes one document per change.
    Yaml,
    /// For spreadsheets and scripts: a row for each record, a column for each field.
    Csv,
    /// For scripts: the id of each record, one per line.
    Name,
}

/// How answers are to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Look {
    /// Output format.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Omit the line of column names in tables and CSV.
    #[arg(long, global = true)]
    no_headers: bool,
    /// Sort a list by this field, named as in JSON, such as presence.last_seen_at. --limit applies before the sort.
    #[arg(long, global = true, value_name = "FIELD")]
    sort_by: Option<String>,
}

/// The reader closed the pipe (`| head`). This is no error to report.
#[derive(Debug)]
pub(crate) struct ReaderGone;

impl std::fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for ReaderGone {}

/// Standard output.
pub(crate) struct Out {
    look: Look,
    canvas: Canvas,
}

/// Output that is written bit by bit, with columns that keep their widths.
pub(crate) struct Feed {
    table: Table,
    fields: Vec<String>,
    name: Option<&'static str>,
}

impl Out {
    pub(crate) fn new(look: Look) -> Self {
        let stdout = std::io::stdout();
        let terminal = stdout.is_terminal();
        let size = if terminal { rustix::termios::tcgetwinsize(&stdout).ok() } else { None };
        let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        let color = terminal && colors_are_welcome(std::env::var_os);
        Self { look, canvas: Canvas { width, color } }
    }

    /// Whether people read the output, who get more notes than scripts.
    pub(crate) fn is_for_people(&self) -> bool {
        matches!(self.look.output, Output::Table | Output::Wide)
    }

    /// Whether it has whole documents, of whatever shape they are.
    pub(crate) fn has_documents(&self) -> bool {
        matches!(self.look.output, Output::Json | Output::Yaml)
    }

    /// Records of a list, in the order that was asked for.
    pub(crate) fn list<T: Record>(&self, records: &[T]) -> anyhow::Result<()> {
        match &self.look.sort_by {
            Some(field) => self.rows(&fields::sorted(records, field)?),
            None => self.rows(&records.iter().collect::<Vec<_>>()),
        }
    }

    /// Records that people are shown below an answer, in their own order.
    pub(crate) fn below<T: Record>(&self, records: &[T]) -> anyhow::Result<()> {
        if !self.is_for_people() || records.is_empty() {
            return Ok(());
        }
        self.text("")?;
        self.rows(&records.iter().collect::<Vec<_>>())
    }

    fn rows<T: Record>(&self, records: &[&T]) -> anyhow::Result<()> {
        let values = || records.iter().map(|record| record.json());
        match self.look.output {
            Output::Table | Output::Wide => self.write(&self.table().lines(records, self.style())),
            Output::Json | Output::Yaml => self.document(&values().collect()),
            Output::Csv => self.csv(&fields::names::<T>(), !self.look.no_headers, values()),
            Output::Name => {
                let name = name_of::<T>()?;
                self.write(&values().map(|value| csv::cell(fields::at(&value, name))).collect::<Vec<_>>())
            }
        }
    }

    /// A record with all that is known of it.
    pub(crate) fn detail<T: Record>(&self, record: &T) -> anyhow::Result<()> {
        if self.is_for_people() {
            return self.write(&detail(record, self.canvas, self.style()));
        }
        self.changed(record, &[])
    }

    /// A record that was made or changed, with what scripts are told beside it.
    pub(crate) fn changed<T: Record>(&self, record: &T, beside: &[(&str, Value)]) -> anyhow::Result<()> {
        if self.is_for_people() || self.look.output == Output::Name {
            return self.rows(&[record]);
        }
        let mut document = record.json();
        beside.iter().for_each(|(name, value)| document[*name] = value.clone());
        if self.has_documents() {
            return self.document(&document);
        }
        let more = beside.iter().map(|(name, _)| (*name).to_owned());
        let fields: Vec<_> = fields::names::<T>().into_iter().chain(more).collect();
        self.csv(&fields, !self.look.no_headers, [document].into_iter())
    }

    /// A record with a secret that is shown this once; `name` is the secret's for scripts.
    pub(crate) fn secret<T: Record>(&self, record: &T, name: &str, secret: &str) -> anyhow::Result<()> {
        self.changed(record, &[(name, secret.into())])?;
        if self.look.output == Output::Name {
            note(format_args!("the secret, shown this once: {secret}"));
        }
        self.text("\nThe secret, shown this once:")?;
        self.text(secret)
    }

    /// Sums over those of one `source`. Unless it was said they are over real ones; where these have none, others may.
    pub(crate) fn sums<T: Record>(&self, sums: &[T], source: i32) -> anyhow::Result<()> {
        self.list(sums)?;
        if sums.is_empty() && source == i32::from(DeviceSource::Unspecified) {
            note("nothing of real ones; --source simulated counts what is simulated");
        }
        Ok(())
    }

    /// What came of a call that has no record to show: a flat object for scripts, the id of what it was about for those who
    /// want no more, `words` for people.
    pub(crate) fn outcome(&self, value: &Value, id: Option<&str>, words: impl std::fmt::Display) -> anyhow::Result<()> {
        match self.look.output {
            Output::Table | Output::Wide => self.text(words),
            Output::Json | Output::Yaml => self.document(value),
            Output::Csv => {
                let fields: Vec<_> = value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
                self.csv(&fields, !self.look.no_headers, [value.clone()].into_iter())
            }
            Output::Name => self.write(&id.into_iter().map(text::visible).collect::<Vec<_>>()),
        }
    }

    /// Begins what is written bit by bit; events in it may have the fields `beside`.
    pub(crate) fn feed<T: Record>(&self, beside: &[&str]) -> anyhow::Result<Feed> {
        if self.look.sort_by.is_some() {
            return Err(Usage("--sort-by: a watch shows each change when it comes".into()).into());
        }
        let more = beside.iter().map(|name| (*name).to_owned());
        let fields = fields::names::<T>().into_iter().chain(more).collect();
        let name = if self.look.output == Output::Name { Some(name_of::<T>()?) } else { None };
        let feed = Feed { table: self.table(), fields, name };
        if self.look.output == Output::Csv {
            self.csv(&feed.fields, !self.look.no_headers, std::iter::empty())?;
        }
        Ok(feed)
    }

    /// The next records of a feed.
    pub(crate) fn news<T: Record>(&self, feed: &mut Feed, records: &[T]) -> anyhow::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        if self.is_for_people() {
            let records: Vec<_> = records.iter().collect();
            return self.write(&feed.table.lines(&records, self.style()));
        }
        records.iter().try_for_each(|record| self.entry(feed, record.json()))
    }

    /// Something of a feed that is no record.
    pub(crate) fn event(&self, feed: &Feed, value: Value, words: impl std::fmt::Display) -> anyhow::Result<()> {
        if self.is_for_people() { self.text(words) } else { self.entry(feed, value) }
    }

    fn entry(&self, feed: &Feed, value: Value) -> anyhow::Result<()> {
        match self.look.output {
            Output::Yaml => self.write(&["---".to_owned(), yaml(&value)?]),
            Output::Csv => self.csv(&feed.fields, false, [value].into_iter()),
            Output::Name => self.write(&[csv::cell(fields::at(&value, feed.name.unwrap_or_default()))]),
            Output::Table | Output::Wide | Output::Json => self.write(&[text::visible_json(&value.to_string())]),
        }
    }

    fn table(&self) -> Table {
        Table::new(self.canvas, self.look.output == Output::Wide, !self.look.no_headers)
    }

    fn csv(&self, fields: &[String], headed: bool, values: impl Iterator<Item = Value>) -> anyhow::Result<()> {
        let head = headed.then(|| csv::row(fields.iter().cloned()));
        let row = |value: Value| csv::row(fields.iter().map(|name| csv::cell(fields::at(&value, name))));
        self.write(&head.into_iter().chain(values.map(row)).collect::<Vec<_>>())
    }

    /// One whole document, where the output has such.
    pub(crate) fn document(&self, value: &Value) -> anyhow::Result<()> {
        match self.look.output {
            Output::Json => self.write(&[text::visible_json(&format!("{value:#}"))]),
            Output::Yaml => self.write(&[yaml(value)?]),
            Output::Table | Output::Wide | Output::Csv | Output::Name => Ok(()),
        }
    }

    /// A line for people; not for scripts.
    pub(crate) fn text(&self, line: impl std::fmt::Display) -> anyhow::Result<()> {
        if !self.is_for_people() {
            return Ok(());
        }
        let line = line.to_string();
        self.write(&line.split('\n').map(text::visible).collect::<Vec<_>>())
    }

    /// Lines as they are.
    pub(crate) fn write(&self, lines: &[String]) -> anyhow::Result<()> {
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => ReaderGone.into(),
            _ => anyhow::Error::from(error).context("can't write the answer"),
        })
    }

    /// An error once the reader left, for watches that may have nothing to write for hours.
    pub(crate) fn check_reader(&self) -> anyhow::Result<()> {
        let stdout = std::io::stdout();
        let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let told = poll(&mut polled, Some(&now)).unwrap_or_default();
        if told > 0 && polled[0].revents().contains(PollFlags::ERR) {
            return Err(ReaderGone.into());
        }
        Ok(())
    }

    fn style(&self) -> Style {
        Style { now: wall_clock(), exact: self.look.output == Output::Wide }
    }
}

/// The field that names records, for those who want nothing else.
fn name_of<T: Record>() -> Result<&'static str, Usage> {
    T::NAME.ok_or_else(|| Usage("--output name: what is listed here has no ids".into()))
}

/// A document without the line feed at its end. Text with characters that a terminal obeys or that nobody can see is written as
/// JSON, which YAML contains, because only there each of them can be escaped.
fn yaml(value: &Value) -> anyhow::Result<String> {
    let yaml = serde_saphyr::to_string(value)?;
    if yaml.chars().any(|c| c != '\n' && text::is_hidden(c)) {
        return Ok(text::visible_json(&value.to_string()));
    }
    Ok(yaml.trim_end_matches('\n').to_owned())
}

fn colors_are_welcome(variable: impl Fn(&'static str) -> Option<OsString>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|word| !word.is_empty());
    !refused && variable("TERM").as_deref() != Some(OsStr::new("dumb"))
}

/// Writes over what stands on a terminal's line.
pub(crate) const NEW_LINE: &str = "\r\x1b[2K";

/// A note to people beside the answer, on standard error.
pub(crate) fn note(text: impl std::fmt::Display) {
    let mut out = std::io::stderr().lock();
    // A bar may stand there.
    let start = if out.is_terminal() { NEW_LINE } else { "" };
    let _ = writeln!(out, "{start}homepot: {}", text::visible(&text.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_and_dumb_terminals_are_respected() {
        let with = |name: &'static str, word: &'static str| {
            colors_are_welcome(move |asked| (asked == name).then(|| word.into()))
        };
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("NO_COLOR", "1") && !with("TERM", "dumb"));
    }

    #[test]
    fn yaml_keeps_texts_texts_and_hides_nothing() {
        let told =
            yaml(&serde_json::json!({"a": "on", "b": ["2026-01-01", 1.5, null], "c": "x\ny", "d": "1"})).unwrap();
        assert_eq!(told, "a: \"on\"\nb:\n- \"2026-01-01\"\n- 1.5\n- null\nc: |-\n  x\n  y\nd: \"1\"");
        let hidden = yaml(&serde_json::json!({"a": "x\u{202e}y", "b": "\u{1b}[2J"})).unwrap();
        assert_eq!(hidden, r#"{"a":"x\u202ey","b":"\u001b[2J"}"#);
    }
}
