//! Runs a program that the local configuration names: no shell, an environment that holds a path
//! and what it runs for, bounded time and output.

use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use homepot::model::{CommandId, CommandState, CommandType};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::builtin::{ProgramRule, Verdict};
use crate::platform;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What is kept of each of the two outputs: its end.
const TAIL_BYTES: usize = 4 * 1024;
/// A grandchild may hold the output open long after the program ended.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// For which command a program runs: it finds both in its environment, so that what it does can be traced to it.
#[derive(Clone, Debug)]
pub struct Cause {
    /// `HOMEPOT_COMMAND_ID`.
    pub command_id: CommandId,
    /// `HOMEPOT_COMMAND_TYPE`.
    pub command_type: CommandType,
}

/// How a program ended, and the end of each of its outputs.
#[derive(Debug)]
pub struct Execution {
    /// How it ended; the error says that it ran too long or can't be waited for.
    pub ended: Result<ExitStatus, String>,
    /// What it wrote to its output.
    pub stdout: String,
    /// What it wrote to its error output.
    pub stderr: String,
}

/// Runs the program and says how it ended. With `reboots`, success is that the machine goes down.
pub async fn run(rule: &ProgramRule, cause: &Cause, run_timeout: Duration, reboots: bool) -> Verdict {
    let deadline = Instant::now() + run_timeout;
    let environment = [
        ("HOMEPOT_COMMAND_ID", cause.command_id.to_string()),
        ("HOMEPOT_COMMAND_TYPE", cause.command_type.as_str().to_owned()),
    ];
    let execution = match execute(rule, &environment, run_timeout).await {
        Ok(execution) => execution,
        Err(reason) => return Verdict::without_success(CommandState::Failed, reason),
    };
    let result = json!({ "stdout": execution.stdout, "stderr": execution.stderr });
    let failed = |reason: String, exit_code: Option<i32>| {
        let mut verdict = Verdict::without_success(CommandState::Failed, reason);
        verdict.result = result.as_object().cloned();
        if let (Some(result), Some(code)) = (&mut verdict.result, exit_code) {
            result.insert("exit_code".to_owned(), code.into());
        }
        verdict
    };
    let status = match execution.ended {
        Err(reason) => return failed(reason, None),
        Ok(status) => status,
    };
    if !status.success() {
        return failed(format!("the program ended with {status}"), status.code());
    }
    if reboots {
        // The next run of the agent sees the new boot. Whoever is still here by then was not rebooted.
        sleep_until(deadline).await;
        return failed(format!("the machine was still up {} s later", run_timeout.as_secs()), status.code());
    }
    let mut verdict = Verdict::succeeded(&result);
    if let Some(result) = &mut verdict.result {
        result.insert("exit_code".to_owned(), 0.into());
    }
    verdict
}

/// Runs the program until it ends or has run for too long; then it is ended with all that it started. The error says that it could not
/// be started.
pub async fn execute(
    rule: &ProgramRule,
    environment: &[(&str, String)],
    run_timeout: Duration,
) -> Result<Execution, String> {
    let deadline = Instant::now() + run_timeout;
    let mut child =
        start(rule, environment).map_err(|error| format!("can't start {}: {error}", rule.program.display()))?;
    let output = child.stdout.take().map(|pipe| tokio::spawn(tail(pipe)));
    let errors = child.stderr.take().map(|pipe| tokio::spawn(tail(pipe)));
    let ended = timeout_at(deadline, child.wait()).await;
    if ended.is_err() {
        end(&mut child).await;
    }
    let ended = match ended {
        Err(_) => Err(format!("timed out after {} s", run_timeout.as_secs())),
        Ok(Err(error)) => Err(format!("can't wait for the program: {error}")),
        Ok(Ok(status)) => Ok(status),
    };
    Ok(Execution { ended, stdout: collect(output).await, stderr: collect(errors).await })
}

fn start(rule: &ProgramRule, environment: &[(&str, String)]) -> io::Result<Child> {
    let mut command = Command::new(&rule.program);
    command.args(&rule.args).env_clear().env("PATH", PATH).current_dir("/");
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    platform::own_group(&mut command);
    command.spawn()
}

/// Ends the program with all it started, and takes its exit status so that none of it stays behind.
async fn end(child: &mut Child) {
    if let Some(id) = child.id() {
        platform::kill_group(id);
    }
    if let Err(error) = child.wait().await {
        tracing::warn!(%error, "can't wait for a program that was killed");
    }
}

/// Reads to the end and keeps the last bytes.
async fn tail(mut pipe: impl AsyncRead + Unpin) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; TAIL_BYTES]);
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(TAIL_BYTES);
        kept.drain(..surplus);
    }
    kept
}

async fn collect(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let Some(mut reader) = reader else { return String::new() };
    let Ok(bytes) = timeout(OUTPUT_GRACE, &mut reader).await else {
        reader.abort();
        return "(the program left its output open)".to_owned();
    };
    // The ledger keeps no NUL.
    String::from_utf8_lossy(&bytes.unwrap_or_default()).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(rule: &ProgramRule, run_timeout: Duration, reboots: bool) -> Verdict {
        let cause = Cause {
            command_id: CommandId(uuid::Uuid::from_u128(7)),
            command_type: CommandType::parse("RESTART_APP").unwrap(),
        };
        super::run(rule, &cause, run_timeout, reboots).await
    }

    fn rule(program: &str, args: &[&str]) -> ProgramRule {
        ProgramRule { program: program.into(), args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_program_gets_its_arguments_as_they_are_and_of_the_environment_a_path_and_its_command() {
        let verdict = run(&rule("/usr/bin/env", &["--", "printf", "%s", "$HOME; *"]), LONG, false).await;
        assert_eq!(verdict.state, CommandState::Succeeded);
        assert_eq!(verdict.result.unwrap()["stdout"], "$HOME; *");
        let verdict = run(&rule("/usr/bin/env", &[]), LONG, false).await;
        let result = verdict.result.unwrap();
        let mut lines: Vec<_> = result["stdout"].as_str().unwrap().lines().collect();
        lines.sort_unstable();
        let id = "HOMEPOT_COMMAND_ID=00000000-0000-0000-0000-000000000007";
        assert_eq!(lines, [id, "HOMEPOT_COMMAND_TYPE=RESTART_APP", &format!("PATH={PATH}")]);
    }

    #[tokio::test]
    async fn a_failure_tells_the_exit_status_and_the_end_of_the_output() {
        let verdict = run(&rule("/bin/ls", &["/no/such/file"]), LONG, false).await;
        assert_eq!(verdict.state, CommandState::Failed);
        let result = verdict.result.unwrap();
        assert_eq!(result["exit_code"], 2);
        assert!(result["stderr"].as_str().unwrap().contains("/no/such/file"));

        let missing = run(&rule("/no/such/program", &[]), LONG, false).await;
        assert!(missing.reason.unwrap().contains("can't start /no/such/program"));
    }

    #[tokio::test]
    async fn a_program_that_runs_too_long_is_killed_with_all_it_started() {
        // `timeout` without --foreground would move to a group of its own.
        let nested = rule("/usr/bin/timeout", &["--foreground", "600", "/bin/sleep", "600"]);
        let verdict = run(&nested, Duration::from_secs(1), false).await;
        assert_eq!(verdict.reason.as_deref(), Some("timed out after 1 s"));
        // The pipe closed within the grace: nobody who held it is left.
        assert_eq!(verdict.result.unwrap()["stdout"], "");
    }

    #[tokio::test]
    async fn output_is_kept_from_its_end_and_bounded() {
        let verdict = run(&rule("/usr/bin/seq", &["1", "5000"]), LONG, false).await;
        let result = verdict.result.unwrap();
        let output = result["stdout"].as_str().unwrap();
        assert!(output.len() <= TAIL_BYTES && output.ends_with("5000\n"));
    }

    #[tokio::test]
    async fn a_reboot_that_leaves_the_machine_up_has_failed() {
        let verdict = run(&rule("/bin/true", &[]), Duration::from_secs(1), true).await;
        assert_eq!(verdict.reason.as_deref(), Some("the machine was still up 1 s later"));
    }
}
