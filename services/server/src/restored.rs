//! `homepot restored`: tells a database that it was restored from a backup.

use std::process::ExitCode;

use anyhow::Context as _;
use homepot_runtime::log;
use homepot_store::{Lane, Store, StoreConfig, restored};

use crate::{
    serve::start_cluster,
    settings::{Flags, Settings},
    terminal,
};

pub(crate) const AFTER_HELP: &str = "\
Run it once, after the files of a database were restored and before a server starts on it. After pg_restore into a new
database you don't need it: the first start notices the restore.

It takes the settings of `homepot serve`. HOMEPOT_DATABASE_URL names the database; without it, it is the private one in
the data directory.";

/// Ends what was under way when the backup was made.
pub(crate) fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(flags)?;
    log::init(&settings.log).map_err(anyhow::Error::msg)?;
    let cluster = start_cluster(&settings)?;
    let url = match (&settings.database.url, &cluster) {
        (Some(url), _) => url.reveal().to_owned(),
        (None, Some(cluster)) => cluster.database_url(),
        (None, None) => anyhow::bail!("HOMEPOT_DATABASE_URL is not set, and the roles chosen need no database"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(end_under_way(settings.database.config(url)));
    if let Some(cluster) = cluster {
        cluster.stop().context("can't stop the private database")?;
    }
    let restored::Ended { commands, runs } = ended?;
    terminal::say(format_args!("{commands} commands are unknown now, and {runs} runs are halted."));
    Ok(ExitCode::SUCCESS)
}

async fn end_under_way(config: StoreConfig) -> anyhow::Result<restored::Ended> {
    let store = Store::open(config).await.context("can't reach the database")?;
    let noticed = store.migrate().await.context("can't bring the database's schema up to date")?;
    let told = store.lane(Lane::Upkeep).run("end_under_way", restored::end_under_way).await?;
    // What the migration noticed by itself counts as well.
    let before = noticed.unwrap_or_default();
    Ok(restored::Ended { commands: before.commands + told.commands, runs: before.runs + told.runs })
}
