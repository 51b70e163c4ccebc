//! `homepot confirm-clock`: lets somebody confirm that the database's clock is right.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use chrono::SecondsFormat;
use homepot_host::settings::{Reader, Surroundings};
use homepot_store::{Store, StoreConfig, cluster, maintenance, settings::DatabaseAddressFlags};

use crate::{settings::default_data_dir, terminal::say};

pub(crate) const AFTER_HELP: &str = "\
Maintenance stops when the database's clock has leapt far ahead since the last round, because with a wrong clock it \
would drop data that has not expired. It resumes by itself once the clock has run steadily for long enough. This command \
ends the wait. Check the clock first: `date` on the database's machine, or `SELECT now()`.

Without an address, the database is the private one of the server that runs on the data directory.";

/// A server waits for its database; whoever types this does not.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which database.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmClockArgs {
    /// The running server's data directory.
    #[arg(long, env = "HOMEPOT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseAddressFlags,
}

pub(crate) fn run(args: ConfirmClockArgs) -> anyhow::Result<()> {
    let url = database_url(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let confirmed = async {
        let store = Store::open(StoreConfig { threads: 1, ..StoreConfig::new(url) }).await?;
        store.run("confirm_clock", maintenance::confirm_clock).await
    };
    let now = runtime.block_on(async { tokio::time::timeout(PATIENCE, confirmed).await });
    let now = now.context("the database is out of reach")?.context("can't confirm the clock")?;
    let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    say(format_args!("The database's clock shows {now}. Maintenance goes by it from the next round on."));
    Ok(())
}

fn database_url(args: ConfirmClockArgs) -> anyhow::Result<String> {
    let mut reader = Reader::new(Surroundings::of_this_process());
    let url = args.database.read(&mut reader);
    if let Some(url) = reader.finish(url)? {
        return Ok(url.reveal().to_owned());
    }
    let data_dir = args.data_dir.or_else(default_data_dir).context("no data directory: set --data-dir")?;
    cluster::running(&data_dir)
        .with_context(|| format!("no private database runs in {}: start the server first", data_dir.display()))
}
