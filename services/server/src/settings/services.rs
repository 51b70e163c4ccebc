//! Addresses of the services that run in other processes, for a gateway. The crate of the gateway is handed a connection and
//! does not know whether it leads out of the process, which depends on the roles, so these flags are the server's.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, sync::Arc};

use homepot::model::ServerAddress;
use homepot_host::settings::{Reader, given, given_path};
use homepot_runtime::{
    reload::Files,
    tls::{Shown, Trusted},
};

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

    /// PEM file of the certificate chain that a gateway shows to services at https addresses, which take its word on the
    /// address of a client for it: see their --grpc-client-ca.
    #[arg(long, env = "HOMEPOT_GRPC_CLIENT_CERT", value_name = "FILE", help_heading = "Addresses")]
    grpc_client_cert: Option<OsString>,

    /// PEM file of that certificate's private key.
    #[arg(long, env = "HOMEPOT_GRPC_CLIENT_KEY", value_name = "FILE", help_heading = "Addresses")]
    grpc_client_key: Option<OsString>,
}

/// Where the services are that a gateway does not run itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceAddresses {
    /// The addresses of each role that runs elsewhere; at least one.
    pub(crate) by_role: BTreeMap<Role, Vec<ServerAddress>>,
    /// For https addresses.
    pub(crate) tls: CallerTls,
}

/// A gateway's side of TLS to the services.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallerTls {
    /// The authorities that vouch for services; `None`: those of the system.
    pub(crate) trusted: Option<Trusted>,
    /// What the gateway shows; `None`: nothing.
    pub(crate) shown: Option<Shown>,
}

impl CallerTls {
    /// Its files, for whoever looks at all of them.
    pub(super) fn files(&self) -> impl Iterator<Item = Arc<dyn Files>> {
        let trusted = self.trusted.iter().map(Trusted::files);
        trusted.chain(self.shown.iter().map(Shown::files))
    }
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
        let trusted = given_path(self.grpc_ca).map(|file| Trusted::authorities("grpc-ca", &file)).transpose();
        let trusted = reader.keep("grpc-ca", trusted.map_err(|error| error.to_string()), None);
        let shown = shown(reader, given_path(self.grpc_client_cert), given_path(self.grpc_client_key), &by_role);
        ServiceAddresses { by_role, tls: CallerTls { trusted, shown } }
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

fn shown(
    reader: &mut Reader<'_>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    addresses: &BTreeMap<Role, Vec<ServerAddress>>,
) -> Option<Shown> {
    let (cert, key) = match (cert, key) {
        (None, None) => return None,
        (Some(cert), Some(key)) => (cert, key),
        (Some(_), None) => {
            reader.fault("grpc-client-key", "is missing; --grpc-client-cert needs it");
            return None;
        }
        (None, Some(_)) => {
            reader.fault("grpc-client-cert", "is missing; --grpc-client-key needs it");
            return None;
        }
    };
    if let Some(plain) = addresses.values().flatten().find(|address| !address.is_tls()) {
        reader.fault("grpc-client-cert", format!("can't be shown at {plain}, which is no https address"));
        return None;
    }
    let shown = Shown::pair("grpc-client-cert", &cert, &key);
    shown.map_err(|error| reader.fault("grpc-client-cert", error.to_string())).ok()
}
