//! The life of a simulated device: a pure model that time is passed to, and that a seed repeats.
//!
//! [`Life::step`] goes from one moment to the next and tells what there is to measure, whether the device runs and whether its
//! connection holds. The same scenario, seed, number and moments give the same samples, whatever became of them on their
//! way; what a command does to a device is the one thing that comes from outside.

pub(crate) mod chance;
mod measure;
mod occasions;
mod trade;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use homepot::model::Sample;

use self::{
    chance::{fraction, happens, happens_within, mix_all, normal, skewed, waiting},
    occasions::{Bad, Now},
};
use crate::scenario::{Kind, Scenario};

/// A device with failing hardware restarts so many times more often.
const FAILING_RESTARTS: f64 = 40.0;
/// What a bad configuration does lasts on after it was taken back, for as long as the next download takes to come.
const UNTIL_MENDED: TimeDelta = TimeDelta::seconds(20);

/// One device.
#[derive(Debug)]
pub struct Life {
    scenario: Arc<Scenario>,
    kind: usize,
    number: u32,
    seed: u64,
    rng: Rng,
    /// What events count from.
    began: DateTime<Utc>,
    last: DateTime<Utc>,
    character: Character,
    state: State,
}

/// What does not change in a device's life.
#[derive(Debug)]
struct Character {
    /// How busy its shop is, around 1.
    size: f64,
    failing: bool,
    flaky: bool,
    skew: TimeDelta,
    latency_ms: f64,
    disk_start: f64,
}

/// What does.
#[derive(Debug)]
struct State {
    up_since: DateTime<Utc>,
    boots: u32,
    /// Off until then.
    off_until: Option<DateTime<Utc>>,
    /// Out of reach until then.
    unreachable_until: Option<DateTime<Utc>>,
    bad_configuration: Option<Bad>,
    configuration: u32,
    cpu: f64,
    memory_noise: f64,
    mood: f64,
    loads: [f64; 3],
    disk: f64,
    bytes_sent: f64,
    bytes_received: f64,
}

/// How a device is at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// False while it is switched off or starts.
    pub running: bool,
    /// Whether its connection holds; a device that is off has none.
    pub reachable: bool,
    /// What it measured; `None` while it does not run.
    pub sample: Option<Sample>,
}

impl Life {
    /// Device `number` of a fleet, from `began` on. Events count from `events_from`.
    pub fn new(
        scenario: Arc<Scenario>,
        seed: u64,
        number: u32,
        began: DateTime<Utc>,
        events_from: DateTime<Utc>,
    ) -> Self {
        let mut rng = Rng::with_seed(mix_all(&[seed, u64::from(number)]));
        let kind = scenario.kind(number);
        let percent = |rng: &mut Rng, percent: f64| happens(rng, percent / 100.0);
        let skew = |rng: &mut Rng| {
            let milliseconds = (rng.f64() * 2.0 - 1.0) * scenario.clock.skew_seconds * 1_000.0;
            TimeDelta::milliseconds(milliseconds as i64)
        };
        let [low, high] = scenario.disk.at_start_percent;
        let character = Character {
            size: skewed(&mut rng, 1.0, 0.25),
            failing: percent(&mut rng, scenario.hardware.failing_percent)
                || scenario.hardware.failing.contains(&number),
            flaky: percent(&mut rng, scenario.network.flaky_percent),
            skew: if percent(&mut rng, scenario.clock.skewed_percent) { skew(&mut rng) } else { TimeDelta::zero() },
            latency_ms: skewed(&mut rng, scenario.network.latency_ms, 0.3),
            disk_start: low.min(high) + (high - low).abs() * rng.f64(),
        };
        let state = State {
            up_since: began - TimeDelta::seconds((rng.f64() * 12.0 * 86_400.0) as i64),
            boots: 1,
            off_until: None,
            unreachable_until: None,
            bad_configuration: None,
            configuration: 1,
            cpu: scenario.load.cpu_idle_percent,
            memory_noise: 0.0,
            mood: 0.0,
            loads: [scenario.load.cpu_idle_percent / 100.0; 3],
            disk: character.disk_start,
            bytes_sent: rng.f64() * 4e9,
            bytes_received: rng.f64() * 4e10,
        };
        Self { scenario, kind, number, seed, rng, began: events_from, last: began, character, state }
    }

    /// Goes on to `now`. A time that lies back is taken for the last one.
    pub fn step(&mut self, now: DateTime<Utc>) -> Moment {
        let now = now.max(self.last);
        let seconds = (now - self.last).as_seconds_f64();
        self.last = now;
        let events = Now::of(&self.scenario.events, self.began, now, |event, turn| {
            fraction(mix_all(&[self.seed, u64::from(self.number), event, turn]))
        });
        // Each draws as often whether it happens or not, so that one thing does not change the course of all others.
        let restarts = self.restarts(now, seconds);
        self.network(now, seconds, &events);
        self.configuration(now, &events);
        if let Some(until) = self.state.off_until {
            if now < until {
                return Moment { running: false, reachable: false, sample: None };
            }
            self.boot(until);
        }
        if restarts {
            let lasts = waiting(&mut self.rng, self.scenario.restarts.lasts_seconds).max(5.0);
            self.restart(now, TimeDelta::milliseconds((lasts * 1_000.0) as i64));
            return Moment { running: false, reachable: false, sample: None };
        }
        let sample = self.measure(now, seconds, &events);
        Moment { running: true, reachable: self.state.unreachable_until.is_none(), sample: Some(sample) }
    }

    /// Switches the device off for `lasts`.
    pub fn restart(&mut self, now: DateTime<Utc>, lasts: TimeDelta) {
        self.state.off_until = Some(now + lasts);
    }

    /// Starts the application anew: it forgets what it held in memory, and a bad configuration with it.
    pub fn restart_application(&mut self) {
        self.state.memory_noise = -8.0;
        self.state.bad_configuration = None;
    }

    /// What kind of device it is.
    pub fn kind(&self) -> &Kind {
        &self.scenario.devices[self.kind]
    }

    /// How often it was started.
    pub fn boots(&self) -> u32 {
        self.state.boots
    }

    /// The newest configuration it has.
    pub fn configuration_version(&self) -> u32 {
        self.state.configuration
    }

    /// The device's own clock, when the world's shows `now`.
    pub fn clock(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.character.skew
    }

    /// Whether it is about to die.
    pub fn is_failing(&self) -> bool {
        self.character.failing
    }

    fn boot(&mut self, at: DateTime<Utc>) {
        self.state.off_until = None;
        self.state.up_since = at;
        self.state.boots += 1;
        self.state.cpu = 70.0;
        self.state.loads = [2.0, 0.5, 0.2];
        self.state.memory_noise = -6.0;
        self.state.bytes_sent = 0.0;
        self.state.bytes_received = 0.0;
    }

    fn restarts(&mut self, now: DateTime<Utc>, seconds: f64) -> bool {
        let per_day = self.scenario.restarts.per_day * if self.character.failing { FAILING_RESTARTS } else { 1.0 };
        let happens = happens_within(&mut self.rng, per_day, seconds);
        happens && self.state.off_until.is_none() && now > self.state.up_since
    }

    fn network(&mut self, now: DateTime<Utc>, seconds: f64, events: &Now) {
        let network = &self.scenario.network;
        let per_day = if self.character.flaky { network.losses_per_hour * 24.0 } else { 0.0 };
        let lost = happens_within(&mut self.rng, per_day, seconds);
        let lasts = waiting(&mut self.rng, network.loss_lasts_seconds);
        if self.state.unreachable_until.is_some_and(|until| until <= now) {
            self.state.unreachable_until = None;
        }
        if lost && self.state.unreachable_until.is_none() {
            self.state.unreachable_until = Some(now + TimeDelta::milliseconds((lasts * 1_000.0) as i64));
        }
        if let Some(until) = events.network_lost_until {
            self.state.unreachable_until = self.state.unreachable_until.max(Some(until));
        }
    }

    fn configuration(&mut self, now: DateTime<Utc>, events: &Now) {
        if let Some(bad) = events.bad_configuration {
            self.state.bad_configuration = Some(Bad { until: bad.until + UNTIL_MENDED, ..bad });
        }
        if self.state.bad_configuration.is_some_and(|bad| bad.until <= now) {
            self.state.bad_configuration = None;
            self.state.configuration += 1;
        }
    }

    /// Noise that keeps its direction for a while.
    fn drift(rng: &mut Rng, value: f64, keeps_seconds: f64, seconds: f64, spread: f64) -> f64 {
        let kept = (-seconds / keeps_seconds).exp();
        value * kept + normal(rng) * spread * (1.0 - kept * kept).sqrt()
    }
}

#[cfg(test)]
mod tests;
