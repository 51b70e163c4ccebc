//! Reads the fields of a JSON object, collecting every fault instead of stopping at the first.
//!
//! Types and texts of the faults are those that legacy clients know (FastAPI with pydantic 2). As there, a number may
//! come as a text that holds one. Rules of the domain (forms of ids, sizes) stay in [`homepot::model`]; their faults
//! are merged in by [`Fields::finish`].

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use homepot::{
    Error,
    model::{JsonBounds, JsonObject, check_exact},
};
use serde_json::Value;

use crate::{
    body::MAX_BODY_BYTES,
    error::{ApiError, Fault},
};

/// For objects whose real bounds the model has: only what could not be sent on.
pub(super) const ANY_OBJECT: JsonBounds = JsonBounds { bytes: MAX_BODY_BYTES, keys: usize::MAX, depth: 64 };

/// The object that is being read, and what was wrong with it so far.
#[derive(Debug)]
pub(crate) struct Fields {
    object: JsonObject,
    order: Vec<&'static str>,
    faults: Vec<Fault>,
    /// Faults of other parts of the request.
    elsewhere: Vec<Fault>,
}

impl Fields {
    /// Starts on `object`; fields that nobody reads are ignored.
    pub(crate) fn new(object: JsonObject) -> Self {
        Self { object, order: Vec::new(), faults: Vec::new(), elsewhere: Vec::new() }
    }

    /// Starts with faults that were found elsewhere in the request; they are told first.
    pub(crate) fn beside(mut self, others: Vec<Fault>) -> Self {
        self.elsewhere = others;
        self
    }

    /// The field's value; null is as good as left out.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.order.push(name);
        self.object.remove(name).filter(|value| !value.is_null())
    }

    fn fault<T>(&mut self, name: &str, kind: &str, msg: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::of_field(name, kind, msg));
        None
    }

    /// A text of 1 to `max` characters that must be there; empty when it was at fault.
    pub(crate) fn required_text(&mut self, name: &'static str, max: usize) -> String {
        let is_null = self.object.get(name).is_some_and(Value::is_null);
        let text = match self.take(name) {
            Some(Value::String(text)) => Some(text),
            None if !is_null => {
                self.faults.push(Fault::missing(name));
                None
            }
            _ => self.fault(name, "string_type", "Input should be a valid string"),
        };
        text.filter(|text| self.has_length(name, text, 1, max)).unwrap_or_default()
    }

    /// A text of up to `max` characters.
    pub(crate) fn text(&mut self, name: &'static str, max: usize) -> Option<String> {
        let text = match self.take(name)? {
            Value::String(text) => text,
            _ => return self.fault(name, "string_type", "Input should be a valid string"),
        };
        self.has_length(name, &text, 0, max).then_some(text)
    }

    /// The same, and empty where there is none.
    pub(crate) fn string(&mut self, name: &'static str, max: usize) -> String {
        self.text(name, max).unwrap_or_default()
    }

    fn has_length(&mut self, name: &str, text: &str, min: usize, max: usize) -> bool {
        let letters = |n: usize| if n == 1 { "1 character".to_owned() } else { format!("{n} characters") };
        let length = text.chars().count();
        if length < min {
            self.fault::<()>(name, "string_too_short", format!("String should have at least {}", letters(min)));
        } else if length > max {
            self.fault::<()>(name, "string_too_long", format!("String should have at most {}", letters(max)));
        }
        (min..=max).contains(&length)
    }

    /// One of `words`, which must be there.
    pub(crate) fn required_word(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let text = match self.object.get(name) {
            None => {
                self.order.push(name);
                self.faults.push(Fault::missing(name));
                return None;
            }
            Some(_) => self.take(name),
        };
        let found = text.as_ref().and_then(Value::as_str).and_then(|text| words.iter().find(|word| **word == text));
        if found.is_none() {
            let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
            let (last, others) = quoted.split_last()?;
            return self.fault(name, "enum", format!("Input should be {} or {last}", others.join(", ")));
        }
        found.copied()
    }

    /// One of `words`, if it is there.
    pub(crate) fn word(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        match self.object.get(name) {
            None | Some(Value::Null) => {
                self.take(name);
                None
            }
            Some(_) => self.required_word(name, words),
        }
    }

    /// A finite number within `range`.
    pub(crate) fn number(&mut self, name: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = match self.take(name)? {
            Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
            Value::String(text) => match text.trim().parse() {
                Ok(number) => number,
                Err(_) => {
                    let msg = "Input should be a valid number, unable to parse string as a number";
                    return self.fault(name, "float_parsing", msg);
                }
            },
            _ => return self.fault(name, "float_type", "Input should be a valid number"),
        };
        if !number.is_finite() {
            return self.fault(name, "finite_number", "Input should be a finite number");
        }
        self.within(name, number, range)
    }

    /// A whole number within `range`; `10.0` is one.
    pub(crate) fn integer(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let number = match self.take(name)? {
            Value::Number(number) => match number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)) {
                Some(number) => number,
                None => {
                    let number = number.as_f64().unwrap_or_default();
                    if number.fract() != 0.0 {
                        let msg = "Input should be a valid integer, got a number with a fractional part";
                        return self.fault(name, "int_from_float", msg);
                    }
                    number as i128
                }
            },
            Value::String(text) => match text.trim().parse() {
                Ok(number) => number,
                Err(_) => {
                    let msg = "Input should be a valid integer, unable to parse string as an integer";
                    return self.fault(name, "int_parsing", msg);
                }
            },
            _ => return self.fault(name, "int_type", "Input should be a valid integer"),
        };
        let range = i128::from(*range.start())..=i128::from(*range.end());
        self.within(name, number, range).and_then(|number| number.try_into().ok())
    }

    fn within<T: PartialOrd + std::fmt::Display>(
        &mut self,
        name: &str,
        number: T,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        if number < *range.start() {
            let msg = format!("Input should be greater than or equal to {}", range.start());
            return self.fault(name, "greater_than_equal", msg);
        }
        if number > *range.end() {
            let msg = format!("Input should be less than or equal to {}", range.end());
            return self.fault(name, "less_than_equal", msg);
        }
        Some(number)
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.fault(name, "bool_type", "Input should be a valid boolean"),
        }
    }

    /// An object of flags, each by one of `names`. Empty when it was at fault.
    pub(crate) fn flags(&mut self, name: &'static str, names: &[&'static str]) -> BTreeMap<&'static str, bool> {
        let object = match self.take(name) {
            Some(Value::Object(object)) => object,
            None => return self.missing_flags(name),
            Some(_) => return self.fault(name, "dict_type", "Input should be a valid dictionary").unwrap_or_default(),
        };
        let mut flags = BTreeMap::new();
        for (key, value) in object {
            match (names.iter().find(|known| **known == key), value) {
                (Some(known), Value::Bool(flag)) => drop(flags.insert(*known, flag)),
                (Some(known), _) => {
                    self.fault::<()>(name, "bool_type", format!("'{known}' should be a valid boolean"));
                }
                (None, _) => {
                    let told = format!("Value error, '{key}' is none of {}", names.join(", "));
                    self.fault::<()>(name, "value_error", told);
                }
            }
        }
        flags
    }

    fn missing_flags(&mut self, name: &str) -> BTreeMap<&'static str, bool> {
        self.faults.push(Fault::missing(name));
        BTreeMap::new()
    }

    /// An object within `bounds`, whose numbers all arrive as they were written.
    pub(crate) fn object(&mut self, name: &'static str, bounds: JsonBounds) -> Option<JsonObject> {
        let Value::Object(object) = self.take(name)? else {
            return self.fault(name, "dict_type", "Input should be a valid dictionary");
        };
        match bounds.check(name, &object).and_then(|()| check_exact(name, &object)) {
            Ok(()) => Some(object),
            Err(error) => {
                self.faults.extend(error.field_violations().iter().map(Fault::from));
                None
            }
        }
    }

    /// An instant as RFC 3339 has it.
    pub(crate) fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        let parsed = match self.take(name)? {
            Value::String(text) => DateTime::parse_from_rfc3339(&text).ok(),
            _ => return self.fault(name, "datetime_type", "Input should be a valid datetime"),
        };
        match parsed {
            Some(time) => Some(time.to_utc()),
            None => self.fault(name, "datetime_parsing", "Input should be a valid datetime with a time zone"),
        }
    }

    /// An instant, where the field happens to hold one; anything else in it is nobody's fault.
    pub(crate) fn time_if_any(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        let value = self.take(name)?;
        value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|time| time.to_utc())
    }

    /// Merges the domain's judgement in and answers `value`, or every fault in the order the fields were read.
    pub(crate) fn finish<T>(mut self, value: T, judgement: Result<(), Error>) -> Result<T, ApiError> {
        if let Err(error) = judgement {
            for fault in error.field_violations().iter().map(Fault::from) {
                let told = self.order.iter().any(|name| fault.is_of(name) && self.faults.iter().any(|f| f.is_of(name)));
                if !told {
                    self.faults.push(fault);
                }
            }
        }
        let place = |fault: &Fault| self.order.iter().position(|name| fault.is_of(name)).unwrap_or(usize::MAX);
        self.faults.sort_by_key(place);
        let mut all = self.elsewhere;
        all.append(&mut self.faults);
        if all.is_empty() { Ok(value) } else { Err(ApiError::invalid(all)) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOUNDS: JsonBounds = JsonBounds { bytes: 20, keys: 4, depth: 3 };

    fn fields(value: Value) -> Fields {
        Fields::new(value.as_object().unwrap().clone())
    }

    fn told(fields: &Fields) -> Vec<(&str, &str)> {
        fields.faults.iter().map(|fault| (fault.kind.as_str(), fault.msg.as_str())).collect()
    }

    #[test]
    fn numbers_are_numbers_and_within_their_range() {
        let cases = [
            (json!(45.5), Ok(45.5)),
            (json!(0), Ok(0.0)),
            (json!(" 45.5 "), Ok(45.5)),
            (json!(100.1), Err(("less_than_equal", "Input should be less than or equal to 100"))),
            (json!(-1), Err(("greater_than_equal", "Input should be greater than or equal to 0"))),
            (
                json!("high"),
                Err(("float_parsing", "Input should be a valid number, unable to parse string as a number")),
            ),
            (json!("NaN"), Err(("finite_number", "Input should be a finite number"))),
            (json!("1e999"), Err(("finite_number", "Input should be a finite number"))),
            (json!(true), Err(("float_type", "Input should be a valid number"))),
            (json!([1]), Err(("float_type", "Input should be a valid number"))),
        ];
        for (value, expected) in cases {
            let mut fields = fields(json!({ "n": value }));
            let number = fields.number("n", 0.0..=100.0);
            match expected {
                Ok(expected) => assert_eq!(number, Some(expected)),
                Err(expected) => assert_eq!((number, told(&fields)), (None, vec![expected])),
            }
        }
    }

    #[test]
    fn integers_are_whole_and_within_their_range() {
        let cases = [
            (json!(10), Ok(10)),
            (json!(10.0), Ok(10)),
            (json!("10"), Ok(10)),
            (json!(1.5), Err("int_from_float")),
            (json!("1.5"), Err("int_parsing")),
            (json!({}), Err("int_type")),
            (json!(-1), Err("greater_than_equal")),
            (json!(101), Err("less_than_equal")),
            (json!(u64::MAX), Err("less_than_equal")),
            (json!(-1e300), Err("greater_than_equal")),
        ];
        for (value, expected) in cases {
            let mut fields = fields(json!({ "n": value }));
            let number = fields.integer("n", 0..=100);
            match expected {
                Ok(expected) => assert_eq!(number, Some(expected)),
                Err(expected) => assert_eq!((number, told(&fields)[0].0), (None, expected)),
            }
        }
    }

    #[test]
    fn texts_have_a_length_and_a_required_one_must_be_there() {
        let mut fields = fields(json!({"null": null, "number": 1, "empty": "", "long": "äää", "good": "ää"}));
        for name in ["missing", "null", "number", "empty", "long"] {
            assert_eq!(fields.required_text(name, 2), "");
        }
        assert_eq!(fields.required_text("good", 2), "ää");
        assert_eq!(
            told(&fields),
            [
                ("missing", "Field required"),
                ("string_type", "Input should be a valid string"),
                ("string_type", "Input should be a valid string"),
                ("string_too_short", "String should have at least 1 character"),
                ("string_too_long", "String should have at most 2 characters"),
            ]
        );
    }

    #[test]
    fn an_optional_null_is_as_good_as_left_out() {
        let mut fields = fields(json!({"a": null, "b": null, "c": null, "d": null, "e": null}));
        assert_eq!(fields.text("a", 9), None);
        assert_eq!(fields.number("b", 0.0..=1.0), None);
        assert_eq!(fields.integer("c", 0..=1), None);
        assert_eq!(fields.object("d", BOUNDS), None);
        assert_eq!(fields.flag("e"), None);
        assert!(fields.faults.is_empty());
    }

    #[test]
    fn words_objects_and_flags_are_told_apart_from_other_things() {
        let mut fields = fields(json!({"word": "done", "object": [], "large": {"k": "x".repeat(30)}, "flag": "yes"}));
        assert_eq!(fields.required_word("word", &["completed", "failed", "sent"]), None);
        assert_eq!(fields.object("object", BOUNDS), None);
        assert_eq!(fields.object("large", BOUNDS), None);
        assert_eq!(fields.flag("flag"), None);
        assert_eq!(
            told(&fields),
            [
                ("enum", "Input should be 'completed', 'failed' or 'sent'"),
                ("dict_type", "Input should be a valid dictionary"),
                ("value_error", "Value error, is larger than 20 bytes"),
                ("bool_type", "Input should be a valid boolean"),
            ]
        );
    }

    #[test]
    fn all_faults_are_told_at_once_in_the_order_of_the_fields_and_each_field_once() {
        let mut fields = fields(json!({"b": "x", "c": 1}));
        fields.required_text("a", 9);
        fields.text("b", 9);
        fields.text("c", 9);
        let judgement = Err(Error::violations(vec![
            homepot::error::FieldViolation::new("a", "is required"),
            homepot::error::FieldViolation::new("b", "is odd"),
        ]));
        let error = fields.finish((), judgement).unwrap_err();
        let expected = vec![
            Fault::missing("a"),
            Fault::of_field("b", "value_error", "Value error, is odd"),
            Fault::of_field("c", "string_type", "Input should be a valid string"),
        ];
        assert_eq!(format!("{error:?}"), format!("{:?}", ApiError::invalid(expected)));
    }
}
