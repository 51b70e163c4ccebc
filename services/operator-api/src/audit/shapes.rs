//! Which fields of an audited method's messages name the objects of the call.
//!
//! The fields are found by their names in the contract's descriptors, so that a new method is audited without code
//! here. They are read from the encoded message.

use std::{collections::HashMap, sync::LazyLock};

use homepot::{contract, wire};
use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use super::objects::Objects;

/// Fields that tell what a call is about, besides those whose names end with `_id` or `_ids`.
const TELLING: [&str; 7] = ["all", "fleet", "label", "label_selector", "role", "variable", "with_made"];
/// Messages that are looked into: the request or the answer, and what stands in it.
const DEPTH: usize = 2;

/// The fields of a method that are told.
pub(super) struct Shape {
    pub(super) request: Fields,
    pub(super) answer: Fields,
}

/// The fields of a message that are told.
#[derive(Default)]
pub(super) struct Fields(Vec<Field>);

struct Field {
    number: u64,
    name: &'static str,
    kind: Kind,
}

enum Kind {
    Text,
    Bool,
    /// With the names of its values.
    Enum(Vec<(i32, String)>),
    Message(Fields),
}

static SHAPES: LazyLock<HashMap<&'static str, Shape>> = LazyLock::new(|| {
    // Left out of the contract by no build: a test reads all of them.
    let sets = contract::parts().map(|part| FileDescriptorSet::decode(part.descriptors).unwrap_or_default());
    let types = Types::of(sets);
    audited().filter_map(|method| Some((method, types.shape(method)?))).collect()
});

/// The methods of which a record is kept, by their paths.
fn audited() -> impl Iterator<Item = &'static str> {
    contract::methods().filter(|method| method.audited).map(|method| method.path)
}

/// The shape of an audited method; `None` where it is not audited.
pub(super) fn shape(method: &str) -> Option<&'static Shape> {
    SHAPES.get(method)
}

impl Fields {
    /// Adds what an encoded message says in these fields.
    pub(super) fn read(&self, message: &[u8], found: &mut Objects) {
        for (number, value) in wire::fields(message) {
            let Some(field) = self.0.iter().find(|field| field.number == number) else { continue };
            match (&field.kind, value) {
                (Kind::Text, wire::Value::Bytes(text)) => found.add(field.name, &String::from_utf8_lossy(text)),
                (Kind::Bool, wire::Value::Number(1)) => found.add(field.name, "true"),
                (Kind::Enum(names), wire::Value::Number(value)) => {
                    let name = names.iter().find(|(number, _)| i64::from(*number) == value.cast_signed());
                    found.add(field.name, name.map_or("unknown", |(_, name)| name));
                }
                (Kind::Message(fields), wire::Value::Bytes(message)) => fields.read(message, found),
                _ => {}
            }
        }
    }
}

/// What the contract declares, by full name with a dot before it, as descriptors refer to it.
struct Types {
    messages: HashMap<String, DescriptorProto>,
    enums: HashMap<String, EnumDescriptorProto>,
    /// Request and answer of each method.
    methods: HashMap<String, (String, String)>,
}

impl Types {
    fn of(sets: impl Iterator<Item = FileDescriptorSet>) -> Self {
        let mut types = Self { messages: HashMap::new(), enums: HashMap::new(), methods: HashMap::new() };
        // Requests may hold free-form values, which are nobody's business: only our own messages are looked into.
        let files = sets.flat_map(|set| set.file);
        for file in files.filter(|file| file.package().starts_with("homepot.")) {
            let package = file.package().to_owned();
            let named = |name: &str| format!(".{package}.{name}");
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{package}.{}/{}", service.name(), method.name());
                    types.methods.insert(path, (method.input_type().to_owned(), method.output_type().to_owned()));
                }
            }
            types.messages.extend(file.message_type.into_iter().map(|message| (named(message.name()), message)));
            types.enums.extend(file.enum_type.into_iter().map(|of_values| (named(of_values.name()), of_values)));
        }
        types
    }

    fn shape(&self, method: &str) -> Option<Shape> {
        let (request, answer) = self.methods.get(method)?;
        Some(Shape { request: self.fields(request, DEPTH), answer: self.fields(answer, DEPTH) })
    }

    fn fields(&self, message: &str, depth: usize) -> Fields {
        let Some(message) = self.messages.get(message).filter(|_| depth > 0) else { return Fields::default() };
        // Sites and devices go by an id, and their names are for people; an operator goes by its name.
        let has_id = message.field.iter().any(|field| ["site_id", "device_id"].contains(&field.name()));
        let tells = |name: &str| {
            name.ends_with("_id") || name.ends_with("_ids") || TELLING.contains(&name) || (name == "name" && !has_id)
        };
        let field = |field: &FieldDescriptorProto| {
            let kind = match field.r#type() {
                Type::Message if field.label() != Label::Repeated => {
                    let fields = self.fields(field.type_name(), depth - 1);
                    if fields.0.is_empty() {
                        return None;
                    }
                    Kind::Message(fields)
                }
                _ if !tells(field.name()) => return None,
                Type::String => Kind::Text,
                Type::Bool => Kind::Bool,
                Type::Enum => Kind::Enum(self.names(field.type_name())),
                _ => return None,
            };
            // Made once for each method, and kept as long as the process runs.
            let name = String::leak(field.name().to_owned());
            Some(Field { number: u64::try_from(field.number()).ok()?, name, kind })
        };
        Fields(message.field.iter().filter_map(field).collect())
    }

    fn names(&self, of_values: &str) -> Vec<(i32, String)> {
        let values = self.enums.get(of_values).into_iter().flat_map(|of_values| &of_values.value);
        values.map(|value| (value.number(), value.name().to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use homepot::pb::{command::v1 as command, registry::v1 as registry};
    use prost::Message;

    use super::*;

    fn told(fields: impl Fn(&Shape) -> &Fields, method: &str, message: impl Message) -> String {
        let path = audited().find(|path| path.ends_with(&format!("/{method}"))).unwrap();
        let mut objects = Objects::default();
        fields(shape(path).unwrap()).read(&message.encode_to_vec(), &mut objects);
        objects.to_string()
    }

    #[test]
    fn every_audited_method_tells_what_it_is_about() {
        for method in audited() {
            let shape = shape(method).unwrap_or_else(|| panic!("{method} has no shape"));
            assert!(!shape.request.0.is_empty() || !shape.answer.0.is_empty(), "{method}");
        }
    }

    #[test]
    fn a_request_tells_its_ids_also_those_of_its_target() {
        let target = command::Target {
            device_ids: vec!["till".to_owned(), "kiosk".to_owned()],
            label_selector: "ring=canary".to_owned(),
            ..Default::default()
        };
        let request = command::StartRunRequest {
            target: Some(target),
            command_type: "PING".to_owned(),
            idempotency_key: "once".to_owned(),
            ..Default::default()
        };
        let line = told(|shape| &shape.request, "StartRun", request);
        assert_eq!(line, r#"device_ids=till,kiosk label_selector="ring=canary""#);
        let request = registry::RevokeOperatorRequest { name: "ann".to_owned(), with_made: true };
        assert_eq!(told(|shape| &shape.request, "RevokeOperator", request), "name=ann with_made=true");
        let request = registry::CreateSiteRequest {
            site_id: "site-1".to_owned(),
            name: "High street".to_owned(),
            ..Default::default()
        };
        assert_eq!(told(|shape| &shape.request, "CreateSite", request), "site_id=site-1");
    }

    #[test]
    fn an_answer_tells_what_was_made_and_not_its_secret() {
        let operator = registry::Operator {
            name: "ann@bob".to_owned(),
            role: registry::Role::Admin.into(),
            token_id: "hpo_BwcHBwcH".to_owned(),
            ..Default::default()
        };
        let answer = registry::CreateOperatorResponse { operator: Some(operator), token: "hpo_secret".to_owned() };
        let line = told(|shape| &shape.answer, "CreateOperator", answer);
        assert_eq!(line, "name=ann@bob role=ROLE_ADMIN token_id=hpo_BwcHBwcH");
        let answer = registry::RotateDeviceKeyResponse {
            device_id: "till".to_owned(),
            api_key: "hpd_".to_owned(),
            ..Default::default()
        };
        assert_eq!(told(|shape| &shape.answer, "RotateDeviceKey", answer), "device_id=till");
    }

    #[test]
    fn free_form_values_are_not_looked_into() {
        let value = prost_types::Value { kind: Some(prost_types::value::Kind::StringValue("private".to_owned())) };
        let payload = prost_types::Struct { fields: [("card_id".to_owned(), value)].into() };
        let request =
            command::QueueRequest { device_id: "till".to_owned(), payload: Some(payload), ..Default::default() };
        assert_eq!(told(|shape| &shape.request, "Queue", request), "device_id=till");
    }
}
