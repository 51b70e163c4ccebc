//! Rollouts in the metrics. Every replica tells the same: what is in the database.

use homepot::model::{DeviceSource, RolloutState, UpdateState};
use homepot_store::rollouts::Counts;

const SOURCES: [DeviceSource; 2] = [DeviceSource::Real, DeviceSource::Simulated];

/// Sets the gauges; of what is not there, to 0.
pub(crate) fn tell(counts: &Counts) {
    for source in SOURCES {
        for state in RolloutState::ALL.iter().filter(|state| !state.is_end()) {
            let found = counts.rollouts.iter().find(|(of, from, _)| (of, *from) == (state, source));
            let number = found.map_or(0, |(.., number)| *number);
            metrics::gauge!("homepot_rollouts", "state" => state.as_str(), "source" => source.as_str())
                .set(number as f64);
        }
        for state in UpdateState::ALL {
            let found = counts.devices.iter().find(|(of, from, _)| (of, *from) == (state, source));
            let number = found.map_or(0, |(.., number)| *number);
            metrics::gauge!("homepot_rollout_devices", "state" => state.as_str(), "source" => source.as_str())
                .set(number as f64);
        }
    }
}
