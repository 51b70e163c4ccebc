//! Limits of callers: how much each may write, and how many watches there may be.

use super::reader::Reader;
use crate::limits::{Rate, WATCHES, WATCHES_PER_OPERATOR};

/// The word that switches a write quota off.
const OFF: &str = "off";

/// Flags of limits, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct LimitFlags {
    /// Bytes a second that one device may send in the long run, such as 64KiB, or 'off'. A stream that sends more is
    /// slowed down and loses nothing; a single call is refused.
    #[arg(long, env = "HOMEPOT_DEVICE_WRITE_RATE", value_name = "SIZE", default_value = "64KiB")]
    #[arg(help_heading = "Limits")]
    device_write_rate: String,

    /// Bytes that one device may send at once, for example a backlog after an outage.
    #[arg(long, env = "HOMEPOT_DEVICE_WRITE_BURST", value_name = "SIZE", default_value = "256MiB")]
    #[arg(help_heading = "Limits")]
    device_write_burst: String,

    /// Bytes a second that one operator may store in the long run (commands, runs, activity, errors, records), such as
    /// 64KiB, or 'off'.
    #[arg(long, env = "HOMEPOT_OPERATOR_WRITE_RATE", value_name = "SIZE", default_value = "64KiB")]
    #[arg(help_heading = "Limits")]
    operator_write_rate: String,

    /// Bytes that one operator may store at once.
    #[arg(long, env = "HOMEPOT_OPERATOR_WRITE_BURST", value_name = "SIZE", default_value = "256MiB")]
    #[arg(help_heading = "Limits")]
    operator_write_burst: String,

    /// Watches that this server serves at once: 2 to 100000.
    #[arg(long, env = "HOMEPOT_WATCHES", value_name = "COUNT", default_value_t = WATCHES.to_string())]
    #[arg(help_heading = "Limits")]
    watches: String,

    /// Watches that one operator may have open at once: 1 to 100000.
    #[arg(long, env = "HOMEPOT_WATCHES_PER_OPERATOR", value_name = "COUNT")]
    #[arg(default_value_t = WATCHES_PER_OPERATOR.to_string(), help_heading = "Limits")]
    watches_per_operator: String,
}

/// Limits of callers, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// What each device may write; `None`: as much as it likes.
    pub device: Option<Rate>,
    /// What each operator may write; `None`: as much as it likes.
    pub operator: Option<Rate>,
    /// Watches of all operators.
    pub watches: usize,
    /// Watches of one operator.
    pub watches_per_operator: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, flags: &LimitFlags) -> LimitSettings {
    let device = (flags.device_write_rate.as_str(), flags.device_write_burst.as_str());
    let operator = (flags.operator_write_rate.as_str(), flags.operator_write_burst.as_str());
    LimitSettings {
        device: rate(reader, ("device-write-rate", "device-write-burst"), device),
        operator: rate(reader, ("operator-write-rate", "operator-write-burst"), operator),
        watches: count(reader, "watches", &flags.watches, 2),
        watches_per_operator: count(reader, "watches-per-operator", &flags.watches_per_operator, 1),
    }
}

fn rate(reader: &mut Reader<'_>, names: (&'static str, &'static str), texts: (&str, &str)) -> Option<Rate> {
    if texts.0 == OFF {
        return None;
    }
    let per_second = reader.keep(names.0, parse_size(texts.0).map_err(|fault| format!("{fault}, or '{OFF}'")), 1);
    let burst = reader.keep(names.1, parse_size(texts.1), 1);
    Some(Rate { per_second, burst })
}

fn count(reader: &mut Reader<'_>, setting: &'static str, text: &str, least: usize) -> usize {
    let count = text.parse().ok().filter(|count| (least..=100_000).contains(count));
    reader.keep(setting, count.ok_or_else(|| format!("'{text}' is not a number from {least} to 100000")), least)
}

/// Reads a size such as `512`, `64KiB`, `256MiB` or `1GiB`: at least a byte, at most 1 TiB.
fn parse_size(text: &str) -> Result<u64, String> {
    const MOST: u64 = 1 << 40;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let unit: Option<u64> = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let size = unit.zip(count.parse::<u64>().ok()).and_then(|(unit, count)| count.checked_mul(unit));
    let fault = || format!("'{text}' is not a size from 1 B to 1024GiB such as 64KiB or 256MiB");
    size.filter(|size| (1..=MOST).contains(size)).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit_and_nothing_else_is() {
        for (text, size) in [("512", 512), ("1B", 1), ("64KiB", 65_536), ("256MiB", 1 << 28), ("2GiB", 2 << 30)] {
            assert_eq!(parse_size(text), Ok(size));
        }
        for bad in ["", "0", "64KB", "KiB", "-1", "1.5MiB", "9999999999GiB", "18446744073709551615KiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
