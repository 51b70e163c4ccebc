//! The targets of this device, as its own configuration has them: where each release may write, and what is run around it. A server
//! can name no path and no program, only these names.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::{
    disk::{Attributes, Dir},
    own::Own,
};
use crate::commands::builtin::ProgramRule;

/// A place for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The absolute path of its directory, without symbolic links.
    pub directory: PathBuf,
    /// The name of the file in it.
    pub file: String,
    /// Mode and owner that the file gets.
    pub attributes: Attributes,
    /// Makes the service read its files again. The same program of several targets runs once.
    pub reload: Option<ProgramRule>,
    /// Says whether a new file is good before it is put in place. The argument `{file}` is replaced by the path of the new file.
    pub validator: Option<ProgramRule>,
    /// Says whether the service is well, afterwards.
    pub health: Option<ProgramRule>,
}

impl Target {
    pub(super) fn place(&self) -> Place {
        Place { dir: Dir::Target(self.directory.clone()), file: self.file.clone() }
    }
}

/// Where a file goes, and what lies beside it meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) dir: Dir,
    pub(super) file: String,
}

impl Place {
    /// The new file, before it takes the place of the old one.
    pub(super) fn new_name(&self) -> String {
        format!(".{}.homepot-new", self.file)
    }

    /// The old file, until the new one has proved itself. It lies beside the target so that one rename brings it back, which needs no
    /// room on a full disk.
    pub(super) fn old_name(&self) -> String {
        format!(".{}.homepot-old", self.file)
    }
}

/// What the agent's configuration says about updates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// The targets by their names.
    pub targets: BTreeMap<String, Target>,
    /// Programs that a release may ask for by name, as validators or health checks.
    pub checks: BTreeMap<String, ProgramRule>,
    /// What this process is; `None`: it may not be replaced, and there is no target [`AGENT`](super::own::AGENT).
    pub own: Option<Own>,
}

/// How long things may take. The defaults are those of docs/design/ota.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A new release has to be well within this time, or the old files come back.
    pub probation: Duration,
    /// It counts as well once all health checks have passed for this long.
    pub healthy_for: Duration,
    /// How often health checks run.
    pub health_interval: Duration,
    /// A validator or reload program is ended after this time.
    pub program: Duration,
    /// A health check is ended after this time.
    pub health: Duration,
    /// A chunk that did not come within this time is asked for again.
    pub chunk: Duration,
    /// After a failure of the disk or of the server it is tried again after this time, which doubles up to a minute.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            probation: Duration::from_secs(120),
            healthy_for: Duration::from_secs(30),
            health_interval: Duration::from_secs(10),
            program: Duration::from_secs(60),
            health: Duration::from_secs(10),
            chunk: Duration::from_secs(60),
            retry: Duration::from_secs(1),
        }
    }
}
