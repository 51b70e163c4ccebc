//! Who this device is: its key, and what it enrolled as.

use std::fs;

use chrono::{DateTime, Utc};
use homepot::model::{DeviceId, Secret, SiteId};
use serde::{Deserialize, Serialize};

use super::{StateDir, StateError};
use crate::{platform, protocol::Signer};

pub(super) const KEY: &str = ".device_api_key";
pub(super) const DEVICE: &str = "device.json";
const CLAIM: &str = "enrollment_claim";
pub(super) const PROOF_KEY: &str = "proof_key";

/// Who this device is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its id.
    pub device_id: DeviceId,
    /// Its site; `None` when the key came from elsewhere.
    pub site_id: Option<SiteId>,
    /// Its key; `None` while it has not enrolled.
    pub key: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    device_id: String,
    site_id: Option<String>,
    server: String,
    enrolled_at: Option<DateTime<Utc>>,
}

impl StateDir {
    /// Who this device was when the agent last ran; `None`: there is no trace of it.
    ///
    /// A key without `device.json`, as an earlier agent leaves it, goes with `device_id` where that is given.
    pub fn identity(&self, device_id: Option<&DeviceId>) -> Result<Option<Identity>, StateError> {
        let key = self.key()?;
        let Some(bytes) = self.read(DEVICE)? else {
            return match (key, device_id) {
                (None, _) => Ok(None),
                (Some(key), Some(id)) => Ok(Some(Identity { device_id: id.clone(), site_id: None, key: Some(key) })),
                (Some(_), None) => Err(self.damaged(
                    KEY,
                    "is there and device.json is not: name the device it belongs to with --device-id".to_owned(),
                )),
            };
        };
        let record: Record = serde_json::from_slice(&bytes)
            .map_err(|error| self.damaged(DEVICE, format!("can't be read ({error}); restore it from a backup")))?;
        let fault = |error: homepot::Error| self.damaged(DEVICE, format!("holds nonsense: {error}"));
        Ok(Some(Identity {
            device_id: DeviceId::parse(&record.device_id).map_err(fault)?,
            site_id: record.site_id.as_deref().map(SiteId::parse).transpose().map_err(fault)?,
            key,
        }))
    }

    /// Records what the device is about to enrol as, and answers the claim and the proof key that go with it. The same come
    /// back until a key was kept, so that a lost answer can be asked for again. Both are on disk when this returns.
    pub fn begin_enrollment(
        &self,
        device: &DeviceId,
        site: &SiteId,
        server: &str,
    ) -> Result<([u8; 32], Signer), StateError> {
        self.write_record(device, site, server, None)?;
        let private = self.kept_or_random(PROOF_KEY)?;
        Ok((self.kept_or_random(CLAIM)?, self.signer_of(&private)?))
    }

    /// Proves that this is the device that enrolled; `None`: it enrolled without a proof key.
    pub fn signer(&self) -> Result<Option<Signer>, StateError> {
        let Some(bytes) = self.read(PROOF_KEY)? else { return Ok(None) };
        let private = <[u8; 32]>::try_from(bytes)
            .map_err(|_| self.damaged(PROOF_KEY, "holds no key; restore it from a backup".to_owned()))?;
        self.signer_of(&private).map(Some)
    }

    fn signer_of(&self, private: &[u8; 32]) -> Result<Signer, StateError> {
        Signer::from_private(private).ok_or_else(|| self.damaged(PROOF_KEY, "holds no key".to_owned()))
    }

    /// 32 bytes of a file; where they are not there, random ones, kept.
    fn kept_or_random(&self, name: &str) -> Result<[u8; 32], StateError> {
        if let Some(kept) = self.read(name)?.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            return Ok(kept);
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random)
            .map_err(|error| self.damaged(name, format!("can't be made: the system has no randomness ({error})")))?;
        self.write(name, &random)?;
        Ok(random)
    }

    /// Keeps the key. The key goes last: where it lies, the device is enrolled.
    pub fn finish_enrollment(
        &self,
        device: &DeviceId,
        site: &SiteId,
        server: &str,
        key: &Secret,
    ) -> Result<(), StateError> {
        self.write_record(device, site, server, Some(platform::wall_clock()))?;
        self.write(KEY, format!("{}\n", key.reveal()).as_bytes())?;
        self.remove(CLAIM)
    }

    fn write_record(
        &self,
        device: &DeviceId,
        site: &SiteId,
        server: &str,
        enrolled_at: Option<DateTime<Utc>>,
    ) -> Result<(), StateError> {
        let record = Record {
            device_id: device.to_string(),
            site_id: Some(site.to_string()),
            server: server.to_owned(),
            enrolled_at,
        };
        let bytes = serde_json::to_vec_pretty(&record)
            .map_err(|error| self.damaged(DEVICE, format!("can't be written: {error}")))?;
        self.write(DEVICE, &bytes)
    }

    fn key(&self) -> Result<Option<Secret>, StateError> {
        let path = self.file(KEY);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Io { verb: "read", path, source }),
        };
        if !metadata.is_file() {
            return Err(self.damaged(KEY, "is not a plain file".to_owned()));
        }
        if let Some(fault) = platform::private_fault(&metadata) {
            let remedy = format!(
                "take the key for known to others: have it rotated, or, if you are sure it is not, chmod 600 {}",
                path.display()
            );
            return Err(StateError::Exposed { path, fault, remedy });
        }
        let bytes = self.read(KEY)?.unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        let key = text.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.damaged(KEY, "holds no key; have the device's key rotated and write it there".to_owned()));
        }
        Ok(Some(Secret::presented(key)))
    }

    fn damaged(&self, name: &str, fault: String) -> StateError {
        StateError::Damaged { path: self.file(name), fault }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(&directory.path().join("state")).unwrap();
        (directory, state)
    }

    fn names() -> (DeviceId, SiteId) {
        (DeviceId::parse("pos-1").unwrap(), SiteId::parse("site-1").unwrap())
    }

    #[test]
    fn the_claim_and_the_proof_key_stay_the_same_until_a_key_was_kept() {
        let (_directory, state) = state();
        let (device, site) = names();
        assert!(state.identity(None).unwrap().is_none());
        let (claim, signer) = state.begin_enrollment(&device, &site, "http://x").unwrap();
        let (again, same) = state.begin_enrollment(&device, &site, "http://x").unwrap();
        assert_eq!((again, same.public()), (claim, signer.public()));
        assert_eq!(fs::metadata(state.file(PROOF_KEY)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(state.identity(None).unwrap().unwrap().key.is_none());

        state.finish_enrollment(&device, &site, "http://x", &Secret::presented("hpd_abc")).unwrap();
        let identity = state.identity(None).unwrap().unwrap();
        assert_eq!((identity.device_id, identity.site_id), (device, Some(site)));
        assert_eq!(identity.key.unwrap().reveal(), "hpd_abc");
        assert!(!state.file(CLAIM).exists());
        assert_eq!(state.signer().unwrap().unwrap().public(), signer.public());
        state.write(PROOF_KEY, b"short").unwrap();
        assert!(state.signer().is_err());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let (_directory, state) = state();
        let (device, site) = names();
        state.finish_enrollment(&device, &site, "http://x", &Secret::presented("hpd_abc")).unwrap();
        for mode in [0o640, 0o604] {
            fs::set_permissions(state.file(KEY), fs::Permissions::from_mode(mode)).unwrap();
            let error = state.identity(None).unwrap_err().to_string();
            assert!(error.contains("other users") && error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_key_behind_a_link_and_an_empty_key_are_refused() {
        let (_directory, state) = state();
        state.write("elsewhere", b"hpd_abc").unwrap();
        std::os::unix::fs::symlink(state.file("elsewhere"), state.file(KEY)).unwrap();
        assert!(state.identity(None).is_err());
        fs::remove_file(state.file(KEY)).unwrap();
        state.write(KEY, b"\n").unwrap();
        assert!(state.identity(None).is_err());
    }

    #[test]
    fn a_key_of_an_earlier_agent_is_taken_over_with_the_devices_id() {
        let (_directory, state) = state();
        state.write(KEY, b"legacy-key\n").unwrap();
        assert!(state.identity(None).is_err());
        assert!(state.signer().unwrap().is_none());
        let (device, _) = names();
        assert_eq!(state.identity(Some(&device)).unwrap().unwrap().device_id, device);
    }
}
