//! Runs the programs of the configuration for updates.

use std::time::Duration;

use homepot_host::trust;
use tokio::runtime::Handle;

use crate::commands::{builtin::ProgramRule, program};

/// The most of a program's output that is told, in bytes.
const TOLD_BYTES: usize = 300;

/// Runs programs: no shell, a minimal environment, bounded time and output.
pub trait Runner {
    /// Runs a program to its end. The error says what went wrong, with the end of what it wrote behind a line break.
    fn run(&mut self, rule: &ProgramRule, environment: &[(&str, String)], timeout: Duration) -> Result<(), String>;
}

/// Runs them on this machine. It blocks, so it must not be used on a thread of the runtime's own.
#[derive(Clone, Debug)]
pub struct Programs(Handle);

impl Programs {
    /// Runs programs with the timers and pipes of this runtime.
    pub fn new(runtime: Handle) -> Self {
        Self(runtime)
    }
}

impl Runner for Programs {
    fn run(&mut self, rule: &ProgramRule, environment: &[(&str, String)], timeout: Duration) -> Result<(), String> {
        // As with commands: it may have changed since the configuration was read.
        trust::check(&rule.program).map_err(|fault| format!("{} is not run: {fault}", rule.program.display()))?;
        let execution = self.0.block_on(program::execute(rule, environment, timeout))?;
        let fault = match execution.ended {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => format!("{} ended with {status}", rule.program.display()),
            Err(fault) => format!("{} {fault}", rule.program.display()),
        };
        let output = if execution.stderr.trim().is_empty() { execution.stdout } else { execution.stderr };
        let mut from = output.len().saturating_sub(TOLD_BYTES);
        while !output.is_char_boundary(from) {
            from += 1;
        }
        Err(format!("{fault}\n{}", output[from..].trim()))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_failure_tells_the_status_and_the_end_of_the_output() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut programs = Programs::new(runtime.handle().clone());
        let rule = |program: &str, args: &[&str]| ProgramRule {
            program: program.into(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        };
        let mut run = |rule: &ProgramRule| {
            let environment = [("HOMEPOT_TARGET", "pos".to_owned())];
            let programs = &mut programs;
            let mut result = Ok(());
            // As the agent does it: on a thread beside the runtime, which drives the pipes and timers.
            std::thread::scope(|scope| {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                let (programs, result) = (&mut *programs, &mut result);
                scope.spawn(move || {
                    *result = programs.run(rule, &environment, Duration::from_secs(30));
                    sender.send(())
                });
                runtime.block_on(receiver).unwrap();
            });
            result
        };
        run(&rule("/usr/bin/test", &["1", "=", "1"])).unwrap();
        let told = run(&rule("/bin/ls", &["/no/such/file"])).unwrap_err();
        assert!(told.starts_with("/bin/ls ended with exit status: 2\n") && told.contains("/no/such/file"), "{told}");
        let told = run(&rule("/no/such/program", &[])).unwrap_err();
        assert!(told.starts_with("/no/such/program is not run: "), "{told}");
        let open = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let told = run(&rule(open.path().to_str().unwrap(), &[])).unwrap_err();
        assert!(told.contains("chmod go-w"), "{told}");
    }
}
