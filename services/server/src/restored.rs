//! `homepot restored`: tells a database that it was restored from a backup.

use std::process::ExitCode;

use anyhow::Context as _;
use homepot_store::{Lane, Store, restored};

use crate::{
    on_database::on_database,
    settings::{Flags, Settings},
    terminal,
};

pub(crate) const AFTER_HELP: &str = "\
Run it once, after the files of a database were restored and before a server starts on it. After pg_restore into a new \
database you don't need it: the first start notices the restore.

It takes the settings of `homepot serve`. HOMEPOT_DATABASE_URL names the database; without it, it is the private one in \
the data directory.";

/// Ends what was under way when the backup was made.
pub(crate) fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let restored::Ended { commands, runs } = on_database(flags, end_under_way)?;
    terminal::say(format_args!("{commands} commands are unknown now, and {runs} runs are halted."));
    Ok(ExitCode::SUCCESS)
}

async fn end_under_way(settings: Settings, url: String) -> anyhow::Result<restored::Ended> {
    let store = Store::open(settings.database.config(url)).await.context("can't reach the database")?;
    let noticed = store.migrate().await.context("can't bring the database's schema up to date")?;
    let told = store.lane(Lane::Upkeep).run("end_under_way", restored::end_under_way).await?;
    // What the migration noticed by itself counts as well.
    let before = noticed.unwrap_or_default();
    Ok(restored::Ended { commands: before.commands + told.commands, runs: before.runs + told.runs })
}
