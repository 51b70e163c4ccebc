//! `homepot-sim remove`: a fleet goes from the server, with all that is kept of it, and its keys with it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use homepot::pb::registry::v1 as pb;

use super::{args, enrol::SET_LABEL, keys::Keys};
use crate::{
    screen::answer,
    server::{Server, refusal},
};

/// A large fleet takes the server minutes.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Which fleet.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    /// Name of the fleet
    #[arg(long, default_value = "sim", value_parser = args::name)]
    name: String,
    /// Directory of the fleet's keys [default: homepot-sim in the user's state directory]
    #[arg(long, env = "HOMEPOT_SIM_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Removes a fleet; whatever is real stays, the server sees to that.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    // First: a fleet that runs is not removed under itself.
    let (keys, _) = Keys::open(&args::state_dir(args.state_dir.as_ref())?, &args.name)?;
    let token = args.server.token()?.context("give an admin's token in HOMEPOT_TOKEN or by --token-file")?;
    let mut registry = args.server.registry(&token, PATIENCE).await?;
    let request = pb::RemoveSimulatedDevicesRequest {
        site_ids: Vec::new(),
        label_selector: format!("{SET_LABEL}={}", args.name),
        all: false,
        expected_devices: None,
    };
    let removed = registry.remove_simulated_devices(request).await.map_err(|status| refusal(&status))?;
    keys.clear().with_context(|| format!("can't empty {}", keys.path().display()))?;
    answer(format_args!("{} simulated devices of the fleet '{}' are removed", removed.into_inner().removed, args.name));
    Ok(ExitCode::SUCCESS)
}
