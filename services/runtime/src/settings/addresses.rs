//! Addresses to listen on.

use std::net::SocketAddr;

use homepot_host::settings::Reader;

/// Flags of the addresses, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct AddressFlags {
    /// Listen address of the gRPC services. Port 0 picks a free port.
    #[arg(long, env = "HOMEPOT_GRPC_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
    #[arg(help_heading = "Addresses")]
    grpc_addr: String,

    /// Listen address of REST and the web page. Port 0 picks a free port.
    #[arg(long, env = "HOMEPOT_REST_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:8000")]
    #[arg(help_heading = "Addresses")]
    rest_addr: String,

    /// Listen address of probes and metrics: /livez, /readyz, /metrics and gRPC health. They are always plaintext and
    /// need no credentials.
    #[arg(long, env = "HOMEPOT_OPS_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:9464")]
    #[arg(help_heading = "Addresses")]
    ops_addr: String,
}

/// Addresses to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The gRPC services.
    pub grpc: SocketAddr,
    /// REST.
    pub rest: SocketAddr,
    /// Probes and metrics.
    pub ops: SocketAddr,
}

impl AddressFlags {
    /// The addresses, checked.
    pub fn read(self, reader: &mut Reader<'_>) -> Addresses {
        Addresses {
            grpc: address(reader, "grpc-addr", &self.grpc_addr),
            rest: address(reader, "rest-addr", &self.rest_addr),
            ops: address(reader, "ops-addr", &self.ops_addr),
        }
    }
}

fn address(reader: &mut Reader<'_>, setting: &'static str, text: &str) -> SocketAddr {
    let address = text.parse().map_err(|_| format!("'{text}' is not an IP address and port such as 127.0.0.1:8000"));
    reader.keep(setting, address, SocketAddr::from(([127, 0, 0, 1], 0)))
}
