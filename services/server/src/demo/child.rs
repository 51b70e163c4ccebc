//! A program that the demo runs: logs to a file, and always ends with the demo.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child as Process, Command};

use crate::tether::TetherArgs;

/// Of the shell's environment: where programs, the home and temporary files are, and how times and texts are written.
const PASSED_ON: &[&str] = &["PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL"];
/// Lines of a log that are shown when its program fails.
const TAIL: usize = 15;

/// A running program, in a process group of its own so that Ctrl-C reaches the demo alone.
pub(super) struct Child {
    name: &'static str,
    process: Process,
    group: Pid,
    log: PathBuf,
}

impl Child {
    /// Starts `program`. Only `environment` and [`PASSED_ON`] reach it: the demo does not depend on the shell's settings, and
    /// a credential in the shell's environment stays there.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[&OsStr],
        environment: &[(String, String)],
        log: PathBuf,
    ) -> anyhow::Result<Self> {
        let file = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.env_clear().envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        let process = command
            .args(TetherArgs::command_line(program))
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        let id = process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let group = id.with_context(|| format!("{name} ended at once"))?;
        Ok(Self { name, process, group, log })
    }

    /// Waits for its end, which nobody asked for.
    pub(super) async fn unexpected_end(&mut self) -> anyhow::Error {
        match self.process.wait().await {
            Ok(status) => anyhow::anyhow!("the {} ended by itself ({status})", self.name),
            Err(error) => anyhow::anyhow!("the {} is lost: {error}", self.name),
        }
    }

    /// Its log so far.
    pub(super) fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of its log, for a person to read.
    pub(super) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let shown = lines[lines.len().saturating_sub(TAIL)..].join("\n    ");
        format!("  the end of {}:\n    {shown}", self.log.display())
    }

    /// Asks it to end, and makes sure after `patience`; an error when it did not end well.
    pub(super) async fn stop(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.signal(Signal::TERM);
        let Ok(status) = tokio::time::timeout(patience, self.process.wait()).await else {
            self.kill();
            self.process.wait().await?;
            anyhow::bail!("the {} did not stop within {} s", self.name, patience.as_secs());
        };
        let status = status?;
        anyhow::ensure!(status.success(), "the {} ended with {status}", self.name);
        Ok(())
    }

    /// Ends it and all of its group at once.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // Not reaped yet, so the group can't be another's.
        if self.process.id().is_some() {
            let _ = kill_process_group(self.group, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
