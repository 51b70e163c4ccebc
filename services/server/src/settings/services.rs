//! Address of the services, for a gateway that runs without them. The crate of the gateway is handed a connection and does
//! not know whether it leads out of the process, which depends on the roles, so these flags are the server's.

use std::{ffi::OsString, path::PathBuf};

use homepot::model::ServerAddress;
use homepot_host::settings::{Reader, given, given_path};

use super::{Role, Roles};

/// Flags of a gateway without services, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServicesFlags {
    /// Address of the gRPC services, for a gateway whose process does not run them all, such as `http://10.0.0.7:50051`
    /// or `https://grpc.example`.
    #[arg(long, env = "HOMEPOT_GRPC_URL", value_name = "URL", help_heading = "Addresses")]
    grpc_url: Option<String>,

    /// Send the callers' keys and tokens in clear text to a --grpc-url on another machine. Use it only if something
    /// else encrypts the connection.
    #[arg(long, env = "HOMEPOT_ALLOW_PLAINTEXT", help_heading = "Addresses")]
    allow_plaintext: bool,

    /// PEM file of the certificate authorities to trust for an https --grpc-url [default: those of this machine].
    #[arg(long, env = "HOMEPOT_GRPC_CA", value_name = "FILE", help_heading = "Addresses")]
    grpc_ca: Option<OsString>,
}

/// Where the gRPC services are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServicesAddress {
    /// The address.
    pub(crate) address: ServerAddress,
    /// The authorities, as PEM, that vouch for an https address; `None`: those of the system.
    pub(crate) ca_pem: Option<Vec<u8>>,
}

impl ServicesFlags {
    /// Where the services are, checked; `None`: in this process, or not needed.
    pub(super) fn read(self, reader: &mut Reader<'_>, roles: &Roles) -> Option<ServicesAddress> {
        if roles.all_services() || !roles.has(Role::Gateway) {
            return None;
        }
        let Some(url) = given(self.grpc_url) else {
            reader.fault("grpc-url", "is needed by a gateway that runs without all services in its process");
            return None;
        };
        let address = ServerAddress::parse(&url, self.allow_plaintext).map(Some);
        let address = reader.keep("grpc-url", address, None);
        let read =
            |path: PathBuf| std::fs::read(&path).map_err(|error| format!("can't read {}: {error}", path.display()));
        let ca_pem = given_path(self.grpc_ca).map(read).transpose();
        let ca_pem = reader.keep("grpc-ca", ca_pem, None);
        Some(ServicesAddress { address: address?, ca_pem })
    }
}
