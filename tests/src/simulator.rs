//! `homepot-sim` as a process of its own.

use std::{process::Command, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, System, data_parent, program, server::clean};

/// A run may take so long, on a machine that does other things too.
const LIMIT: Duration = Duration::from_secs(120);

const CALM: &str = "description = 'Nothing happens by chance'\n\
    [network]\nflaky_percent = 0\n[restarts]\nper_day = 0\n[downloads]\nfail_percent = 0\n";
const CALM_COMMANDS: &str = "[commands]\nfail_percent = 0\nreject_percent = 0\nlose_percent = 0\ntakes_ms = 10\n";

/// The keys of fleets, kept from one run to the next; removed with this value.
#[derive(Debug)]
pub struct Simulator {
    directory: TempDir,
    server: Vec<(&'static str, String)>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// The process' exit code.
    pub code: i32,
    /// The summary; null where there is none.
    pub summary: Value,
    /// What it said meanwhile.
    pub said: String,
}

impl Simulator {
    /// One that plays against `server`, as its admin.
    pub fn of(server: &System) -> Self {
        let address = |address: &str| format!("http://{address}");
        let server = vec![
            ("HOMEPOT_GRPC_URL", address(&server.grpc_addr)),
            ("HOMEPOT_REST_URL", address(&server.rest_addr)),
            ("HOMEPOT_TOKEN", server.admin_token.clone()),
        ];
        Self { directory: data_parent(), server }
    }

    /// Has it act with another operator's token, or none.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.server.retain(|(name, _)| *name != "HOMEPOT_TOKEN");
        self.server.push(("HOMEPOT_TOKEN", token.to_owned()));
        self
    }

    /// Has it play against another server, as its admin, with the keys it has.
    #[must_use]
    pub fn at(self, server: &System) -> Self {
        let Self { directory, .. } = self;
        Self { directory, ..Self::of(server) }
    }

    /// Writes a scenario in which nothing happens by chance, but for what `more` adds to it; its path.
    pub fn calm(&self, more: &str) -> String {
        let file = self.directory.path().join("calm.toml");
        let commands = if more.contains("[commands]") { "" } else { CALM_COMMANDS };
        std::fs::write(&file, [CALM, commands, more].concat()).expect("a scenario can be written");
        file.to_str().expect("test paths are UTF-8").to_owned()
    }

    /// Its command, with those arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(Command::new(program("homepot-sim")));
        command
            .args(arguments)
            .env("HOMEPOT_SIM_STATE_DIR", self.directory.path())
            .envs(self.server.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it; what it says and tells is for the caller to wait for.
    pub fn start(&self, arguments: &[&str]) -> Process {
        Process::start("homepot-sim", &mut self.command(arguments))
    }

    /// Runs it to its end, with the summary as JSON.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        Self::ended(&mut self.start(&[arguments, &["--json"]].concat())).await
    }

    /// Waits for the end of a run that was started with `--json`.
    pub async fn ended(process: &mut Process) -> Ran {
        let status = process.ended(LIMIT).await;
        let said = process.log().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
        let summary = serde_json::from_str(&process.printed()).unwrap_or_default();
        Ran { code: status.code().unwrap_or(-1), summary, said }
    }
}
