//! Settings of the registry: how devices enrol. Those of the identity provider are in the crate of its client.

use std::net::SocketAddr;

use homepot::model::ServerAddress;
use homepot_host::settings::{Reader, given};

use crate::{Config, OpenEnrollment};

pub use homepot_oidc::settings::OidcFlags;

/// Flags of the registry, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct EnrollmentFlags {
    /// Address at which devices reach the server, such as `https://pot.example:50051`. The web page and `homepot ctl` put it
    /// into the line that enrols a device. Needed if a proxy or a balancer stands in front [default: the address of the
    /// gRPC services].
    #[arg(long, env = "HOMEPOT_DEVICE_URL", value_name = "URL", help_heading = "Addresses")]
    device_url: Option<String>,

    /// Which devices may enrol without a token at sites that allow it: 'off' for none, 'loopback' for devices on this
    /// machine. It can't be combined with a proxy, because any client of the proxy would look like a device on this
    /// machine.
    #[arg(long, env = "HOMEPOT_OPEN_ENROLLMENT", value_name = "WHO", default_value = "off", help_heading = "Security")]
    open_enrollment: String,
}

/// How the gRPC services are reached.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    /// Where they listen.
    pub address: SocketAddr,
    /// Whether TLS ends there.
    pub over_tls: bool,
    /// Whether clients come through a proxy, which makes strangers look like devices on this machine.
    pub behind_proxy: bool,
    /// Whether devices are served there; if not, another process has their address.
    pub takes_devices: bool,
}

impl Reached {
    /// The address for devices where none is set; empty where it can't be known.
    fn device_url(&self) -> String {
        if self.behind_proxy || !self.takes_devices || self.address.port() == 0 {
            return String::new();
        }
        format!("{}://{}", if self.over_tls { "https" } else { "http" }, self.address)
    }
}

impl EnrollmentFlags {
    /// The configuration, checked, without an identity provider.
    pub fn read(self, reader: &mut Reader<'_>, reached: Reached) -> Config {
        let behind_proxy = reached.behind_proxy;
        let word = self.open_enrollment;
        let value = match word.as_str() {
            "off" => Ok(OpenEnrollment::Off),
            "loopback" if behind_proxy => Err("'loopback' can't stand beside --insecure-plaintext behind-proxy or \
                --trusted-proxies: whoever comes through a proxy on this machine would enrol without a token; enrol with \
                tokens instead"
                .to_owned()),
            "loopback" => Ok(OpenEnrollment::Loopback),
            _ => Err(format!("'{word}' is neither 'off' nor 'loopback'")),
        };
        // Whether plaintext is good enough, each device decides by its own settings.
        let set = given(self.device_url).map(|url| ServerAddress::parse(&url, true).map(|address| address.to_string()));
        let device_url = set.unwrap_or_else(|| Ok(reached.device_url()));
        Config {
            open_enrollment: reader.keep("open-enrollment", value, OpenEnrollment::Off),
            device_url: reader.keep("device-url", device_url, String::new()),
            identity_provider: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn config(flags: &[&str], reached: Reached) -> Result<Config, Vec<String>> {
        test_support::read(flags, &[], |flags: EnrollmentFlags, reader| flags.read(reader, reached))
    }

    fn read(flags: &[&str], behind_proxy: bool) -> Result<OpenEnrollment, Vec<String>> {
        let address = SocketAddr::from(([127, 0, 0, 1], 50051));
        config(flags, Reached { address, over_tls: false, behind_proxy, takes_devices: true })
            .map(|config| config.open_enrollment)
    }

    #[test]
    fn devices_are_told_the_address_that_is_set_or_else_that_of_the_listener() {
        let url = |flags: &[&str], address: &str, over_tls, behind_proxy| {
            let reached = Reached { address: address.parse().unwrap(), over_tls, behind_proxy, takes_devices: true };
            config(flags, reached).map(|config| config.device_url)
        };
        for (address, over_tls, expected) in [
            ("127.0.0.1:50051", false, "http://127.0.0.1:50051"),
            ("10.0.0.7:443", true, "https://10.0.0.7:443"),
            ("0.0.0.0:50051", true, "https://0.0.0.0:50051"),
            ("[::]:50051", true, "https://[::]:50051"),
            // A free port is not known before it is taken.
            ("127.0.0.1:0", false, ""),
        ] {
            assert_eq!(url(&[], address, over_tls, false).unwrap(), expected);
        }
        // What a balancer ends TLS for is reached by its address, which nobody but the operator knows.
        assert_eq!(url(&[], "10.0.0.7:50051", false, true).unwrap(), "");
        let address = "10.0.0.7:50051".parse().unwrap();
        let elsewhere = Reached { address, over_tls: true, behind_proxy: false, takes_devices: false };
        assert_eq!(config(&[], elsewhere).unwrap().device_url, "", "that of the process which takes devices");
        let set = ["--device-url=https://devices.example/"];
        assert_eq!(url(&set, "10.0.0.7:50051", false, true).unwrap(), "https://devices.example");
        for bad in ["devices.example:443", "https://", "https://devices.example/path", "ftp://devices.example"] {
            let told = url(&[&format!("--device-url={bad}")], "127.0.0.1:50051", false, false).unwrap_err();
            assert!(told[0].starts_with("--device-url (HOMEPOT_DEVICE_URL): "), "{told:?}");
        }
    }

    #[test]
    fn open_enrollment_is_off_unless_asked_for_and_not_to_be_had_behind_a_proxy() {
        assert_eq!(read(&[], false), Ok(OpenEnrollment::Off));
        assert_eq!(read(&[], true), Ok(OpenEnrollment::Off));
        assert_eq!(read(&["--open-enrollment=loopback"], false), Ok(OpenEnrollment::Loopback));
        let told = read(&["--open-enrollment=loopback"], true).unwrap_err();
        assert!(told[0].starts_with("--open-enrollment (HOMEPOT_OPEN_ENROLLMENT): 'loopback' can't stand"), "{told:?}");
        let told = read(&["--open-enrollment=everybody"], false).unwrap_err();
        assert!(told[0].ends_with("'everybody' is neither 'off' nor 'loopback'"), "{told:?}");
    }
}
