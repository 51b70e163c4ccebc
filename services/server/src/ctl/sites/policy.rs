//! `homepot ctl sites policy`.

use homepot::pb::rollout::v1 as pb;
use serde_json::{Value, json};

use super::super::kit::{
    args::SiteId,
    calls::answer,
    out::Out,
    record::{Column, Record, column},
    words,
};
use crate::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum Action {
    /// Show when devices of a site may apply releases, and whether their rollouts need an approval.
    Get(SiteId),
    /// Set when devices of a site may apply releases, and whether their rollouts need an approval.
    ///
    /// What is left out stays as it is. Devices that wait are asked again at once.
    Set(SetArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct SetArgs {
    #[command(flatten)]
    site: SiteId,
    /// Time zone of the windows, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// A maintenance window, such as 'mon-fri 22:00-06:00' or 'daily 02:00-04:00'. Can be repeated; replaces all windows.
    #[arg(long = "window", value_name = "WINDOW")]
    windows: Vec<String>,
    /// Remove all windows: devices may apply releases at any time.
    #[arg(long, conflicts_with = "windows")]
    any_time: bool,
    /// Whether rollouts that reach the site wait for the approval of a second person.
    #[arg(long, value_name = "true|false")]
    needs_approval: Option<bool>,
}

impl Record for pb::GetUpdatePolicyResponse {
    const COLUMNS: &'static [Column<Self>] = &[
        column("WINDOWS", |p, _| windows(p).into()),
        column("TIME ZONE", |p, _| p.policy.as_ref().map(|policy| policy.time_zone.clone()).unwrap_or_default().into()),
        column("OPEN", |p, _| if p.open { "yes" } else { "no" }.into()),
        column("OPENS", |p, style| style.time(&p.opens_at)),
        column("NEEDS APPROVAL", |p, _| if needs_approval(p) { "yes" } else { "no" }.into()),
        column("CHANGED", |p, style| style.time(&p.changed_at)),
        column("BY", |p, _| (&p.changed_by).into()),
    ];

    fn json(&self) -> Value {
        let policy = self.policy.clone().unwrap_or_default();
        json!({
            "time_zone": words::text(&policy.time_zone), "windows": policy.windows,
            "needs_approval": policy.needs_approval, "open": self.open, "opens_at": words::time(&self.opens_at),
            "changed_by": words::text(&self.changed_by), "changed_at": words::time(&self.changed_at),
        })
    }
}

fn windows(found: &pb::GetUpdatePolicyResponse) -> String {
    let windows = found.policy.as_ref().map(|policy| policy.windows.join("; ")).unwrap_or_default();
    if windows.is_empty() { "at any time".to_owned() } else { windows }
}

fn needs_approval(found: &pb::GetUpdatePolicyResponse) -> bool {
    found.policy.as_ref().is_some_and(|policy| policy.needs_approval)
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Get(SiteId { site_id }) => out.detail(&get(client, &site_id).await?),
        Action::Set(args) => set(client, out, args).await,
    }
}

async fn set(client: &Client, out: &Out, args: SetArgs) -> anyhow::Result<()> {
    let SetArgs { site: SiteId { site_id }, time_zone, windows, any_time, needs_approval } = args;
    let mut policy = get(client, &site_id).await?.policy.unwrap_or_default();
    policy.time_zone = time_zone.unwrap_or(policy.time_zone);
    policy.needs_approval = needs_approval.unwrap_or(policy.needs_approval);
    if any_time || !windows.is_empty() {
        policy.windows = windows;
    }
    let request = pb::SetUpdatePolicyRequest { site_id: site_id.clone(), policy: Some(policy) };
    answer(client.rollouts().set_update_policy(request).await)?;
    out.detail(&get(client, &site_id).await?)
}

async fn get(client: &Client, site_id: &str) -> anyhow::Result<pb::GetUpdatePolicyResponse> {
    let request = pb::GetUpdatePolicyRequest { site_id: site_id.to_owned() };
    answer(client.rollouts().get_update_policy(request).await)
}
