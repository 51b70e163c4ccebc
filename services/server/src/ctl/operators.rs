//! `homepot ctl operators` and `homepot ctl whoami`.

use std::{process::ExitCode, time::Duration};

use homepot::{model::to_proto_duration, pb::registry::v1 as pb};
use homepot_host::settings::parse_time;
use serde_json::{Value, json};

use super::kit::{
    args::Limit,
    calls::{all, answer},
    out::{Out, note},
    record::{Cell, Column, Record, column, key, wide},
    words,
};
use crate::client::Client;

const PREFIX: &str = "ROLE_";
const ROLES: &[&str] = &["viewer", "operator", "admin"];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Create an operator and show its token, once.
    ///
    /// The operator can't have a higher role or more sites than you, and its token can't end later than yours. If you
    /// are bound to sites, its name gets '@' and your own name at its end.
    Create {
        /// Name of the new operator: 1 to 64 of A-Z, a-z, 0-9, '.', '_', '@' and '-'.
        name: String,
        /// The operator's role.
        #[arg(long, default_value = "viewer", value_parser = words::choice(PREFIX, ROLES, pb::Role::from_str_name))]
        role: pb::Role,
        /// A site at which the operator may act. Can be repeated [default: every site].
        #[arg(long = "site", value_name = "SITE_ID")]
        sites: Vec<String>,
        /// How long its token is valid, such as 12h or 90d [default: until revoked, or as long as your own].
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        ttl: Option<Duration>,
    },
    /// List operators, without their tokens. If you are bound to sites: yourself and those that you created.
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Revoke an operator's token.
    ///
    /// The operators and enrolment tokens that it created stay valid; a note says how many there are.
    Revoke {
        /// The operator.
        name: String,
        /// Also revoke the operators and enrolment tokens that it created, and those that these operators created in
        /// turn.
        #[arg(long)]
        with_made: bool,
    },
    /// Make a new token for an operator and show it, once. The old token ends.
    Rotate {
        /// The operator.
        name: String,
    },
}

impl Record for pb::Operator {
    const COLUMNS: &'static [Column<Self>] = &[
        column("NAME", |o, _| (&o.name).into()),
        key("ROLE", |o, _| role(o).into()),
        column("SITES", |o, _| if o.site_ids.is_empty() { "all".into() } else { o.site_ids.join(",").into() }),
        column("TOKEN ID", |o, _| (&o.token_id).into()),
        column("CREATED", |o, style| style.time(&o.created_at)),
        column("ENDS", |o, style| match (&o.revoked_at, &o.expires_at) {
            (Some(_), _) => Cell::from("revoked"),
            (None, None) => "never".into(),
            (None, expires_at) => style.time(expires_at),
        }),
        wide("REVOKED", |o, style| style.time(&o.revoked_at)),
        wide("MADE BY", |o, _| (&o.made_by).into()),
        wide("ISSUER", |o, _| (&o.issuer).into()),
        wide("SUBJECT", |o, _| (&o.subject).into()),
    ];

    const NAME: Option<&'static str> = Some("name");

    fn json(&self) -> Value {
        json!({
            "name": self.name, "role": role(self), "site_ids": self.site_ids, "token_id": self.token_id,
            "created_at": words::time(&self.created_at), "expires_at": words::time(&self.expires_at),
            "revoked_at": words::time(&self.revoked_at), "made_by": words::text(&self.made_by),
            "issuer": words::text(&self.issuer), "subject": words::text(&self.subject),
        })
    }
}

fn role(operator: &pb::Operator) -> String {
    words::word(operator.role().as_str_name(), PREFIX)
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut registry = client.registry();
    match action {
        Action::Create { name, role, sites, ttl } => {
            let time_to_live = ttl.map(to_proto_duration);
            let request = pb::CreateOperatorRequest { name, role: role.into(), site_ids: sites, time_to_live };
            let made = answer(registry.create_operator(request).await)?;
            out.secret(&made.operator.unwrap_or_default(), "token", &made.token)?;
        }
        Action::List { limit } => {
            let operators = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListOperatorsRequest { page_size, page_token };
                let page = registry.list_operators(request).await?.into_inner();
                Ok((page.operators, page.next_page_token))
            });
            out.list(&operators.await?)?;
        }
        Action::Revoke { name, with_made } => {
            let request = pb::RevokeOperatorRequest { name: name.clone(), with_made };
            let ended = answer(registry.revoke_operator(request).await)?;
            let beside = [
                ("also_revoked", json!(ended.also_revoked)),
                ("enrollment_tokens_revoked", json!(ended.enrollment_tokens_revoked)),
                ("operators_left", json!(ended.operators_left)),
                ("enrollment_tokens_left", json!(ended.enrollment_tokens_left)),
            ];
            tell_made(&name, &ended);
            out.changed(&ended.operator.unwrap_or_default(), &beside)?;
        }
        Action::Rotate { name } => {
            let made = answer(registry.rotate_operator_token(pb::RotateOperatorTokenRequest { name }).await)?;
            out.secret(&made.operator.unwrap_or_default(), "token", &made.token)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How many operators and tokens of a revoked operator were revoked with it, and how many are left.
fn tell_made(name: &str, ended: &pb::RevokeOperatorResponse) {
    if !ended.also_revoked.is_empty() || ended.enrollment_tokens_revoked > 0 {
        let (others, tokens) = (ended.also_revoked.join(", "), ended.enrollment_tokens_revoked);
        let others = if others.is_empty() { "no operators".to_owned() } else { format!("operators {others}") };
        note(format_args!("also revoked: {others}; enrolment tokens: {tokens}"));
    }
    let (operators, tokens) = (ended.operators_left, ended.enrollment_tokens_left);
    if operators > 0 || tokens > 0 {
        note(format_args!(
            "still good of what {name} made: operators {operators}, enrolment tokens {tokens}; to revoke them too: homepot \
             ctl operators revoke {name} --with-made"
        ));
    }
}

pub(super) async fn who_am_i(client: &Client, out: &Out) -> anyhow::Result<ExitCode> {
    let me = answer(client.registry().who_am_i(pb::WhoAmIRequest {}).await)?;
    out.detail(&me.operator.unwrap_or_default())?;
    Ok(ExitCode::SUCCESS)
}
