//! What of a sample is a number, and what many of those numbers come to.

use chrono::{DateTime, Utc};

use super::{DeviceId, Sample};
use crate::{error::Error, pb::telemetry::v1 as pb};

/// A metric: a field of [`Sample`] that holds a number. Its discriminant is its place in [`Metric::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // each is told at the field of its name
pub enum Metric {
    CpuPercent,
    MemoryPercent,
    DiskPercent,
    SwapPercent,
    Load1m,
    Load5m,
    Load15m,
    NetworkLatencyMs,
    TransactionCount,
    TransactionVolume,
    ErrorRate,
    ActiveConnections,
    QueueDepth,
    BytesSent,
    BytesReceived,
    UptimeSeconds,
}

impl Metric {
    /// Every metric, in the order of the protocol.
    pub const ALL: [Self; 16] = [
        Self::CpuPercent,
        Self::MemoryPercent,
        Self::DiskPercent,
        Self::SwapPercent,
        Self::Load1m,
        Self::Load5m,
        Self::Load15m,
        Self::NetworkLatencyMs,
        Self::TransactionCount,
        Self::TransactionVolume,
        Self::ErrorRate,
        Self::ActiveConnections,
        Self::QueueDepth,
        Self::BytesSent,
        Self::BytesReceived,
        Self::UptimeSeconds,
    ];

    /// The names of all of them, in the same order.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// As the field is called on the wire, in the database and over REST.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuPercent => "cpu_percent",
            Self::MemoryPercent => "memory_percent",
            Self::DiskPercent => "disk_percent",
            Self::SwapPercent => "swap_percent",
            Self::Load1m => "load_1m",
            Self::Load5m => "load_5m",
            Self::Load15m => "load_15m",
            Self::NetworkLatencyMs => "network_latency_ms",
            Self::TransactionCount => "transaction_count",
            Self::TransactionVolume => "transaction_volume",
            Self::ErrorRate => "error_rate",
            Self::ActiveConnections => "active_connections",
            Self::QueueDepth => "queue_depth",
            Self::BytesSent => "bytes_sent",
            Self::BytesReceived => "bytes_received",
            Self::UptimeSeconds => "uptime_seconds",
        }
    }

    /// The metric of that name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| {
            let known: Vec<_> = Self::NAMES.to_vec();
            Error::invalid("metrics", format!("'{name}' is not a metric; there are {}", known.join(", ")))
        })
    }

    /// What `sample` measured of it.
    pub fn of(self, sample: &Sample) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // counters beyond 2^53 lose digits that no chart shows
        let wide = |value: Option<i64>| value.map(|value| value as f64);
        match self {
            Self::CpuPercent => sample.cpu_percent,
            Self::MemoryPercent => sample.memory_percent,
            Self::DiskPercent => sample.disk_percent,
            Self::SwapPercent => sample.swap_percent,
            Self::Load1m => sample.load_1m,
            Self::Load5m => sample.load_5m,
            Self::Load15m => sample.load_15m,
            Self::NetworkLatencyMs => sample.network_latency_ms,
            Self::TransactionCount => wide(sample.transaction_count),
            Self::TransactionVolume => sample.transaction_volume,
            Self::ErrorRate => sample.error_rate,
            Self::ActiveConnections => sample.active_connections.map(f64::from),
            Self::QueueDepth => sample.queue_depth.map(f64::from),
            Self::BytesSent => wide(sample.bytes_sent),
            Self::BytesReceived => wide(sample.bytes_received),
            Self::UptimeSeconds => wide(sample.uptime_seconds),
        }
    }
}

impl Metric {
    /// What is measured, and its unit, in one line.
    pub fn description(self) -> &'static str {
        match self {
            Self::CpuPercent => "Processor use, all cores together, in percent.",
            Self::MemoryPercent => "Physical memory in use, in percent.",
            Self::DiskPercent => "Use of the root file system, in percent.",
            Self::SwapPercent => "Swap in use, in percent.",
            Self::Load1m => "Load average over one minute.",
            Self::Load5m => "Load average over five minutes.",
            Self::Load15m => "Load average over fifteen minutes.",
            Self::NetworkLatencyMs => "Round trip to the peer that matters to the device, in milliseconds.",
            Self::TransactionCount => "Transactions the device completed in the interval it reported last.",
            Self::TransactionVolume => "What those transactions add up to, in the site's currency.",
            Self::ErrorRate => "Share of operations that failed, in percent.",
            Self::ActiveConnections => "Open TCP connections.",
            Self::QueueDepth => "Work waiting on the device, in items.",
            Self::BytesSent => "Bytes sent since the device booted.",
            Self::BytesReceived => "Bytes received since the device booted.",
            Self::UptimeSeconds => "Time since the device booted, in seconds.",
        }
    }

    /// Whether it starts at 0 when the device boots and then only grows.
    pub fn counts_up(self) -> bool {
        matches!(self, Self::BytesSent | Self::BytesReceived)
    }

    /// Whether it is kept in single precision, which is six digits: enough for a percentage or a time.
    pub fn is_single(self) -> bool {
        match self {
            Self::CpuPercent
            | Self::MemoryPercent
            | Self::DiskPercent
            | Self::SwapPercent
            | Self::Load1m
            | Self::Load5m
            | Self::Load15m
            | Self::NetworkLatencyMs
            | Self::ErrorRate => true,
            Self::TransactionCount
            | Self::TransactionVolume
            | Self::ActiveConnections
            | Self::QueueDepth
            | Self::BytesSent
            | Self::BytesReceived
            | Self::UptimeSeconds => false,
        }
    }

    /// `value` without the digits that come of how it is kept: of 45.6 all the time the average is 45.6.
    pub fn rounded(self, value: f64) -> f64 {
        #[allow(clippy::cast_possible_truncation)] // that is what is asked for
        if self.is_single() { shortest_decimal(value as f32) } else { value }
    }
}

/// The shortest decimal that means the same number in single precision: 12.34 comes back as 12.34, not as
/// 12.34000015258789.
pub fn shortest_decimal(value: f32) -> f64 {
    let exact = f64::from(value);
    // Nearly all that is measured has few decimals, and trying them takes a tenth of printing.
    if exact.abs() < 1e6 {
        for power in [1.0, 10.0, 100.0, 1_000.0] {
            let decimal = (exact * power).round() / power;
            #[allow(clippy::cast_possible_truncation)]
            if decimal as f32 == value {
                return decimal;
            }
        }
    }
    value.to_string().parse().unwrap_or(exact)
}

impl From<Metric> for pb::Metric {
    fn from(metric: Metric) -> Self {
        let number = i32::try_from(metric as usize + 1).unwrap_or_default();
        Self::try_from(number).unwrap_or(Self::Unspecified)
    }
}

impl TryFrom<i32> for Metric {
    type Error = Error;

    fn try_from(number: i32) -> Result<Self, Error> {
        let found = usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).and_then(|place| Self::ALL.get(place));
        found.copied().ok_or_else(|| Error::invalid("metrics", "holds what is not a metric"))
    }
}

/// What measurements of one metric come to. Two of them, of any two sets of measurements, can be taken together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// How many; at least 1.
    pub count: i64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// All together.
    pub sum: f64,
    /// The newest.
    pub last: f64,
    /// When the newest was measured.
    pub last_at: DateTime<Utc>,
}

impl Aggregate {
    /// One measurement.
    pub fn of(at: DateTime<Utc>, value: f64) -> Self {
        Self { count: 1, min: value, max: value, sum: value, last: value, last_at: at }
    }

    /// The mean.
    #[allow(clippy::cast_precision_loss)]
    pub fn average(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// Both together. Of two that are equally new, the larger `last` wins, so that the order does not matter.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let newer = match self.last_at.cmp(&other.last_at) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Equal if other.last > self.last => other,
            _ => self,
        };
        Self {
            count: self.count + other.count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            last: newer.last,
            last_at: newer.last_at,
        }
    }
}

/// Why samples of a device are missing for good, in the device's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// No more room on the device.
    SpoolFull,
    /// Held for longer than the server takes them.
    TooOld,
    /// Could not be read back from the device's disk.
    Damaged,
}

impl LossReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::SpoolFull, Self::TooOld, Self::Damaged];

    /// As the database and REST have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpoolFull => "spool_full",
            Self::TooOld => "too_old",
            Self::Damaged => "damaged",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl From<LossReason> for pb::GapReason {
    fn from(reason: LossReason) -> Self {
        match reason {
            LossReason::SpoolFull => Self::SpoolFull,
            LossReason::TooOld => Self::TooOld,
            LossReason::Damaged => Self::Damaged,
        }
    }
}

impl TryFrom<pb::GapReason> for LossReason {
    type Error = Error;

    fn try_from(reason: pb::GapReason) -> Result<Self, Error> {
        match reason {
            pb::GapReason::SpoolFull => Ok(Self::SpoolFull),
            pb::GapReason::TooOld => Ok(Self::TooOld),
            pb::GapReason::Damaged => Ok(Self::Damaged),
            pb::GapReason::Unspecified | pb::GapReason::NoSamples => {
                Err(Error::invalid("reason", "must be SPOOL_FULL, TOO_OLD or DAMAGED"))
            }
        }
    }
}

/// Samples that a device had to let go of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When the first of them was measured.
    pub start: DateTime<Utc>,
    /// When the last of them was measured; not before `start`.
    pub end: DateTime<Utc>,
    /// How many; at least 1.
    pub samples: u64,
    /// Why.
    pub reason: LossReason,
}

/// A [`Loss`] with whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLoss {
    /// The device.
    pub device_id: DeviceId,
    /// What it lost.
    pub loss: Loss,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_comes_back_as_the_decimal_that_was_written() {
        for value in [0.0, 45.5, 12.34, 0.01, 99.99, 100.0, 33.3, 1_234.56, -0.5, 1e-9, 123_456_790.0, 1.0e30] {
            #[allow(clippy::cast_possible_truncation)]
            let stored = value as f32;
            assert_eq!(shortest_decimal(stored).to_bits(), f64::to_bits(value), "{value}");
        }
        for value in (0..200_000_u32).map(|step| f32::from_bits(step * 20_011)).filter(|value| value.is_finite()) {
            let printed: f64 = value.to_string().parse().unwrap();
            assert_eq!(shortest_decimal(value).to_bits(), printed.to_bits(), "{value}");
        }
    }

    #[test]
    fn every_metric_is_a_field_of_the_protocol_by_the_same_name_and_number() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            let wire = pb::Metric::from(metric);
            assert_eq!(metric as usize, place);
            assert_eq!(wire.as_str_name().strip_prefix("METRIC_"), Some(metric.name().to_uppercase().as_str()));
            assert_eq!(Metric::try_from(i32::from(wire)), Ok(metric));
            assert_eq!(Metric::parse(metric.name()), Ok(metric));
        }
        assert!(Metric::try_from(0).is_err());
        assert!(Metric::try_from(17).is_err());
    }

    #[test]
    fn aggregates_come_to_the_same_in_any_order() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let all = [(3, 1.0), (1, 5.0), (2, -2.0), (3, 4.0)].map(|(second, value)| Aggregate::of(at(second), value));
        let forward = all.into_iter().reduce(Aggregate::merge).unwrap();
        let backward = all.into_iter().rev().reduce(Aggregate::merge).unwrap();
        assert_eq!(forward, backward);
        assert_eq!((forward.count, forward.min, forward.max, forward.last), (4, -2.0, 5.0, 4.0));
        assert_eq!(forward.average(), 2.0);
    }
}
