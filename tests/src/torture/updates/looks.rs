//! What devices run for their releases: a program that looks at both targets, and its log.
//!
//! It is the reload program and the health check of both. An agent runs these while all files of a release are in place, or all
//! are back, and never in between. A line, on disk before the program ends: `generation microseconds pid word prices menu`.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Found, is_one_release};

/// The word of the reload program.
pub(in crate::torture) const RELOAD: &str = "reload";
/// The word of the health check.
pub(in crate::torture) const HEALTH: &str = "health";

/// A program outlives the agent that started it, and may look just when the next one brings back the old files. That takes
/// milliseconds; what is mixed for longer is.
const MIXED_FOR: Duration = Duration::from_secs(1);

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::torture) struct Look {
    /// What the device was told to have.
    pub(in crate::torture) generation: u64,
    /// When, by this machine's clock, in microseconds.
    pub(in crate::torture) at: i64,
    /// Of the program.
    pub(in crate::torture) pid: u32,
    /// Whether it was started as the reload program.
    pub(in crate::torture) reloads: bool,
    /// What lay at the targets.
    pub(in crate::torture) found: [Found; 2],
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, at, pid, reloads, found: [prices, menu] } = self;
        let word = if *reloads { RELOAD } else { HEALTH };
        write!(f, "{generation} {at} {pid} {word} {prices} {menu}")
    }
}

/// Looks at both targets and logs it.
pub fn perform(generation: &str, word: &str, log: &Path, targets: [&Path; 2]) -> io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let at = i64::try_from(since.as_micros()).map_err(io::Error::other)?;
    let generation = generation.parse().map_err(io::Error::other)?;
    let found = look(targets)?;
    let look = Look { generation, at, pid: std::process::id(), reloads: word == RELOAD, found };
    let mut file = OpenOptions::new().create(true).append(true).open(log)?;
    // One write, so that lines of several programs never mix.
    file.write_all(format!("{look}\n").as_bytes())?;
    file.sync_data()
}

fn look(targets: [&Path; 2]) -> io::Result<[Found; 2]> {
    let until = Instant::now() + MIXED_FOR;
    loop {
        let found = [Found::at(targets[0])?, Found::at(targets[1])?];
        if is_one_release(found) || Instant::now() > until {
            return Ok(found);
        }
        sleep(Duration::from_millis(20));
    }
}

/// The lines of a log, in their order.
pub(in crate::torture) fn read(log: &Path) -> Vec<Look> {
    let text = match std::fs::read_to_string(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.expect("a log of looks"),
    };
    text.lines().map(|line| parse(line).unwrap_or_else(|| panic!("no line of a look: {line:?}"))).collect()
}

fn parse(line: &str) -> Option<Look> {
    let mut words = line.split(' ');
    let (generation, at, pid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let reloads = match words.next()? {
        RELOAD => true,
        HEALTH => false,
        _ => return None,
    };
    let found = [parse_found(words.next()?)?, parse_found(words.next()?)?];
    words.next().is_none().then_some(Look { generation, at, pid, reloads, found })
}

fn parse_found(word: &str) -> Option<Found> {
    Some(match word {
        "nothing" => Found::Nothing,
        "broken" => Found::Broken,
        whole => {
            let (number, inode) = whole.split_once('@')?;
            Found::Whole { number: number.parse().ok()?, inode: inode.parse().ok()? }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_and_half_a_line_is_none() {
        for found in [[Found::Nothing, Found::Broken], [Found::Whole { number: 4, inode: 9 }; 2]] {
            let look = Look { generation: 3, at: 17, pid: 4, reloads: true, found };
            assert_eq!(parse(&look.to_string()), Some(look));
        }
        assert_eq!(parse("3 17 4 reload 4@9"), None);
    }
}
