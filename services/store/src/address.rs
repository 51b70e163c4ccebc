//! Where the database is, which may change while connections are open: see `follow.rs`.

use std::{
    fmt,
    fs::File,
    io::{self, Write as _},
    os::fd::{AsRawFd as _, OwnedFd},
    sync::Arc,
};

use homepot_host::environment::of_the_system;
use rustix::fs::{MemfdFlags, memfd_create};
use tokio::sync::watch;

use crate::{StoreError, url};

/// The address that counts now. Clones share it.
#[derive(Clone)]
pub(crate) struct Address(Arc<watch::Sender<Arc<Target>>>);

/// An address as connections are made to it. Each connection keeps the one that it was made to, so whoever counts them knows
/// when the last is gone.
pub(crate) struct Target {
    /// For libpq. It may hold a password.
    conninfo: String,
    authorities: Option<Authorities>,
}

/// The authorities that vouch for Postgres, as their file had them. libpq reads the file for each connection; a copy in memory
/// stays good when the file is not.
struct Authorities {
    path: String,
    pem: Vec<u8>,
    copy: OwnedFd,
}

impl Address {
    pub(crate) fn new(target: Target) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(target))))
    }

    pub(crate) fn target(&self) -> Arc<Target> {
        self.0.borrow().clone()
    }

    /// Whether `target` is what counts now.
    pub(crate) fn is(&self, target: &Arc<Target>) -> bool {
        Arc::ptr_eq(&self.0.borrow(), target)
    }

    /// From here on new connections are made to `target`. Answers where they were made to before.
    pub(crate) fn replace(&self, target: Arc<Target>) -> Arc<Target> {
        self.0.send_replace(target)
    }

    /// Waits until another than `target` counts.
    pub(crate) async fn moved_on_from(&self, target: &Arc<Target>) {
        let mut changes = self.0.subscribe();
        // It can't end: the sender is here.
        let _ = changes.wait_for(|now| !Arc::ptr_eq(now, target)).await;
    }
}

impl Target {
    /// Reads an address, and the file with authorities that it names. The error repeats nothing of the address.
    pub(crate) fn parse(address: &str) -> Result<Self, StoreError> {
        let settings = url::settings(address)?;
        let authorities = Authorities::read(&settings)?;
        Ok(Self { conninfo: url::conninfo(&settings), authorities })
    }

    /// What libpq is given.
    pub(crate) fn conninfo(&self) -> String {
        match &self.authorities {
            // Of a setting that is given twice, the last counts.
            Some(Authorities { copy, .. }) => format!("{} sslrootcert='{}'", self.conninfo, path_of(copy)),
            None => self.conninfo.clone(),
        }
    }

    /// Takes the address and its secrets out of `message`, and says where authorities came from.
    pub(crate) fn redact(&self, message: &str) -> String {
        let message = match &self.authorities {
            Some(Authorities { path, copy, .. }) => &message.replace(&path_of(copy), path),
            None => message,
        };
        url::redact(&self.conninfo, message)
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        let pem = |target: &Self| target.authorities.as_ref().map(|authorities| authorities.pem.clone());
        self.conninfo == other.conninfo && pem(self) == pem(other)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}

impl Authorities {
    /// `None` where libpq is left to find them: those of the system, or none at all.
    fn read(settings: &[(String, String)]) -> Result<Option<Self>, StoreError> {
        let given = settings.iter().find(|(name, _)| name == "sslrootcert").map(|(_, value)| value.clone());
        let variable = || of_the_system("PGSSLROOTCERT").map(|path| path.to_string_lossy().into_owned());
        let Some(path) = given.or_else(variable).filter(|path| !path.is_empty() && path != "system") else {
            return Ok(None);
        };
        let failed = |error: io::Error| StoreError::Address(format!("sslrootcert: can't read {path}: {error}"));
        let pem = match std::fs::read(&path) {
            Ok(pem) => pem,
            // That is an error only where the authorities are asked for, which libpq knows.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let copy = memfd_create("database-authorities", MemfdFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        let mut file = File::from(copy);
        file.write_all(&pem).map_err(failed)?;
        Ok(Some(Self { path, pem, copy: file.into() }))
    }
}

/// By which this process, and no other, opens what it has in memory.
fn path_of(copy: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", copy.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_authorities_file_held_stays_when_the_file_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem").display().to_string();
        std::fs::write(&path, "first").unwrap();
        let parse = || Target::parse(&format!("postgres://u:secret@db/homepot?sslrootcert={path}")).unwrap();
        let target = parse();
        assert_eq!(target, parse());
        std::fs::write(&path, "second").unwrap();
        assert_ne!(target, parse());

        let conninfo = target.conninfo();
        let (_, copy) = conninfo.rsplit_once("sslrootcert='").unwrap();
        let copy = copy.strip_suffix('\'').unwrap();
        assert_eq!(std::fs::read_to_string(copy).unwrap(), "first");
        let told = target.redact(&format!("can't read \"{copy}\" with secret"));
        assert_eq!(told, format!("can't read \"{path}\" with …"));
    }

    #[test]
    fn authorities_that_are_no_file_are_left_to_libpq() {
        for address in ["postgres://db/homepot", "postgres:///homepot", "postgres://db/h?sslrootcert=/nowhere/ca.pem"] {
            let target = Target::parse(address).unwrap();
            assert!(target.authorities.is_none() && !target.conninfo().contains("/proc"), "{address}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_another_address_is_told_of_it_once() {
        let address = Address::new(Target::parse("postgres://one/h").unwrap());
        let first = address.target();
        let waiting = tokio::spawn({
            let (address, first) = (address.clone(), first.clone());
            async move { address.moved_on_from(&first).await }
        });
        let old = address.replace(Arc::new(Target::parse("postgres://two/h").unwrap()));
        assert!(Arc::ptr_eq(&old, &first) && !address.is(&first));
        waiting.await.unwrap();
        // It was missed, and shows all the same.
        address.moved_on_from(&first).await;
    }
}
