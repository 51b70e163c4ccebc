//! The process's metrics, in Prometheus' text form.
//!
//! Names: `homepot_<what>_total` counts, `homepot_<what>_seconds` measures time, no label with an unbounded set of
//! values (no device ids, no raw paths). Each stands in the table of `catalogue`, and every counter is there from the start.
//! What the kernel knows of the process (`process`) has the names that Prometheus' client libraries agree on.

mod catalogue;
mod process;

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::{Drain, backoff::every};

/// Half a millisecond to ten seconds, in steps of about two.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often recorded times are sorted into their buckets, so that they don't pile up unread.
const UPKEEP: Duration = Duration::from_secs(5);

/// Renders what was recorded. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Metrics could not start.
#[derive(Debug, thiserror::Error)]
#[error("can't start metrics: {0}")]
pub struct MetricsError(#[from] BuildError);

impl Metrics {
    /// Makes this process record; once a process.
    pub fn install(version: &'static str) -> Result<Self, MetricsError> {
        let recorder = recorder()?;
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).map_err(BuildError::from)?;
        catalogue::register();
        ::metrics::gauge!("homepot_build_info", "version" => version).set(1.0);
        Ok(Self(handle))
    }

    /// Everything recorded so far, and what the process takes now.
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        process::render(&mut text);
        text
    }

    /// Keeps the recorder's memory small until `drain`.
    pub async fn upkeep(self, drain: Drain) {
        let mut ticks = every(UPKEEP);
        loop {
            tokio::select! {
                () = drain.wait() => return,
                _ = ticks.tick() => self.0.run_upkeep(),
            }
        }
    }

    /// Metrics of their own for a test, beside the process's.
    #[cfg(test)]
    pub(crate) fn local() -> (PrometheusRecorder, Self) {
        let recorder = recorder().unwrap();
        let handle = recorder.handle();
        (recorder, Self(handle))
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?;
    Ok(builder.build_recorder())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rendered_as_buckets() {
        let (recorder, metrics) = Metrics::local();
        ::metrics::with_local_recorder(&recorder, || ::metrics::histogram!("homepot_test_seconds").record(0.003));
        let text = metrics.render();
        assert!(text.contains("homepot_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("homepot_test_seconds_count 1"), "{text}");
    }
}
