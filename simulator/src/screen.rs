//! What people see while something runs: bars on a terminal, a plain line now and then where there is none.
//!
//! All of it goes to stderr; stdout is for results.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use homepot::text::visible_lines;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const DRAWS_A_SECOND: u8 = 8;
/// Without a terminal a line is written this often, so that a log does not drown in them.
pub(crate) const PLAIN_LINE_EVERY: Duration = Duration::from_secs(5);

/// Writes an error for people.
pub(crate) fn complain(what: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "homepot-sim: {}", visible_lines(&what.to_string()));
}

/// Writes a result.
pub(crate) fn answer(what: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{}", visible_lines(&what.to_string()));
}

/// The bars of a run.
#[derive(Debug)]
pub(crate) struct Screen {
    bars: MultiProgress,
    draws: bool,
    quiet: bool,
}

impl Screen {
    /// Draws on a terminal, and writes plain lines elsewhere; nothing at all when `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let draws = !quiet && io::stderr().is_terminal();
        let target =
            if draws { ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND) } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), draws, quiet }
    }

    /// Whether there is a terminal to draw on.
    pub(crate) fn draws(&self) -> bool {
        self.draws
    }

    /// A bar for `length` things; its message is the live line behind it. 0: nobody knows how many, and there is a clock instead.
    pub(crate) fn bar(&self, label: &'static str, length: u64) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(length));
        let template = match length {
            0 => "  {prefix:<12} {elapsed_precise}  {msg}",
            _ => "  {prefix:<12} {bar:30} {human_pos}/{human_len}  {msg}",
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(label);
        bar
    }

    /// A line of its own, above the bars.
    pub(crate) fn say(&self, line: impl fmt::Display) {
        if self.quiet {
            return;
        }
        if self.draws {
            let _ = self.bars.println(visible_lines(&line.to_string()));
        } else {
            let _ = writeln!(io::stderr(), "{}", visible_lines(&line.to_string()));
        }
    }
}
