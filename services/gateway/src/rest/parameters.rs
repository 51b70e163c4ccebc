//! The query parameters of a method: one for each field of its request, named by its path, such as `filter.site_id`.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::message::{is_timestamp, is_well_known};
use crate::{error::Fault, query};

/// A parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    /// The names of the fields on the way, joined by dots.
    pub(super) name: String,
    /// The field that holds the value.
    pub(super) field: FieldDescriptor,
}

/// The parameters of a request without the fields that are in the path.
pub(super) fn of(request: &MessageDescriptor, in_path: &[&str]) -> Vec<Parameter> {
    let fields = request.fields().filter(|field| !in_path.contains(&field.name()));
    fields.flat_map(|field| below(&field, "")).collect()
}

fn below(field: &FieldDescriptor, prefix: &str) -> Vec<Parameter> {
    let name = format!("{prefix}{}", field.name());
    match field.kind() {
        // The build refuses a GET whose request holds lists or maps of messages.
        Kind::Message(message) if !is_well_known(&message) => {
            let prefix = format!("{name}.");
            message.fields().flat_map(|field| below(&field, &prefix)).collect()
        }
        _ => vec![Parameter { name, field: field.clone() }],
    }
}

/// The query as the object of JSON that a body would hold, and what is wrong with the names and numbers of its parameters.
pub(super) fn read(parameters: &[Parameter], query: &str) -> (Map<String, Value>, Vec<Fault>) {
    let names: Vec<_> = parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let mut faults = query::faults(&names, query);
    let mut object = Map::new();
    for Parameter { name, field } in parameters {
        let pairs = form_urlencoded::parse(query.as_bytes());
        let mut values: Vec<_> = pairs.filter(|(known, value)| known == name && !value.is_empty()).collect();
        if field.is_list() {
            let list: Vec<_> = values.iter().map(|(_, text)| value(field, text)).collect();
            if !list.is_empty() {
                insert(&mut object, name, Value::Array(list));
            }
        } else if values.len() > 1 {
            let told = "The parameter is given more than once; give it once";
            faults.push(Fault::of_parameter(name, "too_many", told));
        } else if let Some((_, text)) = values.pop() {
            insert(&mut object, name, value(field, &text));
        }
    }
    (object, faults)
}

/// The text of a parameter as JSON has it. Numbers may be texts there.
fn value(field: &FieldDescriptor, text: &str) -> Value {
    match (field.kind(), text) {
        (Kind::Bool, "true") => Value::Bool(true),
        (Kind::Bool, "false") => Value::Bool(false),
        // In a query `+` stands for a space, which many a client that writes `+01:00` does not know.
        (Kind::Message(message), text) if is_timestamp(&message) => Value::String(text.replace(' ', "+")),
        (_, text) => Value::String(text.to_owned()),
    }
}

fn insert(object: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(object.insert(name.to_owned(), value)),
        Some((first, rest)) => {
            let inner = object.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
