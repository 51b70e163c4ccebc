//! The schemas of messages: what JSON the translator takes and answers.

use std::collections::BTreeMap;

use homepot::{
    checked::Form,
    contract::{FieldRule, field_rule},
};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::{comments::Comments, spans};
use crate::rest::message::is_well_known;

/// Bytes as proto3 JSON has them. No bit is left over behind the last byte, or readers would differ.
const BASE64: &str = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
/// Texts have no NUL character: the database keeps none.
const NO_NUL: &str = r"^[^\u0000]*$";
/// Whole numbers up to here are the same as doubles.
const EXACT: i64 = 9_007_199_254_740_991;
/// Levels of an object whose rule does not tell.
const FREE_DEPTH: u32 = 16;

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

    /// A reference to the schema of a request's body, which has no field that is in the path. Each request belongs to one
    /// method, so it goes by the message's name. Also whether there must be a body.
    pub(super) fn body(&mut self, request: &MessageDescriptor, in_path: &[&str]) -> (Value, bool) {
        let name = name(request.full_name(), Way::In);
        let schema = self.object(request, in_path, Way::In);
        let required = schema.get("required").is_some();
        self.named.insert(name.clone(), schema);
        (reference(&name), required)
    }

    /// The schema of a message without the fields in `left_out`.
    pub(super) fn object(&mut self, message: &MessageDescriptor, left_out: &[&str], way: Way) -> Value {
        let fields: Vec<_> = message.fields().filter(|field| !left_out.contains(&field.name())).collect();
        let mut property = |field: &FieldDescriptor| {
            let schema = self.described(field, way);
            // In proto3's JSON null is the same as leaving a field out.
            if way == Way::In && !is_required(field) { or_null(schema) } else { schema }
        };
        let properties: serde_json::Map<_, _> =
            fields.iter().map(|field| (field.name().to_owned(), property(field))).collect();
        let description = self.comments.before(&message.parent_file(), message.path());
        let mut schema = json!({"type": "object", "description": description, "properties": properties});
        if way == Way::In {
            schema["additionalProperties"] = json!(false);
            let required: Vec<_> =
                fields.iter().filter(|field| is_required(field)).map(FieldDescriptor::name).collect();
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
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

    /// The schema of a field: its type, and of what comes in also what its rule in the contract says.
    pub(super) fn field(&mut self, field: &FieldDescriptor, way: Way) -> Value {
        let rule = field_rule(field.full_name()).filter(|_| way == Way::In);
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let values = self.one(&entry.map_entry_value_field().kind(), way);
                match rule {
                    Some(rule) => labels(rule),
                    None => json!({"type": "object", "additionalProperties": values}),
                }
            }
            kind if field.is_list() => {
                let mut items = self.one(&kind, way);
                let mut list = json!({"type": "array"});
                if let Some(rule) = rule {
                    self.narrow(&kind, rule, true, &mut items);
                    [("minItems", rule.min_items), ("maxItems", rule.max_items)]
                        .into_iter()
                        .for_each(|(word, bound)| put(&mut list, word, bound));
                }
                list["items"] = items;
                list
            }
            kind => {
                let mut schema = self.one(&kind, way);
                if let Some(rule) = rule {
                    self.narrow(&kind, rule, rule.required, &mut schema);
                }
                schema
            }
        }
    }

    /// Adds to the schema of one value what the contract says of it.
    fn narrow(&mut self, kind: &Kind, rule: &FieldRule, required: bool, schema: &mut Value) {
        match kind {
            Kind::String => {
                *schema = text(rule, required);
            }
            Kind::Bytes => {
                // In base64, where three bytes take four letters.
                put(schema, "maxLength", rule.max_bytes.map(|most| most.div_ceil(3) * 4));
                if required {
                    put(schema, "minLength", Some(1));
                }
            }
            Kind::Enum(words) if required => {
                let words = words.values().filter(|word| word.number() != 0);
                let words: Vec<_> = words.map(|word| word.name().to_owned()).collect();
                *schema = json!({"type": "string", "enum": words});
            }
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Duration" => {
                    let (least, most) = (rule.minimum.unwrap_or_default(), rule.maximum.unwrap_or_default());
                    schema["pattern"] = json!(spans::pattern(least, most));
                }
                "google.protobuf.Struct" => {
                    *schema = self.free(rule.max_depth.unwrap_or(FREE_DEPTH));
                    put(schema, "maxProperties", rule.max_items);
                    put(schema, "x-max-bytes", rule.max_bytes);
                }
                _ => {}
            },
            _ => {
                put(schema, "minimum", rule.minimum.map(whole));
                put(schema, "maximum", rule.maximum.map(whole));
            }
        }
    }

    /// An object of JSON of `depth` levels.
    fn free(&mut self, depth: u32) -> Value {
        let values = self.free_value(depth.saturating_sub(1));
        json!({"type": "object", "propertyNames": {"pattern": NO_NUL}, "additionalProperties": values})
    }

    /// A value within such an object, which may have `depth` levels itself.
    fn free_value(&mut self, depth: u32) -> Value {
        let name = format!("json.{depth}.In");
        if !self.named.contains_key(&name) {
            let mut kinds = vec![
                json!({"type": ["boolean", "null"]}),
                json!({"type": "string", "pattern": NO_NUL}),
                json!({"type": "number", "minimum": -EXACT, "maximum": EXACT}),
            ];
            if depth > 0 {
                let inner = self.free_value(depth - 1);
                kinds.push(json!({"type": "array", "items": inner}));
                kinds.push(self.free(depth));
            }
            let description = format!("A value of JSON, {depth} levels deep at most.");
            self.named.insert(name.clone(), json!({"description": description, "anyOf": kinds}));
        }
        reference(&name)
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
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64", "pattern": BASE64}),
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

/// The schema, or null.
fn or_null(mut schema: Value) -> Value {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    if let Some(Value::String(kind)) = schema.get("type") {
        schema["type"] = json!([kind, "null"]);
        return schema;
    }
    let description = schema.get_mut("description").map(Value::take);
    let mut either = json!({"anyOf": [schema, {"type": "null"}]});
    if let Some(description) = description {
        either["description"] = description;
        if let Some(object) = either["anyOf"][0].as_object_mut() {
            object.remove("description");
        }
    }
    either
}

/// Whether what comes in must have the field. A field that tells left out from empty may always be left out.
pub(super) fn is_required(field: &FieldDescriptor) -> bool {
    let is_optional = field.field_descriptor_proto().proto3_optional();
    !is_optional && field_rule(field.full_name()).is_some_and(|rule| rule.required || rule.min_items > Some(0))
}

/// A text that comes in.
pub(super) fn text(rule: &FieldRule, required: bool) -> Value {
    let mut schema = json!({"type": "string"});
    if required {
        schema["minLength"] = json!(1);
    }
    put(&mut schema, "maxLength", rule.max_length);
    match rule.form {
        None => schema["pattern"] = json!(NO_NUL),
        Some(Form::Uuid) => schema["format"] = json!("uuid"),
        // No expression tells these; whoever makes requests up at random has to know them by their format.
        Some(Form::LabelSelector) => schema["format"] = json!("label-selector"),
        Some(Form::PageToken) => schema["format"] = json!("page-token"),
        Some(Form::Cursor) => schema["format"] = json!("cursor"),
        Some(form) => {
            let pattern = form.pattern().unwrap_or_default();
            // An empty text is the same as none where none is required.
            schema["pattern"] = json!(if required { pattern.to_owned() } else { format!("^$|{pattern}") });
        }
    }
    schema
}

fn labels(rule: &FieldRule) -> Value {
    let word = rule.form.and_then(Form::pattern).unwrap_or_default();
    let mut schema = json!({
        "type": "object",
        "propertyNames": {"pattern": word},
        "additionalProperties": {"type": "string", "pattern": format!("^$|{word}")},
    });
    put(&mut schema, "maxProperties", rule.max_items);
    schema
}

fn put(schema: &mut Value, word: &str, bound: Option<impl serde::Serialize>) {
    if let Some(bound) = bound {
        schema[word] = json!(bound);
    }
}

/// Bounds of whole numbers are whole numbers.
#[allow(clippy::cast_possible_truncation)] // they are written in the contract, far below 2^53
fn whole(bound: f64) -> i64 {
    bound as i64
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
