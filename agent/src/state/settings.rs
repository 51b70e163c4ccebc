//! What commands have set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{StateDir, StateError};

const SETTINGS: &str = "settings.json";

/// What commands have set; what is `None` is the server's to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Measure this often.
    pub interval_seconds: Option<u64>,
}

impl Settings {
    /// [`Self::interval_seconds`] as a span.
    pub fn interval(&self) -> Option<Duration> {
        self.interval_seconds.map(Duration::from_secs)
    }
}

impl StateDir {
    /// What is set; a damaged file sets nothing.
    pub fn settings(&self) -> Result<Settings, StateError> {
        let Some(bytes) = self.read(SETTINGS)? else { return Ok(Settings::default()) };
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "settings.json is damaged; the server's interval counts");
            Settings::default()
        }))
    }

    /// Keeps what is set.
    pub fn keep_settings(&self, settings: &Settings) -> Result<(), StateError> {
        let bytes = serde_json::to_vec(settings).unwrap_or_default();
        self.write(SETTINGS, &bytes)
    }
}
