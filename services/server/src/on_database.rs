//! Work on the database that the settings of `homepot serve` name, without a server: what `migrate` and `restored` do.

use anyhow::Context as _;
use homepot_runtime::log;

use crate::{
    serve::start_cluster,
    settings::{Flags, Migrations, Settings},
};

/// Does `work` with the database's address; a private cluster runs for as long as it takes.
pub(crate) fn on_database<T, F>(flags: Flags, work: impl FnOnce(Settings, String) -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    // Servers may be set to wait for exactly this.
    let settings = Settings { migrations: Migrations::Run, ..Settings::read(flags)? };
    log::init(&settings.log, None).map_err(anyhow::Error::msg)?;
    let cluster = start_cluster(&settings)?;
    let url = match (&settings.database.url, &cluster) {
        (Some(url), _) => url.reveal().to_owned(),
        (None, Some(cluster)) => cluster.database_url(),
        (None, None) => anyhow::bail!("HOMEPOT_DATABASE_URL is not set, and the roles chosen need no database"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work(settings, url));
    if let Some(cluster) = cluster {
        cluster.stop().context("can't stop the private database")?;
    }
    done
}
