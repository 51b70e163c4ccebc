//! A zero byte, which Postgres takes in no text: in whatever field of whatever rpc it comes, the answer names the field.

use std::collections::HashMap;

use homepot::{
    access::{ATTACH, Audience},
    contract::METHODS,
    pb::{
        FILE_DESCRIPTOR_SET,
        device::v1::{AttachResponse, GoodbyeReason, ReportSamplesResponse, attach_response::Message as Down},
    },
};
use homepot_tests::grpc::{Caller, call, connection};
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use tonic::Code;

use super::world::{OURS, World};

/// Messages by their full names, and the requests of methods.
struct Contract {
    messages: HashMap<String, DescriptorProto>,
    requests: HashMap<String, String>,
}

impl Contract {
    fn read() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut contract = Self { messages: HashMap::new(), requests: HashMap::new() };
        for file in &set.file {
            let package = file.package();
            for message in &file.message_type {
                contract.add(&format!(".{package}.{}", message.name()), message);
            }
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{package}.{}/{}", service.name(), method.name());
                    contract.requests.insert(path, method.input_type().to_owned());
                }
            }
        }
        contract
    }

    fn add(&mut self, name: &str, message: &DescriptorProto) {
        self.messages.insert(name.to_owned(), message.clone());
        for nested in &message.nested_type {
            self.add(&format!("{name}.{}", nested.name()), nested);
        }
    }

    /// Each text in a message, by the name of the field that is told, as bytes to put after a good message: what comes later
    /// replaces or adds to what came before.
    fn texts(&self, message: &str, depth: usize) -> Vec<(String, Vec<u8>)> {
        let mut texts = Vec::new();
        for field in &self.messages[message].field {
            if field.r#type() == Type::String {
                texts.push((field.name().to_owned(), delimited(field, b"a\0b")));
            }
            if field.r#type() != Type::Message || depth == 0 {
                continue;
            }
            match field.type_name() {
                ".google.protobuf.Timestamp" | ".google.protobuf.Duration" => {}
                ".google.protobuf.Struct" => {
                    let value = |kind| prost_types::Value { kind: Some(kind) };
                    let text = value(prost_types::value::Kind::StringValue("a\0b".to_owned()));
                    let number = value(prost_types::value::Kind::NumberValue(1.0));
                    for (key, value) in [("key", text), ("a\0b", number)] {
                        let fields = [(key.to_owned(), value)].into();
                        let object = prost_types::Struct { fields }.encode_to_vec();
                        texts.push((field.name().to_owned(), delimited(field, &object)));
                    }
                }
                nested => {
                    let is_map = self.messages[nested].options.as_ref().is_some_and(|options| options.map_entry());
                    for (name, bytes) in self.texts(nested, depth - 1) {
                        // A list that a good message has nothing in is not added to with half of an entry.
                        let of_list = field.label() == Label::Repeated && !is_map;
                        let name = if is_map || of_list { field.name().to_owned() } else { name };
                        texts.push((name, delimited(field, &bytes)));
                    }
                }
            }
        }
        texts
    }
}

fn delimited(field: &FieldDescriptorProto, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    encode_key(field.number().cast_unsigned(), WireType::LengthDelimited, &mut encoded);
    encode_varint(bytes.len() as u64, &mut encoded);
    encoded.extend_from_slice(bytes);
    encoded
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_byte_in_any_text_of_any_rpc_is_refused_by_the_name_of_its_field() {
    let world = World::build().await;
    let contract = Contract::read();
    let (mut tried, mut faults) = (0, Vec::new());
    for method in METHODS {
        let path = method.path;
        let caller = match method.audience {
            Audience::Device => Caller::Device(world.alpha.clone()),
            Audience::Enrollee => Caller::Enrollee(world.server.enrollment_token(OURS).await),
            _ => Caller::Operator(world.server.admin_token.clone()),
        };
        let good = world.message(path).await;
        for (field, bytes) in contract.texts(&contract.requests[path], 4) {
            tried += 1;
            let message = [good.clone(), bytes].concat();
            let from = std::net::Ipv4Addr::LOCALHOST.into();
            let answer = call(connection(from, &world.server.grpc_addr, &caller), path, message).await;
            let refused = match &answer {
                Ok(bytes) if path == ATTACH => is_refused(bytes),
                // The sample at fault is refused by its place, the good ones are taken.
                Ok(bytes) if path.ends_with("/ReportSamples") => {
                    ReportSamplesResponse::decode(bytes.clone()).unwrap().refused.len() == 1
                }
                Ok(_) => false,
                // A device's own id is compared with who it is, and no other gets further.
                Err(status) if method.audience == Audience::Device && field == "device_id" => {
                    status.code() == Code::PermissionDenied
                }
                Err(status) => status.code() == Code::InvalidArgument && names(status, &field),
            };
            if !refused {
                faults.push(format!("{path} {field}: {answer:?}"));
            }
        }
    }
    assert!(tried > 100, "{tried}");
    assert!(faults.is_empty(), "{} of {tried}:\n{}", faults.len(), faults.join("\n"));
}

fn names(status: &tonic::Status, field: &str) -> bool {
    let error = homepot::Error::from(status);
    error.field_violations().iter().any(|fault| fault.field.contains(field)) || status.message().contains(field)
}

fn is_refused(answer: &[u8]) -> bool {
    match AttachResponse::decode(answer).unwrap().message {
        Some(Down::Goodbye(goodbye)) => goodbye.reason() == GoodbyeReason::Protocol,
        Some(Down::Refusal(_)) => true,
        _ => false,
    }
}
