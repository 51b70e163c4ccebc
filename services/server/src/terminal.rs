//! Writing for people: the one place that knows standard output and standard error.

use std::io::{IsTerminal as _, Write as _};

use homepot::text;

/// Writes a line to standard output. A reader that went away (`| head`) is no error of ours.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let line = text::visible_lines(&line.to_string());
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Whether standard error is a terminal, where a person reads it as it is written, and no file or other program.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Writes a line to standard error, among those of the log and not one of them.
pub(crate) fn show(line: impl std::fmt::Display) {
    let line = text::visible_lines(&line.to_string());
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The clock of the machine that a person sits at: for "2 minutes ago" on a screen, and for `--since 2h`.
#[allow(clippy::disallowed_methods)]
pub(crate) fn wall_clock() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// Writes an error and its causes to standard error.
pub(crate) fn tell_error(error: &anyhow::Error) {
    let told = text::visible_lines(&format!("{error:#}"));
    let _ = writeln!(std::io::stderr().lock(), "homepot: {told}");
}
