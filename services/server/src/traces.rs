//! The way to the collector of traces.

use homepot_runtime::{settings::TraceSettings, tls::Trusted, trace::Collector};

use crate::client;

/// The collector that the settings name. The connection opens with the first spans; where the authorities are replaced, another
/// takes its place.
pub(crate) fn collector(settings: &TraceSettings) -> Collector {
    let TraceSettings { collector, trusted, .. } = settings.clone();
    let changes = trusted.as_ref().map(Trusted::changes);
    let connect = move || {
        let endpoint = client::endpoint_at(&collector, None, trusted.as_ref().map(Trusted::current), None);
        endpoint.map(|endpoint| endpoint.connect_lazy()).map_err(|error| format!("{error:#}"))
    };
    Collector { connect: Box::new(connect), changes }
}
