//! Reads the options that every method has and refuses a contract in which one of them is missing or wrong.

use std::{collections::BTreeMap, fmt::Write as _};

use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MethodDescriptor, ReflectMessage as _,
    Value,
};

/// Before every path of a method over REST.
const PREFIX: &str = "/api/v2/";
const RULE: &str = "homepot.contract.v1.rule";
const HTTP: &str = "google.api.http";

/// A method with what its options say.
pub(crate) struct Method {
    /// `/package.Service/Method`, as gRPC has it.
    path: String,
    rule: Rule,
    http: Option<Http>,
    client_streaming: bool,
    server_streaming: bool,
}

impl Method {
    /// The package of its service.
    pub(crate) fn package(&self) -> &str {
        let service = self.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        service.rsplit_once('.').map_or("", |(package, _)| package)
    }
}

/// Names of enum values, without the prefix that all values of an enum share.
struct Rule {
    caller: String,
    cost: String,
    repeat: String,
    /// The number of the request's field `idempotency_key`.
    key: Option<u32>,
    audited: bool,
}

struct Http {
    verb: &'static str,
    path: String,
}

/// Every method of every service, in the order of the files' names and then of declaration. Answers all faults at once.
pub(crate) fn read(pool: &DescriptorPool) -> Result<Vec<Method>, Vec<String>> {
    let [Some(rule), Some(http)] = [RULE, HTTP].map(|name| pool.get_extension_by_name(name)) else {
        return Err(vec![format!("the contract has to import the files that declare the options {RULE} and {HTTP}")]);
    };
    let mut files: Vec<_> = pool.files().collect();
    files.sort_by(|a, b| a.name().cmp(b.name()));
    let (mut methods, mut faults) = (Vec::new(), Vec::new());
    let (mut paths, mut shapes) = (BTreeMap::new(), BTreeMap::new());
    for method in
        files.iter().flat_map(|file| file.services()).flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        let mut found = Vec::new();
        let read = read_method(&method, &rule, &http, &mut found);
        if let Some(Method { http: Some(http), .. }) = &read {
            if let Some(other) = paths.insert((http.verb, shape(&http.path)), method.full_name().to_owned()) {
                found.push(format!("{} {} is the path of {other} already; choose another", http.verb, http.path));
            }
            let other = shapes.entry(shape(&http.path)).or_insert_with(|| http.path.clone());
            if *other != http.path {
                found.push(format!(
                    "the paths {} and {other} differ only in their variables; name them alike",
                    http.path
                ));
            }
        }
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", method.full_name())));
        methods.extend(read);
    }
    if faults.is_empty() { Ok(methods) } else { Err(faults) }
}

fn read_method(
    method: &MethodDescriptor,
    rule: &ExtensionDescriptor,
    http: &ExtensionDescriptor,
    faults: &mut Vec<String>,
) -> Option<Method> {
    let options = method.options();
    let rule = match extension(&options, rule) {
        Some(rule) => read_rule(method, &rule, faults),
        None => {
            let told = "say who may call it, what it costs, whether it may be repeated and whether it is audited";
            faults.push(format!("has no option ({RULE}); {told}"));
            None
        }
    };
    let http = extension(&options, http).and_then(|http| read_http(method, &http, faults));
    let rule = rule?;
    check_together(method, &rule, http.as_ref(), faults);
    Some(Method {
        path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
        rule,
        http,
        client_streaming: method.is_client_streaming(),
        server_streaming: method.is_server_streaming(),
    })
}

fn extension(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    let is_set = options.has_extension(extension);
    is_set.then(|| options.get_extension(extension).as_message().cloned()).flatten()
}

fn read_rule(method: &MethodDescriptor, rule: &DynamicMessage, faults: &mut Vec<String>) -> Option<Rule> {
    let mut word = |field: &str| {
        let word = enum_name(rule, field).filter(|word| word != "UNSPECIFIED");
        if word.is_none() {
            faults.push(format!("({RULE}) does not set {field}"));
        }
        word
    };
    let (caller, cost, repeat) = (word("caller"), word("cost"), word("repeat"));
    let audited = rule.has_field_by_name("audited").then(|| flag(rule, "audited"));
    let is_safe = repeat.as_deref() == Some("SAFE");
    match audited {
        None if !is_safe => {
            faults.push(format!("({RULE}) does not set audited, which a method that changes something must"))
        }
        Some(true) if is_safe => {
            faults.push("is REPEAT_SAFE and audited; what changes nothing is not audited".to_owned())
        }
        _ => {}
    }
    let key = method.input().get_field_by_name("idempotency_key").map(|field| field.number());
    if key.is_some() != (repeat.as_deref() == Some("BY_KEY")) {
        faults.push("is REPEAT_BY_KEY if and only if its request has the field idempotency_key".to_owned());
    }
    Some(Rule { caller: caller?, cost: cost?, repeat: repeat?, key, audited: audited.unwrap_or_default() })
}

/// The name of the enum value that `field` holds, without the prefix that buf asks for, which is the field's own name here.
fn enum_name(rule: &DynamicMessage, field: &str) -> Option<String> {
    let descriptor = rule.descriptor().get_field_by_name(field)?;
    let Kind::Enum(kind) = descriptor.kind() else { return None };
    let value = kind.get_value(rule.get_field(&descriptor).as_enum_number()?)?;
    value.name().strip_prefix(&format!("{}_", field.to_uppercase())).map(str::to_owned)
}

fn flag(rule: &DynamicMessage, field: &str) -> bool {
    rule.get_field_by_name(field).and_then(|value| value.as_bool()).unwrap_or_default()
}

fn read_http(method: &MethodDescriptor, http: &DynamicMessage, faults: &mut Vec<String>) -> Option<Http> {
    let verbs = [("get", "GET"), ("put", "PUT"), ("post", "POST"), ("delete", "DELETE"), ("patch", "PATCH")];
    let text = |name: &str| match http.get_field_by_name(name).as_deref() {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    };
    let Some((field, verb)) = verbs.into_iter().find(|(field, _)| http.has_field_by_name(field)) else {
        faults.push(format!("({HTTP}) has no path; give one, such as get: \"{PREFIX}things\""));
        return None;
    };
    let path = text(field);
    if !path.starts_with(PREFIX) || path.ends_with('/') {
        faults.push(format!("the path {path} must begin with {PREFIX} and not end with '/'"));
    }
    let has_body = has_body(verb);
    if text("body") != if has_body { "*" } else { "" } {
        let due = if has_body { "body: \"*\"" } else { "no body" };
        faults.push(format!("a {verb} has {due}"));
    }
    let variables: Vec<_> = path.split('/').filter_map(variable).collect();
    for name in &variables {
        let is_text = |field: &FieldDescriptor| field.kind() == Kind::String && !field.is_list();
        if !method.input().get_field_by_name(name).is_some_and(|field| is_text(&field)) {
            faults.push(format!("{{{name}}} in the path must be a field of the request that is one string"));
        }
    }
    if path.split('/').any(|segment| segment.contains(['{', '}']) && variable(segment).is_none()) {
        faults.push(format!("a variable in the path {path} must be a whole segment, such as {{device_id}}"));
    }
    if !has_body {
        let request = method.input();
        let left = request.fields().filter(|field| !variables.contains(&field.name()));
        for field in left.filter(|field| !is_parameter(field)) {
            faults.push(format!("the field {} can not be a parameter of a query; use post", field.name()));
        }
    }
    Some(Http { verb, path })
}

fn has_body(verb: &str) -> bool {
    matches!(verb, "POST" | "PUT" | "PATCH")
}

fn variable(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}').filter(|name| !name.contains(['{', '}', '=']))
}

/// The path with its variables made alike: paths that differ only in their names are the same to a router.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| variable(segment).map_or(segment, |_| "{}"));
    segments.collect::<Vec<_>>().join("/")
}

/// Whether a query can carry the field: a value, a list of values, or a message of such fields.
fn is_parameter(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => true,
            name if name.starts_with("google.protobuf.") => false,
            _ => !field.is_list() && !field.is_map() && message.fields().all(|field| is_parameter(&field)),
        },
        _ => true,
    }
}

fn check_together(method: &MethodDescriptor, rule: &Rule, http: Option<&Http>, faults: &mut Vec<String>) {
    let by_operator = !matches!(rule.caller.as_str(), "DEVICE" | "ENROLLEE" | "ANYONE");
    match http {
        None if by_operator => faults.push(format!("is for operators and has no option ({HTTP}); give it a path")),
        Some(_) if !by_operator => {
            faults.push(format!("is not for operators and has the option ({HTTP}); take it away"))
        }
        Some(_) if method.is_client_streaming() => {
            faults.push("streams requests, which REST can not; make it a call with one request".to_owned());
        }
        Some(http) if (http.verb == "GET") != (rule.repeat == "SAFE") => {
            faults.push("is REPEAT_SAFE if and only if its path is a get".to_owned());
        }
        _ => {}
    }
}

/// The table as Rust code: the elements of an array of `Method`.
pub(crate) fn table(methods: &[Method]) -> String {
    let mut code = "[\n".to_owned();
    for Method { path, rule, http, client_streaming, server_streaming } in methods {
        let caller = match rule.caller.as_str() {
            role @ ("VIEWER" | "OPERATOR" | "ADMIN") => format!("Operator(Role::{})", camel(role)),
            other => camel(other),
        };
        let (cost, audited) = (camel(&rule.cost), rule.audited);
        let repeat = match rule.key {
            Some(field) => format!("{} {{ field: {field} }}", camel(&rule.repeat)),
            None => camel(&rule.repeat),
        };
        let http = match http {
            Some(Http { verb, path }) => format!("Some(Http {{ verb: {verb:?}, path: {path:?} }})"),
            None => "None".to_owned(),
        };
        // Writing to a string can't fail.
        let _ = writeln!(
            code,
            "Method {{ path: {path:?}, audience: Audience::{caller}, cost: Cost::{cost}, repeat: Repeat::{repeat}, \
             audited: {audited}, http: {http}, client_streaming: {client_streaming}, \
             server_streaming: {server_streaming} }},",
        );
    }
    code + "]"
}

/// `FLEET_ADMIN` as Rust names it, `FleetAdmin`.
fn camel(name: &str) -> String {
    let words = name.split('_').filter_map(|word| word.split_at_checked(1));
    words.map(|(first, rest)| first.to_owned() + &rest.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use protox::{
        Compiler, Error,
        file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver},
    };

    use super::*;

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
        files.add(IncludeFileResolver::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../proto").into()));
        files.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(files);
        compiler.include_imports(true).open_file("inline.proto").unwrap();
        read(&compiler.descriptor_pool()).map(|methods| table(&methods))
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
    fn a_method_that_is_repeated_by_key_says_which_field_that_is() {
        let options = "option (homepot.contract.v1.rule) = {caller: CALLER_ADMIN, cost: COST_WRITE, repeat: REPEAT_BY_KEY, \
                       audited: true}; option (google.api.http) = {post: \"/api/v2/things\", body: \"*\"};";
        let table = build("rpc Make(Keyed) returns (Response)", options).unwrap();
        assert!(table.contains("repeat: Repeat::ByKey { field: 1 }"), "{table}");
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
                "is not for operators and has the option",
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
}
