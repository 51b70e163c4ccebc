//! What the contract says of each method: who may call it, what it costs, where it is found over REST, and whether it may be
//! repeated and is audited.
//!
//! The table is made from the options of the methods in `proto/` when this crate is built. A method without them does not
//! build, so that nothing is open, free or unaudited because somebody forgot to say so.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use crate::{access::Audience, checked::Form, cost::Cost, wire};

/// A method of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its gRPC path, for example `/homepot.command.v1.CommandService/Queue`.
    pub path: &'static str,
    /// Who may call it.
    pub audience: Audience,
    /// Which limits a call comes under.
    pub cost: Cost,
    /// What happens when the same request is sent again.
    pub repeat: Repeat,
    /// Whether a record is kept of each call.
    pub audited: bool,
    /// Where it is found over REST. Every method for operators has a path there, and no method for devices.
    pub http: Option<Http>,
    /// Whether the caller sends a stream of requests.
    pub client_streaming: bool,
    /// Whether the answer is a stream.
    pub server_streaming: bool,
}

impl Method {
    /// Whether a caller that got no answer may send `message`, an encoded request, again.
    #[must_use]
    pub fn may_repeat(&self, message: &[u8]) -> bool {
        match self.repeat {
            Repeat::Safe | Repeat::Idempotent => true,
            Repeat::ByKey { field } => {
                // Of a field that occurs twice the last one counts.
                let key = wire::fields(message).filter(|(number, _)| *number == u64::from(field)).last();
                matches!(key, Some((_, wire::Value::Bytes(key))) if !key.is_empty())
            }
            Repeat::Never => false,
        }
    }
}

/// What happens when the same request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The method changes nothing.
    Safe,
    /// A second call leaves everything as the first one left it.
    Idempotent,
    /// A second call with the same `idempotency_key` makes nothing new.
    ByKey {
        /// The number of that field in the request.
        field: u32,
    },
    /// A second call acts again, or is refused because the first one succeeded.
    Never,
}

/// Where a method is found over REST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http {
    /// The HTTP method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub verb: &'static str,
    /// The path, for example `/api/v2/sites/{site_id}`. A `{field}` stands for that field of the request.
    pub path: &'static str,
}

impl Http {
    /// Whether the body holds the fields that are not in the path; otherwise they are parameters of the query.
    #[must_use]
    pub fn has_body(self) -> bool {
        matches!(self.verb, "POST" | "PUT" | "PATCH")
    }

    /// The fields of the request that are in the path.
    pub fn fields_in_path(self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// What a field of a request may hold, beside what its type says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldRule {
    /// Whether it must be given.
    pub required: bool,
    /// What form a text has; `None`: any.
    pub form: Option<Form>,
    /// Characters of a text, at most.
    pub max_length: Option<u32>,
    /// The least of a number, or of a duration in seconds.
    pub minimum: Option<f64>,
    /// The most of a number, or of a duration in seconds.
    pub maximum: Option<f64>,
    /// A duration is a multiple of this many seconds.
    pub multiple_of: Option<f64>,
    /// Entries of a list, at least.
    pub min_items: Option<u32>,
    /// Entries of a list, or keys of an object, at most.
    pub max_items: Option<u32>,
    /// Bytes of an object as compact JSON, at most.
    pub max_bytes: Option<u32>,
    /// Levels of an object, at most.
    pub max_depth: Option<u32>,
}

/// A part of the contract: what the build made from the protocol files of one crate.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its methods.
    pub methods: &'static [Method],
    /// The rules of the fields of its requests, by the fields' full names, in order.
    pub fields: &'static [(&'static str, FieldRule)],
    /// Its encoded descriptor set, with comments and options, and with whatever it imports.
    pub descriptors: &'static [u8],
}

/// The [`Part`] of a crate whose build script calls `homepot_contract_build::compile`.
#[macro_export]
macro_rules! contract_part {
    () => {{
        #[allow(unused_imports)] // a part may have methods for one audience only
        use $crate::{
            access::Audience,
            checked::Form,
            contract::{FieldRule, Http, Method, Repeat},
            cost::Cost,
            model::Role,
        };
        $crate::contract::Part {
            methods: &include!(concat!(env!("OUT_DIR"), "/methods.rs")),
            fields: &include!(concat!(env!("OUT_DIR"), "/fields.rs")),
            descriptors: include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin")),
        }
    }};
}

/// What `proto/` of this crate has.
pub(crate) const OWN: Part = contract_part!();
/// Every method of every service in `proto/` of this crate.
pub const METHODS: &[Method] = OWN.methods;
/// What the program has beside it.
static ADDED: OnceLock<Part> = OnceLock::new();
/// Every call is looked up here, by the door, the limits and the log.
static BY_PATH: LazyLock<HashMap<&'static str, &'static Method>> =
    LazyLock::new(|| methods().map(|method| (method.path, method)).collect());

/// Adds the services of another crate, once, before anything of the contract is asked for: a program that serves more than
/// HOMEPOT has. `false`: something was added already.
pub fn add(part: Part) -> bool {
    ADDED.set(part).is_ok()
}

/// This crate's part, and the extensions.
pub fn parts() -> impl Iterator<Item = &'static Part> {
    std::iter::once(&OWN).chain(ADDED.get())
}

/// Every method of every service.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    parts().flat_map(|part| part.methods)
}

/// The method at `path`; `None` when there is none.
#[must_use]
pub fn method(path: &str) -> Option<&'static Method> {
    BY_PATH.get(path).copied()
}

/// The rule of a field of a request for operators, by its full name, for example
/// `homepot.registry.v1.CreateSiteRequest.name`; `None`: no such field.
#[must_use]
pub fn field_rule(full_name: &str) -> Option<&'static FieldRule> {
    parts().find_map(|part| {
        let place = part.fields.binary_search_by_key(&full_name, |(name, _)| name).ok()?;
        part.fields.get(place).map(|(_, rule)| rule)
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::{access::ATTACH, pb::command::v1::QueueRequest};

    #[test]
    fn a_request_with_an_idempotency_key_may_be_repeated_and_one_without_may_not() {
        let queue = method("/homepot.command.v1.CommandService/Queue").unwrap();
        let request = |key: &str| QueueRequest { idempotency_key: key.to_owned(), ..with_payload() }.encode_to_vec();
        assert!(queue.may_repeat(&request("k-1")));
        assert!(!queue.may_repeat(&request("")));
        assert!(!queue.may_repeat(&request("k-1")[..3]), "a message that is cut off has none");
        let repeats = |path| method(path).is_some_and(|method| method.may_repeat(&[]));
        assert!(repeats("/homepot.command.v1.CommandService/Get"));
        assert!(!repeats("/homepot.registry.v1.RegistryService/CreateSite"));
    }

    fn with_payload() -> QueueRequest {
        QueueRequest { device_id: "till-7".to_owned(), command_type: "PING".to_owned(), ..Default::default() }
    }

    #[test]
    fn every_method_of_the_contract_is_in_the_table_and_no_other_is() {
        let set = prost_types::FileDescriptorSet::decode(crate::pb::FILE_DESCRIPTOR_SET).unwrap();
        let services =
            set.file.iter().flat_map(|file| file.service.iter().map(move |service| (file.package(), service)));
        let mut real: Vec<_> = services
            .flat_map(|(package, service)| {
                service.method.iter().map(move |method| format!("/{package}.{}/{}", service.name(), method.name()))
            })
            .collect();
        let mut told: Vec<_> = METHODS.iter().map(|method| method.path.to_owned()).collect();
        real.sort();
        told.sort();
        assert_eq!(told, real);
        assert!(method(ATTACH).is_some_and(|attach| attach.audience == Audience::Device && attach.client_streaming));
    }
}
