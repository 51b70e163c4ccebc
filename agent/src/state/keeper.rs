//! What a running agent does about files of its state that somebody removes.

use std::{fs, io};

use super::{
    Lock, StateDir, StateError,
    identity::{DEVICE, KEY, PROOF_KEY},
};
use crate::platform;

/// Holds the state directory: its lock, and copies of the files that say who this device is. Nobody could make those anew;
/// without them the next start would be a stranger to the server.
#[derive(Debug)]
pub(crate) struct Keeper {
    state: StateDir,
    lock: Lock,
    copies: Vec<(&'static str, Vec<u8>)>,
    /// The last attempt failed. Told once.
    fails: bool,
}

impl Keeper {
    /// Keeps copies of what is there.
    pub(crate) fn new(state: StateDir, lock: Lock) -> Self {
        let mut keeper = Self { state, lock, copies: Vec::new(), fails: false };
        keeper.copy();
        keeper
    }

    /// The directory.
    pub(crate) fn state(&self) -> &StateDir {
        &self.state
    }

    /// Keeps copies of what is there now.
    pub(crate) fn copy(&mut self) {
        let read = |name: &'static str| Some((name, self.state.read(name).ok()??));
        self.copies = [KEY, DEVICE, PROOF_KEY].into_iter().filter_map(read).collect();
    }

    /// Puts back what somebody removed, and says so. What was changed stays: an operator may write a new key there.
    pub(crate) fn put_back(&mut self) {
        match self.try_to_put_back() {
            Ok(()) => self.fails = false,
            Err(error) if !self.fails => {
                self.fails = true;
                tracing::error!(%error, "files of the state directory were removed and can't be put back; it is tried again");
            }
            Err(_) => {}
        }
    }

    fn try_to_put_back(&mut self) -> Result<(), StateError> {
        let path = self.state.path().to_owned();
        if is_missing(fs::symlink_metadata(&path)) {
            platform::make_private_dir(&path).map_err(super::io_error("make", &path))?;
            tracing::error!(path = %path.display(), "the state directory was removed while the agent runs; it is made again");
        }
        for (name, bytes) in &self.copies {
            if is_missing(fs::symlink_metadata(self.state.file(name))) {
                self.state.write(name, bytes)?;
                tracing::error!(
                    file = name,
                    "a file of the state directory was removed while the agent runs; it is written again"
                );
            }
        }
        if !self.lock.is_in_place() {
            self.lock = self.state.lock()?;
        }
        Ok(())
    }
}

fn is_missing<T>(found: io::Result<T>) -> bool {
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use homepot::model::{DeviceId, Secret, SiteId};

    use super::*;

    #[test]
    fn what_says_who_the_device_is_is_put_back_and_a_new_key_stays() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(&directory.path().join("state")).unwrap();
        let (device, site) = (DeviceId::parse("pos-1").unwrap(), SiteId::parse("site-1").unwrap());
        state.begin_enrollment(&device, &site, "http://x").unwrap();
        state.finish_enrollment(&device, &site, "http://x", &Secret::presented("hpd_abc")).unwrap();
        let mut keeper = Keeper::new(state.clone(), state.lock().unwrap());
        let signer = state.signer().unwrap().unwrap().public();

        fs::remove_dir_all(state.path()).unwrap();
        keeper.put_back();
        let identity = StateDir::existing(state.path()).unwrap().identity(None).unwrap().unwrap();
        assert_eq!(identity.key.unwrap().reveal(), "hpd_abc");
        assert_eq!(state.signer().unwrap().unwrap().public(), signer);
        assert!(state.is_locked());

        state.write(KEY, b"hpd_new").unwrap();
        fs::remove_file(state.file(DEVICE)).unwrap();
        keeper.put_back();
        assert_eq!(state.identity(None).unwrap().unwrap().key.unwrap().reveal(), "hpd_new");
    }
}
