//! `homepot ctl`: what operators and their scripts lean on, tried on the program itself.

mod analytics;
mod commands;
mod contexts;
mod devices;
mod history;
mod outputs;
mod shell;
mod simulated;
mod sources;
mod watching;
mod who;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use homepot_tests::{PATIENCE, System, homepot_command};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

/// What a call of `homepot ctl` left behind.
#[derive(Debug)]
struct Done {
    status: i32,
    out: String,
    err: String,
}

impl Done {
    /// It went well and printed JSON.
    fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It went well and printed this many lines.
    fn lines(&self) -> Vec<&str> {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{self:?}");
        self.out.lines().collect()
    }

    /// It failed with that status, printed nothing, and told why in one line that contains all of `words`.
    fn refused(&self, status: i32, words: &[&str]) {
        assert_eq!((self.status, self.out.as_str(), self.err.lines().count()), (status, "", 1), "{self:?}");
        assert!(words.iter().all(|word| self.err.contains(word)), "{words:?} in {self:?}");
    }
}

/// The command, as the first admin.
fn command(server: &System, arguments: &[&str]) -> Command {
    let mut command = homepot_command();
    command
        .arg("ctl")
        .args(arguments)
        .env("HOMEPOT_GRPC_URL", format!("http://{}", server.grpc_addr))
        .env("HOMEPOT_TOKEN", &server.admin_token);
    command
}

/// Runs it to its end.
async fn ctl(server: &System, arguments: &[&str]) -> Done {
    run(command(server, arguments), "").await
}

/// Runs it as an operator with another token.
async fn ctl_as(server: &System, token: &str, arguments: &[&str]) -> Done {
    let mut command = command(server, arguments);
    command.env("HOMEPOT_TOKEN", token);
    run(command, "").await
}

/// Runs a command with `input` on its standard input.
async fn run(command: Command, input: &str) -> Done {
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who does not read its input leaves a broken pipe, which is its right.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    Done {
        status: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Writes a file that only its owner, or that everybody, may read.
fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
