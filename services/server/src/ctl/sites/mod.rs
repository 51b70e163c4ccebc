//! `homepot ctl sites`.

mod policy;

use std::{process::ExitCode, time::Duration};

use homepot::pb::registry::v1 as pb;
use serde_json::{Value, json};

use super::kit::{
    args::{Limit, SiteId},
    calls::{all, answer},
    fleet,
    out::Out,
    record::{Column, Record, column, wide},
    removal::Removal,
    words,
};
use crate::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List the sites you may see.
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one site.
    Get(SiteId),
    /// Create a site.
    Create {
        /// Id of the new site: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', a letter or digit first.
        #[arg(value_name = "SITE_ID")]
        site_id: String,
        /// Name of the site, for people [default: its id].
        #[arg(long)]
        name: Option<String>,
        /// Description of the site.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        description: String,
        /// Location of the site.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        location: String,
        /// Let devices on the server's machine enrol without a token. The server must allow it too.
        #[arg(long)]
        open_enrollment: bool,
    },
    /// Change a site. Fields that are left out stay as they are.
    Update {
        /// The site.
        #[arg(value_name = "SITE_ID")]
        site_id: String,
        /// Name of the site, for people.
        #[arg(long)]
        name: Option<String>,
        /// Description of the site.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Location of the site.
        #[arg(long, value_name = "TEXT")]
        location: Option<String>,
        /// Whether devices on the server's machine may enrol without a token.
        #[arg(long, value_name = "true|false")]
        open_enrollment: Option<bool>,
    },
    /// Remove a site for good.
    ///
    /// Asks you to type the site's id. Its enrolment tokens end. If the command was cut short, repeat it.
    Remove(RemoveArgs),
    /// Maintenance windows of a site, and the approval of rollouts that reach it.
    Policy {
        #[command(subcommand)]
        action: policy::Action,
    },
}

/// The site to remove, and whether to remove its devices too.
#[derive(Debug, clap::Args)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    site: SiteId,
    /// Remove its devices too. Without this flag, the site must have none.
    #[arg(long)]
    with_devices: bool,
    #[command(flatten)]
    removal: Removal,
}

/// A site may have thousands of devices with many samples.
const TAKES: Duration = Duration::from_secs(3600);

impl Action {
    /// How much longer than others its call may take.
    pub(super) fn takes(&self) -> Duration {
        match self {
            Self::Remove(_) => TAKES,
            _ => Duration::ZERO,
        }
    }
}

impl Record for pb::Site {
    const COLUMNS: &'static [Column<Self>] = &[
        column("SITE", |s, _| (&s.site_id).into()),
        column("NAME", |s, _| (&s.name).into()),
        wide("OPEN ENROLLMENT", |s, _| if s.open_enrollment { "yes" } else { "no" }.into()),
        column("CREATED", |s, style| style.time(&s.created_at)),
        wide("UPDATED", |s, style| style.time(&s.updated_at)),
        wide("REMOVED", |s, style| style.time(&s.removed_at)),
        column("LOCATION", |s, _| (&s.location).into()),
        wide("DESCRIPTION", |s, _| (&s.description).into()),
    ];

    const NAME: Option<&'static str> = Some("site_id");

    fn json(&self) -> Value {
        json!({
            "site_id": self.site_id, "name": self.name, "description": words::text(&self.description),
            "location": words::text(&self.location), "open_enrollment": self.open_enrollment,
            "created_at": words::time(&self.created_at), "updated_at": words::time(&self.updated_at),
            "removed_at": words::time(&self.removed_at),
        })
    }
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut registry = client.registry();
    match action {
        Action::List { limit } => {
            let sites = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListSitesRequest { page_size, page_token };
                let page = registry.list_sites(request).await?.into_inner();
                Ok((page.sites, page.next_page_token))
            });
            out.list(&sites.await?)?;
        }
        Action::Get(SiteId { site_id }) => {
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
        Action::Remove(args) => remove(client, out, args).await?,
        Action::Policy { action } => policy::run(client, out, action).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove(client: &Client, out: &Out, args: RemoveArgs) -> anyhow::Result<()> {
    let RemoveArgs { site: SiteId { site_id }, with_devices, removal } = args;
    let mut registry = client.registry();
    answer(registry.get_site(pb::GetSiteRequest { site_id: site_id.clone() }).await)?;
    let (words, history) = removal.fate();
    let devices = if with_devices {
        let found = fleet::summarize(client, site_id.clone(), String::new(), None).await?;
        format!(" with {} real and {} simulated devices", found.total, found.not_counted)
    } else {
        String::new()
    };
    let confirm = removal.confirm(&format!("site {site_id}{devices} goes for good; {words}"), &site_id)?;
    let history_kept = removal.history().into();
    let request = pb::RemoveSiteRequest { site_id: site_id.clone(), history: history_kept, confirm, with_devices };
    let removed = answer(registry.remove_site(request).await)?.devices_removed;
    let value = json!({ "site_id": site_id, "removed": true, "history": history, "devices_removed": removed });
    out.outcome(&value, Some(&site_id), format_args!("site {site_id} and {removed} device(s) are removed; {words}"))
}
