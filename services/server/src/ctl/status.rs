//! What the shell is told by the exit status.

use std::process::ExitCode;

/// How a wait ended, as an exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(u8);

pub(super) const SUCCEEDED: Status = Status(0);
pub(super) const FAILED: Status = Status(1);
pub(super) const USAGE: Status = Status(2);
pub(super) const UNKNOWN: Status = Status(3);
pub(super) const STILL_UNDER_WAY: Status = Status(4);
/// What a shell tells of a program that the closed pipe ended.
pub(super) const READER_GONE: Status = Status(141);

/// The same for people.
pub(super) const HELP: &str = "\
Exit status:
  0  done; with --wait: the command succeeded, or every device of the run did
  1  an error; with --wait: failed, rejected, cancelled or expired, or some devices of the run did not succeed
  2  the command line is at fault
  3  with --wait: nobody can say how the command ended
  4  with --wait: still under way when the time was over";

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.0)
    }
}
