//! Spans of time within bounds, as a regular expression: JSON has them as texts such as `300s`, which no schema can compare.

/// A pattern of whole seconds from `least` to `most`, such as `^(?:[0-9]|[1-5][0-9]|60)s$`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // they are written in the contract, and not negative
pub(super) fn pattern(least: f64, most: f64) -> String {
    format!("^(?:{})s$", range(least.ceil() as u64, most as u64).join("|"))
}

/// Patterns that match the decimal numbers from `least` to `most` together, and nothing else.
fn range(least: u64, most: u64) -> Vec<String> {
    let mut patterns = Vec::new();
    let mut from = least;
    while from <= most {
        let to = last_alike(from, most);
        patterns.push(alike(from, to));
        let Some(next) = to.checked_add(1) else { break };
        from = next;
    }
    patterns
}

/// The largest number up to which one pattern of digit ranges does: `from` with as many nines at its end as it has noughts,
/// and the digit before them as large as it may be.
fn last_alike(from: u64, most: u64) -> u64 {
    let mut best = from;
    let mut block: u64 = 1;
    while let Some(next) = block.checked_mul(10) {
        // All digits below the block run from 0 to 9, the one above runs up to what is allowed.
        if !from.is_multiple_of(block) {
            break;
        }
        let digit = from / block % 10;
        let fits = (digit..=9).rev().map(|last| from - digit * block + last * block + (block - 1));
        if let Some(to) = fits.into_iter().find(|to| *to <= most && digits(*to) == digits(from)) {
            best = best.max(to);
        }
        block = next;
    }
    best
}

/// One pattern for both and all between them, which differ in one digit and in all after it.
fn alike(from: u64, to: u64) -> String {
    let (from, to) = (from.to_string(), to.to_string());
    let parts = from.bytes().zip(to.bytes()).map(|(from, to)| match (char::from(from), char::from(to)) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("[{from}-{to}]"),
    });
    parts.collect()
}

fn digits(number: u64) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_spans_within_its_bounds_and_no_others() {
        for (least, most) in [(0, 60), (1, 86_400), (60, 31_622_400), (7, 7), (99, 1_001), (0, 2_592_000)] {
            let pattern = regex::Regex::new(&pattern(f64::from(least), f64::from(most))).unwrap();
            let close = |bound: i64| (bound - 12..bound + 12).chain([bound / 2, bound * 2, bound * 10, bound / 10]);
            for span in close(least.into()).chain(close(most.into())).filter(|span| *span >= 0) {
                let within = (i64::from(least)..=i64::from(most)).contains(&span);
                assert_eq!(pattern.is_match(&format!("{span}s")), within, "{span} of {least} to {most}: {pattern}");
            }
            assert!(!pattern.is_match("s") && !pattern.is_match("-1s") && !pattern.is_match("1.5s"));
        }
    }
}
