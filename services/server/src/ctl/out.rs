//! Where answers go: tables for people, JSON for scripts, and an end when nobody reads any more.

use std::{
    ffi::{OsStr, OsString},
    io::{IsTerminal as _, Write as _},
};

use homepot::{pb::common::v1::DeviceSource, text};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::terminal::wall_clock;

use super::table::{Canvas, Record, Style, Table, detail};

/// How answers look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people: the columns that matter, times as ages.
    Table,
    /// For people: every column, times in full.
    Wide,
    /// For scripts: one document; watches write one object a line.
    Json,
}

/// Nobody reads what is written (`| head`); no error to tell anybody of.
#[derive(Debug)]
pub(super) struct ReaderGone;

impl std::fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for ReaderGone {}

/// Standard output.
pub(super) struct Out {
    output: Output,
    canvas: Canvas,
}

impl Out {
    pub(super) fn new(output: Output) -> Self {
        let stdout = std::io::stdout();
        let terminal = stdout.is_terminal();
        let size = if terminal { rustix::termios::tcgetwinsize(&stdout).ok() } else { None };
        let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        let color = terminal && colors_are_welcome(std::env::var_os);
        Self { output, canvas: Canvas { width, color } }
    }

    pub(super) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Records of a list.
    pub(super) fn list<T: Record>(&self, records: &[T]) -> anyhow::Result<()> {
        if self.is_json() {
            return self.document(&records.iter().map(T::json).collect());
        }
        self.write(&self.table().lines(records, self.style()))
    }

    /// A record with all that is known of it.
    pub(super) fn detail<T: Record>(&self, record: &T) -> anyhow::Result<()> {
        if self.is_json() {
            return self.document(&record.json());
        }
        self.write(&detail(record, self.canvas, self.style()))
    }

    /// A record that was made or changed, with what JSON has beside it.
    pub(super) fn changed<T: Record>(&self, record: &T, beside: &[(&str, Value)]) -> anyhow::Result<()> {
        if !self.is_json() {
            return self.list(std::slice::from_ref(record));
        }
        let mut document = record.json();
        beside.iter().for_each(|(name, value)| document[*name] = value.clone());
        self.document(&document)
    }

    /// A record with a secret that is shown this once; `name` is the secret's in JSON.
    pub(super) fn secret<T: Record>(&self, record: &T, name: &str, secret: &str) -> anyhow::Result<()> {
        self.changed(record, &[(name, secret.into())])?;
        self.text("\nThe secret, shown this once:")?;
        self.text(secret)
    }

    /// Sums over those of one `source`. Unless it was said they are over real ones; where these have none, others may.
    pub(super) fn sums<T: Record>(&self, sums: &[T], source: i32) -> anyhow::Result<()> {
        self.list(sums)?;
        if sums.is_empty() && source == i32::from(DeviceSource::Unspecified) {
            note("nothing of real ones; --source simulated counts what is simulated");
        }
        Ok(())
    }

    /// Records of a watch: the next rows of `table`, or an object a line.
    pub(super) fn news<T: Record>(&self, table: &mut Table, records: &[T]) -> anyhow::Result<()> {
        if self.is_json() {
            return self.write(
                &records.iter().map(|record| text::visible_json(&record.json().to_string())).collect::<Vec<_>>(),
            );
        }
        if records.is_empty() {
            return Ok(());
        }
        self.write(&table.lines(records, self.style()))
    }

    /// Something of a watch that is no record: an object on a line of its own, or words.
    pub(super) fn event(&self, value: &Value, words: impl std::fmt::Display) -> anyhow::Result<()> {
        if self.is_json() { self.write(&[text::visible_json(&value.to_string())]) } else { self.text(words) }
    }

    /// A table to be written bit by bit.
    pub(super) fn table(&self) -> Table {
        Table::new(self.canvas, self.output == Output::Wide)
    }

    /// One JSON document, in JSON only.
    pub(super) fn document(&self, value: &Value) -> anyhow::Result<()> {
        if self.is_json() { self.write(&[text::visible_json(&format!("{value:#}"))]) } else { Ok(()) }
    }

    /// A line for people; not in JSON.
    pub(super) fn text(&self, line: impl std::fmt::Display) -> anyhow::Result<()> {
        if self.is_json() {
            return Ok(());
        }
        let line = line.to_string();
        self.write(&line.split('\n').map(text::visible).collect::<Vec<_>>())
    }

    /// Lines as they are.
    pub(super) fn write(&self, lines: &[String]) -> anyhow::Result<()> {
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => ReaderGone.into(),
            _ => anyhow::Error::from(error).context("can't write the answer"),
        })
    }

    /// An error once the reader left, for watches that may have nothing to write for hours.
    pub(super) fn check_reader(&self) -> anyhow::Result<()> {
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
        Style { now: wall_clock(), exact: self.output == Output::Wide }
    }
}

fn colors_are_welcome(variable: impl Fn(&'static str) -> Option<OsString>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|word| !word.is_empty());
    !refused && variable("TERM").as_deref() != Some(OsStr::new("dumb"))
}

/// Writes over what stands on a terminal's line.
pub(super) const NEW_LINE: &str = "\r\x1b[2K";

/// A note to people beside the answer, on standard error.
pub(super) fn note(text: impl std::fmt::Display) {
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
}
