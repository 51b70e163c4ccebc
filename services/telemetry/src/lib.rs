//! homepot-telemetry
