//! What a device of the crash test runs for RESTART_APP and REBOOT; see `homepot_tests::torture::deeds`.

use std::{io, path::PathBuf, process::ExitCode};

use homepot_tests::torture::deeds::perform;

fn main() -> io::Result<ExitCode> {
    let log = std::env::args_os().nth(1).map(PathBuf::from).ok_or_else(|| io::Error::other("no log is named"))?;
    let command_id = std::env::var("HOMEPOT_COMMAND_ID").map_err(io::Error::other)?;
    perform(&command_id, &log)
}
