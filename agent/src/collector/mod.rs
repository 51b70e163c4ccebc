//! Measures this machine. What can't be read is left out of a sample: absent is not zero.

mod diagnostics;
mod traffic;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use homepot::model::{Sample, Temperature};
use sysinfo::{Components, MINIMUM_CPU_UPDATE_INTERVAL};
use tokio::time::Instant;

use crate::{platform, state::StateDir};

use self::traffic::Traffic;

const MAX_TEMPERATURES: usize = 32;
const MAX_SENSOR_NAME: usize = 64;
/// A clock that steps back further than this was set; it is followed instead of outrun.
const CLOCK_SET: TimeDelta = TimeDelta::seconds(5);

/// Keeps what measuring needs from one sample to the next.
pub struct Collector {
    processor: platform::Processor,
    processor_read_at: Instant,
    processor_percent: Option<f64>,
    traffic: Traffic,
    state: StateDir,
    host_root: Option<PathBuf>,
    components: Option<Components>,
    last_collected_at: Option<DateTime<Utc>>,
    last_collection: Instant,
}

impl Collector {
    /// Takes the first reading, which tells nothing about the processor yet. What interfaces have counted is kept in `state`.
    /// `host_root`: where the machine's root is mounted in the container that this runs in.
    pub fn new(state: StateDir, boot_id: &str, host_root: Option<PathBuf>) -> Self {
        let mut processor = platform::Processor::default();
        processor.busy_percent();
        // Most virtual machines have no sensors.
        let components = Components::new_with_refreshed_list().ok();
        let now = Instant::now();
        Self {
            processor,
            processor_read_at: now,
            processor_percent: None,
            traffic: Traffic::restore(&state, boot_id),
            state,
            host_root,
            components,
            last_collected_at: None,
            last_collection: now,
        }
    }

    /// What RUN_DIAGNOSTICS answers.
    pub fn diagnostics(&self) -> serde_json::Value {
        diagnostics::diagnostics(self.state.path(), self.host_root.is_some())
    }

    /// Measures now. `round_trip` is the last one to the server, where there is one.
    pub fn collect(&mut self, round_trip: Option<Duration>) -> Sample {
        let now = Instant::now();
        let covered = now.duration_since(self.last_collection).max(Duration::from_millis(1));
        self.last_collection = now;
        if let Some(components) = &mut self.components {
            components.refresh(true);
        }
        let (load, memory) = (platform::load(), platform::memory(self.host_root.is_some()));
        let [load_1m, load_5m, load_15m] = [0, 1, 2].map(|place| load.map(|load| rounded(load[place])));
        let swap = memory.and_then(|memory| memory.swap_used.zip(memory.swap_total));
        let bytes = self.bytes();
        let disk = platform::disk_use_percent(self.host_root.as_deref().unwrap_or(Path::new("/")));
        Sample {
            cpu_percent: self.processor(now),
            memory_percent: memory.and_then(|memory| percent(memory.used, memory.total)),
            swap_percent: swap.and_then(|(used, total)| percent(used, total)),
            disk_percent: disk.map(rounded_percent),
            load_1m,
            load_5m,
            load_15m,
            network_latency_ms: round_trip.map(|span| rounded(span.as_secs_f64() * 1_000.0)),
            active_connections: platform::open_tcp_connections().and_then(|count| count.try_into().ok()),
            collection_interval_ms: Some(covered.as_millis().try_into().unwrap_or(i32::MAX)),
            bytes_sent: bytes.and_then(|(sent, _)| sent.try_into().ok()),
            bytes_received: bytes.and_then(|(_, received)| received.try_into().ok()),
            uptime_seconds: platform::uptime().and_then(|uptime| uptime.as_secs().try_into().ok()),
            temperatures: self.temperatures(),
            ..Sample::empty(self.stamp(platform::wall_clock()))
        }
    }

    /// A sample's instant is its identity: no two of one device may share it.
    fn stamp(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let now = now.trunc_subsecs(6);
        let stamp = match self.last_collected_at {
            Some(last) if now <= last && last - now <= CLOCK_SET => last + TimeDelta::microseconds(1),
            _ => now,
        };
        self.last_collected_at = Some(stamp);
        stamp
    }

    fn processor(&mut self, now: Instant) -> Option<f64> {
        if now.duration_since(self.processor_read_at) >= MINIMUM_CPU_UPDATE_INTERVAL {
            self.processor_percent = self.processor.busy_percent().map(rounded_percent);
            self.processor_read_at = now;
        }
        self.processor_percent
    }

    /// Sent and received since the boot, over all interfaces but loopback.
    fn bytes(&mut self) -> Option<(u64, u64)> {
        let total = self.traffic.total(platform::traffic()?);
        self.traffic.keep(&self.state);
        Some(total)
    }

    fn temperatures(&self) -> Vec<Temperature> {
        let readings = self.components.iter().flat_map(|components| components.iter());
        unique(readings.map(|component| (component.label().to_owned(), component.temperature())))
    }
}

/// Sensors that tell something, each name once.
fn unique(readings: impl Iterator<Item = (String, Option<f32>)>) -> Vec<Temperature> {
    let mut seen = HashSet::new();
    let mut temperatures = Vec::new();
    for (label, celsius) in readings {
        let Some(celsius) = celsius.map(f64::from).filter(|value| (-273.15..=1_000.0).contains(value)) else {
            continue;
        };
        let label: String = label.trim().chars().filter(|c| *c != '\0').take(MAX_SENSOR_NAME).collect();
        let label = if label.is_empty() { "sensor".to_owned() } else { label };
        let numbered = (2..).map(|n| {
            let suffix = format!(" {n}");
            let room = MAX_SENSOR_NAME - suffix.len();
            label.chars().take(room).chain(suffix.chars()).collect::<String>()
        });
        let sensor = std::iter::once(label.clone()).chain(numbered).find(|name| !seen.contains(name));
        let Some(sensor) = sensor else { continue };
        seen.insert(sensor.clone());
        temperatures.push(Temperature { sensor, celsius: rounded(celsius) });
        if temperatures.len() == MAX_TEMPERATURES {
            break;
        }
    }
    temperatures
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| rounded_percent(part as f64 / whole as f64 * 100.0))
}

fn rounded_percent(value: f64) -> f64 {
    rounded(value.clamp(0.0, 100.0))
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector() -> (tempfile::TempDir, Collector) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(&directory.path().join("state")).unwrap();
        (directory, Collector::new(state, "boot", None))
    }

    #[tokio::test]
    async fn this_machines_samples_are_plausible_and_the_first_has_no_processor() {
        let (_directory, mut collector) = collector();
        let first = collector.collect(None);
        tokio::time::sleep(MINIMUM_CPU_UPDATE_INTERVAL).await;
        let second = collector.collect(Some(Duration::from_micros(1_234)));
        assert_eq!(first.cpu_percent, None);
        assert!(second.cpu_percent.is_some());
        assert!(second.memory_percent.is_some_and(|value| value > 0.0));
        assert!(second.disk_percent.is_some() && second.load_1m.is_some() && second.bytes_received.is_some());
        assert!(second.uptime_seconds > Some(0) && second.collection_interval_ms >= Some(200));
        assert_eq!(second.network_latency_ms, Some(1.23));
        // The server's own check is the yardstick.
        for sample in [first, second] {
            assert_eq!(Sample::from_proto(sample.clone().into(), None), Ok(sample));
        }
    }

    #[test]
    fn no_two_samples_share_an_instant_and_a_clock_that_was_set_is_followed() {
        let (_directory, mut collector) = collector();
        let start = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
        let micros = |n| start.trunc_subsecs(6) + TimeDelta::microseconds(n);
        assert_eq!(collector.stamp(start), micros(0));
        assert_eq!(collector.stamp(start), micros(1));
        assert_eq!(collector.stamp(start - TimeDelta::seconds(1)), micros(2));
        let set_back = start - TimeDelta::hours(1);
        assert_eq!(collector.stamp(set_back), set_back.trunc_subsecs(6));
    }

    #[test]
    fn sensors_that_say_nothing_are_left_out_and_names_are_made_unique() {
        let reading = |name: &str, celsius| (name.to_owned(), celsius);
        let long = "x".repeat(80);
        let readings = [
            reading("cpu", Some(50.126)),
            reading("cpu", Some(51.0)),
            reading("broken", Some(f32::NAN)),
            reading("absent", None),
            reading(&long, Some(1.0)),
            reading(&long, Some(2.0)),
        ];
        let names: Vec<_> = unique(readings.into_iter()).into_iter().map(|t| t.sensor).collect();
        assert_eq!(names, ["cpu", "cpu 2", &"x".repeat(64), &format!("{} 2", "x".repeat(62))]);
        assert_eq!(unique((0..99).map(|n| (n.to_string(), Some(1.0)))).len(), MAX_TEMPERATURES);
    }
}
