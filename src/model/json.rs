//! Free-form objects: `google.protobuf.Struct` on the wire, JSON inside, with bounds.

use prost_types::{ListValue, Struct, Value as ProtoValue, value::Kind};
use serde_json::{Map, Number, Value};

use crate::error::Error;

/// An object of JSON.
pub type JsonObject = Map<String, Value>;

/// How large a free-form object may be.
#[derive(Clone, Copy, Debug)]
pub struct JsonBounds {
    /// Bytes as compact JSON.
    pub bytes: usize,
    /// Keys at the top.
    pub keys: usize,
    /// Levels of objects and lists, the top one counted.
    pub depth: usize,
}

impl JsonBounds {
    /// Checks `object`; the error names `field`.
    pub fn check(&self, field: &str, object: &JsonObject) -> Result<(), Error> {
        if object.len() > self.keys {
            return Err(Error::invalid(field, format!("has more than {} keys", self.keys)));
        }
        if !fits_depth(object.values(), self.depth.saturating_sub(1)) {
            return Err(Error::invalid(field, format!("is nested more than {} levels deep", self.depth)));
        }
        if object.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)) {
            return Err(Error::invalid(field, "holds a NUL character"));
        }
        let bytes = serde_json::to_string(object).map_or(usize::MAX, |text| text.len());
        if bytes > self.bytes {
            return Err(Error::invalid(field, format!("is larger than {} bytes", self.bytes)));
        }
        Ok(())
    }
}

/// Checks that every whole number of an object that was written as JSON arrives as it was written; the error names `field`.
///
/// Objects travel as `google.protobuf.Struct`, whose numbers are doubles: from 2^53 on they can't tell each whole number from
/// the next. A reader of JSON takes what has more than 64 bits for a double already, so such numbers are refused as well.
pub fn check_exact(field: &str, object: &JsonObject) -> Result<(), Error> {
    match object.values().find_map(inexact) {
        None => Ok(()),
        Some(number) => {
            let told = format!("holds the number {number}, which would arrive as another one; send it as a text");
            Err(Error::invalid(field, told))
        }
    }
}

/// A number in there that a double can't hold.
fn inexact(value: &Value) -> Option<&Number> {
    match value {
        Value::Number(number) => (!is_exact(number)).then_some(number),
        Value::Array(list) => list.iter().find_map(inexact),
        Value::Object(object) => object.values().find_map(inexact),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // whether they lose anything is the question
fn is_exact(number: &Number) -> bool {
    const SIXTY_FOUR_BITS: f64 = 18_446_744_073_709_551_616.0;
    match number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)) {
        Some(whole) => whole as f64 as i128 == whole,
        None => number.as_f64().is_some_and(|number| number.abs() < SIXTY_FOUR_BITS),
    }
}

fn fits_depth<'a>(mut values: impl Iterator<Item = &'a Value>, left: usize) -> bool {
    values.all(|value| match value {
        Value::Object(object) => left > 0 && fits_depth(object.values(), left - 1),
        Value::Array(list) => left > 0 && fits_depth(list.iter(), left - 1),
        _ => true,
    })
}

/// Postgres keeps no NUL in text or jsonb.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_nul),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// Reads an object from the wire within `bounds`; a number that is not finite is refused.
pub fn from_struct(field: &str, object: &Struct, bounds: JsonBounds) -> Result<JsonObject, Error> {
    let object = read_object(object, bounds.depth).map_err(|reason| Error::invalid(field, reason))?;
    bounds.check(field, &object)?;
    Ok(object)
}

/// Writes an object to the wire. Whole numbers past 2^53 lose their last digits: what callers wrote is refused before, by
/// [`check_exact`].
pub fn to_struct(object: &JsonObject) -> Struct {
    Struct { fields: object.iter().map(|(key, value)| (key.clone(), write(value))).collect() }
}

fn read_object(object: &Struct, left: usize) -> Result<JsonObject, &'static str> {
    object.fields.iter().map(|(key, value)| Ok((key.clone(), read(value, left)?))).collect()
}

// `left` bounds the recursion before the bounds are checked in full.
fn read(value: &ProtoValue, left: usize) -> Result<Value, &'static str> {
    let Some(left) = left.checked_sub(1) else { return Err("is nested too deep") };
    Ok(match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => Value::Bool(*flag),
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::NumberValue(number)) => {
            Value::Number(read_number(*number).ok_or("holds a number that is not finite")?)
        }
        Some(Kind::StructValue(object)) => Value::Object(read_object(object, left)?),
        Some(Kind::ListValue(list)) => {
            Value::Array(list.values.iter().map(|value| read(value, left)).collect::<Result<_, _>>()?)
        }
    })
}

/// A whole number comes back as one: `1`, not `1.0`.
fn read_number(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation)] // whole and within 2^53
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

fn write(value: &Value) -> ProtoValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(list) => Kind::ListValue(ListValue { values: list.iter().map(write).collect() }),
        Value::Object(object) => Kind::StructValue(to_struct(object)),
    };
    ProtoValue { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOUNDS: JsonBounds = JsonBounds { bytes: 200, keys: 4, depth: 3 };

    fn object(value: Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_object_survives_the_wire() {
        let there = object(json!({"a": 1, "b": -0.5, "c": [null, true, "x"], "d": {"e": 1.7e9}}));
        assert_eq!(from_struct("extra", &to_struct(&there), BOUNDS).unwrap()["d"]["e"], json!(1_700_000_000));
    }

    #[test]
    fn a_number_that_a_double_cannot_hold_is_refused_by_name() {
        let checked = |text: &str| check_exact("payload", &serde_json::from_str(text).unwrap());
        for good in ["9007199254740992", "-9007199254740992", "9007199254740994", "0.1", "1.7e9", "1e18", "-1e-300"] {
            assert_eq!(checked(&format!("{{\"n\": {good}}}")), Ok(()), "{good}");
        }
        for bad in ["9007199254740993", "-9007199254740993", "12345678901234567890", "123456789012345678901", "1e300"] {
            let error = checked(&format!("{{\"deep\": [{{\"n\": {bad}}}]}}")).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "payload", "{bad}");
        }
    }

    #[test]
    fn every_bound_is_kept_and_the_field_named() {
        let too_many = json!({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1});
        let too_deep = json!({"a": {"b": {"c": {}}}});
        let too_long = json!({"a": "x".repeat(200)});
        let nul = json!({"a": ["\0"]});
        for bad in [too_many, too_deep, too_long, nul] {
            let error = from_struct("extra", &to_struct(&object(bad)), BOUNDS).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "extra");
        }
        let not_finite =
            Struct { fields: [("a".to_owned(), ProtoValue { kind: Some(Kind::NumberValue(f64::NAN)) })].into() };
        assert!(from_struct("extra", &not_finite, BOUNDS).is_err());
    }
}
