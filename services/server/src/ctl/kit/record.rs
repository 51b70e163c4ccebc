//! What is listed and shown: its columns for people, its fields for scripts.

use chrono::{DateTime, Utc};
use homepot::text;
use prost_types::Timestamp;
use serde_json::Value;

use super::words;

/// Something that is listed and shown.
pub(crate) trait Record: Default + Sized + 'static {
    /// How it looks in a table.
    const COLUMNS: &'static [Column<Self>];
    /// The field that names it, for `-o name`. `None`: nothing does.
    const NAME: Option<&'static str> = None;

    /// How it looks to a script. Fields are always there; what is not known is null.
    fn json(&self) -> Value;

    /// One with every part that has fields of its own, so that it is known which fields there are before any was seen.
    fn full() -> Self {
        Self::default()
    }
}

/// A column of a table of `T`.
pub(crate) struct Column<T> {
    pub(crate) head: &'static str,
    /// Only in wide tables, and where a record is shown alone.
    pub(crate) wide: bool,
    /// Stays when a narrow terminal has no room for all columns; of the others the last one goes first.
    pub(super) key: bool,
    pub(super) cell: fn(&T, Style) -> Cell,
}

impl<T> Clone for Column<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Column<T> {}

/// A column that always stands there.
pub(crate) const fn column<T>(head: &'static str, cell: fn(&T, Style) -> Cell) -> Column<T> {
    Column { head, wide: false, key: false, cell }
}

/// A column without which a row says nothing.
pub(crate) const fn key<T>(head: &'static str, cell: fn(&T, Style) -> Cell) -> Column<T> {
    Column { head, wide: false, key: true, cell }
}

/// A column for those who want to know all of it.
pub(crate) const fn wide<T>(head: &'static str, cell: fn(&T, Style) -> Cell) -> Column<T> {
    Column { head, wide: true, key: false, cell }
}

/// How times are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Ages count from here.
    pub(crate) now: DateTime<Utc>,
    /// The time itself in place of its age.
    pub(crate) exact: bool,
}

impl Style {
    /// A time, or a dash where there is none.
    pub(crate) fn time(self, time: &Option<Timestamp>) -> Cell {
        match words::read_time(time) {
            None => "-".into(),
            Some(time) if self.exact => words::rfc3339(time).into(),
            Some(time) => words::age(self.now, time).into(),
        }
    }
}

/// What a color would say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Waiting,
}

/// What stands in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(super) tone: Tone,
}

impl Cell {
    /// A text, or a dash where there is none.
    pub(crate) fn or_dash(text: &str) -> Self {
        if text.is_empty() { "-".into() } else { text.into() }
    }

    /// A word for a state, in its color.
    pub(crate) fn state(word: String) -> Self {
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
        let text = if text.is_empty() { "-".to_owned() } else { text::visible(&text) };
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
