//! The database of both servers, which can be killed, and can be in trouble while it lives.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{super::schedule::Trouble, actor::Actor};
use crate::{cluster::ClusterFiles, database::binary, server::clean};

/// Room for the ledger of the longest run that anybody has patience for.
const DISK_MEBIBYTES: u32 = 512;

/// A Postgres of the test's own: the server's private one would die with its server.
pub(super) struct Postgres {
    pub(super) actor: Actor,
    files: Arc<ClusterFiles>,
    /// Clients that hold a lock, or wait for it.
    lockers: Vec<Child>,
    /// When what goes on now ends.
    full_until: Option<Instant>,
    read_only_until: Option<Instant>,
}

impl Postgres {
    /// Makes one in `directory` and starts it. It lies on a disk of its own where this user may mount one.
    pub(super) fn start(directory: PathBuf, log: PathBuf) -> Self {
        let files = Arc::new(ClusterFiles::make(directory, Some(DISK_MEBIBYTES)));
        let started = files.clone();
        let actor = Actor::start(log, move || started.postmaster());
        Self { actor, files, lockers: Vec::new(), full_until: None, read_only_until: None }
    }

    /// The address of its one database.
    pub(super) fn url(&self) -> String {
        self.files.url("postgres")
    }

    /// Whether it has a disk that can be filled.
    pub(super) fn has_disk(&self) -> bool {
        self.files.disk.is_some()
    }

    /// Brings trouble upon it for so long; `false`: it has that already, or is not there.
    pub(super) fn trouble(&mut self, trouble: Trouble, lasts: Duration) -> bool {
        let until = Some(Instant::now() + lasts);
        match trouble {
            Trouble::Lock(table) => self.actor.id().is_some() && self.lock(table, lasts),
            Trouble::FullDisk => {
                let Some(disk) = self.files.disk.as_ref().filter(|_| self.full_until.is_none()) else { return false };
                disk.fill();
                self.full_until = until;
                true
            }
            Trouble::ReadOnly => {
                let new = self.read_only_until.is_none();
                if new {
                    fs::write(self.files.settings(), "default_transaction_read_only = on\n").expect("a file");
                    self.read_settings();
                    self.read_only_until = until;
                }
                new
            }
        }
    }

    /// Ends what is over, and starts it again where that is due.
    pub(super) fn tend(&mut self) {
        let now = Instant::now();
        if self.full_until.is_some_and(|until| until <= now) {
            self.end_full_disk();
        }
        if self.read_only_until.is_some_and(|until| until <= now) {
            self.end_read_only();
        }
        self.lockers.retain_mut(|locker| locker.try_wait().expect("a child can be asked").is_none());
        self.actor.tend();
    }

    /// Ends all trouble, and starts it if it is down. A lock ends by itself.
    pub(super) fn rise(&mut self) {
        self.end_full_disk();
        self.end_read_only();
        self.actor.rise();
    }

    /// Has a client hold the strongest lock on `table`: whoever reads or writes it waits.
    fn lock(&mut self, table: &str, lasts: Duration) -> bool {
        let mut psql = clean(Command::new(binary("psql")));
        let statement =
            format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({})", lasts.as_secs_f64());
        psql.args(["--no-psqlrc", "--quiet", "--dbname", &self.url(), "--command", &statement]);
        psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.lockers.push(psql.spawn().expect("psql runs"));
        true
    }

    fn end_full_disk(&mut self) {
        if let Some(disk) = &self.files.disk
            && self.full_until.take().is_some()
        {
            disk.free();
        }
    }

    fn end_read_only(&mut self) {
        if self.read_only_until.take().is_some() {
            fs::remove_file(self.files.settings()).expect("the file of settings is there");
            self.read_settings();
        }
    }

    /// Tells a postmaster that runs; one that starts later reads them anyway.
    fn read_settings(&self) {
        let id = self.actor.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(id) = id {
            // Fails only when it has just ended.
            let _ = kill_process(id, Signal::HUP);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        for locker in &mut self.lockers {
            // Fails only when it is gone already.
            let _ = locker.kill();
            let _ = locker.wait();
        }
    }
}
