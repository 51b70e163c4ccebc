//! What a device measured.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    DeviceId, DeviceSource, JsonBounds, JsonObject, Metric, SiteId, from_proto_duration, from_proto_timestamp,
    from_struct, metric::Value, to_proto_duration, to_proto_timestamp, to_struct,
};
use crate::{
    error::Error,
    metric_table,
    pb::{common::v1 as common_pb, telemetry::v1 as pb},
};

/// How far back a sample may lie: as long as raw samples are kept.
pub const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How far a device's clock may run ahead.
pub const MAX_CLOCK_AHEAD: Duration = Duration::from_secs(5 * 60);
/// How large `extra` may be.
pub const MAX_EXTRA: JsonBounds = JsonBounds { bytes: 4_096, keys: 64, depth: 4 };

const MAX_TEMPERATURES: usize = 32;
const ONE_DAY: Duration = Duration::from_secs(24 * 3600);

macro_rules! sample {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// One measurement; a field that is `None` was not measured. Units and ranges stand in the protocol.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Sample {
            /// When it was measured, by the device's clock, or by the server's where `device_time` has the device's.
            pub collected_at: DateTime<Utc>,
            /// What the device's clock showed, where `collected_at` is corrected. With the device, what the device's clock
            /// showed is the sample's identity: the first correction of a sample holds.
            pub device_time: Option<DateTime<Utc>>,
            $(#[doc = $about] pub $name: Option<$value>,)*
            /// What this sample covers, in milliseconds.
            pub collection_interval_ms: Option<i32>,
            /// By sensor.
            pub temperatures: Vec<Temperature>,
            /// Whatever else.
            pub extra: Option<JsonObject>,
        }

        impl Sample {
            /// A sample in which nothing was measured.
            pub fn empty(collected_at: DateTime<Utc>) -> Self {
                Self {
                    collected_at,
                    device_time: None,
                    $($name: None,)*
                    collection_interval_ms: None,
                    temperatures: Vec::new(),
                    extra: None,
                }
            }

            /// Checks a sample from the wire; one without `collected_at` takes `default_time`, where there is one.
            pub fn from_proto(sample: pb::Sample, default_time: Option<DateTime<Utc>>) -> Result<Self, SampleFault> {
                let collected_at = match &sample.collected_at {
                    Some(time) => from_proto_timestamp("collected_at", time)?,
                    None => default_time.ok_or_else(|| Error::missing("collected_at"))?,
                };
                let device_time = sample.device_time.as_ref();
                let device_time = device_time.map(|time| from_proto_timestamp("device_time", time)).transpose()?;
                Ok(Self {
                    collected_at,
                    // A correction by nothing is none.
                    device_time: device_time.filter(|time| *time != collected_at),
                    $($name: <$value>::checked(stringify!($name), sample.$name, $range)?,)*
                    collection_interval_ms: sample.collection_interval.as_ref().map(interval).transpose()?,
                    temperatures: temperatures(sample.temperatures)?,
                    extra: sample.extra.as_ref().map(|extra| from_struct("extra", extra, MAX_EXTRA)).transpose()?,
                })
            }
        }

        impl Metric {
            /// What `sample` measured of it.
            pub fn of(self, sample: &Sample) -> Option<f64> {
                match self {
                    $(Self::$metric => sample.$name.map(Value::to_f64),)*
                }
            }
        }

        impl From<Sample> for pb::Sample {
            fn from(sample: Sample) -> Self {
                let interval = |ms: i32| to_proto_duration(Duration::from_millis(u64::try_from(ms).unwrap_or_default()));
                let temperature = |t: Temperature| pb::Temperature { sensor: t.sensor, celsius: t.celsius };
                Self {
                    collected_at: Some(to_proto_timestamp(sample.collected_at)),
                    device_time: sample.device_time.map(to_proto_timestamp),
                    $($name: sample.$name.map(Value::to_wire),)*
                    collection_interval: sample.collection_interval_ms.map(interval),
                    temperatures: sample.temperatures.into_iter().map(temperature).collect(),
                    extra: sample.extra.as_ref().map(to_struct),
                }
            }
        }
    };
}
metric_table!(sample);

/// One sensor's reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperature {
    /// The sensor's name.
    pub sensor: String,
    /// Degrees Celsius.
    pub celsius: f64,
}

/// A sample as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSample {
    /// Who measured.
    pub device_id: DeviceId,
    /// Whose site.
    pub site_id: SiteId,
    /// Real or simulated.
    pub source: DeviceSource,
    /// What.
    pub sample: Sample,
    /// By the server's clock.
    pub received_at: DateTime<Utc>,
}

/// Why a sample was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleFault {
    /// The field at fault.
    pub field: String,
    /// Why.
    pub reason: String,
}

impl From<Error> for SampleFault {
    fn from(error: Error) -> Self {
        match error.field_violations().first() {
            Some(fault) => Self { field: fault.field.clone(), reason: fault.reason.clone() },
            None => Self { field: String::new(), reason: error.message().to_owned() },
        }
    }
}

impl Sample {
    /// Refuses a sample whose clock is too far off the server's.
    pub fn check_clock(&self, now: DateTime<Utc>) -> Result<(), SampleFault> {
        self.check_age(now, MAX_AGE)
    }

    /// As [`Sample::check_clock`], for a server that takes samples of at most `max_age`.
    pub fn check_age(&self, now: DateTime<Utc>, max_age: Duration) -> Result<(), SampleFault> {
        let fault = |reason: String| SampleFault { field: "collected_at".to_owned(), reason };
        // In microseconds, which is what times are kept in: each sample of a batch is looked at, and sums of dates cost more.
        let ahead = self.collected_at.timestamp_micros() - now.timestamp_micros();
        if ahead > micros(MAX_CLOCK_AHEAD) {
            return Err(fault("lies more than 5 minutes in the future of the server's clock".to_owned()));
        }
        if -ahead > micros(max_age) {
            let hours = max_age.as_secs() / 3600;
            let span = if hours.is_multiple_of(24) { format!("{} days", hours / 24) } else { format!("{hours} hours") };
            return Err(fault(format!("lies more than {span} in the past of the server's clock")));
        }
        Ok(())
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn interval(duration: &prost_types::Duration) -> Result<i32, Error> {
    let span = from_proto_duration("collection_interval", duration)?;
    if span.is_zero() || span > ONE_DAY {
        return Err(Error::invalid("collection_interval", "must be over 0 s and at most 1 day"));
    }
    Ok(i32::try_from(span.as_millis()).unwrap_or(i32::MAX))
}

fn temperatures(readings: Vec<pb::Temperature>) -> Result<Vec<Temperature>, Error> {
    const FIELD: &str = "temperatures";
    if readings.len() > MAX_TEMPERATURES {
        return Err(Error::invalid(FIELD, format!("has more than {MAX_TEMPERATURES} sensors")));
    }
    let mut seen = std::collections::HashSet::new();
    for reading in &readings {
        let length = reading.sensor.chars().count();
        if length == 0 || length > 64 || reading.sensor.contains('\0') {
            return Err(Error::invalid(FIELD, "has a sensor whose name is not 1 to 64 characters"));
        }
        if !seen.insert(reading.sensor.clone()) {
            return Err(Error::invalid(FIELD, "has the same sensor twice"));
        }
        f64::checked(FIELD, Some(reading.celsius), -273.15..=1_000.0)?;
    }
    Ok(readings.into_iter().map(|r| Temperature { sensor: r.sensor, celsius: r.celsius }).collect())
}

impl From<StoredSample> for pb::DeviceSample {
    fn from(stored: StoredSample) -> Self {
        Self {
            device_id: stored.device_id.into(),
            site_id: stored.site_id.into(),
            sample: Some(stored.sample.into()),
            received_at: Some(to_proto_timestamp(stored.received_at)),
            source: common_pb::DeviceSource::from(stored.source).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn a_full_sample_survives_the_wire() {
        let sample = Sample {
            cpu_percent: Some(45.5),
            transaction_volume: Some(-5.0),
            active_connections: Some(i32::MAX),
            collection_interval_ms: Some(5_000),
            bytes_sent: Some(i64::MAX),
            temperatures: vec![Temperature { sensor: "cpu".to_owned(), celsius: 61.0 }],
            extra: Some([("boot_time".to_owned(), 1_700_000_000.into())].into_iter().collect()),
            ..Sample::empty(now())
        };
        assert_eq!(Sample::from_proto(sample.clone().into(), None), Ok(sample));
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
        let good = || pb::Sample::from(Sample::empty(now()));
        let bad = [
            ("cpu_percent", pb::Sample { cpu_percent: Some(100.1), ..good() }),
            ("memory_percent", pb::Sample { memory_percent: Some(f64::NAN), ..good() }),
            ("network_latency_ms", pb::Sample { network_latency_ms: Some(f64::INFINITY), ..good() }),
            ("queue_depth", pb::Sample { queue_depth: Some(1 << 31), ..good() }),
            ("bytes_sent", pb::Sample { bytes_sent: Some(-1), ..good() }),
            ("collected_at", pb::Sample { collected_at: None, ..good() }),
            ("collection_interval", pb::Sample { collection_interval: Some(Default::default()), ..good() }),
        ];
        for (field, sample) in bad {
            assert_eq!(Sample::from_proto(sample, None).unwrap_err().field, field);
        }
    }

    #[test]
    fn a_clock_too_far_off_is_refused() {
        let at = |seconds: i64| Sample::empty(now() + chrono::TimeDelta::seconds(seconds));
        assert!(at(299).check_clock(now()).is_ok());
        assert!(at(301).check_clock(now()).is_err());
        assert!(at(-604_799).check_clock(now()).is_ok());
        assert!(at(-604_801).check_clock(now()).is_err());
    }
}
