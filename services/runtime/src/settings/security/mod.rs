//! Security of the listeners: TLS, trusted proxies, connections without credentials, reflection.

use std::{ffi::OsString, net::SocketAddr, ops::RangeInclusive, path::PathBuf};

use homepot_host::settings::{Reader, given, given_path};

use super::Addresses;
use crate::{
    peer::TrustedProxies,
    serve::Limits,
    tls::{ClientAuthorities, Tls},
};

/// The word that allows plaintext off loopback.
const BEHIND_PROXY: &str = "behind-proxy";
/// How many connections without accepted credentials may be asked for.
const CONNECTIONS: RangeInclusive<usize> = 16..=100_000;

/// Flags of security, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct SecurityFlags {
    /// PEM file of the certificate chain for gRPC and REST.
    #[arg(long, env = "HOMEPOT_TLS_CERT", value_name = "FILE", help_heading = "Security")]
    tls_cert: Option<OsString>,

    /// PEM file of the certificate's private key.
    #[arg(long, env = "HOMEPOT_TLS_KEY", value_name = "FILE", help_heading = "Security")]
    tls_key: Option<OsString>,

    /// PEM file of the certificate authorities of gateways that run elsewhere. The address of a client, in a header of a
    /// gRPC call, is then believed from callers that show a certificate of these, and from nobody else. Nobody needs one
    /// unless --grpc-client-auth says so.
    #[arg(long, env = "HOMEPOT_GRPC_CLIENT_CA", value_name = "FILE", help_heading = "Security")]
    grpc_client_ca: Option<OsString>,

    /// Who has to show a certificate of --grpc-client-ca on gRPC: 'optional' for nobody, or 'required' for everybody. Not
    /// with the role 'link', because devices have none.
    #[arg(long, env = "HOMEPOT_GRPC_CLIENT_AUTH", value_name = "MODE", default_value = "optional")]
    #[arg(help_heading = "Security")]
    grpc_client_auth: String,

    /// Set to 'behind-proxy' if a proxy in front of the server ends TLS. Without it and without TLS files, gRPC and
    /// REST can listen on loopback only.
    #[arg(long, env = "HOMEPOT_INSECURE_PLAINTEXT", value_name = "WORD", help_heading = "Security")]
    insecure_plaintext: Option<String>,

    /// Proxies to trust for the addresses of their clients, including gateways of this server that run elsewhere: IP
    /// addresses and networks such as 10.0.0.0/8, separated by commas.
    #[arg(long, env = "HOMEPOT_TRUSTED_PROXIES", value_name = "LIST", default_value = "", help_heading = "Security")]
    trusted_proxies: String,

    /// Set to 'on' if trusted proxies pass connections on with a header of the PROXY protocol, version 2, on gRPC and on
    /// REST. Every trusted proxy that passes connections on must then send it, or its clients could send one.
    #[arg(long, env = "HOMEPOT_PROXY_PROTOCOL", value_name = "MODE", default_value = "off", help_heading = "Security")]
    proxy_protocol: String,

    /// Header in which trusted proxies give the client's address: 'x-forwarded-for' or 'forwarded'. The proxy must
    /// replace the header or append to it. The other header is not read.
    #[arg(long, env = "HOMEPOT_FORWARDED_HEADER", value_name = "NAME", default_value = "x-forwarded-for")]
    #[arg(help_heading = "Security")]
    forwarded_header: String,

    /// Who may use gRPC server reflection: 'operators', 'off' for nobody, or 'auto': anyone if gRPC listens on loopback
    /// with no proxy in front, otherwise operators.
    #[arg(long, env = "HOMEPOT_REFLECTION", value_name = "WHO", default_value = "auto", help_heading = "Security")]
    reflection: String,

    /// The most connections without accepted credentials on each of gRPC and REST: 16 to 100000. When all are in use, a
    /// new one replaces the one that has done least for longest.
    #[arg(long, env = "HOMEPOT_UNAUTHENTICATED_CONNECTIONS", value_name = "COUNT", default_value = "2048")]
    #[arg(help_heading = "Security")]
    unauthenticated_connections: String,

    /// The most such connections from one IPv4 address or one IPv6 /64 network: 16 to 100000.
    #[arg(long, env = "HOMEPOT_UNAUTHENTICATED_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", default_value = "512")]
    #[arg(help_heading = "Security")]
    unauthenticated_connections_per_address: String,
}

/// Security of the listeners.
#[derive(Clone, Debug)]
pub struct SecuritySettings {
    /// TLS for gRPC and REST; `None`: plaintext, on loopback or behind a proxy.
    pub tls: Option<Tls>,
    /// The authorities of other services' certificates; `None`: none are asked for.
    pub client_authorities: Option<ClientAuthorities>,
    /// Proxies whose word on the address of a client is believed.
    pub trusted_proxies: TrustedProxies,
    /// Proxies that may begin a connection with a header of the PROXY protocol; `None`: nobody may.
    pub balancers: Option<TrustedProxies>,
    /// Whether clients come through a proxy, so that strangers may look like clients on this machine.
    pub behind_proxy: bool,
    /// How browsers reach the web page.
    pub page: PageSettings,
    /// Who may use server reflection.
    pub reflection: Reflection,
    /// Connections without accepted credentials that a port holds at most.
    pub unauthenticated_connections: Limits,
}

/// How browsers reach the web page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSettings {
    /// Over TLS, ended here or by a proxy in front.
    pub over_tls: bool,
    /// From this machine only, with no proxy in front.
    pub on_this_machine: bool,
}

/// Who may use gRPC server reflection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reflection {
    /// Anyone who reaches the port.
    Anyone,
    /// Operators of any role.
    Operators,
    /// Nobody.
    Off,
}

/// The listeners that this process opens, of those that take credentials.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// That of the gRPC services.
    pub grpc: bool,
    /// That of REST.
    pub rest: bool,
    /// Whether devices call the gRPC services.
    pub devices: bool,
}

impl SecuritySettings {
    /// TLS of the gRPC services, whose callers may show certificates.
    pub fn grpc_tls(&self) -> Option<Tls> {
        match (self.tls.clone(), self.client_authorities.clone()) {
            (Some(tls), Some(clients)) => Some(tls.asking(clients)),
            (tls, _) => tls,
        }
    }

    /// Whose word on the address of a client is believed on gRPC.
    pub fn grpc_proxies(&self) -> TrustedProxies {
        match self.client_authorities {
            Some(_) => self.trusted_proxies.clone().by_certificate(),
            None => self.trusted_proxies.clone(),
        }
    }
}

impl SecurityFlags {
    /// The security of `addresses`, checked. An address that this process does not listen on needs no TLS.
    pub fn read(self, reader: &mut Reader<'_>, addresses: &Addresses, opened: Listening) -> SecuritySettings {
        let tls = tls(reader, given_path(self.tls_cert), given_path(self.tls_key));
        let given_ca = given_path(self.grpc_client_ca);
        let client_authorities = client_authorities(reader, given_ca, &self.grpc_client_auth, tls.is_some(), opened);
        let proxied = behind_proxy(reader, given(self.insecure_plaintext));
        if tls.is_none() && !proxied {
            let listeners = [("grpc-addr", addresses.grpc, opened.grpc), ("rest-addr", addresses.rest, opened.rest)];
            for (setting, address, opened) in listeners {
                if opened && !address.ip().is_loopback() {
                    reader.fault(setting, plaintext_refused(address));
                }
            }
        }
        let trusted_proxies = self.trusted_proxies.parse();
        let trusted_proxies = reader.keep("trusted-proxies", trusted_proxies, TrustedProxies::default());
        let header = self.forwarded_header.parse();
        let trusted_proxies = trusted_proxies.speaking(reader.keep("forwarded-header", header, Default::default()));
        let balancers = balancers(reader, &self.proxy_protocol, &trusted_proxies);
        let behind_proxy = proxied || !trusted_proxies.is_empty() || client_authorities.is_some();
        let open_to_all = addresses.grpc.ip().is_loopback() && !behind_proxy;
        let over_tls = tls.is_some() || proxied;
        SecuritySettings {
            tls,
            client_authorities,
            trusted_proxies,
            balancers,
            behind_proxy,
            page: PageSettings { over_tls, on_this_machine: addresses.rest.ip().is_loopback() && !behind_proxy },
            reflection: reflection(reader, &self.reflection, open_to_all),
            unauthenticated_connections: Limits {
                total: reader.count("unauthenticated-connections", &self.unauthenticated_connections, CONNECTIONS),
                per_address: reader.count(
                    "unauthenticated-connections-per-address",
                    &self.unauthenticated_connections_per_address,
                    CONNECTIONS,
                ),
            },
        }
    }
}

fn plaintext_refused(address: SocketAddr) -> String {
    format!(
        "{address} is not a loopback address and would carry keys in plaintext; give --tls-cert and --tls-key, or say \
         --insecure-plaintext {BEHIND_PROXY} when a proxy in front ends TLS"
    )
}

fn behind_proxy(reader: &mut Reader<'_>, word: Option<String>) -> bool {
    match word.as_deref() {
        None => false,
        Some(BEHIND_PROXY) => true,
        Some(word) => {
            reader.fault("insecure-plaintext", format!("'{word}' is not the word '{BEHIND_PROXY}'"));
            // One fault is enough: the listeners' follows from it.
            true
        }
    }
}

fn balancers(reader: &mut Reader<'_>, word: &str, trusted: &TrustedProxies) -> Option<TrustedProxies> {
    match word {
        "off" => None,
        "on" if trusted.is_empty() => {
            reader.fault("proxy-protocol", "'on' needs --trusted-proxies: the header is believed from them alone");
            None
        }
        "on" => Some(trusted.clone()),
        _ => {
            reader.fault("proxy-protocol", format!("'{word}' is neither 'on' nor 'off'"));
            None
        }
    }
}

fn tls(reader: &mut Reader<'_>, cert: Option<PathBuf>, key: Option<PathBuf>) -> Option<Tls> {
    match (cert, key) {
        (None, None) => None,
        (Some(_), None) => {
            reader.fault("tls-key", "is missing; --tls-cert needs it");
            None
        }
        (None, Some(_)) => {
            reader.fault("tls-cert", "is missing; --tls-key needs it");
            None
        }
        (Some(cert), Some(key)) => {
            let tls = Tls::load("tls-cert", &cert, &key);
            tls.map_err(|error| reader.fault("tls-cert", error.to_string())).ok()
        }
    }
}

fn client_authorities(
    reader: &mut Reader<'_>,
    file: Option<PathBuf>,
    mode: &str,
    has_tls: bool,
    opened: Listening,
) -> Option<ClientAuthorities> {
    let is_required = match mode {
        "optional" => false,
        "required" => true,
        _ => {
            reader.fault("grpc-client-auth", format!("'{mode}' is neither 'optional' nor 'required'"));
            return None;
        }
    };
    let Some(file) = file else {
        if is_required {
            reader.fault("grpc-client-auth", "'required' needs --grpc-client-ca");
        }
        return None;
    };
    if is_required && opened.devices {
        reader.fault("grpc-client-auth", "'required' can't stand with the role 'link': devices have no certificates");
    }
    if !has_tls {
        reader.fault("grpc-client-ca", "needs --tls-cert and --tls-key: certificates are shown over TLS alone");
        return None;
    }
    let authorities = ClientAuthorities::load("grpc-client-ca", &file, is_required);
    authorities.map_err(|error| reader.fault("grpc-client-ca", error.to_string())).ok()
}

fn reflection(reader: &mut Reader<'_>, word: &str, open_to_all: bool) -> Reflection {
    let value = match word {
        "auto" if open_to_all => Ok(Reflection::Anyone),
        "auto" | "operators" => Ok(Reflection::Operators),
        "off" => Ok(Reflection::Off),
        _ => Err(format!("'{word}' is none of 'auto', 'operators' and 'off'")),
    };
    reader.keep("reflection", value, Reflection::Off)
}

#[cfg(test)]
mod tests;
