//! Spans as people write them: `90s`, `5m`, `6h`, `7d`.

use std::time::Duration;

/// Reads a span.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let told = || format!("'{text}' is no span such as 90s, 5m, 6h or 7d");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(told)?;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| told())?;
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(told()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| told())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("1.5h"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "5", "m", "5 m", "-5m", "5w", "1e999d", "..s"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
