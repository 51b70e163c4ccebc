//! What a fleet is made of and what happens to it: a file in TOML, of which each part may be left out.
//!
//! `scenarios/` beside this crate's sources holds those that ship with it; [`Scenario::find`] takes their names, or the path of
//! another file. Units stand in the names; a `…_percent` of devices is a chance that each device's own seed decides.

mod check;
mod parts;
mod updates;

use std::path::Path;

use serde::Deserialize;

pub use parts::{
    Clock, Commands, Disk, Downloads, Errors, Event, EventKind, Hardware, Kind, Load, Network, Restarts, Trade,
};
pub use updates::Updates;

/// A scenario, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub description: String,
    /// Which devices there are; the usual mix of a shop when left out.
    #[serde(default = "parts::shop")]
    pub devices: Vec<Kind>,
    /// What is sold, and when.
    #[serde(default)]
    pub trade: Trade,
    /// Processor and memory.
    #[serde(default)]
    pub load: Load,
    /// How disks fill.
    #[serde(default)]
    pub disk: Disk,
    /// Latency, and connections that are lost.
    #[serde(default)]
    pub network: Network,
    /// Restarts by themselves.
    #[serde(default)]
    pub restarts: Restarts,
    /// Operations that fail.
    #[serde(default)]
    pub errors: Errors,
    /// Devices about to die.
    #[serde(default)]
    pub hardware: Hardware,
    /// Configurations that devices fetch.
    #[serde(default)]
    pub downloads: Downloads,
    /// Clocks that are off.
    #[serde(default)]
    pub clock: Clock,
    /// How commands end.
    #[serde(default)]
    pub commands: Commands,
    /// How devices fare with releases.
    #[serde(default)]
    pub updates: Updates,
    /// What happens at a certain time, counted from the start of the run.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// Those that ship: name and file.
pub const SHIPPED: &[(&str, &str)] = &[
    ("healthy", include_str!("../../scenarios/healthy.toml")),
    ("high_cpu", include_str!("../../scenarios/high_cpu.toml")),
    ("low_memory", include_str!("../../scenarios/low_memory.toml")),
    ("high_errors", include_str!("../../scenarios/high_errors.toml")),
    ("degraded", include_str!("../../scenarios/degraded.toml")),
    ("black_friday", include_str!("../../scenarios/black_friday.toml")),
    ("network_storm", include_str!("../../scenarios/network_storm.toml")),
    ("bad_rollout", include_str!("../../scenarios/bad_rollout.toml")),
    ("demo_shop", include_str!("../../scenarios/demo_shop.toml")),
];

/// Why a scenario can't be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Nothing goes by that name.
    #[error("there is no scenario '{0}'; those that ship are {names}; a path with a '/' or ending in .toml names a file", names = names())]
    Unknown(String),
    /// The file can't be read.
    #[error("can't read the scenario {0}: {1}")]
    Unreadable(String, std::io::Error),
    /// The file is not what it should be.
    #[error("scenario {0}: {1}")]
    Malformed(String, String),
}

fn names() -> String {
    SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

impl Scenario {
    /// The scenario of that name, or of the file at that path.
    pub fn find(name: &str) -> Result<Self, ScenarioError> {
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            return Self::parse(name, text);
        }
        let is_path = name.contains('/') || Path::new(name).extension().is_some_and(|extension| extension == "toml");
        if !is_path {
            return Err(ScenarioError::Unknown(name.to_owned()));
        }
        let text = std::fs::read_to_string(name).map_err(|error| ScenarioError::Unreadable(name.to_owned(), error))?;
        Self::parse(name, &text)
    }

    /// Reads and checks a scenario; `name` is for errors.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let malformed = |why: String| ScenarioError::Malformed(name.to_owned(), why);
        let scenario: Self = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let faults = check::faults(&scenario);
        if faults.is_empty() { Ok(scenario) } else { Err(malformed(faults.join("; "))) }
    }

    /// What the device of that number is. By number and not by chance, so that a mix is the same for every seed.
    pub fn kind(&self, number: u32) -> usize {
        let all: u32 = self.devices.iter().map(|kind| kind.share).sum();
        // The golden ratio's steps spread the kinds evenly over the numbers, however few there are.
        let place = (f64::from(number) * 0.618_033_988_749_894_9).fract() * f64::from(all.max(1));
        let mut passed = 0.0;
        for (index, kind) in self.devices.iter().enumerate() {
            passed += f64::from(kind.share);
            if place < passed {
                return index;
            }
        }
        self.devices.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_ship_can_be_played() {
        for (name, _) in SHIPPED {
            let scenario = Scenario::find(name).unwrap();
            assert!(!scenario.description.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_mix_is_kept_to_by_few_devices_and_by_many() {
        let scenario = Scenario::find("healthy").unwrap();
        let all: u32 = scenario.devices.iter().map(|kind| kind.share).sum();
        for count in [24, 5_000] {
            for (index, kind) in scenario.devices.iter().enumerate() {
                let found = (0..count).filter(|number| scenario.kind(*number) == index).count() as f64;
                let wanted = f64::from(count) * f64::from(kind.share) / f64::from(all);
                assert!((found - wanted).abs() <= 1.0 + wanted * 0.05, "{}: {found} for {wanted}", kind.device_type);
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_at_once_and_by_name() {
        let text = "description = 'x'\n[disk]\ncleaned_at_percent = 120\n[network]\nflaky_percent = -1\n";
        let told = Scenario::parse("mine", text).unwrap_err().to_string();
        assert!(told.contains("disk.cleaned_at_percent") && told.contains("network.flaky_percent"), "{told}");
        let told = Scenario::parse("mine", "description = 'x'\n[disc]\n").unwrap_err().to_string();
        assert!(told.contains("disc"), "{told}");
        assert!(Scenario::find("nonesuch").unwrap_err().to_string().contains("black_friday"));
        assert!(Scenario::find("/nowhere/x.toml").unwrap_err().to_string().contains("/nowhere/x.toml"));
    }
}
