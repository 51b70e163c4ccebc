//! Fields of records by their dotted names, such as `presence.status`: what CSV has as columns, and what lists are sorted by.

use std::cmp::Ordering;

use chrono::DateTime;
use serde_json::Value;

use super::{record::Record, status::Usage};

/// The fields of a record, the one that names it first.
pub(crate) fn names<T: Record>() -> Vec<String> {
    let mut names = Vec::new();
    leaves("", &T::full().json(), &mut names);
    let named = |name: &String| Some(name.as_str()) != T::NAME;
    // Stable: all others stay as they are.
    names.sort_by_key(named);
    names
}

fn leaves(prefix: &str, value: &Value, names: &mut Vec<String>) {
    match value.as_object().filter(|object| !object.is_empty()) {
        None => names.push(prefix.to_owned()),
        Some(object) => {
            for (name, value) in object {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                leaves(&name, value, names);
            }
        }
    }
}

/// The field of that name; null where it is not.
pub(crate) fn at<'a>(value: &'a Value, name: &str) -> &'a Value {
    // The key of a label may have dots of its own.
    if let Some(found) = value.get(name) {
        return found;
    }
    match name.split_once('.') {
        Some((first, rest)) => value.get(first).map_or(&Value::Null, |inner| at(inner, rest)),
        None => &Value::Null,
    }
}

/// The records by a field, the smallest first and those without it last; an error that names the fields where there is no such.
pub(crate) fn sorted<'a, T: Record>(records: &'a [T], field: &str) -> Result<Vec<&'a T>, Usage> {
    let mut keyed: Vec<(Value, &T)> =
        records.iter().map(|record| (at(&record.json(), field).clone(), record)).collect();
    let names = names::<T>();
    // Labels, payloads and the like have fields that are each record's own.
    let within = |name: &String| field.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
    let is_there = names.iter().any(|name| name == field)
        || (names.iter().any(within) && (keyed.is_empty() || keyed.iter().any(|(value, _)| !value.is_null())));
    if !is_there {
        return Err(Usage(format!("--sort-by: there is no field '{field}'; there are {}", names.join(", "))));
    }
    keyed.sort_by(|(one, _), (other, _)| compare(one, other));
    Ok(keyed.into_iter().map(|(_, record)| record).collect())
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().unwrap_or_default().total_cmp(&other.as_f64().unwrap_or_default())
        }
        (Value::String(one), Value::String(other)) => {
            // Written with as many digits as they need, times do not sort as texts.
            match (DateTime::parse_from_rfc3339(one), DateTime::parse_from_rfc3339(other)) {
                (Ok(one), Ok(other)) => one.cmp(&other),
                _ => one.cmp(other),
            }
        }
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        _ => rank(one).cmp(&rank(other)).then_with(|| one.to_string().cmp(&other.to_string())),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::record::{Column, column},
        *,
    };

    #[derive(Clone, Debug, Default, PartialEq)]
    struct Row {
        id: &'static str,
        inner: Option<f64>,
        label: Option<&'static str>,
    }

    impl Record for Row {
        const COLUMNS: &'static [Column<Self>] = &[column("ID", |row, _| row.id.into())];
        const NAME: Option<&'static str> = Some("id");

        fn json(&self) -> Value {
            let labels: Value = self.label.iter().map(|label| ("a.b".to_owned(), json!(label))).collect();
            json!({ "at": self.inner.map(|n| json!({ "n": n })), "id": self.id, "labels": labels })
        }

        fn full() -> Self {
            Self { inner: Some(0.0), ..Self::default() }
        }
    }

    fn by(field: &str) -> Result<Vec<&'static str>, String> {
        let rows = [
            Row { id: "b", inner: Some(10.0), label: None },
            Row { id: "c", inner: None, label: Some("x") },
            Row { id: "a", inner: Some(9.0), label: Some("y") },
        ];
        sorted(&rows, field).map(|rows| rows.iter().map(|row| row.id).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_known_without_a_record_and_the_name_comes_first() {
        assert_eq!(names::<Row>(), ["id", "at.n", "labels"]);
    }

    #[test]
    fn records_sort_by_any_field_and_those_without_it_come_last() {
        assert_eq!(by("id").unwrap(), ["a", "b", "c"]);
        assert_eq!(by("at.n").unwrap(), ["a", "b", "c"], "numbers are no texts");
        assert_eq!(by("labels.a.b").unwrap(), ["c", "a", "b"]);
        for bad in ["nothing", "at", "labels.other", "id.x", ""] {
            assert!(by(bad).unwrap_err().ends_with("there are id, at.n, labels"), "{bad}");
        }
        let none: [Row; 0] = [];
        assert!(sorted(&none, "nothing").is_err(), "also where there is nothing to sort");
    }

    #[test]
    fn times_sort_as_times() {
        let (early, late) = (json!("2026-01-01T00:00:01Z"), json!("2026-01-01T00:00:01.250Z"));
        assert_eq!(compare(&early, &late), Ordering::Less);
        assert_eq!(compare(&json!("a"), &Value::Null), Ordering::Less);
    }
}
