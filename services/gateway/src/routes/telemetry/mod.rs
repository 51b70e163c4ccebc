//! What devices measured, for whoever asks: samples as they are, series for charts, news as they come, and the fleet
//! for a Prometheus.

mod csv;
mod fleet;
mod query;
mod sample;
mod samples;
mod series;
mod watch;

pub(crate) use self::{
    fleet::{__path_prometheus, prometheus},
    query::{__path_query, query},
    samples::{__path_latest, __path_latest_of_device, __path_samples, latest, latest_of_device, samples},
    watch::{__path_watch, watch},
};

/// Said with every answer that may be written in two ways.
const CSV: &str = "text/csv; charset=utf-8";

use http::StatusCode;

use crate::error::ApiError;

/// An id in the path that can't exist names nothing.
fn no_device(error: ApiError) -> ApiError {
    error.or_if_at("device_id", StatusCode::NOT_FOUND, "Device not found")
}
