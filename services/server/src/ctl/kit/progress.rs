//! Shows progress while somebody waits: a bar on a terminal, lines elsewhere. It goes to standard error, so that
//! standard output has only the result.

use std::io::{IsTerminal as _, Write as _};

use super::out::NEW_LINE;

const BAR_WIDTH: u32 = 30;
/// Lines tell each twentieth of the way and each change of state; a run may have 10,000 devices.
const LINES: u64 = 20;

/// Where something is on its way.
pub(crate) struct Step {
    /// Parts that are done.
    pub(crate) done: u32,
    /// Parts in all.
    pub(crate) total: u32,
    /// Its state: a change of it is always told.
    pub(crate) state: String,
    /// All of it in words.
    pub(crate) words: String,
}

/// Tells how far one thing is.
pub(crate) struct Progress {
    terminal: bool,
    told: Option<(String, u64)>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), told: None }
    }

    pub(crate) fn tell(&mut self, step: Step) {
        let mut out = std::io::stderr().lock();
        if self.terminal {
            // A line that wraps could not be written over.
            let width = rustix::termios::tcgetwinsize(&out).map_or(80, |size| usize::from(size.ws_col));
            let shown = format!("{} {}", bar(step.done, step.total), step.words);
            let shown: String = shown.chars().take(width.saturating_sub(1)).collect();
            let _ = write!(out, "{NEW_LINE}{shown}").and_then(|()| out.flush());
            return;
        }
        let mark = Some((step.state, u64::from(step.done) * LINES / u64::from(step.total.max(1))));
        if mark != self.told {
            let _ = writeln!(out, "{}", step.words);
            self.told = mark;
        }
    }

    /// Leaves the bar's line.
    pub(crate) fn end(&self) {
        if self.terminal {
            let _ = writeln!(std::io::stderr().lock());
        }
    }
}

fn bar(done: u32, total: u32) -> String {
    let full = u64::from(BAR_WIDTH) * u64::from(done) / u64::from(total.max(1));
    let full = usize::try_from(full).unwrap_or_default().min(BAR_WIDTH as usize);
    format!("[{}{}]", "#".repeat(full), "-".repeat(BAR_WIDTH as usize - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_the_way_is_done() {
        assert_eq!(bar(30, 60), format!("[{}{}]", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar(0, 0), format!("[{}]", "-".repeat(30)));
    }
}
