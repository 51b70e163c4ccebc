//! The launcher: `homepot-agent launch` starts the agent, and returns to the last good one where a new one is no good.
//!
//! It is the program that was installed by hand or by a package, and is not updated over the air; so it reads no configuration, and
//! nothing but the files that [`own`] describes. Without a program on probation it becomes the agent (`exec`), so that there is one
//! process as if it had been started directly. With one it stays, as the agent's parent: it hands on signals, and takes the program
//! back once it has ended or hung too often. What a launcher and an agent of any two versions say to each other:
//!
//! - the launcher starts `homepot-agent run` with the arguments that it was given;
//! - `HOMEPOT_AGENT_LAUNCHER` is the launcher's process and program, as `PID:PATH`;
//! - an agent on probation that has reached its loop sends SIGUSR1 to its parent;
//! - an agent that replaced itself, put back the one before or proved itself ends with the exit code 5, or becomes the launcher
//!   again where that is not its parent.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use homepot_host::{
    environment::{self, VariableError},
    trust,
};
use tokio::{
    process, select,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    RunError,
    platform::{self, Signals},
    state::{StateDir, StateError},
    update::{
        Dir, RealDisk,
        own::{self, Choice, DIRECTORY, PROGRAM, Starts},
    },
};

/// The exit code of an agent whose launcher is to start what is there now.
pub const REPLACED: u8 = 5;
const VARIABLE: &str = "HOMEPOT_AGENT_LAUNCHER";
const STATE_DIR_FLAG: &str = "--state-dir";
/// A program on probation that has ended is started again after this.
const PAUSE: Duration = Duration::from_secs(1);
/// An agent of before, whose launcher was killed, is gone after this.
const LOCKED: Duration = Duration::from_secs(5);

/// The launcher of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launched {
    /// Whether it is the parent of this process, which is on probation; otherwise it has become this process.
    is_parent: bool,
    launcher: PathBuf,
}

impl Launched {
    /// Who launched this process; `None`: nobody did.
    pub fn of_this_process() -> Result<Option<Self>, VariableError> {
        let told = environment::variable(VARIABLE)?;
        Ok(told.and_then(|told| Self::parse(&told, std::process::id(), platform::parent_id())))
    }

    /// Programs that the agent runs may inherit the variable: it counts only for a process of the launcher's.
    fn parse(told: &str, own: u32, parent: Option<u32>) -> Option<Self> {
        let (pid, launcher) = told.split_once(':')?;
        let pid = Some(pid.parse().ok()?);
        let is_parent = pid == parent;
        (is_parent || pid == Some(own)).then(|| Self { is_parent, launcher: launcher.into() })
    }

    /// Ends this process when its launcher is gone: a program on probation must not go on without anybody who takes it back.
    pub fn follow(&self) {
        if self.is_parent {
            platform::end_with_parent();
        }
    }

    /// This agent has reached its loop.
    pub fn is_up(&self) {
        if self.is_parent {
            platform::tell_parent();
        }
    }

    /// Lets the launcher start what is there now. Comes back only where it is to be told by the exit code [`REPLACED`].
    pub fn start_again(&self, args: impl IntoIterator<Item = OsString>) {
        if !self.is_parent {
            let error = Command::new(&self.launcher).arg("launch").args(args).exec();
            tracing::error!(%error, launcher = %self.launcher.display(), "the launcher can't be started");
        }
    }
}

/// Launches the agent with these arguments of `homepot-agent run`, and returns its exit code where that is the end. `default` is the
/// state directory where the arguments and the environment name none.
pub fn launch(args: Vec<OsString>, default: Option<PathBuf>) -> anyhow::Result<u8> {
    let installed = std::env::current_exe()?;
    let state = state_dir(&args)?.or(default);
    // Without a state directory there is no program in it. Its path must not go through links, see `RealDisk`.
    let state = state.and_then(|state| state.canonicalize().ok());
    let Some(state) = state.filter(|state| state.join(DIRECTORY).is_dir()) else {
        return Err(become_agent(&installed, &installed, &args).into());
    };
    let dir = Dir::Target(state.join(DIRECTORY));
    let mut launcher = Launcher {
        program: state.join(DIRECTORY).join(PROGRAM),
        disk: RealDisk::of_targets(&state),
        starts: Starts::default(),
        installed,
        state,
        dir,
        args,
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(launcher.run())
}

/// The state directory, as `homepot-agent run` finds it. A configuration file is not read.
fn state_dir(args: &[OsString]) -> Result<Option<PathBuf>, VariableError> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == STATE_DIR_FLAG {
            return Ok(args.next().map(PathBuf::from));
        }
        if let Some(value) = arg.to_str().and_then(|arg| arg.strip_prefix(STATE_DIR_FLAG)?.strip_prefix('=')) {
            return Ok(Some(value.into()));
        }
    }
    Ok(environment::variable("HOMEPOT_AGENT_STATE_DIR")?.map(PathBuf::from))
}

fn variable(installed: &Path) -> OsString {
    let mut value = OsString::from(format!("{}:", std::process::id()));
    value.push(installed);
    value
}

/// Becomes the agent; comes back only with an error.
fn become_agent(program: &Path, installed: &Path, args: &[OsString]) -> io::Error {
    Command::new(program).arg("run").args(args).env(VARIABLE, variable(installed)).exec()
}

struct Launcher {
    /// This program.
    installed: PathBuf,
    /// The one in the state directory.
    program: PathBuf,
    state: PathBuf,
    dir: Dir,
    args: Vec<OsString>,
    disk: RealDisk,
    starts: Starts,
}

/// How a program on probation ended.
enum End {
    /// It was asked to, or is not on probation any more: its exit code.
    Over(u8),
    /// It replaced itself, put back what was there before, or proved itself.
    Replaced,
    /// By itself, or because it hung.
    Failed,
}

impl Launcher {
    async fn run(&mut self) -> anyhow::Result<u8> {
        let mut signals: Option<Signals> = None;
        loop {
            if let Some(signals) = &mut signals
                && signals.was_asked().await
            {
                return Ok(0);
            }
            if own::is_on_trial(&mut self.disk, &self.dir) && !self.is_alone().await {
                return Err(RunError::State(StateError::Locked(self.state.clone())).into());
            }
            let choice = own::choose(&mut self.disk, &self.dir, &mut self.starts).unwrap_or_else(|error| {
                tracing::error!(%error, "what the updater left can't be read; the installed agent is started");
                Choice::Installed
            });
            let fault = match choice {
                Choice::Installed => return Err(self.become_agent(&self.installed).into()),
                _ => trust::check(&self.program).err(),
            };
            if let Some(fault) = fault {
                tracing::error!(%fault, "the agent in the state directory is not started; the installed one is");
                return Err(self.become_agent(&self.installed).into());
            }
            let Choice::Trial(patience) = choice else {
                let error = self.become_agent(&self.program);
                tracing::error!(%error, "the agent in the state directory can't be started; the installed one is");
                return Err(self.become_agent(&self.installed).into());
            };
            // Listened to from the first child on, so that none is lost between two.
            let signals = match &mut signals {
                Some(signals) => signals,
                none => none.insert(Signals::listen()?),
            };
            match self.supervise(patience, signals).await? {
                End::Over(code) => return Ok(code),
                End::Replaced => {}
                End::Failed => sleep(PAUSE).await,
            }
        }
    }

    fn become_agent(&self, program: &Path) -> io::Error {
        become_agent(program, &self.installed, &self.args)
    }

    /// Whether no agent runs on this state directory: the start of another one must not count against the program.
    async fn is_alone(&self) -> bool {
        let until = Instant::now() + LOCKED;
        loop {
            // A directory that the agent would refuse is for the agent to tell.
            let is_locked = StateDir::existing(&self.state).is_ok_and(|state| state.is_locked());
            if !is_locked || Instant::now() >= until {
                return !is_locked;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn supervise(&mut self, patience: Duration, signals: &mut Signals) -> io::Result<End> {
        let mut command = process::Command::new(&self.program);
        command.arg("run").args(&self.args).env(VARIABLE, variable(&self.installed));
        platform::own_group(&mut command);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, "the new agent can't be started");
                return Ok(End::Failed);
            }
        };
        let pid = child.id();
        let (deadline, mut is_up, mut is_asked) = (Instant::now() + patience, false, false);
        let status = loop {
            select! {
                status = child.wait() => break status?,
                signal = signals.next() => match (signal, pid) {
                    (None, _) => is_up = true,
                    (Some(signal), Some(pid)) => {
                        is_asked = true;
                        platform::signal_process(pid, signal);
                    }
                    (Some(_), None) => {}
                },
                () = sleep_until(deadline), if !is_up && !is_asked => {
                    tracing::error!(after_ms = crate::milliseconds(patience), "the new agent did not reach its loop in time and is killed");
                    pid.into_iter().for_each(platform::kill_group);
                    child.wait().await?;
                    return Ok(End::Failed);
                }
            }
        };
        let code = exit_code(status);
        if code == REPLACED && !is_asked {
            return Ok(End::Replaced);
        }
        if is_asked || !own::is_on_trial(&mut self.disk, &self.dir) {
            return Ok(End::Over(code));
        }
        tracing::error!(%status, "the new agent has ended while on probation");
        Ok(End::Failed)
    }
}

/// The exit code of an ended program, as shells tell it.
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_directory_is_found_as_the_agent_finds_it() {
        let found = |args: &[&str]| state_dir(&args.iter().map(OsString::from).collect::<Vec<_>>()).unwrap();
        assert_eq!(found(&["--site", "a", "--state-dir", "/s"]), Some("/s".into()));
        assert_eq!(found(&["--state-dir=/s", "--site", "a"]), Some("/s".into()));
        assert_eq!(found(&["--site", "a", "--state-directory=/s"]), None);
    }

    #[test]
    fn a_launcher_counts_only_for_a_process_of_its_own() {
        let parse = |told: &str| Launched::parse(told, 7, Some(5));
        let launched = |is_parent| Some(Launched { is_parent, launcher: "/usr/bin/homepot-agent".into() });
        assert_eq!(parse("7:/usr/bin/homepot-agent"), launched(false));
        assert_eq!(parse("5:/usr/bin/homepot-agent"), launched(true));
        for told in ["6:/usr/bin/homepot-agent", "/usr/bin/homepot-agent", "", "x:y"] {
            assert_eq!(parse(told), None, "{told}");
        }
    }
}
