//! Exit statuses.

use std::process::ExitCode;

/// How a wait ended, as an exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u8);

pub(crate) const SUCCEEDED: Status = Status(0);
pub(crate) const FAILED: Status = Status(1);
pub(crate) const USAGE: Status = Status(2);
pub(crate) const UNKNOWN: Status = Status(3);
pub(crate) const STILL_UNDER_WAY: Status = Status(4);
/// What a shell tells of a program that the closed pipe ended.
pub(crate) const READER_GONE: Status = Status(141);

/// The same for people.
pub(crate) const HELP: &str = "\
Exit status:
  0  done; with --wait: the command succeeded, or every device of the run did
  1  an error; with --wait: failed, rejected, cancelled or expired, or some devices of the run did not succeed
  2  wrong command line
  3  with --wait: the command ended as unknown
  4  with --wait: still under way when the timeout ended";

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.0)
    }
}

/// A fault of the command line that its parser could not find.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}
