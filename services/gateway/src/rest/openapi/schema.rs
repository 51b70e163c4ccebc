//! The schemas of messages: what JSON the translator takes and answers.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::comments::Comments;
use crate::rest::message::is_well_known;

/// Which way a message goes. What comes in may hold no field that the contract does not have; what goes out may hold more
/// in a later version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// The schemas that others refer to, gathered while they are referred to.
pub(super) struct Schemas<'a> {
    pub(super) comments: &'a Comments,
    pub(super) named: BTreeMap<String, Value>,
}

impl Schemas<'_> {
    /// A reference to the schema of a message.
    pub(super) fn message(&mut self, message: &MessageDescriptor, way: Way) -> Value {
        let name = name(message.full_name(), way);
        if !self.named.contains_key(&name) {
            // Held open first, for messages that hold themselves.
            self.named.insert(name.clone(), Value::Null);
            let schema = self.object(message, &[], way);
            self.named.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// The schema of a message without the fields in `left_out`.
    pub(super) fn object(&mut self, message: &MessageDescriptor, left_out: &[&str], way: Way) -> Value {
        let fields = message.fields().filter(|field| !left_out.contains(&field.name()));
        let properties: serde_json::Map<_, _> =
            fields.map(|field| (field.name().to_owned(), self.described(&field, way))).collect();
        let description = self.comments.before(&message.parent_file(), message.path());
        let mut schema = json!({"type": "object", "description": description, "properties": properties});
        if way == Way::In {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }

    /// The schema of a field, with its comment.
    pub(super) fn described(&mut self, field: &FieldDescriptor, way: Way) -> Value {
        let mut schema = self.field(field, way);
        let comment = self.comments.before(&field.parent_file(), field.path());
        if !comment.is_empty() {
            schema["description"] = json!(comment);
        }
        schema
    }

    /// The schema of a field.
    pub(super) fn field(&mut self, field: &FieldDescriptor, way: Way) -> Value {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let values = self.one(&entry.map_entry_value_field().kind(), way);
                json!({"type": "object", "additionalProperties": values})
            }
            kind if field.is_list() => json!({"type": "array", "items": self.one(&kind, way)}),
            kind => self.one(&kind, way),
        }
    }

    fn one(&mut self, kind: &Kind, way: Way) -> Value {
        match kind {
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
            // As proto3 has it, so that no reader rounds them.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({"type": "string", "pattern": "^-?[0-9]{1,19}$"}),
            Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "pattern": "^[0-9]{1,20}$"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(words) => self.words(words),
            Kind::Message(message) if is_well_known(message) => well_known(message),
            Kind::Message(message) => self.message(message, way),
        }
    }

    fn words(&mut self, words: &EnumDescriptor) -> Value {
        let name = name(words.full_name(), Way::Out);
        let comments = self.comments;
        self.named.entry(name.clone()).or_insert_with(|| {
            let file = words.parent_file();
            let values: Vec<_> = words.values().map(|value| value.name().to_owned()).collect();
            let lines = words.values().map(|value| {
                let comment = comments.before(&file, value.path());
                format!("- `{}`: {comment}", value.name())
            });
            let lines: Vec<_> = lines.collect();
            let description = format!("{}\n\n{}", comments.before(&file, words.path()), lines.join("\n"));
            json!({"type": "string", "enum": values, "description": description})
        });
        reference(&name)
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn name(full_name: &str, way: Way) -> String {
    let name = full_name.strip_prefix("homepot.").unwrap_or(full_name);
    if way == Way::In { format!("{name}.In") } else { name.to_owned() }
}

fn well_known(message: &MessageDescriptor) -> Value {
    match message.full_name() {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => json!({"type": "string", "pattern": "^-?[0-9]{1,12}([.][0-9]{1,9})?s$"}),
        "google.protobuf.Struct" => json!({"type": "object"}),
        "google.protobuf.ListValue" => json!({"type": "array"}),
        _ => json!({}),
    }
}
