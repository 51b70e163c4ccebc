//! Settings of hints: the Redis by which replicas wake each other.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use homepot_host::{
    secret_file,
    settings::{Reader, given_path},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::RedisAddress;

/// Flags of hints, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct RedisFlags {
    /// File that holds the address of a Redis or Valkey through which several servers on one database wake each other,
    /// such as redis://host:6379 or rediss://user:password@host. Separate the nodes of a cluster by commas. Servers read
    /// it again when its contents change. You can also give the address itself in HOMEPOT_REDIS_URL, which has no flag.
    /// With neither, servers use Postgres for this.
    #[arg(long, env = "HOMEPOT_REDIS_URL_FILE", value_name = "FILE", help_heading = "Replicas")]
    redis_url_file: Option<OsString>,

    /// PEM file of the certificate authorities to trust for a rediss address [default: those of this machine].
    #[arg(long, env = "HOMEPOT_REDIS_CA_FILE", value_name = "FILE", help_heading = "Replicas")]
    redis_ca_file: Option<OsString>,
}

/// The way to Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// Tried in turn; at least one.
    pub addresses: Vec<RedisAddress>,
    /// The authorities that vouch for servers with TLS; `None`: the system's.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// Where these came from.
    pub files: RedisFiles,
}

/// The files that hold the way to Redis, which may be replaced while the process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisFiles {
    /// That of the addresses; `None`: they were given as a variable.
    pub addresses: Option<PathBuf>,
    /// That of the authorities; `None`: the system's are trusted.
    pub authorities: Option<PathBuf>,
}

impl RedisFlags {
    /// The way to Redis, checked; `None`: replicas wake each other through Postgres.
    pub fn read(self, reader: &mut Reader<'_>) -> Option<RedisSettings> {
        let files = RedisFiles {
            addresses: given_path(self.redis_url_file.clone()),
            authorities: given_path(self.redis_ca_file),
        };
        let authorities = files.authorities.as_deref().map(read_authorities).transpose();
        let authorities = reader.keep("redis-ca-file", authorities, None);
        let urls = reader.secret("redis-url", "redis-url-file", self.redis_url_file)?;
        match parse_addresses(&urls) {
            Ok(addresses) => Some(RedisSettings { addresses, authorities, files }),
            Err(reason) => {
                reader.secret_fault("redis-url", reason);
                None
            }
        }
    }
}

impl RedisSettings {
    /// What the files hold now. The error repeats nothing of an address, which may hold a password.
    pub(crate) fn read_again(&self) -> Result<Self, String> {
        let addresses = match &self.files.addresses {
            None => self.addresses.clone(),
            Some(path) => {
                let text = secret_file::read(path).map_err(|error| error.to_string())?;
                let told = |reason| format!("{} {reason}", path.display());
                match text.trim() {
                    "" => return Err(told("is empty")),
                    urls => parse_addresses(urls).map_err(told)?,
                }
            }
        };
        let authorities = self.files.authorities.as_deref().map(read_authorities).transpose()?;
        Ok(Self { addresses, authorities, files: self.files.clone() })
    }
}

fn parse_addresses(urls: &str) -> Result<Vec<RedisAddress>, &'static str> {
    urls.split(',').map(|text| text.trim().parse()).collect()
}

fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(|found| found.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(found) if found.is_empty() => Err(format!("{} holds no certificate", path.display())),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("can't read certificates from {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Option<RedisSettings>, Vec<String>> {
        test_support::read(flags, variables, RedisFlags::read)
    }

    #[test]
    fn redis_is_where_its_addresses_say_and_its_password_is_not_shown() {
        assert!(read(&[], &[]).unwrap().is_none());
        let directory = tempfile::tempdir().unwrap();
        let (urls, ca) = (directory.path().join("urls"), directory.path().join("ca.pem"));
        std::fs::write(&urls, "redis://:hidden@a:7000, rediss://b\n").unwrap();
        std::fs::write(&ca, rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap().cert.pem()).unwrap();
        let flags = [format!("--redis-url-file={}", urls.display()), format!("--redis-ca-file={}", ca.display())];
        let redis = read(&flags.each_ref().map(String::as_str), &[]).unwrap().unwrap();
        assert_eq!(format!("{:?}", redis.addresses), "[RedisAddress(a:7000), RedisAddress(b:6379)]");
        assert_eq!(redis.authorities.as_ref().unwrap().len(), 1);
        assert_eq!(redis.read_again().unwrap(), redis);
        for broken in ["", "redis://a,", "http://root:hidden@cache"] {
            std::fs::write(&urls, broken).unwrap();
            let told = redis.read_again().unwrap_err();
            assert!(told.starts_with(&urls.display().to_string()) && !told.contains("hidden"), "{told}");
        }
        std::fs::write(&urls, "redis://c").unwrap();
        assert_eq!(redis.read_again().unwrap().addresses, ["redis://c".parse().unwrap()]);
        let told = read(&[&format!("--redis-ca-file={}", urls.display())], &[]).unwrap_err();
        assert!(told[0].starts_with("--redis-ca-file (HOMEPOT_REDIS_CA_FILE): "), "{told:?}");
        assert!(!told[0].contains("hidden"));
        let told = read(&[], &[("HOMEPOT_REDIS_URL", "redis://good,http://root:hidden@cache")]).unwrap_err();
        assert!(told[0].starts_with("HOMEPOT_REDIS_URL: is not an address such as"), "{told:?}");
        assert!(!told[0].contains("hidden"));
    }
}
