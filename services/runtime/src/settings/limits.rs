//! Limits of callers: how much each may write, and how many watches there may be.

use std::ops::RangeInclusive;

use homepot_host::settings::Reader;

use crate::limits::{LimitSettings, Rate};

/// The word that switches a write quota off.
const OFF: &str = "off";
/// How many watches may be asked for; one operator can't have all of them.
const WATCHES: RangeInclusive<usize> = 2..=100_000;
/// How many of them for one operator.
const WATCHES_PER_OPERATOR: RangeInclusive<usize> = 1..=100_000;

/// Flags of limits, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct LimitFlags {
    /// Bytes per second that one device may send on average, such as 64KiB, or 'off' for no limit. A stream that sends
    /// more is slowed down and loses nothing; a unary or REST call is refused.
    #[arg(long, env = "HOMEPOT_DEVICE_WRITE_RATE", value_name = "SIZE", default_value = "64KiB")]
    #[arg(help_heading = "Limits")]
    device_write_rate: String,

    /// Bytes that one device may send at once, such as 256MiB, for example a backlog after an outage.
    #[arg(long, env = "HOMEPOT_DEVICE_WRITE_BURST", value_name = "SIZE", default_value = "256MiB")]
    #[arg(help_heading = "Limits")]
    device_write_burst: String,

    /// Bytes per second that one operator may store on average (commands, runs, activity, errors, records), such as
    /// 64KiB, or 'off' for no limit.
    #[arg(long, env = "HOMEPOT_OPERATOR_WRITE_RATE", value_name = "SIZE", default_value = "64KiB")]
    #[arg(help_heading = "Limits")]
    operator_write_rate: String,

    /// Bytes that one operator may store at once, such as 256MiB.
    #[arg(long, env = "HOMEPOT_OPERATOR_WRITE_BURST", value_name = "SIZE", default_value = "256MiB")]
    #[arg(help_heading = "Limits")]
    operator_write_burst: String,

    /// The most watches that this server serves at once: 2 to 100000.
    #[arg(long, env = "HOMEPOT_WATCHES", value_name = "COUNT", default_value = "1000")]
    #[arg(help_heading = "Limits")]
    watches: String,

    /// The most watches that one operator may have open at once: 1 to 100000.
    #[arg(long, env = "HOMEPOT_WATCHES_PER_OPERATOR", value_name = "COUNT", default_value = "100")]
    #[arg(help_heading = "Limits")]
    watches_per_operator: String,
}

impl LimitFlags {
    /// The limits, checked.
    pub fn read(self, reader: &mut Reader<'_>) -> LimitSettings {
        let device = (self.device_write_rate.as_str(), self.device_write_burst.as_str());
        let operator = (self.operator_write_rate.as_str(), self.operator_write_burst.as_str());
        LimitSettings {
            device: rate(reader, ("device-write-rate", "device-write-burst"), device),
            operator: rate(reader, ("operator-write-rate", "operator-write-burst"), operator),
            watches: reader.count("watches", &self.watches, WATCHES),
            watches_per_operator: reader.count(
                "watches-per-operator",
                &self.watches_per_operator,
                WATCHES_PER_OPERATOR,
            ),
        }
    }
}

fn rate(reader: &mut Reader<'_>, names: (&'static str, &'static str), texts: (&str, &str)) -> Option<Rate> {
    let per_second = read_rate(reader, names.0, texts.0, 1)?;
    let burst = reader.keep(names.1, parse_size(texts.1), 1);
    Some(Rate { per_second, burst })
}

/// A rate in bytes a second, of at least so many; `None`: the setting is 'off'.
pub fn read_rate(reader: &mut Reader<'_>, setting: &'static str, text: &str, least: u64) -> Option<u64> {
    if text == OFF {
        return None;
    }
    let rate = parse_size(text).and_then(|rate| match rate < least {
        true => Err(format!("'{text}' is too little: at least {least} bytes a second")),
        false => Ok(rate),
    });
    Some(reader.keep(setting, rate.map_err(|fault| format!("{fault}, or '{OFF}'")), least))
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
