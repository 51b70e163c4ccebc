//! Checks of what the fields of a request may hold: lengths, ranges, forms, and whether they are given at all.
//!
//! The rules stand at the fields in `proto/`, as options; the code that goes through a message's fields is made from them when
//! this crate is built. What only shows when fields are seen together, or against what is stored, is each method's own to say.

use crate::{
    error::{Error, REQUIRED},
    model::{
        CommandType, Cursor, DeviceId, DeviceType, Faults, JsonBounds, LabelSelector, MaintenanceWindow, OperatorName,
        PageRequest, Phases, Sha256, SiteId, VariableName, from_proto_duration, from_proto_timestamp, from_struct,
        parse_label, parse_labels,
    },
};

/// The public letters of a secret are never more.
const MAX_TOKEN_ID: usize = 64;

/// A message whose fields the contract bounds.
pub trait Checked {
    /// Goes through all fields.
    fn check(&self, checker: &mut Checker<'_>);
}

/// All faults of `message` at once, each by the way to its field, such as `target.site_id`.
pub fn check(message: &impl Checked) -> Result<(), Error> {
    let mut faults = Faults::new();
    message.check(&mut Checker { way: String::new(), faults: &mut faults });
    faults.check()
}

/// Notes the faults of a message.
pub struct Checker<'a> {
    /// To the message, with a dot at its end; empty for the request itself.
    way: String,
    faults: &'a mut Faults,
}

/// The form of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The id of a site.
    SiteId,
    /// The id of a device.
    DeviceId,
    /// The type of a device.
    DeviceType,
    /// The name of an operator.
    OperatorName,
    /// The type of a command, in any case.
    CommandType,
    /// A UUID.
    Uuid,
    /// The public letters of an enrolment token.
    TokenId,
    /// A condition on labels.
    LabelSelector,
    /// The token of a page that an earlier answer gave.
    PageToken,
    /// The cursor of a watch that an earlier answer gave.
    Cursor,
    /// Each key of labels; values are the same, or empty.
    Labels,
    /// A SHA-256 digest in hexadecimal digits.
    Sha256,
    /// A number of devices or a percentage of them.
    Reach,
    /// The name of a variable.
    Variable,
    /// A label with its value.
    Label,
    /// A maintenance window.
    Window,
}

impl Form {
    /// The form as a regular expression in the dialect that JSON Schema recommends; `None` where none tells it.
    #[must_use]
    pub fn pattern(self) -> Option<&'static str> {
        Some(match self {
            Self::SiteId => "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            Self::DeviceId => "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$",
            Self::DeviceType => "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
            Self::OperatorName => "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$",
            Self::CommandType => "^[A-Za-z][A-Za-z0-9._-]{0,63}$",
            Self::TokenId => "^[A-Za-z0-9_-]{1,64}$",
            Self::Labels => "^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$",
            Self::Sha256 => "^[0-9a-f]{64}$",
            Self::Variable => "^[a-z][a-z0-9_]{0,63}$",
            Self::Label => {
                "^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?=([A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?)?$"
            }
            Self::Window => {
                "^(daily|(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?\
                 (,(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?){0,6}) \
                 ([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
            }
            Self::Reach => "^([1-9][0-9]{0,8}|([1-9][0-9]?|100)%)$",
            Self::Uuid | Self::LabelSelector | Self::PageToken | Self::Cursor => return None,
        })
    }

    fn check(self, field: &str, text: &str) -> Result<(), Error> {
        let fault = |reason: &str| Err(Error::invalid(field, reason));
        match self {
            Self::SiteId => SiteId::parse_as(field, text).map(drop),
            Self::DeviceId => DeviceId::parse_as(field, text).map(drop),
            Self::DeviceType => DeviceType::parse_any_case(text).map(drop),
            Self::OperatorName => OperatorName::parse_as(field, text).map(drop),
            Self::CommandType => CommandType::parse_any_case(text).map(drop),
            Self::Uuid if uuid::Uuid::try_parse(text).is_err() => fault("is not a UUID"),
            Self::TokenId if !is_token_id(text) => fault("must be the public letters of a token, such as hpe_xxxxxxxx"),
            Self::LabelSelector => LabelSelector::parse(field, text).map(drop),
            Self::PageToken => PageRequest::parse(0, text).map(drop),
            Self::Cursor => Cursor::parse(text).map(drop),
            Self::Sha256 => Sha256::parse_as(field, text).map(drop),
            Self::Uuid | Self::TokenId => Ok(()),
            Self::Variable => VariableName::parse_as(field, text).map(drop),
            Self::Label => parse_label(field, text).map(drop),
            Self::Window => MaintenanceWindow::parse_as(field, text).map(drop),
            Self::Reach => Phases::parse(&[text.to_owned()]).map(drop),
            Self::Labels => parse_labels(field, [(text.to_owned(), String::new())].into()).map(drop),
        }
    }
}

fn is_token_id(text: &str) -> bool {
    text.len() <= MAX_TOKEN_ID && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

impl Checker<'_> {
    fn field(&self, name: &str) -> String {
        format!("{}{name}", self.way)
    }

    fn add(&mut self, name: &str, reason: impl Into<String>) {
        self.faults.add(&self.field(name), reason);
    }

    /// Checks the length of a text in characters.
    pub fn text(&mut self, name: &str, text: &str, required: bool, most: usize) {
        self.faults.text(&self.field(name), text, usize::from(required), most);
    }

    /// Checks how many bytes there are.
    pub fn bytes(&mut self, name: &str, bytes: &[u8], required: bool, most: usize) {
        if bytes.is_empty() && required {
            self.add(name, REQUIRED);
        } else if bytes.len() > most {
            self.add(name, format!("has more than {most} bytes"));
        }
    }

    /// Checks the form of a text.
    pub fn form(&mut self, name: &str, text: &str, required: bool, form: Form) {
        match (text.is_empty(), required) {
            (true, true) => self.add(name, REQUIRED),
            (true, false) => {}
            (false, _) => {
                self.faults.take(form.check(&self.field(name), text));
            }
        }
    }

    /// Checks the keys and values of labels, and how many there are.
    pub fn labels(&mut self, name: &str, labels: &std::collections::HashMap<String, String>) {
        self.faults.take(parse_labels(&self.field(name), labels.clone()));
    }

    /// Checks how many entries a list has.
    pub fn items(&mut self, name: &str, count: usize, least: usize, most: usize) {
        if count < least {
            self.add(name, REQUIRED);
        } else if count > most {
            self.add(name, format!("has more than {most} entries"));
        }
    }

    /// Checks that a value of an enum is known. `words` has all values but UNSPECIFIED.
    pub fn word(&mut self, name: &str, value: i32, required: bool, words: &[(i32, &str)]) {
        if value == 0 && required {
            self.add(name, REQUIRED);
        } else if value != 0 && !words.iter().any(|(number, _)| *number == value) {
            let words: Vec<_> = words.iter().map(|(_, word)| *word).collect();
            self.add(name, format!("must be one of {}", words.join(", ")));
        }
    }

    /// Checks the range of a number.
    pub fn number(&mut self, name: &str, value: f64, least: f64, most: f64) {
        if !(least..=most).contains(&value) {
            self.add(name, format!("must be {least} to {most}"));
        }
    }

    /// Checks the range of a span, in seconds; with a `unit` other than 0 it must be a multiple of that.
    pub fn span(&mut self, name: &str, span: Option<&prost_types::Duration>, least: f64, most: f64, unit: f64) {
        let Some(span) = span else { return };
        let field = self.field(name);
        let Some(span) = self.faults.take(from_proto_duration(&field, span)) else { return };
        let seconds = span.as_secs_f64();
        let is_whole = unit == 0.0 || seconds % unit == 0.0;
        if !is_whole || !(least..=most).contains(&seconds) {
            let whole = if unit == 0.0 { String::new() } else { format!(", a multiple of {}", spoken(unit)) };
            self.add(name, format!("must be {} to {}{whole}", spoken(least), spoken(most)));
        }
    }

    /// Checks a time.
    pub fn time(&mut self, name: &str, time: Option<&prost_types::Timestamp>) {
        let field = self.field(name);
        time.map(|time| self.faults.take(from_proto_timestamp(&field, time)));
    }

    /// Checks the size of an object.
    pub fn object(&mut self, name: &str, object: Option<&prost_types::Struct>, bounds: JsonBounds) {
        let field = self.field(name);
        object.map(|object| self.faults.take(from_struct(&field, object, bounds)));
    }

    /// Checks a message within this one.
    pub fn message(&mut self, name: &str, message: Option<&impl Checked>, required: bool) {
        match message {
            Some(message) => {
                let way = format!("{}{name}.", self.way);
                message.check(&mut Checker { way, faults: self.faults });
            }
            None if required => self.add(name, REQUIRED),
            None => {}
        }
    }
}

/// A span as people say it: in its largest whole unit.
fn spoken(seconds: f64) -> String {
    let units = [(86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| seconds >= *size && seconds % size == 0.0).unwrap_or(units[3]);
    let count = seconds / size;
    let plural = if count == 1.0 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

include!(concat!(env!("OUT_DIR"), "/checks.rs"));

#[cfg(test)]
mod tests {
    use prost_types::Duration;

    use super::*;
    use crate::pb::{command::v1 as command, registry::v1 as registry};

    fn faults(message: &impl Checked) -> Vec<String> {
        let faults = check(message).err().map(|error| error.field_violations().to_vec()).unwrap_or_default();
        faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.reason)).collect()
    }

    #[test]
    fn all_faults_of_a_request_are_told_at_once_by_the_way_to_each_field() {
        let request = command::StartRunRequest {
            target: Some(command::Target {
                site_id: "a/b".into(),
                label_selector: "=".into(),
                source: 9,
                ..Default::default()
            }),
            max_in_flight: 1_001,
            time_to_live: Some(Duration { seconds: 0, nanos: 5 }),
            run_timeout: Some(Duration { seconds: 90_000, nanos: 0 }),
            description: "x".repeat(501),
            ..Default::default()
        };
        let told = faults(&request);
        for due in [
            "target.site_id: must be 1 to 64 of",
            "target.label_selector: '=' is no condition",
            "target.source: must be one of REAL, SIMULATED",
            "command_type: is required",
            "max_in_flight: must be 0 to 1000",
            "time_to_live: must be 1 second to 30 days",
            "run_timeout: must be 1 second to 1 day",
            "description: is longer than 500 characters",
        ] {
            assert!(told.iter().any(|fault| fault.starts_with(due)), "{due} is missing in {told:#?}");
        }
        assert_eq!(told.len(), 8, "{told:#?}");
    }

    #[test]
    fn what_may_be_left_out_is_only_checked_when_it_is_given() {
        let change = registry::UpdateSiteRequest { site_id: "shop".into(), ..Default::default() };
        assert_eq!(faults(&change), [""; 0]);
        let named = registry::UpdateSiteRequest { name: Some(String::new()), ..change };
        assert_eq!(faults(&named), ["name: is required"]);
        assert_eq!(faults(&registry::ListSitesRequest { page_size: 1_000, ..Default::default() }), [""; 0]);
    }

    #[test]
    fn a_form_and_its_pattern_take_the_same_texts() {
        let forms = [
            Form::SiteId,
            Form::DeviceId,
            Form::DeviceType,
            Form::OperatorName,
            Form::CommandType,
            Form::TokenId,
            Form::Labels,
            Form::Variable,
            Form::Label,
            Form::Window,
        ];
        let ends = ["a", "A", "0", ".", "_", "-", ":", "@", "/", " ", "ä", "\0", "\n", "~"];
        let mut texts: Vec<String> = ends.iter().map(|end| (*end).to_owned()).collect();
        texts.extend(ends.iter().flat_map(|first| ends.map(|last| format!("{first}x{last}"))));
        texts.extend([62, 63, 64, 65, 127, 128, 129].map(|length| "a".repeat(length)));
        texts.extend(
            [
                "pos-terminal-001",
                "AA:BB:CC:00:11:22",
                "hpe_x1-Y",
                "app.kubernetes.io/name",
                "ring=canary",
                "ring=",
                "=x",
                "mon-fri 22:00-06:00",
                "sat,sun-mon 00:00-24:00",
                "daily 02:00-04:00",
                "daily,mon 02:00-04:00",
                "mon 24:00-25:00",
                "mon 1:00-02:00",
                "mon 01:60-02:00",
                "mon-tue-wed 01:00-02:00",
                "mon, tue 01:00-02:00",
                "mon,tue,wed,thu,fri,sat,sun 01:00-02:00",
                "mon,tue,wed,thu,fri,sat,sun,mon 01:00-02:00",
            ]
            .map(str::to_owned),
        );
        for form in forms {
            let pattern = regex::Regex::new(form.pattern().unwrap()).unwrap();
            for text in &texts {
                assert_eq!(form.check("field", text).is_ok(), pattern.is_match(text), "{form:?} and {text:?}");
            }
        }
    }

    /// Devices and legacy clients send the same objects past no contract of fields, so the code has their bounds as well.
    #[test]
    fn bounds_that_the_code_has_too_are_those_of_the_contract() {
        use crate::{
            contract::field_rule,
            model::{MAX_CONTEXT, MAX_LABELS, MAX_METADATA, MAX_PAGE_SIZE, MAX_PAYLOAD},
        };
        for (field, bounds) in [
            ("homepot.command.v1.QueueRequest.payload", MAX_PAYLOAD),
            ("homepot.command.v1.StartRunRequest.payload", MAX_PAYLOAD),
            ("homepot.analytics.v1.Activity.metadata", MAX_METADATA),
            ("homepot.analytics.v1.ErrorReport.context", MAX_CONTEXT),
        ] {
            let rule = field_rule(field).unwrap();
            let told = [rule.max_bytes, rule.max_items, rule.max_depth].map(|bound| bound.unwrap() as usize);
            assert_eq!(told, [bounds.bytes, bounds.keys, bounds.depth], "{field}");
        }
        let most = |field: &str| field_rule(field).unwrap().max_items.unwrap() as usize;
        assert_eq!(most("homepot.registry.v1.Labels.labels"), MAX_LABELS);
        assert_eq!(most("homepot.registry.v1.CreateEnrollmentTokenRequest.labels"), MAX_LABELS);
        let page = field_rule("homepot.registry.v1.ListSitesRequest.page_size").unwrap();
        assert_eq!(page.maximum, Some(f64::from(MAX_PAGE_SIZE)));
    }

    #[test]
    fn spans_are_told_in_their_largest_whole_unit() {
        let spans = [0.0, 1.0, 60.0, 90.0, 7_200.0, 86_400.0, 2_592_000.0].map(spoken);
        assert_eq!(spans, ["0 seconds", "1 second", "1 minute", "90 seconds", "2 hours", "1 day", "30 days"]);
    }
}
