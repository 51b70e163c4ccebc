//! What a command with side effects does here: the program that devices run for RESTART_APP and REBOOT, and its log.
//!
//! A line when it begins and one when it ends, each on disk before it goes on: `command-id microseconds pid word`.

use std::{
    collections::BTreeMap,
    fmt,
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// For which command.
    pub command_id: String,
    /// When, by this machine's clock, in microseconds.
    pub at: i64,
    /// Of the program.
    pub pid: u32,
    /// Whether it begins or ends.
    pub begins: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command_id, at, pid, begins } = self;
        write!(f, "{command_id} {at} {pid} {}", if *begins { "begin" } else { "end" })
    }
}

/// Does the deed: logs, takes its time, logs, and ends well or not.
pub fn perform(command_id: &str, log: &Path) -> io::Result<ExitCode> {
    write(command_id, log, true)?;
    let (lasts, code) = fate(command_id);
    std::thread::sleep(lasts);
    write(command_id, log, false)?;
    Ok(ExitCode::from(code))
}

/// How long a command's program takes and how it ends. Drawn from the id, whose last part is random: most are quick, some are
/// long enough to be killed in the middle, few are longer than they may run, few fail.
fn fate(command_id: &str) -> (Duration, u8) {
    let drawn = command_id.get(command_id.len().saturating_sub(6)..).and_then(|end| u64::from_str_radix(end, 16).ok());
    let drawn = drawn.unwrap_or_default();
    let lasts = match drawn % 100 {
        0..75 => 0,
        75..97 => 20 + drawn / 100 % 300,
        _ => 1_500 + drawn / 100 % 1_500,
    };
    (Duration::from_millis(lasts), u8::from(drawn / 7 % 25 == 0))
}

fn write(command_id: &str, log: &Path, begins: bool) -> io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let at = i64::try_from(since.as_micros()).map_err(io::Error::other)?;
    let line = Line { command_id: command_id.to_owned(), at, pid: std::process::id(), begins };
    let mut file = OpenOptions::new().create(true).append(true).open(log)?;
    // One write, so that lines of several programs never mix.
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}

/// The lines of a log by command, in their order.
pub(super) fn read(log: &Path) -> BTreeMap<String, Vec<Line>> {
    let text = match std::fs::read_to_string(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.expect("a log of deeds"),
    };
    let mut deeds = BTreeMap::<_, Vec<_>>::new();
    for line in text.lines() {
        let line = parse(line).unwrap_or_else(|| panic!("no line of a deed: {line:?}"));
        deeds.entry(line.command_id.clone()).or_default().push(line);
    }
    deeds
}

fn parse(line: &str) -> Option<Line> {
    let mut words = line.split(' ');
    let (command_id, at, pid) = (words.next()?.to_owned(), words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let begins = match words.next()? {
        "begin" => true,
        "end" => false,
        _ => return None,
    };
    words.next().is_none().then_some(Line { command_id, at, pid, begins })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_and_half_a_line_is_none() {
        let line = Line { command_id: "a-b".to_owned(), at: 17, pid: 4, begins: true };
        assert_eq!(parse(&line.to_string()), Some(line));
        assert_eq!(parse("a-b 17 4 be"), None);
    }

    #[test]
    fn fates_are_of_every_sort() {
        let fates: Vec<_> = (0..10_000_u32).map(|id| fate(&format!("00-{id:06x}"))).collect();
        let count = |sort: fn(&(Duration, u8)) -> bool| fates.iter().filter(|fate| sort(fate)).count();
        assert!(count(|(lasts, _)| lasts.is_zero()) > 5_000);
        assert!(count(|(lasts, _)| *lasts >= Duration::from_millis(1_500)) > 100);
        assert!(count(|(_, code)| *code != 0) > 100);
    }
}
