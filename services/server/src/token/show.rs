//! Answers of `homepot token`: tables for people, JSON for scripts.

use chrono::{SecondsFormat, Utc};
use homepot::{
    model::{Role, from_proto_timestamp},
    pb::{device::v1::DeviceSource, registry::v1 as pb},
};
use prost_types::Timestamp;
use serde_json::{Value, json};

use crate::terminal::table;

/// How answers look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    Table,
    /// For scripts.
    Json,
}

/// An answer.
#[derive(Debug)]
pub(super) enum Shown {
    Operator(pb::Operator),
    Operators(Vec<pb::Operator>),
    /// With the token in clear.
    OperatorToken(pb::Operator, String),
    Enrollment(pb::EnrollmentToken),
    Enrollments(Vec<pb::EnrollmentToken>),
    /// With the secret in clear.
    EnrollmentSecret(pb::EnrollmentToken, String),
}

impl Shown {
    pub(super) fn render(&self, output: Output) -> String {
        match output {
            Output::Table => self.table(),
            Output::Json => format!("{:#}", self.json()),
        }
    }

    fn table(&self) -> String {
        let once = |table: String, secret: &str| format!("{table}\n\nThe token, shown this once:\n{secret}");
        match self {
            Self::Operator(operator) => operator_table(std::slice::from_ref(operator)),
            Self::Operators(operators) => operator_table(operators),
            Self::OperatorToken(operator, token) => once(operator_table(std::slice::from_ref(operator)), token),
            Self::Enrollment(token) => enrollment_table(std::slice::from_ref(token)),
            Self::Enrollments(tokens) => enrollment_table(tokens),
            Self::EnrollmentSecret(token, secret) => once(enrollment_table(std::slice::from_ref(token)), secret),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Operator(operator) => operator_json(operator),
            Self::Operators(operators) => operators.iter().map(operator_json).collect(),
            Self::OperatorToken(operator, token) => with(operator_json(operator), token),
            Self::Enrollment(token) => enrollment_json(token),
            Self::Enrollments(tokens) => tokens.iter().map(enrollment_json).collect(),
            Self::EnrollmentSecret(token, secret) => with(enrollment_json(token), secret),
        }
    }
}

fn with(mut record: Value, secret: &str) -> Value {
    record["token"] = secret.into();
    record
}

fn operator_table(operators: &[pb::Operator]) -> String {
    let row = |o: &pb::Operator| {
        let sites = if o.site_ids.is_empty() { "all".to_owned() } else { o.site_ids.join(",") };
        vec![o.name.clone(), role(o.role).into(), sites, o.token_id.clone(), cell(&o.created_at), ends(o)]
    };
    table(&["NAME", "ROLE", "SITES", "TOKEN ID", "CREATED", "ENDS"], &operators.iter().map(row).collect::<Vec<_>>())
}

fn ends(operator: &pb::Operator) -> String {
    match (&operator.revoked_at, &operator.expires_at) {
        (Some(_), _) => format!("revoked {}", cell(&operator.revoked_at)),
        (None, Some(_)) => cell(&operator.expires_at),
        (None, None) => "never".to_owned(),
    }
}

fn enrollment_table(tokens: &[pb::EnrollmentToken]) -> String {
    let row = |t: &pb::EnrollmentToken| {
        let uses = format!("{} of {}", t.uses_left, t.max_uses);
        let ends = match &t.revoked_at {
            Some(_) => format!("revoked {}", cell(&t.revoked_at)),
            None => cell(&t.expires_at),
        };
        vec![t.token_id.clone(), t.site_id.clone(), source(t.source).into(), uses, t.created_by.clone(), ends]
    };
    let heads = ["TOKEN ID", "SITE", "DEVICES", "USES LEFT", "CREATED BY", "ENDS"];
    table(&heads, &tokens.iter().map(row).collect::<Vec<_>>())
}

fn operator_json(o: &pb::Operator) -> Value {
    json!({
        "name": o.name, "role": role(o.role), "site_ids": o.site_ids, "token_id": o.token_id,
        "created_at": time(&o.created_at), "expires_at": time(&o.expires_at), "revoked_at": time(&o.revoked_at),
    })
}

fn enrollment_json(t: &pb::EnrollmentToken) -> Value {
    json!({
        "token_id": t.token_id, "site_id": t.site_id, "source": source(t.source), "uses_left": t.uses_left,
        "max_uses": t.max_uses, "created_by": t.created_by, "created_at": time(&t.created_at),
        "expires_at": time(&t.expires_at), "revoked_at": time(&t.revoked_at),
    })
}

fn role(value: i32) -> &'static str {
    Role::from_proto("role", value).map_or("unknown", Role::as_str)
}

fn source(value: i32) -> &'static str {
    match DeviceSource::try_from(value) {
        Ok(DeviceSource::Simulated) => "simulated",
        _ => "real",
    }
}

fn time(timestamp: &Option<Timestamp>) -> Option<String> {
    let time = from_proto_timestamp("time", timestamp.as_ref()?).ok()?;
    Some(time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn cell(timestamp: &Option<Timestamp>) -> String {
    time(timestamp).unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> pb::Operator {
        pb::Operator {
            name: "kim".into(),
            role: pb::Role::Operator.into(),
            site_ids: vec!["site-001".into()],
            token_id: "hpo_BwcHBwcH".into(),
            created_at: Some(Timestamp { seconds: 0, nanos: 0 }),
            ..Default::default()
        }
    }

    #[test]
    fn a_table_names_its_columns_and_shows_a_secret_once() {
        let shown = Shown::OperatorToken(operator(), "hpo_secret".into()).render(Output::Table);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], "NAME  ROLE      SITES     TOKEN ID      CREATED               ENDS");
        assert_eq!(lines[1], "kim   operator  site-001  hpo_BwcHBwcH  1970-01-01T00:00:00Z  never");
        assert_eq!(lines[4], "hpo_secret");
        assert_eq!(shown.matches("hpo_secret").count(), 1);
    }

    #[test]
    fn json_has_every_field() {
        let shown = Shown::Operators(vec![operator()]).render(Output::Json);
        let value: Value = serde_json::from_str(&shown).unwrap();
        let expected = json!([{
            "name": "kim", "role": "operator", "site_ids": ["site-001"], "token_id": "hpo_BwcHBwcH",
            "created_at": "1970-01-01T00:00:00Z", "expires_at": null, "revoked_at": null,
        }]);
        assert_eq!(value, expected);
        let shown = Shown::EnrollmentSecret(pb::EnrollmentToken::default(), "hpe_secret".into());
        let value: Value = serde_json::from_str(&shown.render(Output::Json)).unwrap();
        assert_eq!(value["token"], "hpe_secret");
    }
}
