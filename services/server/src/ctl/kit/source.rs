//! Real or simulated: as an argument and as a word.

use clap::builder::TypedValueParser;
use homepot::pb::common::v1::DeviceSource;

use super::words;

const SOURCE: &str = "DEVICE_SOURCE_";
const SOURCES: &[&str] = &["real", "simulated"];

/// Reads `real` or `simulated`.
pub(crate) fn source_parser() -> impl TypedValueParser<Value = DeviceSource> {
    words::choice(SOURCE, SOURCES, DeviceSource::from_str_name)
}

/// The word for a source; what does not tell is real.
pub(crate) fn source(value: i32) -> &'static str {
    match DeviceSource::try_from(value) {
        Ok(DeviceSource::Simulated) => "simulated",
        _ => "real",
    }
}
