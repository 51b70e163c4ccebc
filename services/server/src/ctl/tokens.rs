//! `homepot ctl tokens`: what devices enrol with.

use std::{process::ExitCode, time::Duration};

use homepot::{
    model::{ServerAddress, to_proto_duration},
    pb::{common::v1::DeviceSource, registry::v1 as pb},
};
use homepot_host::settings::parse_time;
use serde_json::{Value, json};

use super::kit::{
    args::Limit,
    calls::{all, answer},
    labels::label,
    out::Out,
    record::{Cell, Column, Record, column, key, wide},
    source::{source, source_parser},
    words,
};
use crate::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Make a token with which devices enrol at a site, and show it, once.
    Create {
        /// The site at which devices enrol with it.
        #[arg(long, value_name = "SITE_ID")]
        site: String,
        /// How many devices may enrol with it.
        #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// How long the token is valid, such as 30m, 24h or 7d: 1m to 366d.
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = parse_time)]
        ttl: Duration,
        /// Make the token for simulated devices.
        #[arg(long)]
        simulated: bool,
        /// Give each device that enrols with the token this label. Can be repeated.
        #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
        labels: Vec<(String, String)>,
    },
    /// List enrolment tokens, newest first, without their secrets.
    List {
        /// Only tokens of this site.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
        site: String,
        /// Only tokens for real or for simulated devices.
        #[arg(long, value_parser = source_parser())]
        source: Option<DeviceSource>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Revoke an enrolment token. Devices that enrolled with it stay enrolled.
    Revoke {
        /// The token's public id, as `tokens list` shows it.
        #[arg(value_name = "TOKEN_ID")]
        token_id: String,
    },
}

impl Record for pb::EnrollmentToken {
    const COLUMNS: &'static [Column<Self>] = &[
        column("TOKEN ID", |t, _| (&t.token_id).into()),
        column("SITE", |t, _| (&t.site_id).into()),
        column("DEVICES", |t, _| source(t.source).into()),
        column("USES LEFT", |t, _| format!("{} of {}", t.uses_left, t.max_uses).into()),
        key("ENDS", |t, style| match &t.revoked_at {
            Some(_) => Cell::from("revoked"),
            None => style.time(&t.expires_at),
        }),
        column("CREATED BY", |t, _| (&t.created_by).into()),
        wide("LABELS", |t, _| words::labels(&t.labels).into()),
        wide("CREATED", |t, style| style.time(&t.created_at)),
        wide("REVOKED", |t, style| style.time(&t.revoked_at)),
    ];

    const NAME: Option<&'static str> = Some("token_id");

    fn json(&self) -> Value {
        json!({
            "token_id": self.token_id, "site_id": self.site_id, "source": source(self.source),
            "uses_left": self.uses_left, "max_uses": self.max_uses, "created_by": self.created_by,
            "created_at": words::time(&self.created_at), "expires_at": words::time(&self.expires_at),
            "revoked_at": words::time(&self.revoked_at), "labels": words::labels_json(&self.labels),
        })
    }
}

/// The address that devices are given: the one that the server tells, or else the one at which it was reached here.
fn device_server(told: &str, own: &ServerAddress) -> ServerAddress {
    ServerAddress::parse(told, true).map_or_else(|_| own.clone(), |told| told.seen_from(own))
}

fn line_lead(token: &pb::EnrollmentToken) -> &'static str {
    match token.source() {
        DeviceSource::Simulated => "To play the devices, paste where the simulator runs:",
        _ => "To enrol a device, paste there:",
    }
}

/// The one line to paste. The secret is in the environment, where a list of processes does not show it.
fn enrol_line(token: &pb::EnrollmentToken, secret: &str, server: &ServerAddress) -> String {
    let program = match token.source() {
        DeviceSource::Simulated => format!("homepot-sim fleet --devices {}", token.max_uses),
        _ => "homepot-agent run".to_owned(),
    };
    // An address and an id of a site hold nothing that a shell takes apart, but for an IPv6 address.
    format!("HOMEPOT_ENROLLMENT_TOKEN={secret} {program} --server '{server}' --site {}", token.site_id)
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut registry = client.registry();
    match action {
        Action::Create { site, uses, ttl, simulated, labels } => {
            let source = if simulated { DeviceSource::Simulated } else { DeviceSource::Real };
            let request = pb::CreateEnrollmentTokenRequest {
                site_id: site,
                max_uses: uses,
                time_to_live: Some(to_proto_duration(ttl)),
                source: source.into(),
                labels: labels.into_iter().collect(),
            };
            let made = answer(registry.create_enrollment_token(request).await)?;
            let token = made.enrollment_token.unwrap_or_default();
            out.secret(&token, "secret", &made.secret)?;
            // The token is made: if this fails, its secret has been shown all the same.
            if let Ok(me) = answer(registry.who_am_i(pb::WhoAmIRequest {}).await) {
                let server = device_server(&me.device_url, client.server());
                out.text(format_args!("\n{}\n{}", line_lead(&token), enrol_line(&token, &made.secret, &server)))?;
            }
        }
        Action::List { site, source, limit } => {
            let source = source.unwrap_or_default().into();
            let tokens = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListEnrollmentTokensRequest { site_id: site.clone(), page_size, page_token, source };
                let page = registry.list_enrollment_tokens(request).await?.into_inner();
                Ok((page.enrollment_tokens, page.next_page_token))
            });
            out.list(&tokens.await?)?;
        }
        Action::Revoke { token_id } => {
            let request = pb::RevokeEnrollmentTokenRequest { token_id };
            let ended = answer(registry.revoke_enrollment_token(request).await)?;
            out.changed(&ended.enrollment_token.unwrap_or_default(), &[])?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_address_that_the_server_tells() {
        let own = ServerAddress::parse("https://pot.example:50051", false).unwrap();
        let token = pb::EnrollmentToken { site_id: "shop-7".to_owned(), max_uses: 20, ..Default::default() };
        for (told, server) in [
            ("https://devices.example", "https://devices.example"),
            ("https://0.0.0.0:443", "https://pot.example:443"),
            ("", "https://pot.example:50051"),
        ] {
            let line = enrol_line(&token, "hpe_abc", &device_server(told, &own));
            let expected =
                format!("HOMEPOT_ENROLLMENT_TOKEN=hpe_abc homepot-agent run --server '{server}' --site shop-7");
            assert_eq!(line, expected);
        }
        let simulated = pb::EnrollmentToken { source: DeviceSource::Simulated.into(), ..token };
        assert!(enrol_line(&simulated, "hpe_abc", &own).contains(" homepot-sim fleet --devices 20 "));
    }
}
