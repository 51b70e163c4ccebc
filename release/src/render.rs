//! Puts the values of variables into a template: `{{ name }}`, `{{ name|json }}`, `{% if name %}` and `{% if name is defined %}` of
//! Jinja. Servers render with the same code, to show what would change and to find drift.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{self, Write},
    sync::Arc,
};

use minijinja::{
    AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value as Rendered,
    syntax::SyntaxConfig,
    value::{Object, ValueKind},
};

use crate::value::{CheckedValues, Value, Variable};

/// The most bytes that a template is rendered to.
pub const MAX_OUTPUT: usize = 256 * 1024;
/// The most instructions of a template, about a tenth of a second.
const FUEL: u64 = 200_000;

/// Why a template can't be rendered. It holds no value, since values may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// It is not UTF-8.
    #[error("the template is not UTF-8 text")]
    NotText,
    /// It is not a template.
    #[error("line {line} of the template: {fault}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        fault: String,
    },
    /// It uses variables that the release does not declare.
    #[error("the template uses variables that the release does not have: {}", .0.join(", "))]
    Undeclared(Vec<String>),
    /// It uses a variable that has no value.
    #[error("line {0} of the template uses a variable that has no value; ask with `is defined` first")]
    NoValue(usize),
    /// It takes too long.
    #[error("the template takes too long")]
    TooLong,
    /// It makes too much.
    #[error("the template makes more than {MAX_OUTPUT} bytes")]
    TooLarge,
    /// Anything else.
    #[error("line {line} of the template: {kind}")]
    Other {
        /// The line, from 1.
        line: usize,
        /// The kind of fault.
        kind: String,
    },
}

/// Renders `template`. The same template and values always make the same bytes.
pub fn render(template: &[u8], values: &CheckedValues) -> Result<Vec<u8>, RenderError> {
    let text = std::str::from_utf8(template).map_err(|_| RenderError::NotText)?;
    let environment = environment();
    let template = environment.template_from_str(text).map_err(|error| told(&error))?;
    let context = Context(values.reveal().map(|(name, value)| (name.to_owned(), rendered(value))).collect());
    let context = Rendered::from_object(context);
    let mut output = Bounded(Vec::new());
    match template.render_captured_to(context, &mut output) {
        Ok(_) => Ok(output.0),
        Err(error) if error.kind() == ErrorKind::WriteFailure => Err(RenderError::TooLarge),
        Err(error) => Err(told(&error)),
    }
}

/// Checks a template without values: that it can be read, and uses only what is declared.
pub fn check(template: &[u8], variables: &[Variable]) -> Result<(), RenderError> {
    let text = std::str::from_utf8(template).map_err(|_| RenderError::NotText)?;
    let environment = environment();
    let used = environment.template_from_str(text).map_err(|error| told(&error))?.undeclared_variables(false);
    let declared: BTreeSet<_> = variables.iter().map(|variable| variable.name.as_str()).collect();
    let mut unknown: Vec<_> = used.into_iter().filter(|name| !declared.contains(name.as_str())).collect();
    unknown.sort();
    if unknown.is_empty() { Ok(()) } else { Err(RenderError::Undeclared(unknown)) }
}

fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // As Ansible has it: a line that holds nothing but a condition leaves no empty line behind.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment.set_fuel(Some(FUEL));
    // Files of configuration say true and false, and not True and False as Python does.
    environment.set_formatter(|out, state, value| match boolean(value) {
        Some(flag) => Ok(out.write_str(flag)?),
        None => minijinja::escape_formatter(out, state, value),
    });
    environment.add_filter("json", json);
    environment.add_test("defined", |value: &Rendered| !value.is_undefined());
    environment
}

/// What a template can name.
struct Context(BTreeMap<String, Rendered>);

impl Object for Context {
    fn get_value(self: &Arc<Self>, name: &Rendered) -> Option<Rendered> {
        self.0.get(name.as_str()?).cloned()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context(..)")
    }
}

fn rendered(value: &Value) -> Rendered {
    match value {
        Value::Text(text) => Rendered::from(text.as_str()),
        Value::Integer(number) => Rendered::from(*number),
        Value::Boolean(flag) => Rendered::from(*flag),
    }
}

fn boolean(value: &Rendered) -> Option<&'static str> {
    (value.kind() == ValueKind::Bool).then(|| if value.is_true() { "true" } else { "false" })
}

/// The value as JSON, for files that quote as JSON does: JSON itself, YAML, and TOML's texts.
fn json(value: &Rendered) -> Result<String, minijinja::Error> {
    let Some(text) = value.as_str() else {
        return Ok(boolean(value).map_or_else(|| value.to_string(), str::to_owned));
    };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// The detail of an error is told only where it can hold nothing but the template.
fn told(error: &minijinja::Error) -> RenderError {
    let line = error.line().unwrap_or(1);
    match error.kind() {
        ErrorKind::SyntaxError => {
            RenderError::Syntax { line, fault: error.detail().unwrap_or("not understood").to_owned() }
        }
        ErrorKind::UndefinedError => RenderError::NoValue(line),
        ErrorKind::OutOfFuel => RenderError::TooLong,
        kind => RenderError::Other { line, kind: kind.to_string() },
    }
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{self, Bounds};

    fn variables() -> Vec<Variable> {
        let variable = |name: &str, bounds, required| Variable {
            name: name.to_owned(),
            bounds,
            required,
            secret: name == "pin",
            default: None,
        };
        let text = || Bounds::Text { max_length: 10_000, pattern: None, multiline: true };
        vec![
            variable("host", text(), true),
            variable("port", Bounds::Integer { min: 0, max: 99_999 }, true),
            variable("tls", Bounds::Boolean, true),
            variable("pin", text(), false),
        ]
    }

    fn values(host: &str) -> CheckedValues {
        let values = BTreeMap::from([
            ("host".to_owned(), Value::Text(host.to_owned())),
            ("port".to_owned(), Value::Integer(443)),
            ("tls".to_owned(), Value::Boolean(true)),
        ]);
        value::check(&variables(), &values).unwrap()
    }

    fn render(template: &str) -> Result<String, RenderError> {
        super::render(template.as_bytes(), &values("pot <&>")).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn values_go_in_as_they_are_and_the_rest_stays_as_it_is() {
        let template = "a {{ host }}:{{ port }} {{ tls }}\r\n{% if tls %}\n  secure\n{% else %}\n  open\n  {% endif %}\n\
                        {% if pin is defined %}{{ pin }}{% endif %}\nend\n\n";
        assert_eq!(render(template).unwrap(), "a pot <&>:443 true\r\n  secure\nend\n\n");
        check(template.as_bytes(), &variables()).unwrap();
    }

    #[test]
    fn json_quotes_whatever_a_value_holds() {
        let quoted = super::render(b"{{ host|json }} {{ port|json }} {{ tls|json }}", &values("a\"b\\c\n\td")).unwrap();
        assert_eq!(String::from_utf8(quoted).unwrap(), r#""a\"b\\c\n\td" 443 true"#);
    }

    #[test]
    fn what_is_not_there_is_an_error_and_never_nothing() {
        assert_eq!(render("\n{{ pin }}"), Err(RenderError::NoValue(2)));
        assert_eq!(render("{{ other }}"), Err(RenderError::NoValue(1)));
        let unknown = check(b"{{ other }}{{ host }}{% if more %}{% endif %}", &variables());
        assert_eq!(unknown, Err(RenderError::Undeclared(vec!["more".to_owned(), "other".to_owned()])));
    }

    #[test]
    fn a_template_that_is_none_is_told_with_its_line() {
        assert!(matches!(render("a\n{{ host"), Err(RenderError::Syntax { line: 2, .. })));
        assert!(matches!(render("{% include 'x' %}"), Err(RenderError::Syntax { .. })));
        assert!(matches!(render("{{ host|upper }}"), Err(RenderError::Other { .. })));
        assert_eq!(super::render(b"\xff", &values("x")), Err(RenderError::NotText));
    }

    #[test]
    fn time_and_size_are_bounded() {
        let nested = "{% for a in host %}{% for b in host %}{% for c in host %}{% endfor %}{% endfor %}{% endfor %}";
        let long = values(&"x".repeat(1000));
        let loops = format!("{{% for a in [{}] %}}{{{{ host }}}}{{% endfor %}}", "1,".repeat(400));
        assert_eq!(super::render(loops.as_bytes(), &long), Err(RenderError::TooLarge));
        let list = format!("[{}]", "1,".repeat(200));
        let nested = nested.replace("host", &list);
        assert_eq!(super::render(nested.as_bytes(), &long), Err(RenderError::TooLong));
    }

    #[test]
    fn an_error_holds_no_value() {
        let told = super::render(b"{{ host + 1 }}{{ host() }}", &values("hunter2")).unwrap_err();
        assert!(!format!("{told} {told:?}").contains("hunter2"), "{told:?}");
    }
}
