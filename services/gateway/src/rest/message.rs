//! Makes the message of a request out of JSON, as proto3 has it, and collects every fault with the path to its field.

use homepot::model::check_exact;
use prost_reflect::{
    DeserializeOptions, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
};
use serde_json::{Map, Value};

use crate::{
    error::{Fault, Place},
    query,
};

/// Whether JSON has a form of its own for the message.
pub(super) fn is_well_known(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
}

pub(super) fn is_timestamp(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.protobuf.Timestamp"
}

/// Reads objects and gathers what is wrong with them.
pub(super) struct Reader<F> {
    /// Where a field is found in the HTTP request, by the way to it in the message.
    pub(super) place: F,
    /// What is wrong.
    pub(super) faults: Vec<Fault>,
}

impl<F: Fn(&[Place]) -> Vec<Place>> Reader<F> {
    /// The message that `object` stands for. Fields at fault are left out of it.
    pub(super) fn message(
        &mut self,
        descriptor: &MessageDescriptor,
        object: Map<String, Value>,
        way: &[Place],
    ) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for (name, value) in object {
            let way = [way, &[Place::Name(name.clone())]].concat();
            let found = descriptor.get_field_by_name(&name).or_else(|| descriptor.get_field_by_json_name(&name));
            let Some(field) = found else {
                let names: Vec<_> = descriptor.fields().map(|field| field.name().to_owned()).collect();
                self.fault(&way, "extra_forbidden", query::unknown("field", "this object", &names, &name));
                continue;
            };
            if message.has_field(&field) {
                self.fault(&way, "too_many", format!("The field {} is given twice; give it once", field.name()));
                continue;
            }
            self.field(&mut message, &field, value, &way);
        }
        message
    }

    fn field(&mut self, message: &mut DynamicMessage, field: &FieldDescriptor, value: Value, way: &[Place]) {
        let nested = match field.kind() {
            Kind::Message(inner) if !field.is_map() && !is_well_known(&inner) => Some(inner),
            _ => None,
        };
        match (nested, value) {
            // As proto3 has it, null is as good as left out.
            (_, Value::Null) => {}
            (Some(inner), Value::Object(object)) if !field.is_list() => {
                let inner = self.message(&inner, object, way);
                message.set_field(field, prost_reflect::Value::Message(inner));
            }
            (Some(inner), Value::Array(list)) if field.is_list() => {
                let mut items = Vec::with_capacity(list.len());
                for (at, item) in list.into_iter().enumerate() {
                    let way = [way, &[Place::At(at)]].concat();
                    match item {
                        Value::Object(object) => {
                            items.push(prost_reflect::Value::Message(self.message(&inner, object, &way)));
                        }
                        _ => self.fault(&way, "model_attributes_type", "Input should be an object"),
                    }
                }
                message.set_field(field, prost_reflect::Value::List(items));
            }
            (Some(_), _) => {
                let due = if field.is_list() { "a list of objects" } else { "an object" };
                self.fault(way, "model_attributes_type", format!("Input should be {due}"));
            }
            (None, value) => self.value(message, field, value, way),
        }
    }

    fn value(&mut self, message: &mut DynamicMessage, field: &FieldDescriptor, value: Value, way: &[Place]) {
        if let (Kind::Message(_), Value::Object(object)) = (field.kind(), &value)
            && let Err(error) = check_exact(field.name(), object)
        {
            let reasons = error.field_violations().iter().map(|violation| violation.reason.clone());
            reasons.for_each(|reason| self.fault(way, "value_error", format!("{} {reason}", field.name())));
            return;
        }
        // Proto3's JSON would take numbers for the values of an enum; the document has their names, and one spelling is enough.
        let is_number = |value: &Value| value.is_number();
        if let Kind::Enum(_) = field.kind()
            && (is_number(&value) || value.as_array().is_some_and(|list| list.iter().any(is_number)))
        {
            let (kind, due) = expected(field);
            return self.fault(way, kind, format!("Input should be {due}"));
        }
        // A message of this field alone, so that what is wrong is known to be wrong with this field.
        let alone = Value::Object(Map::from_iter([(field.name().to_owned(), value)]));
        let options = DeserializeOptions::new();
        match DynamicMessage::deserialize_with_options(message.descriptor(), alone, &options) {
            Ok(mut alone) => message.set_field(field, alone.get_field_mut(field).clone()),
            Err(_) => {
                let (kind, due) = expected(field);
                self.fault(way, kind, format!("Input should be {due}"));
            }
        }
    }

    fn fault(&mut self, way: &[Place], kind: &str, msg: impl Into<String>) {
        self.faults.push(Fault { kind: kind.to_owned(), loc: (self.place)(way), msg: msg.into() });
    }
}

/// What a field takes, in words.
fn expected(field: &FieldDescriptor) -> (&'static str, String) {
    if field.is_map() {
        return ("dict_type", "an object whose values are texts".to_owned());
    }
    let (kind, one) = match field.kind() {
        Kind::Double | Kind::Float => ("float_parsing", "a number".to_owned()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => ("int_parsing", whole(i32::MIN, i32::MAX)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => ("int_parsing", whole(i64::MIN, i64::MAX)),
        Kind::Uint32 | Kind::Fixed32 => ("int_parsing", whole(u32::MIN, u32::MAX)),
        Kind::Uint64 | Kind::Fixed64 => ("int_parsing", whole(u64::MIN, u64::MAX)),
        Kind::Bool => ("bool_parsing", "true or false".to_owned()),
        Kind::String => ("string_type", "a text".to_owned()),
        Kind::Bytes => ("bytes_type", "a text in base64".to_owned()),
        Kind::Enum(words) => ("enum", one_of(&words)),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => ("datetime_parsing", "a time such as 2026-01-31T12:00:00Z".to_owned()),
            "google.protobuf.Duration" => ("time_delta_parsing", "seconds such as 300s or 0.5s".to_owned()),
            _ => ("dict_type", "an object".to_owned()),
        },
    };
    (kind, if field.is_list() { format!("a list, each entry {one}") } else { one })
}

fn whole(least: impl std::fmt::Display, most: impl std::fmt::Display) -> String {
    format!("a whole number from {least} to {most}")
}

fn one_of(words: &EnumDescriptor) -> String {
    let names: Vec<_> =
        words.values().filter(|value| value.number() != 0).map(|value| value.name().to_owned()).collect();
    names.join(" or ")
}
