//! How far a run is, told while somebody waits: a bar on a terminal, lines elsewhere. All on standard error, so that
//! standard output has the result alone.

use std::io::{IsTerminal as _, Write as _};

use homepot::pb::command::v1 as pb;

use super::{run_records::state_word, words};

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
        if self.terminal {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[2K{} {}", bar(&progress), words::harmless(&line(run)));
            return;
        }
        let mark = Some((state_word(run), u64::from(done(&progress)) * LINES / u64::from(progress.total.max(1))));
        if mark != self.told {
            let _ = writeln!(std::io::stderr().lock(), "{}", words::harmless(&line(run)));
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
pub(super) fn line(run: &pb::Run) -> String {
    let progress = run.progress.unwrap_or_default();
    let mut line = format!("{} of {} done, {} in flight", done(&progress), progress.total, progress.in_flight);
    for (count, word) in
        [(progress.failed, "failed"), (progress.cancelled, "cancelled"), (progress.skipped, "left out")]
    {
        if count > 0 {
            line.push_str(&format!(", {count} {word}"));
        }
    }
    match run.state() {
        pb::RunState::Running => {}
        _ => line.push_str(&format!("; {}", state_word(run))),
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: pb::RunState) -> pb::Run {
        let progress = pb::RunProgress {
            total: 60,
            waiting: 20,
            in_flight: 10,
            succeeded: 27,
            failed: 2,
            cancelled: 0,
            skipped: 1,
        };
        pb::Run { state: state.into(), progress: Some(progress), ..Default::default() }
    }

    #[test]
    fn progress_is_told_in_words_with_what_went_wrong_and_why_it_stands_still() {
        assert_eq!(line(&run(pb::RunState::Running)), "30 of 60 done, 10 in flight, 2 failed, 1 left out");
        assert!(line(&run(pb::RunState::Halted)).ends_with("1 left out; halted"));
    }

    #[test]
    fn the_bar_is_as_full_as_the_run_is_done() {
        assert_eq!(
            bar(&run(pb::RunState::Running).progress.unwrap()),
            format!("[{}{}]", "#".repeat(15), "-".repeat(15))
        );
        assert_eq!(bar(&pb::RunProgress::default()), format!("[{}]", "-".repeat(30)));
    }
}
