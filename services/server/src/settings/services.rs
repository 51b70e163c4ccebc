//! Addresses of the services that run in other processes, for a gateway. The crate of the gateway is handed a connection and
//! does not know whether it leads out of the process, which depends on the roles, so these flags are the server's.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use homepot::model::ServerAddress;
use homepot_host::settings::{Reader, given, given_path};

use super::{Role, Roles};

/// Flags of a gateway whose services run elsewhere, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServicesFlags {
    /// Address of the gRPC services that a gateway's process does not run itself, such as `http://10.0.0.7:50051` or
    /// `https://grpc.example`. There may be several, separated by commas, and a name may have several addresses: calls
    /// are spread over all of them that are ready.
    #[arg(long, env = "HOMEPOT_GRPC_URL", value_name = "URL", help_heading = "Addresses")]
    grpc_url: Option<String>,

    /// Addresses of the role 'registry', for a gateway that does not run it [default: --grpc-url].
    #[arg(long, env = "HOMEPOT_REGISTRY_URL", value_name = "URL", help_heading = "Addresses")]
    registry_url: Option<String>,

    /// Addresses of the role 'telemetry', for a gateway that does not run it [default: --grpc-url].
    #[arg(long, env = "HOMEPOT_TELEMETRY_URL", value_name = "URL", help_heading = "Addresses")]
    telemetry_url: Option<String>,

    /// Addresses of the role 'command', for a gateway that does not run it [default: --grpc-url].
    #[arg(long, env = "HOMEPOT_COMMAND_URL", value_name = "URL", help_heading = "Addresses")]
    command_url: Option<String>,

    /// Addresses of the role 'link', for a gateway that does not run it [default: --grpc-url].
    #[arg(long, env = "HOMEPOT_LINK_URL", value_name = "URL", help_heading = "Addresses")]
    link_url: Option<String>,

    /// Send the callers' keys and tokens in clear text to services on another machine. Use it only if something else
    /// encrypts the connection.
    #[arg(long, env = "HOMEPOT_ALLOW_PLAINTEXT", help_heading = "Addresses")]
    allow_plaintext: bool,

    /// PEM file of the certificate authorities to trust for https addresses of services [default: those of this
    /// machine].
    #[arg(long, env = "HOMEPOT_GRPC_CA", value_name = "FILE", help_heading = "Addresses")]
    grpc_ca: Option<OsString>,
}

/// Where the services are that a gateway does not run itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceAddresses {
    /// The addresses of each role that runs elsewhere; at least one.
    pub(crate) by_role: BTreeMap<Role, Vec<ServerAddress>>,
    /// PEM file of the authorities that vouch for https addresses; `None`: those of the system. It is read anew for each
    /// connection, so that authorities can be replaced.
    pub(crate) ca: Option<PathBuf>,
}

impl ServicesFlags {
    /// Where the services are, checked. Empty where all of them run in this process, or none is needed.
    pub(super) fn read(self, reader: &mut Reader<'_>, roles: &Roles) -> ServiceAddresses {
        if !roles.has(Role::Gateway) {
            return ServiceAddresses::default();
        }
        let away: Vec<_> = Role::SERVICES.into_iter().filter(|role| !roles.has(*role)).collect();
        if away.is_empty() {
            return ServiceAddresses::default();
        }
        let allow_plaintext = self.allow_plaintext;
        let address = |reader: &mut Reader<'_>, name: &'static str, url: Option<String>| {
            let all = |text: String| {
                text.split(',')
                    .map(|url| ServerAddress::parse(url.trim(), allow_plaintext))
                    .collect::<Result<Vec<_>, _>>()
            };
            let addresses = given(url).map(all).transpose();
            reader.keep(name, addresses, None)
        };
        let given_any = |url: &Option<String>| given(url.clone()).is_some();
        let own: BTreeMap<Role, (&'static str, Option<String>)> = [
            (Role::Registry, ("registry-url", self.registry_url)),
            (Role::Telemetry, ("telemetry-url", self.telemetry_url)),
            (Role::Command, ("command-url", self.command_url)),
            (Role::Link, ("link-url", self.link_url)),
        ]
        .into();
        let lacking: Vec<_> = away
            .iter()
            .filter(|role| own.get(role).is_none_or(|(_, url)| !given_any(url)))
            .map(|role| role.as_str())
            .collect();
        if !lacking.is_empty() && !given_any(&self.grpc_url) {
            reader.fault(
                "grpc-url",
                format!(
                    "is needed by a gateway whose process does not run all services; {} neither here nor at an address \
                     of its own",
                    listed(&lacking)
                ),
            );
        }
        let common = address(reader, "grpc-url", self.grpc_url);
        let mut by_role = BTreeMap::new();
        for (role, (name, url)) in own {
            let own = address(reader, name, url);
            if let (true, Some(address)) = (away.contains(&role), own.or_else(|| common.clone())) {
                by_role.insert(role, address);
            }
        }
        let ca = given_path(self.grpc_ca).map(|path| readable(&path).map(|()| path)).transpose();
        ServiceAddresses { by_role, ca: reader.keep("grpc-ca", ca, None) }
    }
}

/// Such as `registry and link run`.
fn listed(roles: &[&str]) -> String {
    match roles {
        [one] => format!("{one} runs"),
        [rest @ .., last] => format!("{} and {last} run", rest.join(", ")),
        [] => String::new(),
    }
}

fn readable(path: &Path) -> Result<(), String> {
    std::fs::read(path).map(drop).map_err(|error| format!("can't read {}: {error}", path.display()))
}
