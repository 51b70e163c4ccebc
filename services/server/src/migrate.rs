//! `homepot migrate`: brings the database's schema up to date and makes the first admin, so that no server has to.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use homepot_hints::{Hints, NotifyTransport};
use homepot_registry::Registry;
use homepot_runtime::Drain;
use homepot_store::Store;

use crate::{
    admin_token,
    on_database::on_database,
    server_secret,
    settings::{Flags, Settings},
    terminal,
};

pub(crate) const AFTER_HELP: &str = "\
Run it before the servers of a new version start. Servers that run with --migrations wait leave the schema alone; they \
wait until it is done. It may be repeated at any time, and several may run at once.

If there is no operator yet, it makes the first admin, with the token of HOMEPOT_ADMIN_TOKEN or HOMEPOT_ADMIN_TOKEN_FILE \
or one that it writes to admin-token in the data directory. It needs the secret of the servers for that: \
HOMEPOT_SECRET or HOMEPOT_SECRET_FILE.

It takes the settings of `homepot serve`. HOMEPOT_DATABASE_URL names the database; without it, it is the private one in \
the data directory.";

/// Migrates, and tells how that went.
pub(crate) fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    on_database(flags, migrate)?;
    terminal::say(format_args!("The database's schema is up to date."));
    Ok(ExitCode::SUCCESS)
}

async fn migrate(settings: Settings, url: String) -> anyhow::Result<()> {
    let store = Store::open(settings.database.config(url)).await.context("can't use the database")?;
    store.migrate().await.context("can't bring the database's schema up to date")?;
    let secret = server_secret::load(settings.secrets.server, &settings.data_dir)?;
    let drain = Drain::new();
    let hints = Hints::start(Arc::new(NotifyTransport::new(store.clone())), drain.clone());
    let registry = Registry::build(settings.registry, &secret, store, hints, drain.clone())?;
    admin_token::bootstrap(&registry, settings.secrets.admin_token, &settings.data_dir).await?;
    drain.start();
    Ok(())
}
