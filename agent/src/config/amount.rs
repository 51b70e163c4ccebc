//! Sizes and spans as people write them.

use std::time::Duration;

const SIZES: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
const SPANS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
const MIN_BYTES: u64 = 1 << 20;
const MAX_BYTES: u64 = 1 << 40;
const MIN_SPAN: Duration = Duration::from_secs(60);
const MAX_SPAN: Duration = Duration::from_secs(365 * 86_400);
const MIN_SHORT: Duration = Duration::from_secs(1);
const MAX_SHORT: Duration = Duration::from_secs(3_600);

/// A size such as `64MiB`, from 1 MiB to 1,024 GiB.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let bytes = number(text, &SIZES).filter(|bytes| (MIN_BYTES..=MAX_BYTES).contains(bytes));
    bytes.ok_or_else(|| format!("'{text}' must be a size from 1MiB to 1024GiB, such as 64MiB"))
}

/// A span such as `7d`, from a minute to a year.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let span = number(text, &SPANS).map(Duration::from_secs).filter(|span| (MIN_SPAN..=MAX_SPAN).contains(span));
    span.ok_or_else(|| format!("'{text}' must be a span from 1m to 365d, such as 90m, 12h or 7d"))
}

/// A short span such as `30s`, from a second to an hour.
pub(super) fn short_span(text: &str) -> Result<Duration, String> {
    let span = number(text, &SPANS).map(Duration::from_secs).filter(|span| (MIN_SHORT..=MAX_SHORT).contains(span));
    span.ok_or_else(|| format!("'{text}' must be a span from 1s to 1h, such as 30s or 2m"))
}

fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, factor) = units.iter().find_map(|(unit, factor)| Some((text.trim().strip_suffix(unit)?, factor)))?;
    digits.trim_end().parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_have_a_unit_and_bounds() {
        assert_eq!((bytes("64MiB"), bytes(" 1 GiB ")), (Ok(64 << 20), Ok(1 << 30)));
        assert_eq!((span("90m"), span("7d")), (Ok(Duration::from_secs(5_400)), Ok(Duration::from_secs(604_800))));
        for nonsense in ["", "64", "MiB", "-1MiB", "1.5GiB", "1023KiB", "1025GiB", "99999999999999999999GiB"] {
            assert!(bytes(nonsense).is_err(), "{nonsense}");
        }
        assert_eq!((short_span("1s"), short_span("2m")), (Ok(MIN_SHORT), Ok(Duration::from_secs(120))));
        assert!(["0s", "61m", "1"].iter().all(|nonsense| short_span(nonsense).is_err()));
        for nonsense in ["", "7", "d", "59s", "366d", "1w"] {
            assert!(span(nonsense).is_err(), "{nonsense}");
        }
    }
}
