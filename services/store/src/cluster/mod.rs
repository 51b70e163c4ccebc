//! The private cluster: a Postgres of our own in the server's data directory, for a server that is given no database.
//!
//! It listens on a Unix socket only, in a directory that nobody else may enter. It dies with the server: the kernel
//! tells it to stop when the thread that started it ends, so [`PrivateCluster::start`] belongs on the main thread.
//! Linux only: it relies on `/proc` and on the parent's death signal.

mod account;
mod binaries;
mod files;
mod layout;
mod leftovers;
mod postmaster;

use std::{
    io,
    path::{Path, PathBuf},
};

use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection, sql_query};

use homepot_host::data_dir::DataDirError;

use self::{binaries::Binaries, layout::Layout, postmaster::Postmaster};

/// Name of the database and of its owner.
const NAME: &str = "homepot";

/// Where the cluster lives.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// The server's data directory; the cluster takes `postgres` in it.
    pub data_dir: PathBuf,
}

/// Why the private cluster could not be started or stopped. Each says what to do where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The server's data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// No binaries anywhere.
    #[error(
        "no PostgreSQL found on PATH or under /usr/lib/postgresql: install it (on Debian and Ubuntu: apt install \
         postgresql) or set HOMEPOT_DATABASE_URL to a database that runs elsewhere"
    )]
    NotInstalled,
    /// Made by a version whose binaries are not here.
    #[error(
        "the data in {} was made by PostgreSQL {data}, and only PostgreSQL {found} is installed: install PostgreSQL \
         {data} beside it (on Debian and Ubuntu: apt install postgresql-{data}), or move the data to {found} with \
         pg_upgrade", dir.display()
    )]
    OtherVersion {
        /// The cluster's directory.
        dir: PathBuf,
        /// Major version of the data.
        data: String,
        /// Major versions of the binaries.
        found: String,
    },
    /// Another server has it.
    #[error("the data directory {} is in use by process {holder}: stop it, or give this server another one", dir.display())]
    Held {
        /// The server's data directory.
        dir: PathBuf,
        /// Process id, as the holder wrote it.
        holder: String,
    },
    /// Root can't run Postgres, and the user it would run as can't get there.
    #[error(
        "PostgreSQL does not run as root, and the user {user} may not enter {}: allow it (chmod o+x), or choose \
         another data directory", dir.display()
    )]
    NotTraversable {
        /// The user to run as.
        user: String,
        /// The first directory on the way that is closed.
        dir: PathBuf,
    },
    /// Root, and no user to run as.
    #[error(
        "PostgreSQL does not run as root, and this machine has no user homepot-db, postgres or nobody: make the first \
         (useradd --system --user-group --no-create-home --shell /usr/sbin/nologin homepot-db)"
    )]
    NoUser,
    /// It belongs to someone else.
    #[error("{} belongs to user id {owner} and not to {user}: start the server as the user who made it", dir.display())]
    OtherOwner {
        /// The directory.
        dir: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it should be.
        user: String,
    },
    /// No directory short enough for a socket.
    #[error("no directory for the socket: {} is too long a path, set TMPDIR to a shorter one", dir.display())]
    PathTooLong {
        /// The last one tried.
        dir: PathBuf,
    },
    /// A program of Postgres failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which.
        program: &'static str,
        /// The end of what it said.
        output: String,
    },
    /// A process did not end.
    #[error("PostgreSQL (process {pid}) does not stop: end it, then start again")]
    DoesNotStop {
        /// Its id.
        pid: u32,
    },
    /// It runs and can't be spoken to.
    #[error("PostgreSQL runs and does not answer: {0}")]
    NoAnswer(String),
    /// A file or process could not be handled.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Where the database of the cluster is that runs for the server with that data directory; `None`: none runs.
pub fn running(data_dir: &Path) -> Option<String> {
    let lock = std::fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).ok()?;
    // Its port and the directory of its socket.
    let mut lines = lock.lines().skip(3).map(str::trim);
    let (port, socket_dir) = lines.next().zip(lines.next())?;
    let host = layout::percent_encoded(Path::new(socket_dir));
    Some(format!("postgres:///{NAME}?host={host}&port={port}&user={NAME}"))
}

impl ClusterError {
    fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// A running cluster; dropping it stops it.
#[derive(Debug)]
pub struct PrivateCluster {
    postmaster: Postmaster,
    layout: Layout,
    binaries: Binaries,
    settings: Vec<String>,
}

impl PrivateCluster {
    /// Makes the cluster on the first start, starts it, and waits until it answers. Blocks; call it from the main
    /// thread and not on a runtime.
    pub fn start(config: ClusterConfig) -> Result<Self, ClusterError> {
        Self::start_with(config, &[])
    }

    /// With further settings of Postgres.
    pub(crate) fn start_with(config: ClusterConfig, settings: &[&str]) -> Result<Self, ClusterError> {
        let layout = Layout::open(&config.data_dir)?;
        let binaries = Binaries::for_data(&layout)?;
        if !layout.is_initialised()? {
            postmaster::init(&binaries, &layout)?;
        }
        layout.write_access()?;
        leftovers::clear(&layout)?;
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut postmaster = Postmaster::spawn(&binaries, &layout, &settings)?;
        postmaster.wait_until_ready(&layout)?;
        let cluster = Self { postmaster, layout, binaries, settings };
        cluster.create_database()?;
        let (version, user) = (cluster.binaries.major(), &cluster.layout.account.name);
        tracing::info!(dir = %cluster.layout.home.display(), version, user, "private postgres is up");
        cluster.layout.account.tell_if_shared();
        Ok(cluster)
    }

    /// Starts Postgres again if it has ended, such as by the kernel's hand when memory ran out. Tells whether it had.
    /// Blocks; call it from the thread that called [`PrivateCluster::start`].
    pub fn revive(&mut self) -> Result<bool, ClusterError> {
        if !self.postmaster.has_ended()? {
            return Ok(false);
        }
        tracing::error!(pid = self.pid(), "private postgres ended by itself, starting it again");
        leftovers::clear(&self.layout)?;
        self.postmaster = Postmaster::spawn(&self.binaries, &self.layout, &self.settings)?;
        self.postmaster.wait_until_ready(&self.layout)?;
        tracing::info!(pid = self.pid(), "private postgres is up again");
        Ok(true)
    }

    /// Where the database is.
    pub fn database_url(&self) -> String {
        self.url_of(NAME)
    }

    pub(crate) fn url_of(&self, database: &str) -> String {
        let host = layout::percent_encoded(&self.layout.socket_dir);
        format!("postgres:///{database}?host={host}&port={}&user={NAME}", layout::PORT)
    }

    /// The postmaster's process id.
    pub fn pid(&self) -> u32 {
        self.postmaster.pid()
    }

    /// Stops Postgres and waits until it is gone.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), ClusterError> {
        self.postmaster.stop()?;
        self.layout.remove_socket_dir();
        Ok(())
    }

    fn create_database(&self) -> Result<(), ClusterError> {
        let no_answer = |error: &dyn std::fmt::Display| ClusterError::NoAnswer(error.to_string());
        let mut conn = PgConnection::establish(&self.url_of("postgres")).map_err(|error| no_answer(&error))?;
        let exists = sql_query(format!("SELECT 1 FROM pg_database WHERE datname = '{NAME}'"));
        if exists.execute(&mut conn).map_err(|error| no_answer(&error))? == 0 {
            conn.batch_execute(&format!("CREATE DATABASE {NAME}")).map_err(|error| no_answer(&error))?;
        }
        Ok(())
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            tracing::error!(%error, "stopping the private postgres failed");
        }
    }
}
