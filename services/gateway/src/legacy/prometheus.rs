//! The fleet's newest values for a Prometheus: switched on by a setting, and bounded, since every device makes a series a
//! metric.

use std::fmt::Write as _;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    Error,
    model::{Metric, MetricKind, Sample, from_proto_timestamp},
    pb::{common::v1::DeviceSource, telemetry::v1 as pb},
};
use http::{Uri, header};

use super::views::source_word;
use crate::{
    App,
    backend::call,
    caller::{Caller, Operator},
    error::{ApiError, Fault, broken},
    lists::{Page, Walk},
    query,
};

/// Devices that are asked for at once.
const PAGE_SIZE: u32 = 1_000;
/// A value that is older tells nothing of now.
const STALE: TimeDelta = TimeDelta::minutes(5);
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The one parameter.
const SOURCE: &str = "source";

/// The newest values of the fleet, as Prometheus reads them.
///
/// Values older than 5 minutes are left out; `homepot_device_last_sample_timestamp_seconds` is always there. Of more devices
/// than the setting allows the first by id are told, and `homepot_fleet_devices_left_out` says how many are not.
pub(super) async fn prometheus(
    State(app): State<App>,
    Operator(caller): Operator,
    uri: Uri,
) -> Result<Response, ApiError> {
    let most = app.config.fleet_metrics.ok_or_else(ApiError::not_found)?;
    let source = source(uri.query().unwrap_or_default())?.into();
    // By the server's clock, which may not be this process'.
    let now = server_time(&app, &caller).await?;
    let fetch = move |page_size, page_token| -> Page<pb::DeviceSample> {
        let (mut telemetry, caller) = (app.services.telemetry(), caller.clone());
        let message = pb::LatestRequest { page_size, page_token, source, ..Default::default() };
        Box::pin(async move {
            let page = call(&caller, message, |request| async move { telemetry.latest(request).await }).await?;
            Ok((page.samples, page.next_page_token))
        })
    };
    let mut walk = Walk::from(String::new(), PAGE_SIZE, fetch);
    let mut fleet = Fleet::new(most);
    while walk.has_more() {
        for sample in walk.next().await? {
            fleet.add(sample).map_err(|error| broken(&error))?;
        }
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], fleet.text(now)).into_response())
}

/// Which devices are asked for; both kinds unless told.
fn source(query: &str) -> Result<DeviceSource, ApiError> {
    match query {
        "" => Ok(DeviceSource::Unspecified),
        "source=real" => Ok(DeviceSource::Real),
        "source=simulated" => Ok(DeviceSource::Simulated),
        odd => {
            let mut faults = query::faults(&[SOURCE.to_owned()], odd);
            if faults.is_empty() {
                faults.push(Fault::of_parameter(SOURCE, "enum", "Input should be 'real' or 'simulated'"));
            }
            Err(ApiError::invalid(faults))
        }
    }
}

async fn server_time(app: &App, caller: &Caller) -> Result<DateTime<Utc>, ApiError> {
    let mut telemetry = app.services.telemetry();
    let message = pb::LatestRequest { page_size: 1, ..Default::default() };
    let answer = call(caller, message, |request| async move { telemetry.latest(request).await }).await?;
    let time = answer.server_time.unwrap_or_default();
    Ok(from_proto_timestamp("server_time", &time)?)
}

/// The newest sample of a device.
struct Newest {
    device_id: String,
    site_id: String,
    source: &'static str,
    sample: Sample,
}

/// The newest sample of each device, up to a bound.
struct Fleet {
    most: usize,
    samples: Vec<Newest>,
    left_out: usize,
}

impl Fleet {
    fn new(most: usize) -> Self {
        Self { most, samples: Vec::new(), left_out: 0 }
    }

    fn add(&mut self, device: pb::DeviceSample) -> Result<(), Error> {
        if self.samples.len() == self.most {
            self.left_out += 1;
            return Ok(());
        }
        let sample = Sample::from_proto(device.sample.unwrap_or_default(), None);
        let sample = sample.map_err(|fault| Error::invalid(fault.field, fault.reason))?;
        let source = source_word(device.source);
        self.samples.push(Newest { device_id: device.device_id, site_id: device.site_id, source, sample });
        Ok(())
    }

    fn text(&self, now: DateTime<Utc>) -> String {
        let mut text = String::new();
        for metric in Metric::ALL {
            let fresh = self.samples.iter().filter(|newest| now - newest.sample.collected_at <= STALE);
            let values = fresh.filter_map(|newest| Some((newest, metric.of(&newest.sample)?)));
            let (kind, suffix) = match metric.kind() {
                MetricKind::Counter => ("counter", "_total"),
                MetricKind::Gauge => ("gauge", ""),
            };
            let name = format!("homepot_device_{}{suffix}", metric.name());
            family(&mut text, &name, kind, metric.description(), values);
        }
        let seconds = |newest: &Newest| newest.sample.collected_at.timestamp_micros() as f64 / 1e6;
        let times = self.samples.iter().map(|newest| (newest, seconds(newest)));
        let told = "When the device's newest sample was collected, by its clock.";
        family(&mut text, "homepot_device_last_sample_timestamp_seconds", "gauge", told, times);
        let told = "Devices beyond HOMEPOT_FLEET_METRICS_DEVICES, of which nothing is told here.";
        let name = "homepot_fleet_devices_left_out";
        // Writing to memory can't fail.
        let _ = writeln!(text, "# HELP {name} {told}\n# TYPE {name} gauge\n{name} {}", self.left_out);
        text
    }
}

/// One metric of all devices; nothing when no device has a value.
fn family<'a>(text: &mut String, name: &str, kind: &str, help: &str, values: impl Iterator<Item = (&'a Newest, f64)>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (Newest { device_id, site_id, source, .. }, value) in values {
        // An id holds no character that would have to be escaped.
        let _ = writeln!(text, "{name}{{device_id=\"{device_id}\",site_id=\"{site_id}\",source=\"{source}\"}} {value}");
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    fn stored(device_id: &str, age: i64, sample: pb::Sample) -> pb::DeviceSample {
        let collected_at = Some(Timestamp { seconds: 1_000_000 - age, nanos: 0 });
        let sample = Some(pb::Sample { collected_at, ..sample });
        let (device_id, site_id) = (device_id.to_owned(), "shop-1".to_owned());
        pb::DeviceSample { device_id, site_id, sample, received_at: None, source: 0 }
    }

    fn text(most: usize, samples: Vec<pb::DeviceSample>) -> String {
        let mut fleet = Fleet::new(most);
        samples.into_iter().for_each(|sample| fleet.add(sample).unwrap());
        fleet.text(DateTime::from_timestamp(1_000_000, 0).unwrap())
    }

    #[test]
    fn values_stand_below_their_metric_with_device_and_site_and_old_ones_are_left_out() {
        let measured = |cpu| pb::Sample { cpu_percent: Some(cpu), bytes_sent: Some(7), ..Default::default() };
        let text = text(9, vec![stored("a", 300, measured(45.5)), stored("b", 301, measured(1.0))]);
        let expected = "\
            # HELP homepot_device_cpu_percent Processor use, all cores together, in percent.\n\
            # TYPE homepot_device_cpu_percent gauge\n\
            homepot_device_cpu_percent{device_id=\"a\",site_id=\"shop-1\",source=\"real\"} 45.5\n\
            # HELP homepot_device_bytes_sent_total Bytes sent since the device booted.\n\
            # TYPE homepot_device_bytes_sent_total counter\n\
            homepot_device_bytes_sent_total{device_id=\"a\",site_id=\"shop-1\",source=\"real\"} 7\n\
            # HELP homepot_device_last_sample_timestamp_seconds When the device's newest sample was collected, by its \
            clock.\n\
            # TYPE homepot_device_last_sample_timestamp_seconds gauge\n\
            homepot_device_last_sample_timestamp_seconds{device_id=\"a\",site_id=\"shop-1\",source=\"real\"} 999700\n\
            homepot_device_last_sample_timestamp_seconds{device_id=\"b\",site_id=\"shop-1\",source=\"real\"} 999699\n\
            # HELP homepot_fleet_devices_left_out Devices beyond HOMEPOT_FLEET_METRICS_DEVICES, of which nothing is \
            told here.\n\
            # TYPE homepot_fleet_devices_left_out gauge\n\
            homepot_fleet_devices_left_out 0\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn every_metric_of_the_table_is_told() {
        macro_rules! full {
            ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
                pb::Sample { $($name: Some(*$range.end()),)* ..Default::default() }
            };
        }
        let text = text(9, vec![stored("a", 0, homepot::metric_table!(full))]);
        for metric in Metric::ALL {
            let name = format!("# TYPE homepot_device_{}", metric.name());
            assert_eq!(text.matches(&name).count(), 1, "{name}: {text}");
        }
    }

    #[test]
    fn the_source_is_one_of_two_words_and_there_is_no_other_parameter() {
        assert_eq!(source("").unwrap(), DeviceSource::Unspecified);
        assert_eq!(source("source=simulated").unwrap(), DeviceSource::Simulated);
        for odd in ["source=both", "source=", "source=real&source=real", "sources=real"] {
            assert_eq!(source(odd).unwrap_err().status(), 422, "{odd}");
        }
    }

    #[test]
    fn beyond_the_bound_devices_are_counted_and_not_told() {
        let text = text(2, ["a", "b", "c", "d"].map(|id| stored(id, 0, pb::Sample::default())).into());
        assert!(text.contains("device_id=\"b\"") && !text.contains("device_id=\"c\""), "{text}");
        assert!(text.ends_with("\nhomepot_fleet_devices_left_out 2\n"), "{text}");
    }
}
