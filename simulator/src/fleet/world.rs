//! What all devices of a run share: the scenario, the server, the clock, and what is counted.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{DeviceId, SiteId};
use homepot_release::verify;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{keys::Keys, lines::Lines, tally::Tally, trust::Trust};
use crate::{
    life::chance::{fraction, mix_all},
    scenario::Scenario,
};

/// Tells this draw from others of the same device.
const PHASE: u64 = 0x000F_FEED;

/// As well.
const UPDATES: u64 = 0x000F_11E5;

/// Devices that connect for the first time at the same time.
const CONNECTING: usize = 64;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct World {
    pub(super) scenario: Arc<Scenario>,
    pub(super) seed: u64,
    /// Tells this run's boots and journals from another's.
    pub(super) run: String,
    pub(super) lines: Lines,
    pub(super) timing: Timing,
    /// Samples a device holds that are not acknowledged.
    pub(super) spool_samples: usize,
    pub(super) drain: Duration,
    pub(super) tally: Arc<Tally>,
    pub(super) keys: Arc<Keys>,
    /// Over which the devices are spread.
    pub(super) sites: Vec<SiteId>,
    pub(super) trust: Trust,
    pub(super) turns: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
}

impl World {
    pub(super) fn turns() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(CONNECTING))
    }

    /// What a release asks about the device of that number.
    pub(super) fn of_release(&self, number: u32, device_id: &DeviceId) -> verify::Device {
        let site = &self.sites[number as usize % self.sites.len()];
        verify::Device {
            id: device_id.to_string(),
            site: site.to_string(),
            device_type: self.scenario.devices[self.scenario.kind(number)].device_type.clone(),
            ..Default::default()
        }
    }

    /// What tells the device of that number from others.
    pub(super) fn lot(&self, number: u32) -> u64 {
        mix_all(&[self.seed, u64::from(number), UPDATES])
    }
}

/// When samples are measured, by the wall's clock and by the one that only goes forward.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    /// The first sample's time; what lies before `live_from` is made up for as fast as the server takes it.
    pub(super) start: DateTime<Utc>,
    /// Whether the past is part of the run, so that no device skips any of it.
    pub(super) has_past: bool,
    pub(super) live_from: DateTime<Utc>,
    pub(super) live_instant: Instant,
    /// From one sample to the next before `live_from`.
    pub(super) past_interval: Option<Duration>,
    /// From one sample to the next; `None`: as the server says.
    pub(super) interval: Option<Duration>,
    /// Samples of each device; `None`: until the run ends.
    pub(super) samples: Option<u64>,
}

impl Timing {
    /// When a sample of that time is due.
    pub(super) fn due(&self, at: DateTime<Utc>) -> Instant {
        self.live_instant + (at - self.live_from).to_std().unwrap_or_default()
    }

    /// The time at `now`.
    pub(super) fn time(&self, now: Instant) -> DateTime<Utc> {
        let passed = now.saturating_duration_since(self.live_instant);
        self.live_from + TimeDelta::from_std(passed).unwrap_or(TimeDelta::MAX)
    }

    /// The time of the sample after one at `at`, where live ones come every `interval`.
    pub(super) fn after(&self, at: DateTime<Utc>, interval: Duration) -> DateTime<Utc> {
        let past = self.past_interval.filter(|_| at < self.live_from);
        at + TimeDelta::from_std(past.unwrap_or(interval)).unwrap_or(TimeDelta::MAX)
    }
}

/// When the device of that number measures first: devices that begin together do not report together.
pub(crate) fn first_sample(start: DateTime<Utc>, seed: u64, number: u32, interval: Duration) -> DateTime<Utc> {
    let phase = fraction(mix_all(&[seed, u64::from(number), PHASE]));
    start + TimeDelta::microseconds((interval.as_secs_f64() * phase * 1e6) as i64)
}
