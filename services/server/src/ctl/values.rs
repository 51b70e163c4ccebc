//! `homepot ctl values`: what the variables of releases are on which devices.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use homepot::pb::rollout::v1 as pb;
use serde_json::{Value, json};

use super::kit::{
    args::Limit,
    calls::{all, answer},
    out::Out,
    record::{Cell, Column, Record, column, key},
    status::Usage,
    words,
};
use crate::client::Client;

/// More than the longest value.
const MOST_BYTES: u64 = 128 * 1024;

/// For which devices a value is.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct Scope {
    /// The value for all devices. Needs an admin of every site.
    #[arg(long)]
    fleet: bool,
    /// The value for the devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    site: String,
    /// The value for devices with this label. Needs an admin of every site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "KEY=VALUE")]
    label: String,
    /// The value for this device.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "DEVICE_ID")]
    device: String,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Set a value, in the place of the one that was there. Rollouts that start from then on bring it to devices.
    ///
    /// Without VALUE it is read from --file or from standard input; a line break at its end is left out.
    Set {
        /// The variable, as the release has it.
        #[arg(value_name = "VARIABLE")]
        variable: String,
        /// The value, such as 8080 or true. Secrets are no arguments, because process lists show these.
        #[arg(value_name = "VALUE", conflicts_with_all = ["secret", "file"])]
        value: Option<String>,
        #[command(flatten)]
        scope: Scope,
        /// Keep the value sealed, and never show it. For variables that the release keeps secret.
        #[arg(long)]
        secret: bool,
        /// Read the value from this file.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List values, by variable.
    List {
        /// Only values of this variable.
        #[arg(value_name = "VARIABLE", default_value = "", hide_default_value = true)]
        variable: String,
        #[command(flatten)]
        scope: Scope,
        #[command(flatten)]
        limit: Limit,
    },
    /// Delete a value: devices fall back to the next one, with the next rollout.
    Delete {
        /// The variable.
        #[arg(value_name = "VARIABLE")]
        variable: String,
        #[command(flatten)]
        scope: Scope,
    },
}

impl Record for pb::Value {
    const COLUMNS: &'static [Column<Self>] = &[
        key("VARIABLE", |v, _| (&v.variable).into()),
        column("FOR", |v, _| scope(v).into()),
        column("VALUE", |v, _| if v.secret { Cell::from("(secret)") } else { (&v.value).into() }),
        column("SET", |v, style| style.time(&v.set_at)),
        column("BY", |v, _| (&v.set_by).into()),
    ];

    const NAME: Option<&'static str> = Some("variable");

    fn json(&self) -> Value {
        json!({
            "variable": self.variable, "fleet": self.fleet, "site_id": words::text(&self.site_id),
            "label": words::text(&self.label), "device_id": words::text(&self.device_id),
            "value": if self.secret { Value::Null } else { self.value.as_str().into() }, "secret": self.secret,
            "set_by": self.set_by, "set_at": words::time(&self.set_at),
        })
    }
}

fn scope(value: &pb::Value) -> String {
    let named = [("site", &value.site_id), ("label", &value.label), ("device", &value.device_id)];
    let named = named.into_iter().find(|(_, name)| !name.is_empty());
    named.map_or_else(|| "fleet".to_owned(), |(kind, name)| format!("{kind} {name}"))
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut values = client.values();
    match action {
        Action::Set { variable, value, scope, secret, file } => {
            let Scope { fleet, site: site_id, label, device: device_id } = required(scope)?;
            let value = match value {
                Some(value) => value,
                None => read(file.as_deref())?,
            };
            let request = pb::SetValueRequest { variable, fleet, label, site_id, device_id, value, secret };
            out.changed(&answer(values.set_value(request).await)?.value.unwrap_or_default(), &[])?;
        }
        Action::List { variable, scope, limit } => {
            let Scope { fleet, site, label, device } = scope;
            let list = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListValuesRequest {
                    variable: variable.clone(),
                    fleet,
                    label: label.clone(),
                    site_id: site.clone(),
                    device_id: device.clone(),
                    page_size,
                    page_token,
                };
                let page = values.list_values(request).await?.into_inner();
                Ok((page.values, page.next_page_token))
            });
            out.list(&list.await?)?;
        }
        Action::Delete { variable, scope } => {
            let Scope { fleet, site: site_id, label, device: device_id } = required(scope)?;
            let request = pb::DeleteValueRequest { variable: variable.clone(), fleet, label, site_id, device_id };
            answer(values.delete_value(request).await)?;
            out.outcome(&json!({ "variable": variable, "deleted": true }), Some(&variable), "deleted")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A change has to say for which devices it is.
fn required(scope: Scope) -> Result<Scope, Usage> {
    let is_given = scope.fleet || [&scope.site, &scope.label, &scope.device].iter().any(|name| !name.is_empty());
    if is_given { Ok(scope) } else { Err(Usage("give one of --fleet, --site, --label and --device".into())) }
}

/// The value of a file, or of standard input.
fn read(path: Option<&Path>) -> anyhow::Result<String> {
    let (mut text, shown) =
        (String::new(), path.map_or("standard input".to_owned(), |path| path.display().to_string()));
    let read = match path {
        Some(path) => File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text)),
        None => io::stdin().take(MOST_BYTES).read_to_string(&mut text),
    };
    read.with_context(|| format!("can't read the value from {shown}"))?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(value.strip_suffix('\r').unwrap_or(value).to_owned())
}
