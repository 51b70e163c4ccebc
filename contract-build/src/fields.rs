//! Reads what the fields of requests may hold and turns it into code that checks it.
//!
//! The messages are the requests of methods for operators and whatever these hold. A field whose size its type leaves open,
//! such as a text or a list, does not build without a bound: else one day somebody sends a megabyte of it.

use std::{collections::BTreeSet, fmt::Write as _};

use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};

const FIELD: &str = "homepot.contract.v1.field";
const RULE: &str = "homepot.contract.v1.rule";

/// What the option of a field says.
#[derive(Default)]
struct Rule {
    required: bool,
    form: Option<String>,
    max_length: Option<u32>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    multiple_of: Option<f64>,
    min_items: Option<u32>,
    max_items: Option<u32>,
    max_bytes: Option<u32>,
    max_depth: Option<u32>,
}

/// Rust code for the fields of requests.
pub(crate) struct Fields {
    /// The implementations of `Checked`.
    pub(crate) checks: String,
    /// The elements of an array: each field's full name and its rule, in order.
    pub(crate) table: String,
}

/// Reads the fields of all requests in packages that `is_own` takes. Answers all faults of the contract at once.
pub(crate) fn read(pool: &DescriptorPool, is_own: impl Fn(&str) -> bool) -> Result<Fields, Vec<String>> {
    let (mut checks, mut rows, mut faults) = (String::new(), Vec::new(), Vec::new());
    for message in messages(pool).into_iter().filter(|message| is_own(message.package_name())) {
        let mut lines = String::new();
        for field in message.fields() {
            let read = rule(pool, &field).and_then(|rule| Ok((check(&field, &rule)?, rule.literal())));
            match read {
                Ok((line, literal)) => {
                    lines += &line;
                    rows.push((field.full_name().to_owned(), literal));
                }
                Err(fault) => faults.push(format!("{}: {fault}", field.full_name())),
            }
        }
        let checker = if lines.is_empty() { "_" } else { "checker" };
        let path = rust_path(message.full_name());
        // Writing to a string can't fail.
        let _ = writeln!(
            checks,
            "impl Checked for {path} {{\n    fn check(&self, {checker}: &mut Checker<'_>) {{\n{lines}    }}\n}}"
        );
    }
    rows.sort();
    let table = format!("[{}]", rows.iter().map(|(name, rule)| format!("({name:?}, {rule}),\n")).collect::<String>());
    if faults.is_empty() { Ok(Fields { checks, table }) } else { Err(faults) }
}

impl Rule {
    fn literal(&self) -> String {
        let Self {
            required,
            form,
            max_length,
            minimum,
            maximum,
            multiple_of,
            min_items,
            max_items,
            max_bytes,
            max_depth,
        } = self;
        let form = match form.as_deref() {
            Some(form) => format!("Some(Form::{form})"),
            None => "None".to_owned(),
        };
        format!(
            "FieldRule {{ required: {required}, form: {form}, max_length: {max_length:?}, minimum: {minimum:?}, \
             maximum: {maximum:?}, multiple_of: {multiple_of:?}, min_items: {min_items:?}, max_items: {max_items:?}, \
             max_bytes: {max_bytes:?}, max_depth: {max_depth:?} }}"
        )
    }
}

/// Every message that a request of an operator is or holds, by name.
fn messages(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let (mut names, mut found) = (BTreeSet::new(), Vec::new());
    let mut left: Vec<_> = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter(|method| is_for_operators(pool, &method.options()))
        .map(|method| method.input())
        .collect();
    while let Some(message) = left.pop() {
        if message.full_name().starts_with("google.") || !names.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields().filter(|field| !field.is_map()) {
            if let Kind::Message(inner) = field.kind() {
                left.push(inner);
            }
        }
        found.push(message);
    }
    found.sort_by(|a, b| a.full_name().cmp(b.full_name()));
    found
}

fn is_for_operators(pool: &DescriptorPool, options: &DynamicMessage) -> bool {
    let Some(rule) = pool.get_extension_by_name(RULE) else { return false };
    let rule = options.get_extension(&rule);
    let caller = rule.as_message().and_then(|rule| rule.get_field_by_name("caller")?.as_enum_number());
    // CALLER_VIEWER and all after it.
    caller.is_some_and(|caller| caller >= 3)
}

fn rule(pool: &DescriptorPool, field: &FieldDescriptor) -> Result<Rule, String> {
    let extension = pool.get_extension_by_name(FIELD).ok_or("the file that declares the options is not imported")?;
    let options = field.options();
    if !options.has_extension(&extension) {
        return Ok(Rule::default());
    }
    let option = options.get_extension(&extension);
    let option = option.as_message().ok_or("the option is no message")?;
    let whole = |name: &str| number(option, name).map(|value| value.as_u32().unwrap_or_default());
    let real = |name: &str| number(option, name).map(|value| value.as_f64().unwrap_or_default());
    Ok(Rule {
        required: option.get_field_by_name("required").is_some_and(|value| value.as_bool().unwrap_or_default()),
        form: form(option),
        max_length: whole("max_length"),
        minimum: real("minimum"),
        maximum: real("maximum"),
        multiple_of: real("multiple_of"),
        min_items: whole("min_items"),
        max_items: whole("max_items"),
        max_bytes: whole("max_bytes"),
        max_depth: whole("max_depth"),
    })
}

fn number(option: &DynamicMessage, name: &str) -> Option<Value> {
    option.has_field_by_name(name).then(|| option.get_field_by_name(name).map(|value| value.into_owned())).flatten()
}

/// `SITE_ID`, for example; `None` for any text.
fn form(option: &DynamicMessage) -> Option<String> {
    let descriptor = option.descriptor().get_field_by_name("form")?;
    let Kind::Enum(forms) = descriptor.kind() else { return None };
    let value = forms.get_value(option.get_field(&descriptor).as_enum_number()?)?;
    value.name().strip_prefix("FORM_").filter(|name| *name != "UNSPECIFIED").map(camel)
}

/// The statements that check a field.
fn check(field: &FieldDescriptor, rule: &Rule) -> Result<String, String> {
    let items = items(field, rule)?;
    let (name, place) = (format!("{:?}", field.name()), format!("self.{}", field.name()));
    let one = |value: &str, held: bool| one(field, rule, &name, value, held);
    let line = if field.is_map() {
        match rule.form.as_deref() {
            Some("Labels") => format!("checker.labels({name}, &{place});"),
            _ => return Err("a map has to say what its keys and values are, with form".to_owned()),
        }
    } else if field.is_list() {
        match one("value", true)? {
            line if line.is_empty() => line,
            line => format!("for value in &{place} {{ {line} }}"),
        }
    } else if let Kind::Message(_) = field.kind() {
        one(&place, false)?
    } else if field.supports_presence() && field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()) {
        match one("value", true)? {
            line if line.is_empty() => line,
            line => format!("if let Some(value) = &{place} {{ {line} }}"),
        }
    } else if field.containing_oneof().is_some() {
        return Err("requests have no oneof: nothing checks it".to_owned());
    } else {
        one(&place, false)?
    };
    Ok([items, line].iter().filter(|line| !line.is_empty()).map(|line| format!("        {line}\n")).collect())
}

fn items(field: &FieldDescriptor, rule: &Rule) -> Result<String, String> {
    if !field.is_list() && !field.is_map() {
        return Ok(String::new());
    }
    let least = rule.min_items.unwrap_or_default();
    let most = rule.max_items.ok_or("a list has to say how many entries it may have, with max_items")?;
    if field.is_map() {
        // Counted along with its keys and values.
        return Ok(String::new());
    }
    Ok(format!("checker.items({:?}, self.{}.len(), {least}, {most});", field.name(), field.name()))
}

/// The statement that checks one value, which is there by reference when it is `held`.
fn one(field: &FieldDescriptor, rule: &Rule, name: &str, value: &str, held: bool) -> Result<String, String> {
    let required = rule.required || field.is_list();
    let (by_reference, by_value) =
        if held { (value.to_owned(), format!("*{value}")) } else { (format!("&{value}"), value.to_owned()) };
    Ok(match field.kind() {
        Kind::String => match (&rule.form, rule.max_length) {
            (Some(form), None) => format!("checker.form({name}, {by_reference}, {required}, Form::{form});"),
            (None, Some(most)) => format!("checker.text({name}, {by_reference}, {required}, {most});"),
            _ => return Err("a text has to say what form it has or how long it may be, and not both".to_owned()),
        },
        Kind::Enum(words) => {
            let prefix = format!("{}_", screaming(words.name()));
            let known = words.values().filter(|word| word.number() != 0);
            let known: Vec<_> = known
                .map(|word| (word.number(), word.name().strip_prefix(&prefix).unwrap_or(word.name()).to_owned()))
                .collect();
            format!("checker.word({name}, {by_value}, {required}, &{known:?});")
        }
        Kind::Message(message) => match (message.full_name(), field.is_list()) {
            ("google.protobuf.Timestamp", false) => format!("checker.time({name}, {value}.as_ref());"),
            ("google.protobuf.Duration", false) => {
                let (Some(least), Some(most)) = (rule.minimum, rule.maximum) else {
                    return Err("a duration has to say its minimum and its maximum".to_owned());
                };
                let unit = rule.multiple_of.unwrap_or_default();
                format!("checker.span({name}, {value}.as_ref(), {least:?}, {most:?}, {unit:?});")
            }
            ("google.protobuf.Struct", false) => {
                let bytes = rule.max_bytes.ok_or("an object has to say how large it may be, with max_bytes")?;
                let limit = |limit: Option<u32>| limit.map_or("usize::MAX".to_owned(), |limit| limit.to_string());
                let (keys, depth) = (limit(rule.max_items), rule.max_depth.unwrap_or(32));
                let bounds = format!("JsonBounds {{ bytes: {bytes}, keys: {keys}, depth: {depth} }}");
                format!("checker.object({name}, {value}.as_ref(), {bounds});")
            }
            (other, _) if other.starts_with("google.") => return Err(format!("nothing checks a {other}")),
            (_, true) => return Err("requests have no lists of messages: nothing checks them".to_owned()),
            (_, false) => format!("checker.message({name}, {value}.as_ref(), {});", rule.required),
        },
        Kind::Bytes => {
            let most = rule.max_bytes.ok_or("bytes have to say how many they may be, with max_bytes")?;
            format!("checker.bytes({name}, {by_reference}, {required}, {most});")
        }
        Kind::Bool => String::new(),
        _ => match (rule.minimum, rule.maximum) {
            (None, None) => String::new(),
            (least, Some(most)) => {
                let least = least.unwrap_or_default();
                format!("checker.number({name}, f64::from({by_value}), {least:?}, {most:?});")
            }
            (Some(_), None) => return Err("a number with a minimum has a maximum too".to_owned()),
        },
    })
}

/// `homepot.registry.v1.Site` as the generated code is called.
fn rust_path(full_name: &str) -> String {
    let path = full_name.strip_prefix("homepot.").unwrap_or(full_name);
    format!("crate::pb::{}", path.replace('.', "::"))
}

/// `SITE_ID` as Rust names it, `SiteId`.
fn camel(name: &str) -> String {
    let words = name.split('_').filter_map(|word| word.split_at_checked(1));
    words.map(|(first, rest)| first.to_owned() + &rest.to_lowercase()).collect()
}

/// `DeviceStatus` as the values of the enum begin, `DEVICE_STATUS`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}
