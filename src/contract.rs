//! What the contract says of each method: who may call it, what it costs, where it is found over REST, and whether it may be
//! repeated and is audited.
//!
//! The table is made from the options of the methods in `proto/` when this crate is built. A method without them does not
//! build, so that nothing is open, free or unaudited because somebody forgot to say so.

use crate::{access::Audience, checked::Form, cost::Cost, model::Role};

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

/// What happens when the same request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The method changes nothing.
    Safe,
    /// A second call leaves everything as the first one left it.
    Idempotent,
    /// A second call with the same `idempotency_key` makes nothing new.
    ByKey,
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

/// Every method of every service, as `proto/` has it.
pub const METHODS: &[Method] = &include!(concat!(env!("OUT_DIR"), "/methods.rs"));

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

/// The rules of all fields of requests for operators, by the fields' full names, in order.
const FIELDS: &[(&str, FieldRule)] = &include!(concat!(env!("OUT_DIR"), "/fields.rs"));

/// The rule of a field of a request for operators, by its full name, for example
/// `homepot.registry.v1.CreateSiteRequest.name`; `None`: no such field.
#[must_use]
pub fn field_rule(full_name: &str) -> Option<&'static FieldRule> {
    let place = FIELDS.binary_search_by_key(&full_name, |(name, _)| name).ok()?;
    FIELDS.get(place).map(|(_, rule)| rule)
}

/// The method at `path`; `None` when there is none.
#[must_use]
pub fn method(path: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.path == path)
}

#[cfg(test)]
#[path = "../build/contract.rs"]
mod checks;

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use protox::{
        Compiler, Error,
        file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver},
    };

    use super::{checks, *};
    use crate::access::ATTACH;

    /// A file that exists in this test only.
    struct Inline(String);

    impl FileResolver for Inline {
        fn open_file(&self, name: &str) -> Result<File, Error> {
            if name == "inline.proto" { File::from_source(name, &self.0) } else { Err(Error::file_not_found(name)) }
        }
    }

    /// What the build makes of a service with this one method, which has these options.
    fn build(method: &str, options: &str) -> Result<String, Vec<String>> {
        let source = format!(
            "syntax = \"proto3\";
             package inline.v1;
             import \"google/api/annotations.proto\";
             import \"homepot/contract/v1/contract.proto\";
             message Request {{ string name = 1; repeated string ids = 2; Inner inner = 3; }}
             message Inner {{ int32 number = 1; }}
             message Keyed {{ string idempotency_key = 1; }}
             message Deep {{ repeated Inner inners = 1; }}
             message Response {{}}
             service Service {{ {method} {{ {options} }} }}",
        );
        let mut files = ChainFileResolver::new();
        files.add(Inline(source));
        files.add(IncludeFileResolver::new(concat!(env!("CARGO_MANIFEST_DIR"), "/proto").into()));
        files.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(files);
        compiler.include_imports(true).open_file("inline.proto").unwrap();
        checks::read(&compiler.descriptor_pool()).map(|methods| checks::table(&methods))
    }

    const READ: &str = "rpc Read(Request) returns (Response)";
    const VIEWER: &str =
        "option (homepot.contract.v1.rule) = {caller: CALLER_VIEWER, cost: COST_SMALL, repeat: REPEAT_SAFE};";
    const GET: &str = "option (google.api.http) = {get: \"/api/v2/things/{name}\"};";

    #[test]
    fn a_method_with_its_options_builds_into_a_row_of_the_table() {
        let table = build(READ, &format!("{VIEWER} {GET}")).unwrap();
        assert!(table.contains("\"/inline.v1.Service/Read\", audience: Audience::Operator(Role::Viewer)"), "{table}");
        assert!(table.contains("cost: Cost::Small, repeat: Repeat::Safe, audited: false"), "{table}");
        assert!(table.contains("Some(Http { verb: \"GET\", path: \"/api/v2/things/{name}\" })"), "{table}");
    }

    #[test]
    fn a_method_without_its_options_does_not_build_and_is_named() {
        let faults = build(READ, "").unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with("inline.v1.Service.Read: has no option (homepot.contract.v1.rule)"),
            "{faults:?}"
        );
    }

    #[test]
    fn what_a_rule_leaves_out_is_named_all_at_once() {
        let faults = build(READ, "option (homepot.contract.v1.rule) = {};").unwrap_err();
        for word in ["caller", "cost", "repeat", "audited"] {
            let told = format!("inline.v1.Service.Read: (homepot.contract.v1.rule) does not set {word}");
            assert!(faults.iter().any(|fault| fault.starts_with(&told)), "{word}: {faults:?}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_do_not_build() {
        let rule = |text: &str| format!("option (homepot.contract.v1.rule) = {{{text}}};");
        let http = |text: &str| format!("option (google.api.http) = {{{text}}};");
        let write = |rest: &str| rule(&format!("caller: CALLER_ADMIN, cost: COST_WRITE, {rest}"));
        let never = write("repeat: REPEAT_NEVER, audited: true");
        let post = http("post: \"/api/v2/things\", body: \"*\"");
        let cases = [
            (READ, VIEWER.to_owned(), "has no option (google.api.http)"),
            (READ, format!("{VIEWER} {post}"), "if and only if its path is a get"),
            (READ, format!("{VIEWER} {}", http("get: \"/api/v1/things\"")), "must begin with /api/v2/"),
            (READ, format!("{VIEWER} {}", http("get: \"/api/v2/{ids}\"")), "must be a field of the request"),
            (READ, format!("{VIEWER} {}", http("get: \"/api/v2/{name}:read\"")), "must be a whole segment"),
            (READ, format!("{VIEWER} {}", http("")), "has no path"),
            (READ, format!("{VIEWER} {}", http("get: \"/api/v2/things\", body: \"*\"")), "a GET has no body"),
            (READ, format!("{never} {}", http("post: \"/api/v2/things\"")), "a POST has body"),
            (READ, format!("{} {post}", write("repeat: REPEAT_BY_KEY, audited: true")), "the field idempotency_key"),
            ("rpc Read(Keyed) returns (Response)", format!("{never} {post}"), "the field idempotency_key"),
            ("rpc Read(stream Request) returns (Response)", format!("{never} {post}"), "streams requests"),
            (
                "rpc Read(Deep) returns (Response)",
                format!("{VIEWER} {}", http("get: \"/api/v2/things\"")),
                "the field inners can not be a parameter",
            ),
            (
                READ,
                rule("caller: CALLER_ADMIN, cost: COST_SMALL, repeat: REPEAT_SAFE, audited: true") + GET,
                "is REPEAT_SAFE and audited",
            ),
            (
                READ,
                rule("caller: CALLER_DEVICE, cost: COST_SMALL, repeat: REPEAT_SAFE") + GET,
                "is for devices and has the option",
            ),
        ];
        for (method, options, due) in cases {
            let faults = build(method, &options).unwrap_err();
            assert!(faults.iter().any(|fault| fault.contains(due)), "{options}\n{due} was due, but {faults:?}");
        }
    }

    #[test]
    fn two_methods_do_not_share_a_path_and_name_its_variables_alike() {
        let methods = format!("{READ} {{ {VIEWER} {GET} }} rpc Other(Keyed) returns (Response)");
        let faults = build(&methods, &format!("{VIEWER} {}", GET.replace("{name}", "{idempotency_key}"))).unwrap_err();
        let told = |due: &str| faults.iter().any(|fault| fault.contains(due));
        assert!(told("is the path of inline.v1.Service.Read already"), "{faults:?}");
        assert!(told("differ only in their variables"), "{faults:?}");
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
