//! What the operating system allows one process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes room for so many open files, of which each connection is one.
pub(super) fn raise_open_files(wanted: u64) -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    // Beyond the hard limit only root may go.
    let hard = maximum.map(|maximum| maximum.max(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard });
    let allowed = maximum.unwrap_or(u64::MAX);
    if raised.is_ok()
        || (allowed >= wanted && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok())
    {
        return Ok(());
    }
    anyhow::bail!(
        "so many devices need {wanted} open files and this process may have {allowed}; raise it (ulimit -n {wanted}, or \
         LimitNOFILE= of the unit), or start fewer devices"
    )
}
