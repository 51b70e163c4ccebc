//! Traces: the collector, and how much is traced. Where OpenTelemetry has a name for a setting it is that one, which also what
//! sets programs up for traces writes; docs/decisions says why.

use std::ffi::OsString;

use homepot::model::ServerAddress;
use homepot_host::settings::{Reader, given, given_path};

use crate::{
    tls::Trusted,
    trace::{Share, Shares},
};

/// Of operators' requests, unless the settings say otherwise.
const REQUESTS: &str = "0.1";
/// Of what devices do.
const DEVICES: &str = "0.001";

/// Flags of traces, as they are written. What is empty is not given: that is how OpenTelemetry has it.
#[derive(Clone, Debug, clap::Args)]
pub struct TraceFlags {
    /// Address of the collector to which traces are sent by OTLP over gRPC, such as `http://127.0.0.1:4317` or
    /// `https://collector.example:4317` [default: none, and nothing is traced].
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", help_heading = "Traces")]
    otel_exporter_otlp_endpoint: Option<String>,

    /// PEM file of the certificate authorities to trust for a collector at an https address [default: those of this
    /// machine].
    #[arg(long, env = "OTEL_EXPORTER_OTLP_CERTIFICATE", value_name = "FILE", help_heading = "Traces")]
    otel_exporter_otlp_certificate: Option<OsString>,

    /// Share of the operators' requests to trace: 0 to 1. A request that comes with a `traceparent` is traced if that says
    /// so [default: 0.1].
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "SHARE", help_heading = "Traces")]
    otel_traces_sampler_arg: Option<String>,

    /// Share of what devices send and fetch to trace: 0 to 1. Ten thousand devices send two thousand messages a second
    /// [default: 0.001].
    #[arg(long, env = "HOMEPOT_TRACE_DEVICE_SHARE", value_name = "SHARE", help_heading = "Traces")]
    trace_device_share: Option<String>,

    /// Name of this process among the services of a trace [default: homepot, and with a single role homepot-ROLE].
    #[arg(long, env = "OTEL_SERVICE_NAME", value_name = "NAME", help_heading = "Traces")]
    otel_service_name: Option<String>,
}

/// Where traces are sent, and how much is traced.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector.
    pub collector: ServerAddress,
    /// The authorities that vouch for it; `None`: those of the system.
    pub trusted: Option<Trusted>,
    /// How much is traced.
    pub shares: Shares,
    /// What the process is called; `None`: by its roles.
    pub service: Option<String>,
}

impl TraceFlags {
    /// The settings, checked; `None` where nothing is traced.
    pub fn read(self, reader: &mut Reader<'_>) -> Option<TraceSettings> {
        let shares = Shares {
            requests: share(reader, "otel-traces-sampler-arg", given(self.otel_traces_sampler_arg), REQUESTS),
            devices: share(reader, "trace-device-share", given(self.trace_device_share), DEVICES),
        };
        let url = given(self.otel_exporter_otlp_endpoint)?;
        let standard = Standard::read(reader);
        if standard.is_off {
            return None;
        }
        // Spans hold nothing secret, and collectors often listen in plaintext.
        let collector = ServerAddress::parse(url.trim(), true);
        let collector = reader.keep("otel-exporter-otlp-endpoint", collector.map(Some), None)?;
        if standard.has_headers && ServerAddress::parse(url.trim(), false).is_err() {
            let told = "is no https address, and OTEL_EXPORTER_OTLP_HEADERS would cross the network in clear text";
            reader.fault("otel-exporter-otlp-endpoint", told);
        }
        let trusted = given_path(self.otel_exporter_otlp_certificate);
        let trusted = trusted.map(|file| Trusted::authorities("otel-exporter-otlp-certificate", &file)).transpose();
        let trusted = reader.keep("otel-exporter-otlp-certificate", trusted.map_err(|error| error.to_string()), None);
        Some(TraceSettings { collector, trusted, shares, service: given(self.otel_service_name) })
    }
}

fn share(reader: &mut Reader<'_>, setting: &'static str, text: Option<String>, usual: &str) -> Share {
    reader.keep(setting, text.as_deref().unwrap_or(usual).parse(), Share::NONE)
}

/// What variables of OpenTelemetry say that are no settings of this program, so that none of them is passed over.
struct Standard {
    is_off: bool,
    has_headers: bool,
}

impl Standard {
    fn read(reader: &mut Reader<'_>) -> Self {
        let variable = reader.surroundings().variable;
        let of = |name: &str| variable(name).ok().flatten().filter(|text| !text.trim().is_empty());
        let is = |name: &str, word: &str| of(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(word));
        for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
            if let Some(other) = of(name).filter(|text| text.trim() != "grpc") {
                let told = format!("can't be used with {name}={other}: this server speaks grpc only");
                reader.fault("otel-exporter-otlp-endpoint", told);
            }
        }
        if let Some(other) = of("OTEL_TRACES_SAMPLER").filter(|text| text.trim() != "parentbased_traceidratio") {
            let told =
                format!("can't be used with OTEL_TRACES_SAMPLER={other}: there is parentbased_traceidratio only");
            reader.fault("otel-traces-sampler-arg", told);
        }
        Self {
            is_off: is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none"),
            has_headers: of("OTEL_EXPORTER_OTLP_HEADERS").or_else(|| of("OTEL_EXPORTER_OTLP_TRACES_HEADERS")).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, Vec<String>> {
        test_support::read(flags, variables, TraceFlags::read)
    }

    const THERE: &str = "--otel-exporter-otlp-endpoint=http://collector.example:4317";

    #[test]
    fn nothing_is_traced_unless_a_collector_is_named() {
        assert!(read(&[], &[]).unwrap().is_none());
        assert!(read(&["--otel-exporter-otlp-endpoint="], &[]).unwrap().is_none());
        assert!(read(&[THERE, "--otel-traces-sampler-arg="], &[]).unwrap().is_some());
        for (name, value) in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert!(read(&[THERE], &[(name, value)]).unwrap().is_none(), "{name}");
        }
        let settings = read(&[THERE], &[]).unwrap().unwrap();
        assert_eq!(settings.collector.to_string(), "http://collector.example:4317");
        let shares = Shares { requests: "0.1".parse().unwrap(), devices: "0.001".parse().unwrap() };
        assert_eq!((settings.shares, settings.service, settings.trusted.is_none()), (shares, None, true));
    }

    #[test]
    fn what_this_server_can_not_do_is_no_silent_matter() {
        let fault = |flags: &[&str], variables: &[(&str, &str)]| read(flags, variables).unwrap_err().join("\n");
        let endpoint = "--otel-exporter-otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): ";
        assert!(fault(&["--otel-exporter-otlp-endpoint=collector:4317"], &[]).starts_with(endpoint));
        let told = fault(&[THERE], &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]);
        assert!(told.starts_with(endpoint) && told.contains("speaks grpc only"), "{told}");
        let told = fault(&[THERE], &[("OTEL_TRACES_SAMPLER", "always_on")]);
        assert!(told.starts_with("--otel-traces-sampler-arg (OTEL_TRACES_SAMPLER_ARG): "), "{told}");
        let told = fault(&["--otel-traces-sampler-arg=2", "--trace-device-share=-1"], &[]);
        assert!(told.contains("OTEL_TRACES_SAMPLER_ARG): '2' is not a number from 0 to 1"), "{told}");
        assert!(told.contains("HOMEPOT_TRACE_DEVICE_SHARE): '-1' is not a number from 0 to 1"), "{told}");
        let told = fault(&[THERE, "--otel-exporter-otlp-certificate=/nowhere/ca.pem"], &[]);
        assert!(told.contains("(OTEL_EXPORTER_OTLP_CERTIFICATE): /nowhere/ca.pem: "), "{told}");
    }

    #[test]
    fn what_is_shown_to_a_collector_crosses_no_network_in_clear_text() {
        let headers = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20c2VjcmV0")];
        let told = read(&[THERE], &headers).unwrap_err().join("\n");
        assert!(told.contains("in clear text") && !told.contains("c2VjcmV0"), "{told}");
        for good in ["http://127.0.0.1:4317", "https://collector.example:4317"] {
            assert!(read(&["--otel-exporter-otlp-endpoint", good], &headers).unwrap().is_some(), "{good}");
        }
    }
}
