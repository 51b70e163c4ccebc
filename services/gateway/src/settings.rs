//! Settings of the gateway: the fleet's newest values in Prometheus' format.

use homepot_host::settings::Reader;

/// Flags of the gateway, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct FleetMetricsFlags {
    /// Serve the fleet's newest values to operators at /telemetry/prometheus on the REST address: 'on' or 'off'.
    #[arg(long, env = "HOMEPOT_FLEET_METRICS", value_name = "WORD", default_value = "off", help_heading = "Devices")]
    fleet_metrics: String,

    /// The most devices shown there, the first ones by id: 1 to 100000. Each device makes one series for each metric.
    #[arg(long, env = "HOMEPOT_FLEET_METRICS_DEVICES", value_name = "COUNT", default_value = "1000")]
    #[arg(help_heading = "Devices")]
    fleet_metrics_devices: String,
}

impl FleetMetricsFlags {
    /// The limit of devices that are shown there, checked; `None`: there is no such route.
    pub fn read(self, reader: &mut Reader<'_>) -> Option<usize> {
        let most = reader.count("fleet-metrics-devices", &self.fleet_metrics_devices, 1..=100_000);
        let word = match self.fleet_metrics.as_str() {
            "on" => Ok(Some(most)),
            "off" => Ok(None),
            word => Err(format!("'{word}' is neither 'on' nor 'off'")),
        };
        reader.keep("fleet-metrics", word, None)
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str]) -> Result<Option<usize>, Vec<String>> {
        test_support::read(flags, &[], FleetMetricsFlags::read)
    }

    #[test]
    fn the_fleet_is_told_to_a_prometheus_only_where_it_is_switched_on() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["--fleet-metrics=on"]), Ok(Some(1_000)));
        let told = read(&["--fleet-metrics=yes", "--fleet-metrics-devices=0"]).unwrap_err();
        let starts = [
            "--fleet-metrics-devices (HOMEPOT_FLEET_METRICS_DEVICES): '0' is not a number from 1 to 100000",
            "--fleet-metrics (HOMEPOT_FLEET_METRICS): 'yes' is neither",
        ];
        assert!(told.iter().zip(starts).all(|(fault, start)| fault.starts_with(start)), "{told:?}");
        assert_eq!(told.len(), 2);
    }
}
