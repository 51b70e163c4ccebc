//! Variables of a release and their values. The bounds are signed; the values come from a server, which may lie, so they are checked
//! on the device too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prost::Message as _;
use regex_lite::Regex;

use crate::wire;

/// The most letters of a text, whatever its variable allows.
const MAX_LENGTH: u32 = 16 * 1024;
const MAX_PATTERN: usize = 256;
const MAX_CHOICES: usize = 256;

/// The value of a variable. Its `Debug` shows the type only, since it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, or one of the choices.
    Text(String),
    /// A number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

impl Value {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a bool",
        }
    }

    /// The value as the text that [`read`] makes it of again.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(flag) => flag.to_string(),
        }
    }

    /// As a message of protobuf: it is kept by agents and sent by servers in this form.
    fn to_wire(&self) -> wire::Value {
        let value = match self {
            Self::Text(text) => wire::AnyValue::Text(text.clone()),
            Self::Integer(number) => wire::AnyValue::Integer(*number),
            Self::Boolean(flag) => wire::AnyValue::Boolean(*flag),
        };
        wire::Value { value: Some(value) }
    }

    fn from_wire(value: wire::Value) -> Option<Self> {
        Some(match value.value? {
            wire::AnyValue::Text(text) => Self::Text(text),
            wire::AnyValue::Integer(number) => Self::Integer(number),
            wire::AnyValue::Boolean(flag) => Self::Boolean(flag),
        })
    }
}

/// What a variable may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// A text.
    Text {
        /// The most characters.
        max_length: u32,
        /// A regular expression that the whole text has to match.
        pattern: Option<String>,
        /// Whether it may hold line breaks and tabs. Other control characters never pass: a value must not add lines to a file
        /// unless whoever signed the template meant it to.
        multiline: bool,
    },
    /// A number within these, both included.
    Integer {
        /// The lowest.
        min: i64,
        /// The highest.
        max: i64,
    },
    /// True or false.
    Boolean,
    /// One of these texts.
    Choice(Vec<String>),
}

/// A variable of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name, as templates have it: `a` to `z`, then also `0` to `9` and `_`, at most 64.
    pub name: String,
    /// What it may hold.
    pub bounds: Bounds,
    /// Whether a release can't be installed without a value.
    pub required: bool,
    /// Whether its value is never shown. It has no default then, since manifests are for everybody to read.
    pub secret: bool,
    /// The value where none is given.
    pub default: Option<Value>,
}

/// What is wrong with a value, by the name of its variable. It never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("variable {variable}: {fault}")]
pub struct ValueFault {
    /// The variable.
    pub variable: String,
    /// What is wrong.
    pub fault: String,
}

/// Values that a release's variables allow, defaults included. `Debug` hides those of secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CheckedValues(BTreeMap<String, Checked>);

#[derive(Clone, PartialEq, Eq)]
struct Checked {
    value: Value,
    secret: bool,
}

impl fmt::Debug for CheckedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |checked: &Checked| match &checked.value {
            _ if checked.secret => "(secret)".to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
        };
        f.debug_map().entries(self.0.iter().map(|(name, checked)| (name, shown(checked)))).finish()
    }
}

impl CheckedValues {
    /// Names and values. Whoever calls this answers for not showing the secrets among them.
    pub fn reveal(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, checked)| (name.as_str(), &checked.value))
    }

    /// Whether any of them is a secret.
    pub fn has_secrets(&self) -> bool {
        self.0.values().any(|checked| checked.secret)
    }

    /// The bytes in which an agent keeps them in a private file; they hold secrets.
    pub fn encode(&self) -> Vec<u8> {
        let named = |(name, checked): (&String, &Checked)| wire::NamedValue {
            name: name.clone(),
            value: Some(checked.value.to_wire()),
            secret: checked.secret,
        };
        wire::Values { values: self.0.iter().map(named).collect() }.encode_to_vec()
    }

    /// Reads what [`encode`](Self::encode) wrote. The bytes have to come from a place that only the agent writes to, because the
    /// bounds are not checked again.
    pub fn decode_own(bytes: &[u8]) -> Option<Self> {
        let values = wire::Values::decode(bytes).ok()?.values;
        let read = |named: wire::NamedValue| {
            let value = Value::from_wire(named.value?)?;
            Some((named.name, Checked { value, secret: named.secret }))
        };
        values.into_iter().map(read).collect::<Option<_>>().map(Self)
    }
}

/// Reads values that were given as texts: a variable's signed type says what its text is. Then as [`check`].
pub fn read(variables: &[Variable], texts: &BTreeMap<String, String>) -> Result<CheckedValues, Vec<ValueFault>> {
    let value = |(name, text): (&String, &String)| {
        let bounds = variables.iter().find(|variable| variable.name == *name).map(|variable| &variable.bounds);
        let value = match bounds {
            Some(Bounds::Integer { .. }) => text.parse().ok().map(Value::Integer),
            Some(Bounds::Boolean) => text.parse().ok().map(Value::Boolean),
            Some(Bounds::Text { .. } | Bounds::Choice(_)) | None => None,
        };
        // What is no number stays a text, and is told to be one.
        (name.clone(), value.unwrap_or_else(|| Value::Text(text.clone())))
    };
    check(variables, &texts.iter().map(value).collect())
}

/// Checks `values` against `variables` and fills in defaults. All faults are told at once.
pub fn check(variables: &[Variable], values: &BTreeMap<String, Value>) -> Result<CheckedValues, Vec<ValueFault>> {
    let mut faults = Vec::new();
    let mut fault = |variable: &str, fault: String| faults.push(ValueFault { variable: variable.to_owned(), fault });
    for name in values.keys().filter(|name| !variables.iter().any(|variable| variable.name == **name)) {
        // A name comes from the server too, and may be anything.
        fault(&name.chars().take(64).collect::<String>(), "the release has no such variable".to_owned());
    }
    let mut checked = BTreeMap::new();
    for variable in variables {
        match values.get(&variable.name).or(variable.default.as_ref()) {
            Some(value) => match check_value(&variable.bounds, value) {
                Ok(()) => {
                    checked.insert(variable.name.clone(), Checked { value: value.clone(), secret: variable.secret });
                }
                Err(reason) => fault(&variable.name, reason),
            },
            None if variable.required => fault(&variable.name, "a value is required".to_owned()),
            None => {}
        }
    }
    if faults.is_empty() { Ok(CheckedValues(checked)) } else { Err(faults) }
}

fn check_value(bounds: &Bounds, value: &Value) -> Result<(), String> {
    let must = |holds: bool, fault: &dyn Fn() -> String| if holds { Ok(()) } else { Err(fault()) };
    match (bounds, value) {
        (Bounds::Text { max_length, pattern, multiline }, Value::Text(text)) => {
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            must(length <= (*max_length).min(MAX_LENGTH), &|| format!("must have at most {max_length} characters"))?;
            let breaks = |letter: char| *multiline && matches!(letter, '\n' | '\r' | '\t');
            must(!text.chars().any(|letter| letter.is_control() && !breaks(letter)), &|| {
                let kind = if *multiline { "other than line breaks and tabs" } else { "such as line breaks" };
                format!("must not hold control characters {kind}")
            })?;
            let Some(pattern) = pattern else { return Ok(()) };
            must(compile(pattern).is_ok_and(|regex| regex.is_match(text)), &|| format!("must match {pattern}"))
        }
        (Bounds::Integer { min, max }, Value::Integer(number)) => {
            must((min..=max).contains(&number), &|| format!("must be from {min} to {max}"))
        }
        (Bounds::Boolean, Value::Boolean(_)) => Ok(()),
        (Bounds::Choice(choices), Value::Text(text)) => {
            must(choices.contains(text), &|| format!("must be one of {}", choices.join(", ")))
        }
        (bounds, value) => {
            let wanted = match bounds {
                Bounds::Text { .. } => "a string",
                Bounds::Integer { .. } => "an integer",
                Bounds::Boolean => "a bool",
                Bounds::Choice(_) => "a string that is one of the choices",
            };
            Err(format!("must be {wanted}, not {}", value.type_name()))
        }
    }
}

/// The pattern, made to match whole texts. It is compiled alone first, so that no bracket of it can end the group around it.
fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("has more than {MAX_PATTERN} bytes"));
    }
    let fault = |error: regex_lite::Error| format!("is no regular expression: {error}");
    Regex::new(pattern).map_err(fault)?;
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(fault)
}

/// Checks the variables of a manifest: their names, bounds and defaults.
pub(crate) fn check_variables(variables: &[Variable]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for Variable { name, bounds, secret, default, .. } in variables {
        let is_good = (1..=64).contains(&name.len())
            && name.starts_with(|letter: char| letter.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_good {
            return Err(format!("{name:?} is no name of a variable: 1 to 64 of a to z, 0 to 9 and _, first a letter"));
        }
        if !names.insert(name) {
            return Err(format!("variable {name} is there twice"));
        }
        let told = |fault: String| Err(format!("variable {name}: {fault}"));
        match bounds {
            Bounds::Text { max_length, pattern, .. } => {
                if !(1..=MAX_LENGTH).contains(max_length) {
                    return told(format!("max_length must be from 1 to {MAX_LENGTH}"));
                }
                if let Some(Err(fault)) = pattern.as_ref().map(|pattern| compile(pattern)) {
                    return told(format!("its pattern {fault}"));
                }
            }
            Bounds::Integer { min, max } if min > max => return told("min is above max".to_owned()),
            Bounds::Choice(choices) if choices.is_empty() || choices.len() > MAX_CHOICES => {
                return told(format!("it needs 1 to {MAX_CHOICES} choices"));
            }
            Bounds::Integer { .. } | Bounds::Boolean | Bounds::Choice(_) => {}
        }
        match default {
            Some(_) if *secret => {
                return told("a secret has no default, since everybody can read a manifest".to_owned());
            }
            Some(default) => check_value(bounds, default).or_else(|fault| told(format!("its default {fault}")))?,
            None => {}
        }
    }
    Ok(())
}

pub(crate) fn to_wire(variable: &Variable) -> wire::Variable {
    let bounds = match variable.bounds.clone() {
        Bounds::Text { max_length, pattern, multiline } => {
            wire::Bounds::Text(wire::Text { max_length, pattern, multiline })
        }
        Bounds::Integer { min, max } => wire::Bounds::Integer(wire::Integer { min, max }),
        Bounds::Boolean => wire::Bounds::Boolean(wire::Boolean {}),
        Bounds::Choice(choices) => wire::Bounds::Choice(wire::Choice { choices }),
    };
    wire::Variable {
        name: variable.name.clone(),
        required: variable.required,
        secret: variable.secret,
        default: variable.default.as_ref().map(Value::to_wire),
        bounds: Some(bounds),
    }
}

pub(crate) fn from_wire(variable: wire::Variable) -> Result<Variable, String> {
    let bounds = match variable.bounds {
        Some(wire::Bounds::Text(wire::Text { max_length, pattern, multiline })) => {
            Bounds::Text { max_length, pattern, multiline }
        }
        Some(wire::Bounds::Integer(wire::Integer { min, max })) => Bounds::Integer { min, max },
        Some(wire::Bounds::Boolean(wire::Boolean {})) => Bounds::Boolean,
        Some(wire::Bounds::Choice(wire::Choice { choices })) => Bounds::Choice(choices),
        None => return Err(format!("variable {:?} has no type", variable.name)),
    };
    let default = match variable.default {
        Some(value) => {
            Some(Value::from_wire(value).ok_or_else(|| format!("the default of {:?} has no type", variable.name))?)
        }
        None => None,
    };
    Ok(Variable { name: variable.name, bounds, required: variable.required, secret: variable.secret, default })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, bounds: Bounds) -> Variable {
        Variable { name: name.to_owned(), bounds, required: true, secret: false, default: None }
    }

    fn text(pattern: Option<&str>, multiline: bool) -> Bounds {
        Bounds::Text { max_length: 8, pattern: pattern.map(str::to_owned), multiline }
    }

    fn all() -> Vec<Variable> {
        vec![
            variable("host", text(Some("[a-z.]+"), false)),
            variable("port", Bounds::Integer { min: 1, max: 65_535 }),
            Variable { default: Some(Value::Boolean(true)), ..variable("tls", Bounds::Boolean) },
            variable("mode", Bounds::Choice(vec!["live".to_owned(), "test".to_owned()])),
            Variable { secret: true, ..variable("pin", text(None, false)) },
            Variable { required: false, ..variable("banner", text(None, true)) },
        ]
    }

    fn values(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn good() -> BTreeMap<String, Value> {
        values(&[
            ("host", Value::Text("pot.shop".to_owned())),
            ("port", Value::Integer(443)),
            ("mode", Value::Text("live".to_owned())),
            ("pin", Value::Text("hunter2".to_owned())),
        ])
    }

    #[test]
    fn values_within_their_bounds_pass_and_defaults_fill_in() {
        let checked = check(&all(), &good()).unwrap();
        let names: Vec<_> = checked.reveal().map(|(name, _)| name).collect();
        assert_eq!(names, ["host", "mode", "pin", "port", "tls"], "an optional one without a default stays out");
        assert_eq!(CheckedValues::decode_own(&checked.encode()), Some(checked));
    }

    #[test]
    fn texts_are_read_as_the_signed_type_says() {
        let texts = |port: &str, tls: &str| -> BTreeMap<String, String> {
            let all = [("host", "pot.shop"), ("port", port), ("tls", tls), ("mode", "live"), ("pin", "0042")];
            all.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
        };
        let checked = read(&all(), &texts("443", "false")).unwrap();
        let shown: Vec<_> = checked.reveal().map(|(name, value)| (name, value.to_text())).collect();
        let expected = [("host", "pot.shop"), ("mode", "live"), ("pin", "0042"), ("port", "443"), ("tls", "false")];
        assert_eq!(shown, expected.map(|(name, text)| (name, text.to_owned())));
        assert_eq!(checked.reveal().find(|(name, _)| *name == "port").unwrap().1, &Value::Integer(443));
        for (port, tls, faulty) in
            [("0", "true", "port"), ("4x", "true", "port"), ("1", "yes", "tls"), ("1", "", "tls")]
        {
            let faults = read(&all(), &texts(port, tls)).unwrap_err();
            assert_eq!(faults.iter().map(|fault| fault.variable.as_str()).collect::<Vec<_>>(), [faulty]);
        }
    }

    #[test]
    fn a_secret_shows_nowhere() {
        let checked = check(&all(), &good()).unwrap();
        let shown = format!("{checked:?} {:?}", good());
        assert!(shown.contains("(secret)") && !shown.contains("hunter2"), "{shown}");
        let long = values(&[("pin", Value::Text("hunter2-hunter2".to_owned()))]);
        let told: Vec<_> = check(&all(), &long).unwrap_err().iter().map(ValueFault::to_string).collect();
        assert!(told.contains(&"variable pin: must have at most 8 characters".to_owned()), "{told:?}");
        assert!(!told.concat().contains("hunter2"));
        let wire = format!("{:?}", Value::Text("hunter2".to_owned()).to_wire());
        assert!(!wire.contains("hunter2"));
    }

    #[test]
    fn every_fault_is_told_with_the_name_of_its_variable() {
        let bad = values(&[
            ("host", Value::Text("pot shop".to_owned())),
            ("port", Value::Integer(0)),
            ("tls", Value::Text("yes".to_owned())),
            ("mode", Value::Text("demo".to_owned())),
            ("colour", Value::Integer(1)),
            ("banner", Value::Text("a\u{1b}[2J".to_owned())),
        ]);
        let told: Vec<_> = check(&all(), &bad).unwrap_err().iter().map(ValueFault::to_string).collect();
        assert_eq!(
            told,
            [
                "variable colour: the release has no such variable",
                "variable host: must match [a-z.]+",
                "variable port: must be from 1 to 65535",
                "variable tls: must be a bool, not a string",
                "variable mode: must be one of live, test",
                "variable pin: a value is required",
                "variable banner: must not hold control characters other than line breaks and tabs",
            ]
        );
    }

    #[test]
    fn a_value_adds_no_line_unless_its_variable_says_so() {
        let one = [variable("x", text(Some("(?s).*"), false))];
        let broken = values(&[("x", Value::Text("a\nb".to_owned()))]);
        check(&one, &broken).unwrap_err();
        check(&[variable("x", text(None, true))], &broken).unwrap();
    }

    #[test]
    fn a_pattern_matches_the_whole_text_however_it_is_written() {
        let passes = |pattern: &str, value: &str| {
            check(&[variable("x", text(Some(pattern), true))], &values(&[("x", Value::Text(value.to_owned()))])).is_ok()
        };
        assert!(passes("a|b", "b") && !passes("a|b", "ab") && !passes("a", "xa"));
        assert!(!passes("(?m)^a$", "a\nb") && !passes("a$", "a\n"));
        for bad in ["a)|(b", "(", "[", &"a".repeat(300)] {
            let fault = check_variables(&[variable("x", text(Some(bad), false))]).unwrap_err();
            assert!(fault.starts_with("variable x: its pattern "), "{fault}");
        }
    }

    #[test]
    fn variables_that_make_no_sense_are_refused() {
        let of = |bounds| variable("x", bounds);
        let default = |default, variable| Variable { default: Some(default), ..variable };
        for (bad, part) in [
            (variable("X", Bounds::Boolean), "is no name of a variable"),
            (variable("1x", Bounds::Boolean), "is no name of a variable"),
            (of(Bounds::Integer { min: 2, max: 1 }), "min is above max"),
            (of(Bounds::Choice(Vec::new())), "choices"),
            (of(Bounds::Text { max_length: 0, pattern: None, multiline: false }), "max_length"),
            (default(Value::Integer(1), of(Bounds::Boolean)), "its default must be a bool"),
            (
                default(Value::Boolean(true), Variable { secret: true, ..of(Bounds::Boolean) }),
                "a secret has no default",
            ),
        ] {
            let fault = check_variables(&[bad]).unwrap_err();
            assert!(fault.contains(part), "{fault}");
        }
        assert!(check_variables(&[of(Bounds::Boolean), of(Bounds::Boolean)]).unwrap_err().contains("twice"));
    }
}
