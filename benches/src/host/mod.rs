//! What runs on this machine for a benchmark, and what it takes of it.

mod balancer;
mod broker;
mod cluster;
mod collector;
mod machine;
mod psql;
mod server;
mod usage;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use self::machine::said;
pub use self::{
    balancer::{Balancer, Prefers},
    broker::Broker,
    cluster::Cluster,
    collector::Collector,
    machine::describe,
    psql::{Psql, postgres_program},
    server::{Server, Setting},
    usage::{Cores, Cpu, Memory, memory, precise_cpu},
};

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Where the programs are, and where benchmarks may write: the directory of build output.
#[derive(Debug)]
pub struct Workshop {
    programs: PathBuf,
    output: PathBuf,
}

impl Workshop {
    /// The one around this very program, unless results and data are to go elsewhere.
    pub fn open(output: Option<PathBuf>) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("can't tell where this program is")?;
        let programs = own.parent().context("a program lies in a directory")?.to_owned();
        let output = output.unwrap_or_else(|| programs.parent().unwrap_or(&programs).join("bench"));
        std::fs::create_dir_all(&output).with_context(|| format!("can't make {}", output.display()))?;
        Ok(Self { programs, output })
    }

    /// The same with the programs of another build.
    #[must_use]
    pub fn with_programs_of(&self, programs: &Path) -> Self {
        Self { programs: programs.to_owned(), output: self.output.clone() }
    }

    /// The built program of that name.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.programs.join(name);
        anyhow::ensure!(path.is_file(), "{} was not built; `make bench` builds it", path.display());
        Ok(path)
    }

    /// Where tables are written.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// A directory that is gone when its value is.
    pub fn scratch(&self) -> anyhow::Result<TempDir> {
        directory_in(&self.output)
    }

    /// Where data that took long to make is kept for the next run; nothing is there yet when it is asked for first.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.output.join("kept").join(name)
    }

    /// A directory to make such data in, beside where it is kept: gone with its value, unless it is renamed.
    pub fn draft(&self) -> anyhow::Result<TempDir> {
        directory_in(&self.output.join("kept"))
    }
}

fn directory_in(parent: &Path) -> anyhow::Result<TempDir> {
    std::fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
    let directory = tempfile::Builder::new().prefix("run-").tempdir_in(parent)?;
    open_to_all(directory.path())?;
    Ok(directory)
}

/// As root the server runs Postgres as another user, who has to get through.
fn open_to_all(directory: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?)
}

/// An address on this machine that nobody listens at, and that no connection can take by chance: ports below those that
/// the kernel gives to connections. A device that keeps trying a port of theirs ends up connected to itself.
pub fn free_address() -> anyhow::Result<String> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|port| port.parse().ok()).unwrap_or(32_768_u16);
    // From a place of our own, so that two benchmarks at a time do not take the same.
    let (lowest, start) = (10_000.min(first.saturating_sub(1)), std::process::id() as u16 ^ NEXT.fetch_add(7, Relaxed));
    let mut ports = (0..first - lowest).map(|step| lowest + (start % (first - lowest) + step) % (first - lowest));
    let free = ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.map(|port| format!("127.0.0.1:{port}")).context("no port is free")
}

/// Ten thousand devices are ten thousand sockets, here and in the children, which inherit the limit.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, the benchmark that needs it says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// As [`raise_file_limit`], for one that needs so many; beyond the hard limit only root may go.
pub fn raise_file_limit_to(wanted: u64) -> anyhow::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let Some(allowed) = maximum.filter(|allowed| *allowed < wanted) else { return Ok(()) };
    let limit = Rlimit { current: Some(wanted), maximum: Some(wanted) };
    setrlimit(Resource::Nofile, limit).with_context(|| format!("this needs {wanted} open files and may have {allowed}"))
}
