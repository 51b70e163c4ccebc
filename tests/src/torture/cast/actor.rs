//! A process that is killed and comes back, as one under a service manager does.

use std::{
    fs::{File, OpenOptions},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a service manager waits before it starts again what ended by itself.
const REST: Duration = Duration::from_millis(300);

/// A process that is killed and comes back; dropping it ends it.
pub(super) struct Actor {
    command: Box<dyn Fn() -> Command + Send>,
    /// Gets what all its lives print.
    log: PathBuf,
    child: Option<Child>,
    /// When it comes back, while it is down.
    due: Option<Instant>,
    /// How often it ended by itself.
    falls: usize,
}

impl Actor {
    /// Starts `command`, and starts it again whenever it is down.
    pub(super) fn start(log: PathBuf, command: impl Fn() -> Command + Send + 'static) -> Self {
        let mut actor = Self { command: Box::new(command), log, child: None, due: None, falls: 0 };
        actor.spawn();
        actor
    }

    /// Kills it as a power cut would, to come back after `away`; `false`: it is down already.
    pub(super) fn strike(&mut self, away: Duration) -> bool {
        let struck = self.kill();
        if struck {
            self.due = Some(Instant::now() + away);
        }
        struck
    }

    /// Starts it again where that is due.
    pub(super) fn tend(&mut self) {
        let ended = self.child.as_mut().is_some_and(|child| child.try_wait().expect("a child can be asked").is_some());
        if ended {
            self.falls += 1;
            self.child = None;
            self.due = Some(Instant::now() + REST);
        }
        if self.due.is_some_and(|due| due <= Instant::now()) {
            self.spawn();
        }
    }

    /// Starts it at once, if it is down.
    pub(super) fn rise(&mut self) {
        if self.child.is_none() {
            self.spawn();
        }
    }

    /// Kills it for good.
    pub(super) fn end(&mut self) {
        self.kill();
        self.due = None;
    }

    /// The id of its process, while it is up.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// How often it ended by itself.
    pub(super) fn falls(&self) -> usize {
        self.falls
    }

    fn kill(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return false };
        // Fails only when it is gone already.
        let _ = child.kill();
        let _ = child.wait();
        true
    }

    fn spawn(&mut self) {
        let log = || -> File { OpenOptions::new().create(true).append(true).open(&self.log).expect("a log") };
        let mut command = (self.command)();
        command.stdin(Stdio::null()).stdout(log()).stderr(log());
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.log.display()));
        (self.child, self.due) = (Some(child), None);
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.end();
    }
}
