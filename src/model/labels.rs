//! Labels of devices, and selectors that pick devices by them, as Kubernetes writes them.

use std::collections::{BTreeMap, HashMap};

use super::Faults;
use crate::error::Error;

/// Labels of one device.
pub const MAX_LABELS: usize = 32;
const MAX_LENGTH: usize = 63;
const MAX_SELECTOR_BYTES: usize = 2_000;
const MAX_REQUIREMENTS: usize = 32;
const RULE: &str =
    "must be 1 to 63 of A-Z, a-z, 0-9, '.', '_', '/' and '-', a letter or digit first and last; a value may be empty";

/// What operators marked a device with.
pub type Labels = BTreeMap<String, String>;

/// Checks labels; the error names `field` and the key at fault.
pub fn parse_labels(field: &str, labels: HashMap<String, String>) -> Result<Labels, Error> {
    let mut faults = Faults::new();
    if labels.len() > MAX_LABELS {
        faults.add(field, format!("has more than {MAX_LABELS} entries"));
    }
    let labels: Labels = labels.into_iter().collect();
    for (key, value) in labels.iter().take(MAX_LABELS) {
        if !is_word(key) {
            faults.add(field, format!("the key '{}' {RULE}", shown(key)));
        } else if !value.is_empty() && !is_word(value) {
            faults.add(field, format!("the value of '{key}' {RULE}"));
        }
    }
    faults.check()?;
    Ok(labels)
}

/// Reads a single label, `key=value`.
pub fn parse_label(field: &str, text: &str) -> Result<(String, String), Error> {
    match text.split_once('=') {
        Some((key, value)) if is_word(key) && (value.is_empty() || is_word(value)) => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(Error::invalid(field, "must be a label, such as ring=canary")),
    }
}

/// One condition of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The key is there with one of these values.
    In(String, Vec<String>),
    /// The key is not there, or with none of these values.
    NotIn(String, Vec<String>),
    /// The key is there.
    Exists(String),
    /// The key is not there.
    Absent(String),
}

/// Conditions that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelector {
    /// At least one.
    pub requirements: Vec<Requirement>,
    text: String,
}

impl LabelSelector {
    /// Reads `key=value, key!=value, key in (a, b), key notin (a, b), key, !key`; empty: `None`.
    pub fn parse(field: &str, text: &str) -> Result<Option<Self>, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(Error::invalid(field, format!("is longer than {MAX_SELECTOR_BYTES} bytes")));
        }
        let parts = split(text);
        if parts.len() > MAX_REQUIREMENTS {
            return Err(Error::invalid(field, format!("has more than {MAX_REQUIREMENTS} conditions")));
        }
        let requirements = parts.into_iter().map(|part| requirement(field, part.trim())).collect::<Result<_, _>>()?;
        Ok(Some(Self { requirements, text: text.to_owned() }))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `labels` meet all conditions.
    pub fn matches(&self, labels: &Labels) -> bool {
        let has = |key: &String, values: &[String]| labels.get(key).is_some_and(|value| values.contains(value));
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => has(key, values),
            Requirement::NotIn(key, values) => !has(key, values),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Absent(key) => !labels.contains_key(key),
        })
    }
}

/// At commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

fn requirement(field: &str, part: &str) -> Result<Requirement, Error> {
    let bad = || {
        let told = "is no condition; write key=value, key!=value, key in (a, b), key notin (a, b), key or !key";
        Error::invalid(field, format!("'{}' {told}", shown(part)))
    };
    let word = |word: &str| {
        let word = word.trim();
        is_word(word).then(|| word.to_owned()).ok_or_else(bad)
    };
    let value = |value: &str| if value.trim().is_empty() { Ok(String::new()) } else { word(value) };
    if let Some(list) = part.strip_suffix(')') {
        let (left, list) = list.split_once('(').ok_or_else(bad)?;
        let (key, operator) = left.trim_end().rsplit_once(char::is_whitespace).ok_or_else(bad)?;
        let values = list.split(',').map(value).collect::<Result<Vec<_>, _>>()?;
        return match operator {
            "in" => Ok(Requirement::In(word(key)?, values)),
            "notin" => Ok(Requirement::NotIn(word(key)?, values)),
            _ => Err(bad()),
        };
    }
    if let Some((key, unwanted)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(word(key)?, vec![value(unwanted)?]));
    }
    if let Some((key, wanted)) = part.split_once('=') {
        let wanted = wanted.strip_prefix('=').unwrap_or(wanted);
        return Ok(Requirement::In(word(key)?, vec![value(wanted)?]));
    }
    match part.strip_prefix('!') {
        Some(key) => Ok(Requirement::Absent(word(key)?)),
        None => Ok(Requirement::Exists(word(part)?)),
    }
}

fn is_word(text: &str) -> bool {
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= MAX_LENGTH
        && outer(text.chars().next())
        && outer(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
}

/// Enough of a text to find it again.
fn shown(text: &str) -> String {
    text.chars().take(MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn matches(selector: &str, pairs: &[(&str, &str)]) -> bool {
        LabelSelector::parse("s", selector).unwrap().unwrap().matches(&labels(pairs))
    }

    #[test]
    fn all_conditions_must_hold() {
        let till = [("kind", "till"), ("ring", "canary"), ("empty", "")];
        for selector in [
            "kind=till",
            "kind == till",
            "kind=till,ring in (canary, early)",
            "ring notin (late), !gone, kind",
            "gone!=x",
            "empty=",
        ] {
            assert!(matches(selector, &till), "{selector}");
        }
        for selector in ["kind=server", "kind=till,ring=late", "!kind", "gone", "kind!=till", "ring in (late)"] {
            assert!(!matches(selector, &till), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_by_its_field() {
        assert_eq!(LabelSelector::parse("s", " "), Ok(None));
        let long = "a".repeat(3_000);
        for bad in ["=x", "a in", "a in (b", "a on (b)", "a=b c", "a,,b", "-a", "a-", "ä", "a=b)", long.as_str()] {
            let error = LabelSelector::parse("target.label_selector", bad).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "target.label_selector", "{bad}");
        }
    }

    #[test]
    fn bad_labels_are_told_by_their_key() {
        let bad = HashMap::from([("ok".to_owned(), "a b".to_owned()), ("no space".to_owned(), String::new())]);
        let error = parse_labels("labels", bad).unwrap_err();
        assert_eq!(error.field_violations().len(), 2);
        assert!(parse_labels("labels", HashMap::from([("ok".to_owned(), String::new())])).is_ok());
    }
}
