//! Runs a program that ends when its parent does, however the parent ends.
//!
//! A parent that is killed with -9 can't stop its children. The kernel can, but only for a child that asks: this asks,
//! and then becomes the program, which needs to know nothing of it.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::Command};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// What to run, and for whom.
#[derive(Debug, clap::Args)]
pub(crate) struct TetherArgs {
    /// The process to live as long as.
    parent: i32,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

impl TetherArgs {
    /// The arguments with which this very program runs `program` for this process.
    pub(crate) fn command_line(program: &std::path::Path) -> [OsString; 3] {
        ["tether".into(), std::process::id().to_string().into(), program.into()]
    }
}

/// Returns only when it could not become the program.
pub(crate) fn run(args: TetherArgs) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM)).context("can't ask for the parent's end")?;
    // A parent that ended before the line above is not told any more.
    anyhow::ensure!(getppid().map(Pid::as_raw_pid) == Some(args.parent), "the parent has ended");
    let (program, arguments) = args.program.split_first().context("no program is named")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("can't run {}", program.display()))
}
