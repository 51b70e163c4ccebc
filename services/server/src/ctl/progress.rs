//! How far a run is, told while somebody waits: a bar on a terminal, lines elsewhere. All on standard error, so that
//! standard output has the result alone.

use std::io::{IsTerminal as _, Write as _};

use homepot::pb::command::v1 as pb;

use super::{out::NEW_LINE, run_records::state_word};

const BAR_WIDTH: u32 = 30;
/// Lines tell each twentieth of the way and each change of state; a run may have 10,000 devices.
const LINES: u64 = 20;

/// Tells the progress of one run.
pub(super) struct Progress {
    terminal: bool,
    told: Option<(String, u64)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), told: None }
    }

    pub(super) fn tell(&mut self, run: &pb::Run) {
        let progress = run.progress.unwrap_or_default();
        let told = match run.state() {
            pb::RunState::Running => line(&progress),
            _ => format!("{}; {}", line(&progress), state_word(run)),
        };
        let mut out = std::io::stderr().lock();
        if self.terminal {
            // A line that wraps could not be written over.
            let width = rustix::termios::tcgetwinsize(&out).map_or(80, |size| usize::from(size.ws_col));
            let shown: String = format!("{} {told}", bar(&progress)).chars().take(width.saturating_sub(1)).collect();
            let _ = write!(out, "{NEW_LINE}{shown}").and_then(|()| out.flush());
            return;
        }
        let mark = Some((state_word(run), u64::from(done(&progress)) * LINES / u64::from(progress.total.max(1))));
        if mark != self.told {
            let _ = writeln!(out, "{told}");
            self.told = mark;
        }
    }

    /// Leaves the bar's line.
    pub(super) fn end(&self) {
        if self.terminal {
            let _ = writeln!(std::io::stderr().lock());
        }
    }
}

/// Devices with an outcome.
fn done(progress: &pb::RunProgress) -> u32 {
    progress.succeeded + progress.failed + progress.cancelled + progress.skipped
}

fn bar(progress: &pb::RunProgress) -> String {
    let full = u64::from(BAR_WIDTH) * u64::from(done(progress)) / u64::from(progress.total.max(1));
    let full = usize::try_from(full).unwrap_or_default().min(BAR_WIDTH as usize);
    format!("[{}{}]", "#".repeat(full), "-".repeat(BAR_WIDTH as usize - full))
}

/// The progress in words.
pub(super) fn line(progress: &pb::RunProgress) -> String {
    let mut line = format!("{} of {} done, {} in flight", done(progress), progress.total, progress.in_flight);
    let rest = [(progress.failed, "failed"), (progress.cancelled, "cancelled"), (progress.skipped, "left out")];
    for (count, word) in rest.into_iter().filter(|(count, _)| *count > 0) {
        line.push_str(&format!(", {count} {word}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: pb::RunProgress =
        pb::RunProgress { total: 60, waiting: 20, in_flight: 10, succeeded: 27, failed: 2, cancelled: 0, skipped: 1 };

    #[test]
    fn progress_is_told_in_words_with_what_went_wrong() {
        assert_eq!(line(&PROGRESS), "30 of 60 done, 10 in flight, 2 failed, 1 left out");
        assert_eq!(line(&pb::RunProgress::default()), "0 of 0 done, 0 in flight");
    }

    #[test]
    fn the_bar_is_as_full_as_the_run_is_done() {
        assert_eq!(bar(&PROGRESS), format!("[{}{}]", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar(&pb::RunProgress::default()), format!("[{}]", "-".repeat(30)));
    }
}
