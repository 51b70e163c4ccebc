//! Settings of the registry: enrolment without a token. Those of the identity provider are in the crate of its client.

use homepot_host::settings::Reader;

use crate::{Config, OpenEnrollment};

pub use homepot_oidc::settings::OidcFlags;

/// Flags of the registry, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct EnrollmentFlags {
    /// Which devices may enrol without a token at sites that allow it: 'off' for none, 'loopback' for devices on this
    /// machine. It can't be combined with a proxy, because any client of the proxy would look like a device on this
    /// machine.
    #[arg(long, env = "HOMEPOT_OPEN_ENROLLMENT", value_name = "WHO", default_value = "off", help_heading = "Security")]
    open_enrollment: String,
}

impl EnrollmentFlags {
    /// The configuration, checked, without an identity provider. `behind_proxy` says that clients come through a proxy, which makes strangers look like
    /// devices on this machine.
    pub fn read(self, reader: &mut Reader<'_>, behind_proxy: bool) -> Config {
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
        Config { open_enrollment: reader.keep("open-enrollment", value, OpenEnrollment::Off), identity_provider: None }
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str], behind_proxy: bool) -> Result<OpenEnrollment, Vec<String>> {
        let read = |flags: EnrollmentFlags, reader: &mut Reader<'_>| flags.read(reader, behind_proxy);
        test_support::read(flags, &[], read).map(|config| config.open_enrollment)
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
