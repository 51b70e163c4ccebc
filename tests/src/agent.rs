//! `homepot-agent run` as a process of its own.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Process, System, data_parent, field,
    process::{kill_stranger, processes_with},
    program,
    server::clean,
};

/// How an agent is started.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// The site it enrols at.
    pub site_id: String,
    /// The id it takes.
    pub device_id: String,
    /// Settings, as environment variables.
    pub env: Vec<(&'static str, String)>,
    /// Further arguments of `homepot-agent run`.
    pub args: Vec<String>,
    /// `run`, or `launch`.
    pub subcommand: &'static str,
}

impl AgentOptions {
    /// The usual one.
    pub fn new(site_id: &str, device_id: &str) -> Self {
        Self {
            site_id: site_id.to_owned(),
            device_id: device_id.to_owned(),
            env: Vec::new(),
            args: Vec::new(),
            subcommand: "run",
        }
    }

    /// Starts it by the launcher.
    #[must_use]
    pub fn launched(self) -> Self {
        Self { subcommand: "launch", ..self }
    }

    /// Enrols by this token.
    #[must_use]
    pub fn enrollment_token(self, token: &str) -> Self {
        self.env("HOMEPOT_ENROLLMENT_TOKEN", token)
    }

    /// Adds a setting.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.args.push(argument.to_owned());
        self
    }
}

/// A running agent; dropping it ends it and removes its state.
#[derive(Debug)]
pub struct Agent {
    process: Option<Process>,
    options: AgentOptions,
    url: String,
    directory: TempDir,
    /// The logs of earlier lives.
    past: Vec<Value>,
}

impl Agent {
    /// Starts one for `server`.
    pub fn start(server: &System, options: AgentOptions) -> Self {
        let url = format!("http://{}", server.device_addr());
        let mut agent = Self { process: None, options, url, directory: data_parent(), past: Vec::new() };
        agent.spawn();
        agent
    }

    /// Starts one on the state that an earlier agent left: the files of a directory.
    pub fn start_on(server: &System, options: AgentOptions, files: &Path) -> Self {
        let url = format!("http://{}", server.device_addr());
        let mut agent = Self { process: None, options, url, directory: data_parent(), past: Vec::new() };
        copy_private(files, &agent.state_dir());
        agent.spawn();
        agent
    }

    /// A command of the agent's program, with its state directory and server.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = clean(Command::new(program("homepot-agent")));
        command.arg(subcommand).arg("--state-dir").arg(self.state_dir()).env("HOMEPOT_AGENT_LOG", "debug");
        command
    }

    fn spawn(&mut self) {
        let mut command = self.command(self.options.subcommand);
        command
            .args(["--server", &self.url, "--site", &self.options.site_id, "--device-id", &self.options.device_id])
            .args(&self.options.args)
            .envs(self.options.env.iter().map(|(name, value)| (name, value)));
        self.process = Some(Process::start("homepot-agent", &mut command));
    }

    /// The process; panics while the agent is down.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("the agent is up")
    }

    /// As [`Self::process`], to wait for its end.
    pub fn process_mut(&mut self) -> &mut Process {
        self.process.as_mut().expect("the agent is up")
    }

    /// The logs of all its lives.
    pub fn log(&self) -> Vec<Value> {
        let log = self.process.as_ref().map(Process::log).unwrap_or_default();
        self.past.iter().cloned().chain(log).collect()
    }

    /// Its state directory.
    pub fn state_dir(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Kills the agent as a power cut would.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
            self.past.extend(process.log());
        }
    }

    /// The same, for the launcher and the agent that it may have started.
    pub fn kill9_all(&mut self) {
        let state = self.state_dir().display().to_string();
        self.kill9();
        processes_with(&state).into_iter().for_each(kill_stranger);
    }

    /// Starts it again after [`Self::kill9`] on the same state.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the agent is still up");
        self.spawn();
    }

    /// Every sample the agent says it read, oldest first.
    pub fn samples(&self) -> Vec<Value> {
        self.log().iter().filter_map(sample).cloned().collect()
    }

    /// Waits until it read `count` samples in this life.
    pub async fn read_samples(&self, count: usize) {
        let seen = std::cell::Cell::new(0);
        let enough = |line: &Value| {
            seen.set(seen.get() + usize::from(sample(line).is_some()));
            (seen.get() >= count).then_some(())
        };
        self.process().logged(&format!("{count} samples"), enough).await;
    }
}

/// Copies a directory for its owner alone, as an agent insists on: a checkout does not keep that.
fn copy_private(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory can be made");
    fs::set_permissions(to, Permissions::from_mode(0o700)).expect("it is ours");
    for entry in fs::read_dir(from).expect("a directory can be read") {
        let entry = entry.expect("a directory can be read");
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_private(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), &copy).expect("a file can be copied");
            fs::set_permissions(&copy, Permissions::from_mode(0o600)).expect("it is ours");
        }
    }
}

/// The log line of a sample.
fn sample(line: &Value) -> Option<&Value> {
    (field(line, "target")?.as_str()? == "homepot_agent::sample").then_some(line)
}
