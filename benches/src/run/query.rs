//! TODO
use crate::{host::Workshop, report::Report};
/// How.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// Rows
    #[arg(long, default_value_t = 100_000_000)]
    pub rows: u64,
    /// Devices
    #[arg(long, default_value_t = 10_000)]
    pub devices: usize,
    /// Asked
    #[arg(long, default_value_t = 200)]
    pub asked: usize,
}
/// Runs it.
pub async fn run(_args: &Args, _workshop: &Workshop, _report: &mut Report) -> anyhow::Result<()> {
    Ok(())
}
