//! `homepot ctl sites`.

use std::process::ExitCode;

use homepot::pb::registry::v1 as pb;
use serde_json::{Value, json};

use super::{
    calls::{all, answer},
    out::Out,
    table::{Column, Record, column, wide},
    words,
};
use crate::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List the sites you may see.
    List {
        /// At most so many.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Show one site.
    Get {
        /// The site.
        #[arg(value_name = "SITE_ID")]
        site_id: String,
    },
    /// Make a site.
    Create {
        /// Its id: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', a letter or digit first.
        #[arg(value_name = "SITE_ID")]
        site_id: String,
        /// Its name, for people [default: its id].
        #[arg(long)]
        name: Option<String>,
        /// What it is.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        description: String,
        /// Where it is.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        location: String,
        /// Devices on the server's machine may enrol without a token, where the server allows it too.
        #[arg(long)]
        open_enrollment: bool,
    },
    /// Change a site; what is left out stays.
    Update {
        /// The site.
        #[arg(value_name = "SITE_ID")]
        site_id: String,
        /// Its name, for people.
        #[arg(long)]
        name: Option<String>,
        /// What it is.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Where it is.
        #[arg(long, value_name = "TEXT")]
        location: Option<String>,
        /// Whether devices on the server's machine may enrol without a token.
        #[arg(long, value_name = "true|false")]
        open_enrollment: Option<bool>,
    },
}

impl Record for pb::Site {
    const COLUMNS: &'static [Column<Self>] = &[
        column("SITE", |s, _| (&s.site_id).into()),
        column("NAME", |s, _| (&s.name).into()),
        wide("OPEN ENROLLMENT", |s, _| if s.open_enrollment { "yes" } else { "no" }.into()),
        column("CREATED", |s, style| style.time(&s.created_at)),
        wide("UPDATED", |s, style| style.time(&s.updated_at)),
        column("LOCATION", |s, _| (&s.location).into()),
        wide("DESCRIPTION", |s, _| (&s.description).into()),
    ];

    fn json(&self) -> Value {
        json!({
            "site_id": self.site_id, "name": self.name, "description": words::text(&self.description),
            "location": words::text(&self.location), "open_enrollment": self.open_enrollment,
            "created_at": words::time(&self.created_at), "updated_at": words::time(&self.updated_at),
        })
    }
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut registry = client.registry();
    match action {
        Action::List { limit } => {
            let sites = all(limit, async |page_size, page_token| {
                let request = pb::ListSitesRequest { page_size, page_token };
                let page = registry.list_sites(request).await?.into_inner();
                Ok((page.sites, page.next_page_token))
            });
            out.list(&sites.await?)?;
        }
        Action::Get { site_id } => {
            let found = answer(registry.get_site(pb::GetSiteRequest { site_id }).await)?;
            out.detail(&found.site.unwrap_or_default())?;
        }
        Action::Create { site_id, name, description, location, open_enrollment } => {
            let name = name.unwrap_or_else(|| site_id.clone());
            let request = pb::CreateSiteRequest { site_id, name, description, location, open_enrollment };
            let made = answer(registry.create_site(request).await)?;
            out.changed(&made.site.unwrap_or_default(), &[])?;
        }
        Action::Update { site_id, name, description, location, open_enrollment } => {
            let request = pb::UpdateSiteRequest { site_id, name, description, location, open_enrollment };
            let changed = answer(registry.update_site(request).await)?;
            out.changed(&changed.site.unwrap_or_default(), &[])?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
