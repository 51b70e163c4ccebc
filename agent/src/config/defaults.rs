//! What the machine and its environment say where nobody else does.

use std::path::PathBuf;

use homepot::model::Secret;
use homepot_host::environment::{self, VariableError};

use crate::{launch::Launched, platform};

/// A secret has no flag: flags show in the process list.
const TOKEN_VARIABLE: &str = "HOMEPOT_ENROLLMENT_TOKEN";

/// Defaults from the machine and its environment.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The configuration file, if it exists.
    pub config: Option<PathBuf>,
    /// Where state is kept.
    pub state_dir: Option<PathBuf>,
    /// The host's name.
    pub hostname: String,
    /// The enrolment token of the environment.
    pub enrollment_token: Option<Secret>,
    /// The launcher of this process.
    pub launched: Option<Launched>,
}

impl Defaults {
    /// Reads the environment and the machine's name.
    pub fn of_this_machine() -> Result<Self, VariableError> {
        let home = || environment::of_the_system("HOME").map(PathBuf::from);
        let (config, state_dir) = if platform::is_superuser() {
            (Some("/etc/homepot/agent.toml".into()), Some("/var/lib/homepot-agent".into()))
        } else {
            let below = |name: &str, fallback: &str| {
                environment::of_the_system(name).map(PathBuf::from).or_else(|| home().map(|home| home.join(fallback)))
            };
            (
                below("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("homepot/agent.toml")),
                below("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("homepot-agent")),
            )
        };
        Ok(Self {
            config,
            state_dir,
            hostname: platform::hostname().unwrap_or_default(),
            enrollment_token: environment::variable(TOKEN_VARIABLE)?.map(|token| Secret::presented(token.trim())),
            launched: Launched::of_this_process()?,
        })
    }
}
